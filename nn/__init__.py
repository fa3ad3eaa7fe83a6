"""Networks, losses, optimizers and data, with PyTorch's names and semantics.

>>> import autograd, nn
>>> model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
>>> loss = nn.BCEWithLogitsLoss()(model(autograd.ones(3, 2)), autograd.ones(3, 1))
>>> loss.backward()
>>> model[0].weight.grad.shape
(4, 2)
"""

from importlib import import_module as _import_module
from typing import Any as _Any

import autograd as _autograd

if not hasattr(_autograd, "primitive"):
    raise ImportError(
        f"nn found another package called autograd, at {getattr(_autograd, '__file__', '?')}: HIPS's, which shares the "
        "name. The two cannot live in one environment: make a fresh virtual environment, or "
        "`pip uninstall autograd` and install chalkgrad again"
    )

from . import data as data
from . import functional as functional
from . import init as init
from . import optim as optim
from . import utils as utils
from .containers import *
from .files import *
from .layers import *
from .losses import *
from .module import *

from . import as_torch as as_torch  # isort: skip - it names all of the above


def __getattr__(name: str) -> _Any:
    if name in ("onnx", "parallel", "sklearn"):  # not loaded with the rest, because of what they need
        return _import_module(f"nn.{name}")
    raise AttributeError(f"module 'nn' has no attribute {name!r}")
