"""Lists the demos with a line each: ``python -m demos``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path


def demos() -> Iterator[tuple[str, str]]:
    """The command that runs each demo, and the first line of its docstring: a demo is a script with a main()."""
    for script in sorted(Path(__file__).parent.glob("*.py")):
        source = ast.parse(script.read_text(encoding="utf-8"))
        runs = any(isinstance(part, ast.FunctionDef) and part.name == "main" for part in source.body)
        if runs and script != Path(__file__):
            yield f"python -m demos.{script.stem}", (ast.get_docstring(source) or "").partition("\n")[0]


if __name__ == "__main__":
    found = dict(demos())
    width = max(map(len, found))
    for command, line in found.items():
        print(f"{command:<{width}}  {line}")
    print("\nEach has --help, --seed, --out and --quick.")
