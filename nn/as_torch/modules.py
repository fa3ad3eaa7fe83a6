"""Which of our modules stands for which of PyTorch's, and an importer that finds them under those names."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

import autograd
import nn

from . import only_torch, testing

__all__ = ["names"]

ROOTS = ("torch", "torchvision")
VERSION = "2.13.0"  # of PyTorch, whose names and defaults these are
VISION_VERSION = "0.28.0"
# The functions of torch.nn.functional that PyTorch has in torch, too.
SHARED = (
    "bilinear", "celu", "conv1d", "conv2d", "conv3d", "cosine_similarity", "dropout", "max_pool1d", "max_pool2d",
    "pairwise_distance", "prelu", "rrelu", "selu", "threshold",
)  # fmt: skip


def _sources() -> dict[str, tuple[Any, ...]]:
    """PyTorch's module → modules and dicts that have its names; where two have one, it is the first's."""
    data, optim = (nn.data,), (nn.optim,)
    layers = {name: value for name, value in _public(nn).items() if name[0].isupper()}  # not nn.save, a torch.save
    shared = {name: function for name, function in _public(nn.functional).items() if name in SHARED}
    off = {"is_available": only_torch.no, "is_built": only_torch.no}
    return {
        "torch": (autograd, only_torch, shared, {"__version__": f"{VERSION}+chalkgrad.{autograd.__version__}"}),
        "torch.accelerator": ({**off, "device_count": autograd.cuda.device_count},),
        "torch.autograd": (autograd, {"Variable": only_torch.Variable}),
        "torch.autograd.function": ({"Function": autograd.Function},),
        "torch.autograd.functional": (autograd.functional,),
        "torch.backends": (),
        "torch.backends.cuda": (off,),
        "torch.backends.cuda.matmul": ({"allow_tf32": False},),
        "torch.backends.cudnn": (
            off, dict.fromkeys(("enabled", "benchmark", "deterministic", "allow_tf32"), False),
        ),
        "torch.backends.mps": (off,),
        "torch.cuda": (autograd.cuda,),
        "torch.linalg": (autograd.linalg,),
        "torch.nn": (layers,),
        "torch.nn.functional": (nn.functional,),
        "torch.nn.init": (nn.init,),
        "torch.nn.modules": (layers,),
        "torch.nn.parameter": ({"Parameter": nn.Parameter},),
        "torch.nn.utils": (nn.utils,),
        "torch.optim": optim,
        "torch.optim.lr_scheduler": (nn.optim.lr_scheduler,),
        "torch.optim.optimizer": ({"Optimizer": nn.optim.Optimizer},),
        "torch.random": (
            {name: getattr(autograd, name) for name in
             ("get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state")},
        ),
        "torch.testing": (testing,),
        "torch.utils": (),
        "torch.utils.data": data,
        "torch.utils.data.dataloader": data,
        "torch.utils.data.dataset": data,
        "torch.utils.data.sampler": data,
        "torch.version": ({"__version__": VERSION, "cuda": None},),
        "torchvision": ({"__version__": f"{VISION_VERSION}+chalkgrad.{autograd.__version__}"},),
        "torchvision.datasets": ({"MNIST": nn.data.MNIST},),
        "torchvision.transforms": (nn.data.transforms,),
    }  # fmt: skip


def _public(source: Any) -> dict[str, Any]:
    """The names that a module or a dict offers, its submodules aside."""
    if isinstance(source, Mapping):
        return dict(source)
    offered = getattr(source, "__all__", None) or [name for name in vars(source) if not name.startswith("_")]
    found = {name: getattr(source, name) for name in offered}
    return {name: value for name, value in found.items() if not isinstance(value, ModuleType)}


def lacks(name: str) -> str:
    """The message about a name of PyTorch's that we do not have."""
    return (
        f"chalkgrad has no {name}: under PyTorch's names it offers what a course on neural networks uses (tensors and "
        "autograd, nn, optim, utils.data, and MNIST from torchvision)"
    )


class Borrowed(ModuleType):
    """One of our modules under one of PyTorch's names."""

    def __getattr__(self, name: str) -> Any:
        ordinary = f"module {self.__name__!r} has no attribute {name!r}"
        text = ordinary if name.startswith("__") else lacks(f"{self.__name__}.{name}")
        raise AttributeError(text, name=name, obj=self)


def _build() -> dict[str, ModuleType]:
    built: dict[str, ModuleType] = {}
    for path, sources in _sources().items():
        module = built[path] = Borrowed(path, f"What chalkgrad has of {path}.")
        for source in reversed(sources):
            vars(module).update(_public(source))
    for path in built:
        parent, _, name = path.rpartition(".")
        if parent:
            setattr(built[parent], name, built[path])
    for whole in built.values():
        vars(whole)["__all__"] = [name for name in vars(whole) if not name.startswith("_")]
    return built


class Finder(MetaPathFinder, Loader):
    """Finds PyTorch's modules among ours, before any other finder is asked."""

    def __init__(self) -> None:
        self.modules = _build()

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """The spec of a module of PyTorch's that we have; None for other packages."""
        if fullname.partition(".")[0] not in ROOTS:
            return None
        if fullname not in self.modules:
            # Without its name: `from torch import jit` would else end in Python's own words.
            raise ModuleNotFoundError(lacks(fullname))
        return ModuleSpec(fullname, self, origin=__file__, is_package=True)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The module itself, made beforehand."""
        return self.modules[spec.name]

    def exec_module(self, module: ModuleType) -> None:
        """Nothing: the module is complete."""


@contextmanager
def names() -> Iterator[None]:
    """Within the ``with`` block ``import torch`` finds this project, as do ``torch.nn``, ``torchvision`` and the like.

    An installed PyTorch is hidden as long as it lasts. What the block has imported stays usable afterwards. A name that
    this project lacks is an error (AttributeError; ImportError by ``from torch import …``) at the line that uses it.
    Imports of all threads are affected. A block within a block does nothing.

    Raises
    ------
    RuntimeError
        If PyTorch itself has been imported: two kinds of tensors under one name could only be mixed up.

    Notes
    -----
    ``torch`` has ``autograd``'s names and ``torch.nn`` those of ``nn``; further modules are ``torch.nn.functional``,
    ``.init`` and ``.utils``, ``torch.optim`` with ``lr_scheduler``, ``torch.utils.data``, ``torch.autograd``,
    ``torch.linalg``, ``torch.testing``; of ``torchvision`` ``datasets.MNIST`` and ``transforms``. There is no GPU, and
    settings of GPUs, threads and compilers are accepted and change nothing. ``torch.save`` writes safetensors, whatever
    the file is called, and ``torch.load`` reads nothing else (see :func:`nn.save`).

    Examples
    --------
    >>> import autograd, nn
    >>> with nn.as_torch.names():
    ...     import torch
    >>> torch.Tensor is autograd.Tensor, torch.cuda.is_available()
    (True, False)
    """
    if any(isinstance(finder, Finder) for finder in sys.meta_path):
        yield
        return
    for name in ROOTS:
        if (module := sys.modules.get(name)) is not None:
            raise RuntimeError(
                f"nn.as_torch: {name} is already imported, from {getattr(module, '__file__', '?')}, and its tensors "
                "would be mixed up with ours: use PyTorch's names before anything imports PyTorch, or in a process of "
                "their own, `python -m nn.as_torch SCRIPT.py`"
            )
    finder = Finder()
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
        for name, module in finder.modules.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
