"""What a process pays before its first step: imports, and kernels from the disk or from the compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograd.kernels.jit import PLAIN

ROOT = Path(__file__).resolve().parent.parent
compiled = pytest.mark.skipif(PLAIN, reason="nothing is compiled")

STEP = """
import sys
import autograd
x = autograd.tensor([0.0, 1.0], requires_grad=True)
x.sigmoid().sum().backward()
print(x.grad.tolist())
print(*(name for name in ("numba.np.arraymath", "scipy.linalg") if name in sys.modules))
"""


def run(code, cache, *options, **streams):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(cache)}
    streams = streams or {"capture_output": True, "text": True}
    return subprocess.run([sys.executable, *options, "-c", code], cwd=ROOT, env=environment, check=True, **streams)


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with the kernels of STEP, and what compiling them printed."""
    folder = tmp_path_factory.mktemp("kernels")
    return folder, run(STEP, folder, "-W", "error")


@compiled
def test_kernels_from_the_disk_need_no_compiler(warm):
    folder, first = warm
    second = run(STEP, folder, "-W", "error")
    assert first.stdout.splitlines()[0] == second.stdout.splitlines()[0]
    assert "numba.np.arraymath" in first.stdout
    assert second.stdout.splitlines()[1] == ""


@compiled
def test_a_program_can_compile_after_kernels_came_from_the_disk(warm):
    code = """
import numba, numpy as np
@numba.njit
def twice(x):
    return np.concatenate((x, x)).sum()
assert twice(np.ones(3)) == 6
"""
    assert run(STEP + code, warm[0]).stdout.startswith("[0.25, ")


DAMAGES = {
    "half": lambda data: data[: len(data) // 2],
    "nothing": lambda data: b"",
    "garbage": lambda data: b"\x93" * 99,
    "a byte of the code": lambda data: data[: len(data) // 2] + b"!?" + data[len(data) // 2 + 2 :],
}


@compiled
@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_kernels_are_compiled_again_with_a_warning(warm, tmp_path, damage):
    folder, first = warm
    files = list(folder.rglob("*.nbc"))
    assert files
    for file in files:
        copy = tmp_path / file.relative_to(folder)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(DAMAGES[damage](file.read_bytes()))
    second, third = (run(STEP, tmp_path) for _ in range(2))
    for later in (second, third):
        assert later.stdout.splitlines()[0] == first.stdout.splitlines()[0]
    assert second.stderr.count("compiled again: it is damaged") == 1  # not for each kernel
    assert third.stderr == ""


@compiled
@pytest.mark.skipif(not hasattr(os, "openpty"), reason="no terminal can be made here")
def test_a_first_run_says_once_that_it_compiles_and_only_to_a_terminal(warm, tmp_path):
    folder, silent = warm
    assert silent.stderr == ""
    said = []
    for cache in (tmp_path, folder):
        ours, theirs = os.openpty()
        run(STEP, cache, stdout=subprocess.DEVNULL, stderr=theirs)
        os.write(theirs, b"end")
        said.append(os.read(ours, 1 << 16).decode())
        os.close(ours)
        os.close(theirs)
    assert said[0].count("compiles its kernels") == said[0].count("\n") == 1
    assert said[1] == "end"


@pytest.mark.parametrize(
    "imported, not_yet",
    [
        ("autograd, nn, viz", "ssl http.client urllib.request matplotlib tqdm sklearn scipy.linalg PIL onnx torch"),
        ("demos.two_layer, demos.mnist", "matplotlib sklearn scipy.linalg"),
    ],
)
def test_what_few_programs_need_is_not_imported_with_the_rest(imported, not_yet):
    for name in imported.split(", "):
        pytest.importorskip(name)
    code = f"import sys, {imported}\nprint(*(name for name in {not_yet.split()} if name in sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == ""
