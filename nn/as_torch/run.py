"""Running scripts and notebooks under PyTorch's names, as ``python SCRIPT.py`` and Jupyter would."""

from __future__ import annotations

import ast
import linecache
import os
import sys
import traceback
import types
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ..foreign import open_file, parse_json
from .modules import names

__all__ = ["NotebookError", "run_notebook", "run_script"]

_HERE = str(Path(__file__).parent) + os.sep


class NotebookError(ValueError):
    """A file is no notebook that can be run; the message says why."""


def run_script(path: str, args: Sequence[str] = ()) -> int:
    """Run a Python file as ``__main__`` with PyTorch's names, as ``python path *args`` would.

    The process is the script's from here on: ``sys.argv``, ``sys.path`` and ``__main__`` remain its own.

    Returns
    -------
    int
        The exit code: 1 after an exception, whose traceback begins at the script's line.

    Raises
    ------
    OSError
        If the file cannot be read.
    SystemExit
        The script's own.
    """
    with open_file(path) as file:
        source = file.read()
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        _without_windows()
    main = _become_main(path, args)
    main.__file__ = os.path.abspath(path)
    try:
        with names():
            exec(compile(source, main.__file__, "exec", dont_inherit=True), vars(main))
    except (Exception, KeyboardInterrupt) as error:
        return _report(error)
    return 0


def run_notebook(path: str, args: Sequence[str] = ()) -> int:
    """Run the code cells of a notebook one after the other with PyTorch's names, in its folder and without windows.

    As in Jupyter, what the last expression of a cell gives is shown: its repr. Lines for the shell or for IPython are
    passed over with a note, ``%time`` and ``%%time`` without one; so are cells in other languages (``%%bash``).

    Returns
    -------
    int
        The exit code: 1 after an exception, with the number of the code cell and its line.

    Raises
    ------
    NotebookError
        If the file is no notebook of format 4 in Python.
    OSError
        If it cannot be read.
    SystemExit
        The notebook's own.
    """
    cells = read_notebook(path)
    _without_windows()
    os.environ["MPLBACKEND"] = "Agg"  # whatever Jupyter has set
    main = _become_main(path, args)
    vars(main)["display"] = _display
    os.chdir(os.path.dirname(os.path.abspath(path)))
    with names():
        for k, source in enumerate(cells, 1):
            cell = f"cell {k} (of {len(cells)})"
            file = f"{path}, {cell}"
            linecache.cache[file] = len(source), None, source.splitlines(keepends=True), file
            try:
                for code in _compiled(source, file, cell):
                    exec(code, vars(main))
            except (Exception, KeyboardInterrupt) as error:
                line = _line(error, file)
                code = _report(error)
                _note(f"{cell}, line {line}: {traceback.format_exception_only(error)[-1].strip()}")
                return code
    return 0


# -- notebooks


def read_notebook(path: str) -> list[str]:
    """The code cells of a notebook; its other cells are not code, and what its cells once printed is not read."""
    with open_file(path) as file:
        content = file.read()
    try:
        notebook = parse_json(content)
    except (ValueError, RecursionError) as error:  # the latter where the stack is nearly full already
        raise NotebookError(f"{path}: expected a notebook, that is JSON, found: {error}") from error
    form = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if not isinstance(form, int):
        raise NotebookError(f"{path}: expected a notebook, found JSON without the entry 'nbformat'")
    if form != 4:
        raise NotebookError(f"{path}: expected a notebook of nbformat 4, found {form}; open it in Jupyter and save it")
    metadata = notebook.get("metadata") or {}
    try:
        info = metadata.get("language_info", {}).get("name") or metadata.get("kernelspec", {}).get("language")
    except AttributeError:
        raise NotebookError(f"{path}: expected metadata as nested objects, found {metadata!r:.80}") from None
    language = str(info or "python")
    if "python" not in language.lower():
        raise NotebookError(f"{path}: expected a notebook in Python, found one in {language}")
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise NotebookError(f"{path}: expected a list of cells, found {type(cells).__name__}")
    return [source for k, cell in enumerate(cells) if (source := _code(cell, f"{path}: cells[{k}]")) is not None]


def _code(cell: Any, what: str) -> str | None:
    kind, source = (cell.get("cell_type"), cell.get("source")) if isinstance(cell, dict) else (None, None)
    lines = [source] if isinstance(source, str) else source
    if not isinstance(kind, str) or not isinstance(lines, list) or not all(isinstance(line, str) for line in lines):
        raise NotebookError(f"{what}: expected an object with cell_type and source, found {cell!r:.80}")
    return "".join(lines) if kind == "code" else None


_PYTHON_CELLS = ("time", "timeit", "capture", "prun")  # %%magics whose cell is Python all the same


def _compiled(source: str, file: str, cell: str) -> Iterator[Any]:
    """The code of a cell, and of its last expression, which shows its value."""
    first, newline, rest = source.lstrip().partition("\n")
    if first.startswith("%%"):
        if first[2:].split(" ")[0] not in _PYTHON_CELLS:
            _note(f"{cell}: skipped, {first} is for IPython")
            return
        source = source[: len(source) - len(source.lstrip())] + newline + rest  # the lines keep their numbers
    tree = _parsed(source.split("\n"), file, cell)
    shown = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    if shown is not None and source.rstrip().endswith(";"):
        tree.body.append(shown)
        shown = None
    yield compile(tree, file, "exec", dont_inherit=True)
    if shown is not None:
        yield compile(ast.Interactive([shown]), file, "single", dont_inherit=True)


def _parsed(lines: list[str], file: str, cell: str) -> ast.Module:
    """The cell's syntax tree. A line that is not Python but for the shell or IPython is where parsing fails."""
    while True:
        try:
            return ast.parse("\n".join(lines), file)
        except SyntaxError as error:
            k = (error.lineno or 0) - 1
            text = lines[k].strip() if 0 <= k < len(lines) else ""
            if not (text.startswith(("%", "!", "?")) or text.endswith("?")):
                raise
        command, _, statement = text.partition(" ")
        if command not in ("%time", "%timeit") or statement.startswith("-"):
            _note(f"{cell}, line {k + 1}: skipped, {text} is for IPython")
            statement = ""
        indent = lines[k][: len(lines[k]) - len(lines[k].lstrip())]
        lines[k] = indent + (statement or "pass")


def _display(*objects: Any) -> None:
    """What Jupyter calls display."""
    for x in objects:
        print(repr(x))


# -- what scripts and notebooks share


def _become_main(path: str, args: Sequence[str]) -> types.ModuleType:
    """A new ``__main__``; the command line and the first folder of the path are those of the file."""
    main = types.ModuleType("__main__")
    vars(main)["__builtins__"] = __builtins__
    sys.modules["__main__"] = main
    sys.argv[:] = [path, *args]
    if not getattr(sys.flags, "safe_path", False):
        sys.path[0] = os.path.dirname(os.path.abspath(path))
    return main


def _without_windows() -> None:
    """Let matplotlib draw into memory, and plt.show() be quiet about it."""
    os.environ.setdefault("MPLBACKEND", "Agg")
    warnings.filterwarnings("ignore", message=".*is non-interactive, and thus cannot be shown")


def _note(text: str) -> None:
    sys.stdout.flush()
    print(f"as_torch: {text}", file=sys.stderr)


def _report(error: BaseException) -> int:
    """Show the traceback, without our own frames; the exit code."""
    seen: set[int] = set()
    chain: list[BaseException | None] = [error]
    while chain:
        one = chain.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            one.__traceback__ = _foreign(one.__traceback__)
            chain += [one.__cause__, one.__context__]
    sys.stdout.flush()
    if sys.excepthook is sys.__excepthook__:  # which does not know the lines of a notebook
        traceback.print_exception(error)
    else:
        sys.excepthook(type(error), error, error.__traceback__)
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def _foreign(tb: types.TracebackType | None) -> types.TracebackType | None:
    """The traceback without the frames of this package and of the import machinery."""
    kept = []
    while tb is not None:
        file = tb.tb_frame.f_code.co_filename
        if not file.startswith((_HERE, "<frozen importlib")):
            kept.append(tb)
        tb = tb.tb_next
    out: types.TracebackType | None = None
    for frame in reversed(kept):
        out = types.TracebackType(out, frame.tb_frame, frame.tb_lasti, frame.tb_lineno)
    return out


def _line(error: BaseException, file: str) -> int | None:
    """The line of ``file`` at which it failed."""
    if isinstance(error, SyntaxError) and error.filename == file:
        return error.lineno
    tb = error.__traceback__
    while tb is not None:
        if tb.tb_frame.f_code.co_filename == file:
            return tb.tb_lineno
        tb = tb.tb_next
    return None
