"""Branch coverage of every package: the whole suite, and what runs kernels once more without a compiler.

Coverage cannot see into compiled kernels, so a second pass has NUMBA_DISABLE_JIT=1, where they are plain Python. The
test files run in processes of their own, as many at a time as there are cores, until the time is over; all of them take
a quarter of an hour on two.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import coverage

ROOT = Path(__file__).resolve().parents[2]
# Without a compiler loops take a hundred times as long: only what is about kernels, and not at a million points.
PLAIN = ("activations", "elementwise", "kernels", "linalg", "losses", "ops", "optim", "reduction", "shape")
SLOW_PLAIN = "million or threads or whole_range or large or soak or process"
LIMIT = 900  # seconds for one file
PACKAGES = ("autograd", "autograd/kernels", "nn", "viz", "demos")


def run(budget_seconds: float) -> list[tuple[str, str]]:
    """The figure of every package, statements and branches together, and how much of the suite was run."""
    passes = [(ROOT / f"tests/test_{name}.py", True) for name in PLAIN]
    passes += [(path, False) for path in sorted((ROOT / "tests").glob("test_*.py"))]
    end = time.monotonic() + budget_seconds
    with tempfile.TemporaryDirectory() as folder:

        def result(path: Path, plain: bool) -> int | None:
            """The exit code of pytest, None if the time was over before its end."""
            left = end - time.monotonic()
            environment = dict(os.environ, COVERAGE_FILE=str(Path(folder, ".coverage")))
            if plain:
                environment["NUMBA_DISABLE_JIT"] = "1"
            command = [sys.executable, "-m", "coverage", "run", "--parallel-mode", "--rcfile", str(ROOT / "setup.cfg"),
                       "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]  # fmt: skip
            command += ["-k", f"not ({SLOW_PLAIN})"] if plain else []
            try:
                limit = min(left, LIMIT)
                return subprocess.run(command, cwd=ROOT, env=environment, timeout=limit, capture_output=True).returncode
            except (subprocess.TimeoutExpired, ValueError):  # or there was none left
                return None

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            codes = [*pool.map(result, *zip(*passes, strict=True))]
        names = [f"{path.stem}{' without JIT' if plain else ''}" for path, plain in passes]
        found = dict(zip(names, codes, strict=True))
        finished = [name for name, code in found.items() if code is not None]
        missing = [name for name in names if name not in finished]
        rows = [
            ("test files run to their end", f"{len(finished)} of {len(names)}; without {missing or 'exception'}"),
            ("of these failed", str([name for name in finished if found[name]] or 0)),
        ]
        if not finished:
            return rows
        measured = coverage.Coverage(data_file=str(Path(folder, ".coverage")), config_file=str(ROOT / "setup.cfg"))
        measured.combine([folder])
        for package in PACKAGES:
            figure = measured.report(include=[str(ROOT / package / "*")], file=io.StringIO())
            rows.append((f"{package}: statements and branches", f"{figure:.1f} %"))
    return rows
