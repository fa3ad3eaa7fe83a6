"""What docs/security.md and docs/reliability.md promise is tested where they say so; and what no other file tests."""

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGES = {name: (ROOT / "docs" / f"{name}.md").read_text("utf-8") for name in ("security", "reliability")}


@pytest.mark.parametrize("page", PAGES.values(), ids=PAGES)
def test_every_test_that_a_page_names_is_there(page):
    written = {
        path.name: set(re.findall(r"^def (test_\w+)", path.read_text("utf-8"), re.MULTILINE))
        for path in (ROOT / "tests").glob("test_*.py")
    }
    files, tests = set(re.findall(r"`tests/(\w+\.py)`", page)), set(re.findall(r"`(test_\w+)`", page))
    assert files <= set(written) and len(tests) > 15
    assert tests <= set().union(*(written[file] for file in files))
    for chapter in page.split("\n**"):  # a test is in a file that its chapter names
        near = set().union(*(written[file] for file in re.findall(r"`tests/(\w+\.py)`", chapter)))
        assert set(re.findall(r"`(test_\w+)`", chapter)) <= near, chapter


@pytest.mark.parametrize("name", PAGES)
def test_the_readme_leads_to_the_page(name):
    assert f"docs/{name}.md" in (ROOT / "README.md").read_text("utf-8")


FORBIDDEN = ("pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib")
# What the user asks to be run; kernels that nobody else can have written. autograd, which reads nothing that others
# write, makes code of texts of its own.
ALLOWED = {"nn/as_torch/run.py": {"exec"}, "autograd/kernels/cache.py": {"pickle"}}


def test_nothing_unpickles_and_nothing_evaluates_text_of_others():
    found = {}
    for package in ("autograd", "nn", "viz"):
        for path in sorted((ROOT / package).rglob("*.py")):
            used = set()
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                match node:
                    case ast.Import():
                        used |= {alias.name.partition(".")[0] for alias in node.names} & {*FORBIDDEN}
                    case ast.ImportFrom(module=str(module)):
                        used |= {module.partition(".")[0]} & {*FORBIDDEN}
                    case ast.Call(func=ast.Name(id="eval" | "exec" | "__import__" as name)) if package != "autograd":
                        used.add(name)
                    case ast.Attribute(value=ast.Name(id="os"), attr="system" | "popen" as name):
                        used.add(name)
                    case ast.Attribute(value=ast.Name(id="np"), attr="load" as name):
                        used.add(name)
                    case ast.keyword(arg="allow_pickle" | "shell" as name):
                        used.add(name)
            if used:
                found[path.relative_to(ROOT).as_posix()] = used
    assert found == ALLOWED


def test_kernels_are_kept_beside_their_source_or_where_numba_cache_dir_says(tmp_path):
    code = "from autograd.kernels import optim; f = next(f for f in vars(optim).values() if hasattr(f, '_cache'))\n" \
           "print(f._cache.cache_path)"  # fmt: skip
    plain = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    plain["PYTHONPATH"] = str(ROOT)

    def kept(**environment):
        run = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, env=plain | environment, capture_output=True, text=True
        )
        assert not run.returncode, run.stderr
        return Path(run.stdout.strip())

    assert kept(NUMBA_CACHE_DIR=str(tmp_path / "mine")).is_relative_to(tmp_path / "mine")
    beside = ROOT / "autograd" / "kernels" / "__pycache__"
    where = kept()
    assert where == beside if os.access(beside, os.W_OK) else where.is_relative_to(Path.home())
