"""The rules of the house, read from its source: where imports point, whose names are whose, what the docs promise."""

import ast
import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("autograd", "nn", "viz", "demos")

# What each part must not import, directly or through what it does import.
OUT_OF_REACH = {
    "autograd.kernels": ("autograd.ops", "autograd.engine", "autograd.tensor", "autograd.graph"),
    "autograd.ops": ("autograd.engine", "autograd.tensor", "autograd.graph"),
    "autograd.engine": ("autograd.graph",),
    "autograd.tensor": ("autograd.graph",),
    "autograd": ("nn", "viz", "demos", "tests"),
    "nn": ("viz", "demos", "tests"),
    "viz": ("demos", "tests"),
    "demos": ("tests",),
}

# Whose private names each package must leave alone.
FOREIGN = {"nn": ("autograd",), "viz": ("autograd", "nn"), "demos": ("autograd", "nn", "viz")}

Tree = dict[str, str]  # path from the root → source


def source_tree() -> Tree:
    files = (file for package in PACKAGES for file in sorted((ROOT / package).rglob("*.py")))
    return {file.relative_to(ROOT).as_posix(): file.read_text("utf-8") for file in files}


def module_of(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def within(module: str, parent: str) -> bool:
    return module == parent or module.startswith(parent + ".")


def is_private(name: str) -> bool:
    return name.startswith("_") and not (name.startswith("__") and name.endswith("__"))


# ---- imports point one way


def from_module(path: str, node: ast.ImportFrom) -> str:
    """The absolute name of the module that `from … import` names."""
    if not node.level:
        return node.module or ""
    package = module_of(path).split(".")
    levels = node.level - path.endswith("__init__.py")
    return ".".join(package[: len(package) - levels] + ([node.module] if node.module else []))


def imports(tree: Tree, path: str) -> Iterator[tuple[int, str]]:
    """Line and module of each import of the project's own, wherever in the file it stands."""
    modules = {module_of(p) for p in tree}
    for node in ast.walk(ast.parse(tree[path])):
        match node:
            case ast.Import():
                found = [alias.name for alias in node.names]
            case ast.ImportFrom():
                base = from_module(path, node)
                submodules = (f"{base}.{alias.name}" for alias in node.names)
                found = [name if name in modules else base for name in submodules]
            case ast.Call(
                func=ast.Name(id="import_module" | "__import__") | ast.Attribute(attr="import_module"),
                args=[ast.Constant(value=str(name)), *_],
            ):
                found = [name]
            case _:
                continue
        yield from ((node.lineno, name) for name in found if name.split(".")[0] in (*PACKAGES, "tests"))


def upward_imports(tree: Tree) -> list[str]:
    edges = {module_of(path): {name: line for line, name in imports(tree, path)} for path in tree}
    faults = []
    for path in tree:
        start = module_of(path)
        for part, forbidden in OUT_OF_REACH.items():
            if not within(start, part):
                continue
            chains, seen = [[start]], {start}
            for chain in chains:  # grows as it goes: breadth first, so the shortest chain is the one reported
                for name in edges.get(chain[-1], {}):
                    if name in seen:
                        continue
                    seen.add(name)
                    chains.append([*chain, name])
                    if any(within(name, top) for top in forbidden):
                        line = edges[start][chains[-1][1]]
                        faults.append(f"{path}:{line}: {part} must not reach {name}: {' → '.join(chains[-1])}")
    return faults


def viz_imports_beyond_the_public_view(tree: Tree) -> list[str]:
    subpackages = {module_of(p) for p in tree if re.fullmatch(r"autograd/[^_/]\w*/__init__\.py", p)}
    public = {"autograd", "autograd.graph"} | subpackages - {"autograd.kernels"}
    return [
        f"{path}:{line}: viz must not import {name}, only autograd, autograd.graph or a public subpackage"
        for path in tree
        if path.startswith("viz/")
        for line, name in imports(tree, path)
        if within(name, "autograd") and name not in public
    ]


# ---- no private name crosses a package


def classes(tree: Tree, packages: tuple[str, ...]) -> Iterator[ast.ClassDef]:
    for path, source in tree.items():
        if path.split("/")[0] in packages:
            yield from (node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.ClassDef))


def private_members(cls: ast.ClassDef) -> set[str]:
    """Private methods, class attributes and slots of a class, and the attributes it assigns."""
    names = set()
    for statement in cls.body:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.Assign() | ast.AnnAssign():
                targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
                names.update(target.id for target in targets if isinstance(target, ast.Name))
                if "__slots__" in names and statement.value is not None:
                    constants = (node for node in ast.walk(statement.value) if isinstance(node, ast.Constant))
                    names.update(node.value for node in constants if isinstance(node.value, str))
    for node in ast.walk(cls):
        match node:
            case ast.Attribute(value=ast.Name(id="self" | "cls"), attr=name, ctx=ast.Store()):
                names.add(name)
    return {name for name in names if is_private(name)}


Family = dict[str, ast.ClassDef]  # a package's own classes, in which a method may find self's private names


class PrivateUses(ast.NodeVisitor):
    """Collects the uses of other packages' private names in one file."""

    def __init__(self, path: str, source: str, owners: tuple[str, ...], foreign: set[str], family: Family) -> None:
        self.path, self.owners, self.foreign, self.family = path, owners, foreign, family
        self.imported: set[str] = set()  # names this file binds to something of the owners'
        self.own: list[set[str]] = [set()]  # the private members of the class being read
        self.faults: list[str] = []
        self.visit(ast.parse(source))

    def fault(self, node: ast.expr | ast.stmt, name: str) -> None:
        self.faults.append(f"{self.path}:{node.lineno}: {name} is private to {' or '.join(self.owners)}")

    def inherited(self, name: str, seen: frozenset[str] = frozenset()) -> set[str]:
        cls = self.family.get(name)
        if cls is None or name in seen:
            return set()
        bases = (base.id if isinstance(base, ast.Name) else getattr(base, "attr", "") for base in cls.bases)
        return private_members(cls).union(*(self.inherited(base, seen | {name}) for base in bases))

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        self.own.append(private_members(node) | self.inherited(node.name))
        self.generic_visit(node)
        self.own.pop()

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            if alias.name.split(".")[0] in self.owners:
                self.imported.add(alias.asname or alias.name.split(".")[0])
                if any(map(is_private, alias.name.split("."))):
                    self.fault(node, alias.name)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = from_module(self.path, node)
        if module.split(".")[0] in self.owners:
            for alias in node.names:
                self.imported.add(alias.asname or alias.name)
                if any(map(is_private, f"{module}.{alias.name}".split("."))):
                    self.fault(node, f"{module}.{alias.name}")

    def visit_Attribute(self, node: ast.Attribute) -> None:
        self.check_attribute(node, node.value, node.attr)
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:
        match node:
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr" | "delattr"),
                args=[target, ast.Constant(value=str(name)), *_],
            ):
                self.check_attribute(node, target, name)
        self.generic_visit(node)

    def check_attribute(self, node: ast.expr, target: ast.expr, name: str) -> None:
        if not is_private(name):
            return
        root = target
        while isinstance(root, ast.Attribute):
            root = root.value
        on_self = isinstance(target, ast.Name) and target.id in ("self", "cls")
        of_import = isinstance(root, ast.Name) and root.id in self.imported
        if of_import or (name in self.foreign and not (on_self and name in self.own[-1])):
            self.fault(node, name)


def private_crossings(tree: Tree) -> list[str]:
    faults = []
    for package, owners in FOREIGN.items():
        foreign = {name for cls in classes(tree, owners) for name in private_members(cls)}
        family = {cls.name: cls for cls in classes(tree, (package,))}
        for path, source in tree.items():
            if path.startswith(f"{package}/"):
                faults += PrivateUses(path, source, owners, foreign, family).faults
    return faults


# ---- the source tree


@pytest.fixture(scope="module")
def tree() -> Tree:
    return source_tree()


CHECKS = (upward_imports, viz_imports_beyond_the_public_view, private_crossings)


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_the_source_has_no(check, tree):
    assert not (faults := check(tree)), "\n".join(faults)


# A small house with every room, into which the violations are planted.
SOUND = {
    "autograd/__init__.py": "from .tensor import Tensor\nfrom . import graph, ops",
    "autograd/errors.py": "class ShapeError(ValueError): ...",
    "autograd/_cache.py": "",
    "autograd/kernels/__init__.py": "",
    "autograd/kernels/dense.py": "import numba\nfrom ..errors import ShapeError",
    "autograd/ops/__init__.py": "from . import unary",
    "autograd/ops/unary.py": "from ..kernels import dense\nfrom autograd.errors import ShapeError",
    "autograd/engine.py": "from .ops import unary\ndef backward(): from .tensor import Tensor",
    "autograd/tensor.py": (
        "from . import engine\n"
        "class Tensor:\n"
        "    __slots__ = ('_version', 'data')\n"
        "    _registry = {}\n"
        "    def __init__(self): self._parents = ()\n"
        "    def _record(self): ..."
    ),
    "autograd/graph.py": "from .tensor import Tensor",
    "nn/__init__.py": "import autograd\nfrom .module import Module",
    "nn/module.py": "class Module:\n    def __init__(self): self._version, self._hooks = 1, []",
    "nn/linear.py": (
        "from .module import Module\nfrom autograd import Tensor\n"
        "class Linear(Module):\n    def forward(self, x): return self._version, Tensor.__name__, x.data, x._other"
    ),
    "viz/__init__.py": "import autograd, nn\nfrom autograd import Tensor, graph, ops\nfrom autograd.graph import Graph",
    "demos/two_layer.py": "import autograd, nn, viz",
}


def test_a_sound_house_passes_every_check():
    assert [check(SOUND) for check in CHECKS] == [[], [], []]


@pytest.mark.parametrize(
    ("path", "violation"),
    [
        ("autograd/kernels/planted.py", "from autograd.ops import unary"),
        ("autograd/kernels/planted.py", "import autograd.engine"),
        ("autograd/kernels/planted.py", "import autograd"),
        ("autograd/kernels/planted.py", "def f():\n    from ..graph import Graph"),
        ("autograd/errors.py", "from . import ops"),  # reached by the kernels
        ("autograd/ops/planted.py", "from ..tensor import Tensor"),
        ("autograd/ops/planted.py", "from .. import engine"),
        ("autograd/engine.py", "from .graph import Graph"),
        ("autograd/engine.py", "import importlib\nimportlib.import_module('autograd.graph')"),
        ("autograd/tensor.py", "import autograd.graph"),
        ("autograd/functional.py", "import nn"),
        ("autograd/functional.py", "def f():\n    import viz.diagram"),
        ("nn/planted.py", "import viz"),
        ("nn/planted.py", "from demos import two_layer"),
        ("viz/planted.py", "from tests import conftest"),
    ],
)
def test_an_import_that_points_upward_is_caught(path, violation):
    assert upward_imports(SOUND | {path: violation})


@pytest.mark.parametrize(
    "violation",
    [
        "import autograd.engine",
        "from autograd import tensor",
        "from autograd.tensor import Tensor",
        "from autograd.ops import unary",
        "from autograd.kernels import dense",
    ],
)
def test_an_import_of_the_engine_by_viz_is_caught(violation):
    assert viz_imports_beyond_the_public_view(SOUND | {"viz/planted.py": violation})


@pytest.mark.parametrize("package", FOREIGN)
@pytest.mark.parametrize(
    "violation",
    [
        "from autograd import _cache",
        "from autograd._cache import anything",
        "import autograd._cache",
        "from autograd.tensor import _helper",
        "import autograd\nautograd._helper()",
        "import autograd.graph as g\ng._helper.name",
        "from autograd import Tensor\nTensor._anything",
        "def f(x): return x._version",  # a slot
        "def f(x): return x._registry",  # a class attribute
        "def f(x): return x._parents",  # assigned on self
        "def f(x): x._record()",  # a method
        "def f(x): x.y[0]._version += 1",
        "def f(x): return getattr(x, '_version')",
        "class Own:\n    def __init__(self): self._version = 0\n    def f(self, x): return x._version",
        "class Own:\n    def f(self): return self._version",
        "from autograd import Tensor\nclass Own(Tensor):\n    def f(self): return super()._record()",
    ],
)
def test_a_private_name_that_crosses_a_package_is_caught(package, violation):
    assert private_crossings(SOUND | {f"{package}/planted.py": violation})


# ---- packages and docs


def test_every_public_module_has_a_docstring(tree):
    public = [path for path in tree if not any(map(is_private, module_of(path).split(".")))]
    assert not [path for path in public if not ast.get_docstring(ast.parse(tree[path]))]


def test_every_folder_of_modules_is_a_package_so_that_the_wheel_has_it(tree):
    folders = {path.rpartition("/")[0] for path in tree}
    assert not [folder for folder in folders if f"{folder}/__init__.py" not in tree]


def fenced_blocks(markdown: str) -> list[tuple[str, str]]:
    """Language and text of each fenced block."""
    return re.findall(r"^```(\w*)\n(.*?)^```$", markdown, re.MULTILINE | re.DOTALL)


README = (ROOT / "README.md").read_text("utf-8")


def test_readme_opens_with_the_demo_and_the_tests():
    commands = [text.strip() for _, text in fenced_blocks(README)[:2]]
    assert commands == [
        "pip install '.[demos]' && python -m demos.two_layer",
        "pip install '.[test]' && python -m pytest",
    ]


def test_readmes_python_runs_from_top_to_bottom(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # what it writes stays out of the checkout
    scripts = [text for language, text in fenced_blocks(README) if language == "python" and ">>>" not in text]
    namespace: dict[str, object] = {"__name__": "__main__"}
    for script in scripts:
        exec(compile(script, "README.md", "exec"), namespace)


def test_version_is_the_changelogs_top_release_everywhere(tree):
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", "utf-8")
    releases = re.findall(r"^## \[(\d[^\]]*)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    in_source = re.findall(r'^__version__ = "(.*)"', "\n".join(tree.values()), re.MULTILINE)
    assert {setup["metadata"]["version"], *in_source} == {releases[0]}


@pytest.mark.parametrize("package", ["nn", "viz"])
def test_hips_package_of_the_same_name_is_refused_with_the_fix(package, tmp_path):
    hips = tmp_path / "hips" / "autograd"
    (hips / "numpy").mkdir(parents=True)
    (hips / "__init__.py").write_text("from . import numpy\n\ndef grad(fun): ...\n\ndef elementwise_grad(fun): ...\n")
    (hips / "numpy" / "__init__.py").write_text("")
    for ours in ("nn", "viz"):
        shutil.copytree(ROOT / ours, tmp_path / "ours" / ours, ignore=shutil.ignore_patterns("__pycache__"))
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(hips.parent), str(tmp_path / "ours")])}
    run = subprocess.run(
        [sys.executable, "-c", f"import {package}"], cwd=tmp_path, env=environment, capture_output=True, text=True
    )
    assert run.returncode
    message = run.stderr[run.stderr.rindex("\nImportError: ") :]
    assert "pip uninstall autograd" in message
    assert "chalkgrad" in message
    assert os.path.join("hips", "autograd") in message  # where the wrong one is
