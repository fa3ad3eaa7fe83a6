"""The command ``python -m nn.as_torch``: run a PyTorch script or notebook on this project."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import autograd

from .run import NotebookError, run_notebook, run_script

# By name, and loaded only if a picture is asked for: nn does not know viz, and works without it.
DRAW = "viz:draw"


class FirstLoss:
    """Draws the graph of the first tensor on which ``backward()`` is called."""

    def __init__(self, folder: Path) -> None:
        self.draw = resolve_name(DRAW)  # now: the script may change sys.path
        self.folder = folder
        self.failure: str | None = "no backward() was called, so there was nothing to draw"
        self.handle = autograd.on_backward(self)

    def __call__(self, loss: Any) -> None:
        """Draw ``loss``; a failure is kept for the end."""
        self.handle.remove()
        frame: Any = sys._getframe(1)
        while frame.f_globals.get("__name__", "").partition(".")[0] in ("autograd", "nn") and frame.f_back:
            frame = frame.f_back
        # Two names of one tensor: the local one says more.
        scope = {**dict(frame.f_locals), **{k: x for k, x in frame.f_globals.items() if k not in frame.f_locals}}
        try:
            for show in ("forward", "backward"):
                self.draw(loss, show=show, names=scope).save(self.folder / f"{show}.svg")
            self.failure = None
        except Exception as error:  # the script shall run all the same
            self.failure = f"the graph could not be drawn: {type(error).__name__}: {error}"


def main(arguments: list[str] | None = None) -> Any:
    """The command line; returns what to exit with."""
    parser = argparse.ArgumentParser(
        prog="python -m nn.as_torch",
        description="Run a PyTorch script or notebook on chalkgrad: `import torch` finds this project.",
        epilog="What follows the file's name is its own. A notebook runs in its folder, code cell after code cell, "
        "without windows. The exit code is the file's, 1 after an error, 2 if it cannot be run at all.",
    )
    parser.add_argument(
        "--draw",
        metavar="DIR",
        type=Path,
        help="save the graph of the first loss on which backward() is called: DIR/forward.svg and DIR/backward.svg",
    )
    parser.add_argument("file", metavar="SCRIPT.py|NOTEBOOK.ipynb")
    parser.add_argument("args", nargs=argparse.REMAINDER, help="what the file finds in sys.argv")
    options = parser.parse_args(arguments)
    drawing = None
    if options.draw is not None:
        try:
            options.draw.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            parser.error(f"--draw: cannot make the folder {options.draw}: {error.strerror}")
        try:
            drawing = FirstLoss(options.draw.resolve())
        except ImportError as error:
            parser.error(f"--draw: {error}")
    run = run_notebook if Path(options.file).suffix == ".ipynb" else run_script
    try:
        code: Any = run(options.file, options.args)
    except SystemExit as leave:
        code = leave.code
    except (NotebookError, RuntimeError) as error:
        parser.error(str(error))
    except OSError as error:
        parser.error(f"cannot read {options.file}: {error.strerror}")
    if drawing is not None and drawing.failure:
        print(f"as_torch: --draw: {drawing.failure}", file=sys.stderr)
        code = code or 1
    return code


if __name__ == "__main__":
    sys.exit(main())
