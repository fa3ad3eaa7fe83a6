"""PyTorch's names: scripts and notebooks of a course, unchanged."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from nn.as_torch import only_torch, testing
from nn.as_torch.run import NotebookError, read_notebook

ROOT = Path(__file__).resolve().parent.parent
SCRIPTS = ROOT / "tests" / "scripts"


def python(*arguments, cwd=None, stdin="", **environment):
    """What a fresh interpreter does, for in this one PyTorch may have been imported."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd or ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


def as_torch(*arguments, **options):
    return python("-m", "nn.as_torch", *arguments, **options)


@pytest.fixture
def script(tmp_path):
    """Runs the source of a script, or a notebook's cells, with what comes before its name and after."""

    def run(source, *args, before=(), **options):
        if isinstance(source, str):
            path = tmp_path / "course script.py"
            path.write_text(source, "utf-8")
        else:
            path = tmp_path / "notebook.ipynb"
            path.write_text(json.dumps(notebook(*source)), "utf-8")
        return as_torch(*before, path, *args, **options)

    return run


def notebook(*cells, **changes):
    made = [{"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": c} for c in cells]
    metadata = {"language_info": {"name": "python"}}
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": metadata, "cells": made} | changes


# ---- names


NAMES = """
import importlib.util, sys
sys.path.insert(0, sys.argv[1])  # where a torch is that must not be imported
import autograd, nn

def ours():
    return [name for name in sys.modules if name.partition(".")[0] in ("torch", "torchvision")]

with nn.as_torch.names():
    assert not ours()  # nobody takes us for PyTorch who does not ask
    import torch
    import torch.nn as tnn
    import torch.nn.functional as F
    import torch.optim as optim
    import torch.utils.data
    from torch import Tensor, nn as also_nn, optim as also_optim
    from torch.autograd import Function, Variable, grad, gradcheck
    from torch.autograd.functional import hessian, jacobian
    from torch.nn.parameter import Parameter
    from torch.nn.utils import clip_grad_norm_
    from torch.optim.lr_scheduler import StepLR
    from torch.optim.optimizer import Optimizer
    from torch.utils.data import DataLoader, Dataset, TensorDataset, random_split
    from torch.utils.data.dataset import Subset
    from torch.utils.data.sampler import SubsetRandomSampler
    from torchvision import datasets, transforms
    import torchvision.transforms as T

    assert torch.Tensor is Tensor is autograd.Tensor and torch.tensor is autograd.tensor
    assert tnn.Linear is nn.Linear and also_nn is tnn is torch.nn and F.relu is nn.functional.relu
    assert optim.Adam is torch.optim.Adam is nn.optim.Adam and optim.lr_scheduler.StepLR is StepLR
    assert DataLoader is nn.data.DataLoader and torch.utils.data.DataLoader is DataLoader
    assert datasets.MNIST is nn.data.MNIST and T.Compose is transforms.Compose is nn.data.transforms.Compose
    assert torch.autograd.grad is grad is autograd.grad and torch.linalg.norm is autograd.linalg.norm
    assert torch.nn.init.uniform_ is nn.init.uniform_
    assert importlib.util.find_spec("torch") is not None
    assert int(torch.__version__.split(".")[0]) == 2 and "chalkgrad" in torch.__version__
    with nn.as_torch.names():
        import torch as inner
    assert inner is torch and "torch" in sys.modules
    scope = {}
    exec("from torch.nn import *; from torch import *", scope)
    assert scope["Linear"] is nn.Linear and scope["sin"] is autograd.sin and "MNIST" not in scope
assert not ours(), ours()
try:
    with nn.as_torch.names():
        import torch.nn
        raise KeyError("mine")
except KeyError:
    assert not ours()
try:
    import torch
except ZeroDivisionError:
    print("the other torch")
sys.modules["torch"] = sys
try:
    with nn.as_torch.names():
        pass
except RuntimeError as error:
    assert sys.modules["torch"] is sys
    print(error)
"""


def test_names_stand_for_ours_within_the_block_only_and_hide_an_installed_pytorch(tmp_path):
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch" / "__init__.py").write_text("1 / 0")
    done = python("-c", NAMES, tmp_path)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "the other torch"
    assert "torch is already imported" in second and "python -m nn.as_torch" in second


# Names of PyTorch that its tutorials, and scripts of courses, use.
TUTORIALS = {
    "torch": """
        Tensor tensor as_tensor from_numpy zeros ones rand randn randint randperm arange linspace eye full empty
        zeros_like ones_like rand_like randn_like manual_seed seed initial_seed get_rng_state set_rng_state no_grad
        enable_grad set_grad_enabled inference_mode is_grad_enabled save load device cuda Generator float float32
        float64 double long int int64 int32 uint8 bool set_default_dtype get_default_dtype set_num_threads
        get_num_threads compile set_printoptions stack cat concat vstack hstack split chunk unsqueeze squeeze reshape
        flatten max min argmax sum mean std var abs exp log sqrt pow sigmoid tanh relu softmax log_softmax matmul mm bmm
        dot einsum norm where gather topk sort argsort eq gt lt ne isnan isfinite allclose equal clamp round sign sin
        cos multinomial bernoulli normal Size dtype is_tensor numel meshgrid outer nonzero FloatTensor LongTensor
        DoubleTensor IntTensor ByteTensor BoolTensor pi inf nan e set_default_tensor_type use_deterministic_algorithms
        set_float32_matmul_precision default_generator finfo iinfo nn optim utils autograd linalg random backends
        testing version __version__ conv2d selu
    """,
    "torch.nn": """
        Module ModuleList ModuleDict ParameterList ParameterDict Parameter Sequential Linear Bilinear Identity Flatten
        Unflatten Dropout Dropout2d BatchNorm1d BatchNorm2d LayerNorm Embedding Sigmoid ReLU Tanh BCELoss
        BCEWithLogitsLoss CrossEntropyLoss MSELoss functional init utils Conv1d Conv2d MaxPool2d AvgPool2d
        AdaptiveAvgPool2d LeakyReLU ELU GELU SiLU Softmax LogSoftmax NLLLoss L1Loss SmoothL1Loss HuberLoss KLDivLoss
    """,
    "torch.nn.functional": """
        linear relu sigmoid tanh softmax dropout dropout2d batch_norm layer_norm embedding
        binary_cross_entropy binary_cross_entropy_with_logits cross_entropy mse_loss conv2d max_pool2d avg_pool2d
        log_softmax nll_loss l1_loss normalize one_hot pad
    """,
    "torch.nn.init": """
        uniform_ normal_ constant_ zeros_ ones_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_
        orthogonal_ calculate_gain
    """,
    "torch.nn.utils": "clip_grad_norm_ clip_grad_value_ parameters_to_vector vector_to_parameters",
    "torch.optim": "SGD Adam AdamW RMSprop Rprop Adagrad Adadelta LBFGS NAdam Optimizer lr_scheduler",
    "torch.optim.lr_scheduler": """
        StepLR MultiStepLR ExponentialLR CosineAnnealingLR ReduceLROnPlateau LambdaLR OneCycleLR
    """,
    "torch.utils.data": """
        Dataset IterableDataset TensorDataset DataLoader Subset ConcatDataset random_split default_collate
        get_worker_info Sampler RandomSampler SequentialSampler BatchSampler SubsetRandomSampler WeightedRandomSampler
    """,
    "torch.autograd": """
        Function Variable grad gradcheck gradgradcheck functional detect_anomaly no_grad set_detect_anomaly
    """,
    "torch.random": "manual_seed seed initial_seed get_rng_state set_rng_state",
    "torch.cuda": "is_available device_count manual_seed manual_seed_all empty_cache",
    "torch.accelerator": "is_available",
    "torch.backends": "cudnn mps cuda",
    "torch.backends.mps": "is_available is_built",
    "torch.testing": "assert_close",
    "torchvision": "datasets transforms __version__",
    "torchvision.datasets": "MNIST",
    "torchvision.transforms": "Compose ToTensor Normalize Lambda",
}


def test_names_of_pytorchs_tutorials_resolve(script):
    source = "import importlib\nfor path, names in NAMES.items():\n    module = importlib.import_module(path)\n" \
             "    print(*(f'{path}.{name}' for name in names.split() if not hasattr(module, name)))"  # fmt: skip
    done = script(f"NAMES = {TUTORIALS!r}\n{source}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == []


@pytest.mark.parity
@pytest.mark.parametrize("path", TUTORIALS)
def test_the_names_above_are_pytorchs(path):
    if path.startswith("torchvision"):
        pytest.importorskip("torchvision")
    module = __import__(path, fromlist=["_"])
    assert [name for name in TUTORIALS[path].split() if not hasattr(module, name)] == []


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ("model = torch.nn.Lineer(1, 1)", "AttributeError: chalkgrad has no torch.nn.Lineer"),
        ("torch.jit.script(None)", "AttributeError: chalkgrad has no torch.jit"),
        ("from torch import jit", "ModuleNotFoundError: chalkgrad has no torch.jit"),
        ("from torch.nn import Lineer", "ModuleNotFoundError: chalkgrad has no torch.nn.Lineer"),
        ("import torchvision.transforms.v2 as v2", "ModuleNotFoundError: chalkgrad has no torchvision.transforms.v2"),
        ("from torchvision.datasets import Fakes", "ModuleNotFoundError: chalkgrad has no torchvision.datasets.Fakes"),
    ],
)
def test_a_name_we_lack_is_an_error_at_the_line_that_uses_it(script, line, error):
    done = script(f"import torch\n\ndef f():\n    {line}\nf()")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert lines[-1].startswith(error)
    frames = re.findall(r'File "(.*)", line (\d+)', done.stderr)
    assert [(Path(file).name, n) for file, n in frames] == [("course script.py", "5"), ("course script.py", "4")]


SETTINGS = """
import random
import numpy as np
import torch
random.seed(0); np.random.seed(0); torch.manual_seed(0); torch.cuda.manual_seed_all(0)
torch.backends.cudnn.deterministic = True
torch.backends.cudnn.benchmark = False
torch.backends.cuda.matmul.allow_tf32 = True
torch.set_float32_matmul_precision("high")
torch.use_deterministic_algorithms(True)
torch.set_num_threads(2)
device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
if torch.accelerator.is_available():
    device = torch.accelerator.current_accelerator().type
x = torch.autograd.Variable(torch.FloatTensor([1, 2]).to(device), requires_grad=True)

@torch.compile
def f(x):
    return (x ** 2).sum()

@torch.compile(mode="max-autotune")
def g(x):
    return 2 * f(x)

optimizer = torch.optim.SGD([x], lr=0.5, momentum=0.9, foreach=True)
with torch.set_grad_enabled(True):
    g(x).backward()
optimizer.step()
assert isinstance(x, torch.autograd.Variable) and isinstance(x, torch.FloatTensor)
assert not isinstance(x, torch.LongTensor) and x.shape == torch.Size([2]) and isinstance(x.dtype, torch.dtype)
assert torch.equal(torch.LongTensor([1, 2]), torch.tensor([1, 2]))
assert torch.get_num_threads() == 2 and torch.pi > 3 and torch.version.cuda is None
torch.testing.assert_close(x, torch.tensor([-1.0, -2.0]), rtol=1e-6, atol=0)
dataset = torch.utils.data.TensorDataset(torch.arange(4))
loader = torch.utils.data.DataLoader(
    dataset, batch_size=2, num_workers=2, pin_memory=True, persistent_workers=True
)
print([batch.tolist() for (batch,) in loader], device)
"""


def test_settings_of_what_is_not_here_change_nothing(script):
    done = script(SETTINGS)
    assert (done.stderr, done.stdout) == ("", "[[0, 1], [2, 3]] cpu\n")


LIBRARIES = """
import matplotlib.pyplot as plt
import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, confusion_matrix
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
import scipy.stats

torch.manual_seed(0)
X = torch.randn(60, 2)
y = (X[:, 0] > 0).long()
Z = StandardScaler().fit_transform(X)
train, test, y_train, y_test = train_test_split(Z, y.numpy(), random_state=0)
tensors, _ = train_test_split(X, random_state=0)
assert isinstance(tensors, torch.Tensor) and len(tensors) == 45
guess = LogisticRegression().fit(train, y_train).predict(test)
print(accuracy_score(torch.tensor(y_test), guess) > 0.8, confusion_matrix(y, y).trace(), scipy.stats.zscore(Z).shape)
plt.plot(X[:, 0], y); plt.hist(X[:, 1]); plt.imshow(X); plt.show()
"""


def test_libraries_that_look_for_pytorch_are_not_misled(script):
    for package in ("matplotlib", "sklearn"):
        pytest.importorskip(package)
    done = script(LIBRARIES, MPLBACKEND="Agg")
    said = [line for line in done.stderr.splitlines() if "building the font cache" not in line]  # in its first run
    assert (said, done.stdout) == ([], "True 60 (60, 2)\n")


# ---- scripts


ORDINARY = """# coding: latin-1
import pickle
import sys
import helper

class Own:
    x: int

pickle.loads(pickle.dumps(Own()))
assert Own.__annotations__["x"] is int
print(sys.argv[1:], __name__, __file__, sys.path[0], input(), helper.answer.item(), "\xe9")
"""


def test_a_script_runs_as_python_would_run_it(script, tmp_path):
    (tmp_path / "helper.py").write_text("import torch\nanswer = torch.tensor(42)")
    path = tmp_path / "latin.py"
    path.write_bytes(ORDINARY.encode("latin-1"))
    done = as_torch(path, "--draw", "-x", stdin="typed\n")
    assert (done.stderr, done.returncode) == ("", 0)
    assert done.stdout == f"['--draw', '-x'] __main__ {path} {tmp_path} typed 42 é\n"


@pytest.mark.parametrize(
    ("source", "code", "last"),
    [
        ("import sys; sys.exit(3)", 3, None),
        ("raise SystemExit('gone')", 1, "gone"),
        ("x = [1, 2\ny = 3", 1, "SyntaxError: '[' was never closed"),
        ("raise KeyboardInterrupt", 130, "KeyboardInterrupt"),
        ("import sys\nsys.excepthook = lambda *error: print('mine', file=sys.stderr)\n1 / 0", 1, "mine"),
    ],
)
def test_a_scripts_exit_code_is_its_own(script, source, code, last):
    done = script(source)
    assert done.returncode == code
    assert done.stderr.splitlines()[-1:] == ([] if last is None else [last])
    assert "as_torch" not in done.stderr


def test_a_traceback_begins_at_the_scripts_line(script):
    done = script("import torch\ntry:\n    1 / 0\nexcept ZeroDivisionError:\n    raise ValueError(torch.ones(3))")
    assert done.returncode == 1
    assert re.findall(r'Traceback .*\n  File ".*/(.*)", line (\d+)', done.stderr) == [
        ("course script.py", "3"), ("course script.py", "5"),
    ]  # fmt: skip
    assert done.stderr.splitlines()[-1] == "ValueError: tensor([1., 1., 1.])"


def test_what_cannot_be_run_is_refused_with_the_reason(tmp_path):
    (tmp_path / "empty.ipynb").write_text("")
    for path, reason in (("none.py", "No such file"), (tmp_path, "s a directory"), (tmp_path / "empty.ipynb", "JSON")):
        done = as_torch(path, cwd=tmp_path)
        assert done.returncode == 2
        assert reason in done.stderr and "Traceback" not in done.stderr
    assert "--draw DIR" in as_torch("--help").stdout


DRAWN = """
import sys
import torch

def step(hours, weight):
    marks = weight * hours
    marks.sum().backward()

weight = torch.ones(3, requires_grad=True)
step(torch.ones(3), weight)
step(torch.ones(7), torch.ones(7, requires_grad=True))
print(weight.grad.tolist())
sys.exit()
"""


def test_draw_saves_both_passes_of_the_first_loss_under_the_scripts_names(script, tmp_path):
    folder = tmp_path / "new" / "pictures"
    done = script(DRAWN, before=("--draw", folder))
    assert (done.stdout, done.stderr, done.returncode) == ("[1.0, 1.0, 1.0]\n", "", 0)
    assert sorted(file.name for file in folder.iterdir()) == ["backward.svg", "forward.svg"]
    forward, backward = ((folder / f"{show}.svg").read_text("utf-8") for show in ("forward", "backward"))
    assert {"hours", "weight", "marks", "𝒥", "3"} <= set(re.findall(r">([^<>]+)</text>", forward))
    assert "∂weight" in backward and "∂hours" not in backward
    done = script("print(1)", before=("--draw", folder))
    assert (done.stdout, done.returncode) == ("1\n", 1)
    assert "no backward() was called" in done.stderr
    (tmp_path / "file").write_text("")
    done = script("print(1)", before=("--draw", tmp_path / "file"))
    assert (done.stdout, done.returncode) == ("", 2)
    assert "cannot make the folder" in done.stderr


def test_a_drawing_that_fails_lets_the_script_run_and_is_told_at_the_end(script, tmp_path):
    (tmp_path / "pictures" / "forward.svg").mkdir(parents=True)
    done = script(DRAWN, before=("--draw", tmp_path / "pictures"))
    assert (done.stdout, done.returncode) == ("[1.0, 1.0, 1.0]\n", 1)
    assert "could not be drawn" in done.stderr and "forward.svg" in done.stderr


# ---- notebooks


def test_a_notebook_runs_cell_after_cell_and_shows_last_expressions(script, tmp_path):
    cells = [
        "%%time\nimport os, sys, torch\nfrom pathlib import Path\nx = torch.ones(2)",
        ["x\n", "x + 1"],
        "x;",
        "",
        "None",
        "text = '''\n%not magic\n!nor this\n'''\nif True:\n    %time y = x * 3\n    !ls 'it''s\nprint(text.split(), y)",
        "%%bash\nexit 1",
        "x?\n?x\n%matplotlib inline\n!pip install (\nz = (10\n% 4)\ndisplay(z, 'two')\n# end",
        "print(Path.cwd() == Path(sys.path[0]), sys.argv[1:], os.environ['MPLBACKEND'], __name__)",
    ]
    done = script(cells, "a", MPLBACKEND="module://nowhere")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "tensor([2., 2.])",
        "['%not', 'magic', '!nor', 'this'] tensor([3., 3.])",
        "2",
        "'two'",
        "True ['a'] Agg __main__",
    ]
    notes = re.findall(r"as_torch: cell (\d+) \(of 9\)(?:, line (\d+))?: skipped, (.*) is for IPython", done.stderr)
    assert sorted(notes) == sorted([
        ("6", "7", "!ls 'it''s"), ("7", "", "%%bash"), ("8", "1", "x?"), ("8", "2", "?x"),
        ("8", "3", "%matplotlib inline"), ("8", "4", "!pip install ("),
    ])  # fmt: skip


@pytest.mark.parametrize(
    ("cell", "line", "error", "shown"),
    [
        ("\nf(2)\n1 + 1", 2, "RuntimeError: too deep", "f(2)"),
        ("x = 1\nprint(x\n", 2, "SyntaxError: '(' was never closed", "print(x"),
        ("%time\n\ntorch.nn.Nothing", 3, "AttributeError: chalkgrad has no torch.nn.Nothing", "torch.nn.Nothing"),
    ],
)
def test_a_notebook_reports_the_cell_and_the_line_that_failed(script, cell, line, error, shown):
    first = "import torch\ndef f(n):\n    if not n:\n        raise RuntimeError('too deep')\n    f(n - 1)"
    done = script([first, cell, "print('not reached')"])
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith(f"as_torch: cell 2 (of 3), line {line}: {error}")
    place = rf'File ".*notebook.ipynb, cell 2 \(of 3\)", line {line}(, in <module>)?'
    assert re.search(rf"{place}\n    {re.escape(shown)}", done.stderr)
    assert "as_torch/" not in done.stderr


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "JSON"),
        ("{", "JSON"),
        ("[" * 100_000, "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        ('{"metadata": ' + "[" * 300 + "]" * 300 + "}", "300 deep|301 deep"),
        ('{"nbformat": 4, "nbformat": 3}', "'nbformat' twice"),
        ('{"nbformat": ' + "9" * 10_000 + "}", "JSON"),
        (notebook(metadata={"language_info": {"name": [["julia"]]}}), "in Python, found one in"),
        ("[]", "nbformat"),
        ("{}", "nbformat"),
        (notebook(nbformat=3, worksheets=[]), "nbformat 4, found 3"),
        (notebook(cells=None), "list of cells, found NoneType"),
        (notebook(cells=[3]), r"cells\[0\]"),
        (notebook(cells=[{"cell_type": "code"}]), r"cells\[0\]"),
        (notebook("ok", ["x", 3]), r"cells\[1\]"),
        (notebook(metadata={"kernelspec": {"language": "julia"}}), "in Python, found one in julia"),
        (notebook(metadata=[1]), "metadata"),
    ],
)
def test_a_file_that_is_no_notebook_is_refused_with_the_reason(tmp_path, content, reason):
    path = tmp_path / "bad.ipynb"
    text = content if isinstance(content, (str, bytes)) else json.dumps(content)
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(NotebookError, match=reason) as caught:
        read_notebook(path)
    assert isinstance(caught.value, ValueError) and "bad.ipynb" in str(caught.value)


def test_a_notebook_may_begin_with_a_byte_order_mark(tmp_path):
    path = tmp_path / "n.ipynb"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(notebook("x = 'é'")).encode())
    assert read_notebook(path) == ["x = 'é'"]


def test_a_cell_of_1100_lines_for_the_shell_is_passed_over(script):
    done = script(["!echo\n" * 1100 + "print('done')"])
    assert (done.returncode, done.stdout) == (0, "done\n")
    assert done.stderr.count("is for IPython") == 1100


def test_a_bomb_for_a_notebook_is_refused_whatever_the_recursion_limit(tmp_path):
    path = tmp_path / "bomb.ipynb"
    path.write_text("[" * 300_000)
    code = "import sys; sys.setrecursionlimit(10**6); from nn.as_torch import run; run.read_notebook(sys.argv[1])"
    done = python("-c", code, path)
    assert done.returncode == 1 and "300000 deep" in done.stderr.splitlines()[-1]


def test_a_notebook_offers_its_code_cells_only(tmp_path):
    path = tmp_path / "n.ipynb"
    made = notebook("a = 1", ["b = 2\n", "c = 3"])
    made["cells"].insert(1, {"cell_type": "markdown", "metadata": {}, "source": "1 / 0"})
    made["cells"].insert(1, {"cell_type": "raw", "metadata": {}, "source": ["1 / 0"]})
    path.write_text(json.dumps(made))
    assert read_notebook(path) == ["a = 1", "b = 2\nc = 3"]


# ---- complete lessons


def test_the_teaching_notebook_runs(tmp_path):
    pytest.importorskip("matplotlib")
    done = as_torch("--draw", tmp_path, SCRIPTS / "teaching.ipynb")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:2] == ["False", "(200, 2)"] and lines[2].startswith("Sequential(")
    assert float(re.fullmatch(r"accuracy ([\d.]+) %", lines[-1])[1]) > 90
    assert "model" not in done.stderr and len(done.stderr.splitlines()) == 2  # the notes on pip and %matplotlib
    assert sorted(file.name for file in tmp_path.iterdir()) == ["backward.svg", "forward.svg"]


def accuracies(text):
    return [float(a) for a in re.findall(r"accuracy ([\d.]+) %", text)]


def test_the_teaching_script_runs_unchanged(tmp_path):
    from tests.test_demos import write_mnist

    (tmp_path / "MNIST" / "raw").mkdir(parents=True)
    write_mnist(tmp_path / "MNIST" / "raw", 1000, 100)
    done = as_torch(SCRIPTS / "teaching.py", "--data-dir", tmp_path, "--out", tmp_path, cwd=tmp_path)
    assert (done.stderr, done.returncode) == ("", 0)
    *training, validation, digits = accuracies(done.stdout)
    assert len(training) == 4 and training[-1] > 95 and validation > 95 and digits > 95
    assert "parameters: 65\n" in done.stdout and "<All keys matched successfully>" in done.stdout
    assert (tmp_path / "region.png").read_bytes().startswith(b"\x89PNG")
    assert set(nn.load(tmp_path / "model.pt")) == {"epoch", "model", "optimizer"}


@pytest.mark.parity
def test_pytorch_itself_prints_the_teaching_scripts_figures_too(tmp_path):
    ours = as_torch(SCRIPTS / "teaching.py", "--out", tmp_path)
    theirs = python(SCRIPTS / "teaching.py", "--out", tmp_path)
    assert (ours.returncode, theirs.returncode) == (0, 0), ours.stderr + theirs.stderr
    assert len(accuracies(ours.stdout)) == len(accuracies(theirs.stdout)) == 5
    assert accuracies(ours.stdout)[-2:] == pytest.approx(accuracies(theirs.stdout)[-2:], abs=3)

    def words(text):  # all but the figures of the training
        return re.sub(r"(loss|accuracy) [\d.]+", r"\1", text)

    assert words(ours.stdout) == words(theirs.stdout)


# ---- what only PyTorch's scripts use


def test_typed_constructors_take_data_or_a_shape():
    assert only_torch.FloatTensor([[1, 2]]).tolist() == [[1, 2]]
    assert only_torch.FloatTensor(2, 3).shape == (2, 3) and only_torch.LongTensor().shape == (0,)
    kinds = [getattr(only_torch, name) for name in only_torch.__all__ if name.endswith("Tensor")]
    assert len(kinds) == 8
    for kind in kinds:
        x = kind(np.array([1, 0]))
        assert x.dtype == kind.dtype and [other for other in kinds if isinstance(x, other)] == [kind]


def test_default_tensor_type_sets_the_default_dtype_and_refuses_others():
    before = autograd.get_default_dtype()
    try:
        for kind in ("torch.DoubleTensor", only_torch.DoubleTensor):
            autograd.set_default_dtype(autograd.float32)
            only_torch.set_default_tensor_type(kind)
            assert autograd.ones(1).dtype == autograd.float64
        for bad in ("torch.Doubletensor", "save", float, None):
            with pytest.raises(TypeError, match="expects a type of tensors"):
                only_torch.set_default_tensor_type(bad)
    finally:
        autograd.set_default_dtype(before)


def test_save_and_load_take_pickles_options_and_refuse_what_only_a_pickle_holds(tmp_path):
    state = nn.Linear(2, 1).state_dict()
    only_torch.save(state, tmp_path / "model.pth", pickle_protocol=4, _use_new_zipfile_serialization=False)
    found = only_torch.load(tmp_path / "model.pth", "cpu", weights_only=False, mmap=True, encoding="latin1")
    assert found["weight"].tolist() == state["weight"].tolist()
    with pytest.raises(TypeError, match=r"save its state_dict\(\)"):
        only_torch.save(nn.Linear(2, 1), tmp_path / "whole.pt")
    with pytest.raises(RuntimeError, match="no device 'cuda'"):
        only_torch.load(tmp_path / "model.pth", map_location="cuda")


CLOSE = [
    ([1.0, 2.0], [1.0, 2.0], {}, True),
    ([1.0, 2.0], [1.0, 2.000003], {}, True),
    ([1.0, 2.0], [1.0, 2.00002], {}, False),
    ([1.0, 2.0], [1.0, 2.1], {"rtol": 0.1, "atol": 0.0}, True),
    ([1.0, 2.0], [1.0, 2.1], {"rtol": 0.0, "atol": 0.05}, False),
    ([1, 2], [1, 3], {}, False),
    ([2**60], [2**60 + 1], {}, False),
    ([np.nan], [np.nan], {}, False),
    ([np.nan], [np.nan], {"equal_nan": True}, True),
    ([np.inf, -np.inf], [np.inf, -np.inf], {}, True),
    ([np.inf], [1.0], {}, False),
    ([1.0], [1.0, 1.0], {}, False),
    ([1], [1.0], {}, False),
    ([1], [1.0], {"check_dtype": False}, True),
    ([True], [False], {}, False),
    ([], [], {}, True),
]


@pytest.mark.parametrize(("a", "b", "options", "close"), CLOSE)
def test_assert_close_judges(a, b, options, close):
    def judge(check, x, y):
        try:
            check(x, y, **options)
        except AssertionError as error:
            assert re.search("not close|not equal|do not match", str(error))
            return False
        return True

    x, y = autograd.tensor(a), autograd.tensor(b)
    assert judge(testing.assert_close, x, y) is close
    assert judge(testing.assert_close, [x, {"k": x}], [y, {"k": y}]) is close
    if "torch" in sys.modules:
        import torch

        assert judge(torch.testing.assert_close, torch.tensor(a), torch.tensor(b)) is close


def test_assert_close_says_what_and_where():
    x, y = autograd.ones(2, 2), autograd.tensor([[1.0, 1.0], [3.0, np.nan]])
    with pytest.raises(AssertionError, match=r"2 of 4 elements differ, most at \(1, 1\).*nan.*; at \['w'\]"):
        testing.assert_close({"w": x}, {"w": y})
    with pytest.raises(AssertionError, match="^mine$"):
        testing.assert_close(x, y, msg="mine")
    with pytest.raises(AssertionError, match=r"^why: Tensor-likes"):
        testing.assert_close(x, y, msg=lambda text: f"why: {text}")
    with pytest.raises(AssertionError, match="length"):
        testing.assert_close([x], [x, x])
    with pytest.raises(AssertionError, match="keys"):
        testing.assert_close({"a": x}, {"b": x})
    with pytest.raises(ValueError, match="both"):
        testing.assert_close(x, x, rtol=1e-3)
    with pytest.raises(TypeError, match="found str"):
        testing.assert_close("1", "1")


# ---- on_backward


def test_on_backward_sees_every_loss_before_its_pass_until_it_is_removed():
    x = autograd.ones(2, requires_grad=True)
    seen = []
    handle = autograd.on_backward(lambda loss: seen.append((loss.item(), x.grad)))
    for k in (1, 2):
        (k * x).sum().backward()
        x.grad = None
    with pytest.raises(RuntimeError, match="scalar"):
        (x * x).backward()
    handle.remove()
    x.sum().backward()
    assert seen == [(2, None), (4, None)]
