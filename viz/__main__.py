"""Draw what a script computes: ``python -m viz SCRIPT.py:NAME -o graph.pdf``.

The script runs from beginning to end as if it were started itself; then the tensor that it calls NAME is drawn.
"""

from __future__ import annotations

import argparse
import os
import runpy
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from autograd import Tensor

from .diagram import FORMATS, DrawingError
from .draw import LEVELS, SHOWS, WAYS, draw
from .theme import THEMES

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows ``python -m viz``.

    Raises
    ------
    SystemExit
        With code 2 for arguments that cannot be used, the name of no tensor, say; 1 if Graphviz fails.
    """
    parser = _parser()
    args = parser.parse_args(arguments)
    script, _, name = args.what.rpartition(":")
    if not script or not name:
        parser.error(f"expected SCRIPT.py:NAME, found {args.what!r}")
    out = Path(args.output or f"{name}.svg")
    if out.suffix[1:].lower() not in FORMATS:
        parser.error(f"--output must end in one of {', '.join('.' + f for f in FORMATS)}, found {out.name!r}")
    if not os.path.isfile(script):
        parser.error(f"there is no script {script}")
    found = _run(script, args.arguments, parser)
    root = found.get(name)
    if not _drawable(root):
        tensors = [key for key, value in found.items() if isinstance(value, Tensor) and not key.startswith("_")]
        what = f"{name} is a {type(root).__name__}, not a tensor" if name in found else f"{script} ends without {name}"
        parser.error(f"{what}; it has the tensors {', '.join(tensors) or '(none)'}")
    options = {key: value for key, value in vars(args).items() if key in DRAWN and value is not None}
    try:
        diagram = draw(root, names=found if args.names else None, **options)
    except (ValueError, IndexError) as error:
        parser.error(str(error))
    try:
        print(f"{diagram.save(out)}: {diagram.summary}")
    except (DrawingError, OSError) as error:
        sys.exit(f"{parser.prog}: {error}")


DRAWN = ("show", "level", "sample", "values", "theme", "rankdir", "depth", "thumbnails")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m viz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("what", metavar="SCRIPT.py:NAME", help="a script, and what it calls the tensor that it ends with")
    add("arguments", nargs="*", metavar="ARGUMENT", help="for the script; after -- if they begin with a dash")
    add("-o", "--output", metavar="FILE", help="svg, png, pdf or dot, by its ending (NAME.svg)")
    add("--show", choices=SHOWS, default="forward", help="which pass (forward)")
    add("--level", choices=LEVELS, help="modules as boxes, matrices, or every number of one sample (op, if readable)")
    add("--sample", type=int, metavar="ROW", help="whose numbers are shown")
    add("--values", action="store_const", const=True, help="show the numbers of small arrays")
    add("--thumbnails", action="store_const", const=True, help="show arrays as heat-maps")
    add("--theme", choices=list(THEMES), help="colours (light)")
    add("--rankdir", choices=WAYS, help="which way the computation runs (LR)")
    add("--depth", type=int, help="how deep modules are opened at level layer")
    add("--names", action="store_true", help="call variables what the script calls them, not what the slides do")
    return parser


def _run(script: str, arguments: Sequence[str], parser: argparse.ArgumentParser) -> dict[str, Any]:
    """The names that the script ends with. An error in it is shown as Python shows it."""
    before = sys.argv, sys.path[:]
    sys.argv = [script, *arguments]
    sys.path.insert(0, os.path.dirname(os.path.abspath(script)))
    try:
        return runpy.run_path(script, run_name="__main__")
    except SystemExit as stop:
        _stopped(script, stop, parser)
    finally:
        sys.argv, sys.path[:] = before


def _stopped(script: str, stop: SystemExit, parser: argparse.ArgumentParser) -> NoReturn:
    told = stop.code if isinstance(stop.code, str) else f"code {stop.code or 0}"
    parser.error(f"{script} called sys.exit() before its end, with {told}: there is nothing to draw")


def _drawable(root: Any) -> bool:
    return isinstance(root, Tensor) or (
        isinstance(root, (tuple, list)) and bool(root) and all(isinstance(x, Tensor) for x in root)
    )


if __name__ == "__main__":
    main()
