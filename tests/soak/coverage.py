"""Branch coverage of every package: the whole suite, and what runs kernels once more without a compiler.

Coverage cannot see into compiled kernels, so a second pass has NUMBA_DISABLE_JIT=1, where they are plain Python. The
test files run one by one, each in a process of its own, until the time is over; all of them take ten to twenty minutes.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parents[2]
# Without a compiler loops take a hundred times as long: only what is about kernels, and not at a million points.
PLAIN = ("activations", "elementwise", "kernels", "linalg", "losses", "ops", "optim", "reduction", "shape")
SLOW_PLAIN = "million or threads or whole_range or large or soak or process"
LIMIT = 240  # seconds for one file
PACKAGES = ("autograd", "autograd/kernels", "nn", "viz", "demos")


def run(budget_seconds: float) -> list[tuple[str, str]]:
    """The figure of every package, statements and branches together, and how much of the suite was run."""
    passes = [(path, False) for path in sorted((ROOT / "tests").glob("test_*.py"))]
    passes += [(ROOT / f"tests/test_{name}.py", True) for name in PLAIN]
    begun, finished, failed = time.monotonic(), 0, []
    with tempfile.TemporaryDirectory() as folder:
        for path, plain in sorted(passes, key=lambda p: not p[1]):
            left = budget_seconds - (time.monotonic() - begun)
            if left <= 0:
                break
            environment = dict(os.environ, COVERAGE_FILE=str(Path(folder, ".coverage")))
            if plain:
                environment["NUMBA_DISABLE_JIT"] = "1"
            command = [sys.executable, "-m", "coverage", "run", "--parallel-mode", "--rcfile", str(ROOT / "setup.cfg"),
                       "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]  # fmt: skip
            command += ["-k", f"not ({SLOW_PLAIN})"] if plain else []
            try:
                done = subprocess.run(command, cwd=ROOT, env=environment, timeout=min(left, LIMIT), capture_output=True)
            except subprocess.TimeoutExpired:
                continue
            finished += 1
            failed += [f"{path.stem}{' without JIT' if plain else ''}"] if done.returncode else []
        rows = [("test files run to their end", f"{finished} of {len(passes)}"), ("of these failed", str(failed or 0))]
        if not finished:
            return rows
        measured = coverage.Coverage(data_file=str(Path(folder, ".coverage")), config_file=str(ROOT / "setup.cfg"))
        measured.combine([folder])
        for package in PACKAGES:
            figure = measured.report(include=[str(ROOT / package / "*")], file=io.StringIO())
            rows.append((f"{package}: statements and branches", f"{figure:.1f} %"))
    return rows
