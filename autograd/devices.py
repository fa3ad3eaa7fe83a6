"""Where tensors live: in the memory of the CPU, row by row. Other devices and layouts are refused here."""

from __future__ import annotations

import enum
from typing import Any

__all__ = [
    "contiguous_format", "device", "get_default_device", "layout", "memory_format", "preserve_format",
    "set_default_device", "strided",
]  # fmt: skip


class device:
    """The device ``"cpu"``, the only one there is; also a context manager, as PyTorch's.

    Parameters
    ----------
    type : str or device
        ``"cpu"`` or ``"cpu:0"``.
    index : int, optional

    Raises
    ------
    RuntimeError
        For any other device.

    Examples
    --------
    >>> import autograd
    >>> autograd.device("cuda" if autograd.cuda.is_available() else "cpu")
    device(type='cpu')
    """

    __slots__ = ("index", "type")

    def __init__(self, type: Any = "cpu", index: int | None = None) -> None:
        kind, _, number = str(type).partition(":")
        if kind != "cpu" or number not in ("", "0") or index not in (None, 0):
            name = str(type) if index is None else f"{type}:{index}"
            raise RuntimeError(f"device: there is no device {name!r} here, all tensors are on the CPU; use 'cpu'")
        self.type = kind
        self.index = 0 if number else index

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        return f"device(type='cpu'{'' if self.index is None else f', index={self.index}'})"

    def __enter__(self) -> device:
        return self

    def __exit__(self, *exc: object) -> None:
        pass


class layout(enum.Enum):
    """How the elements lie in memory; only :data:`strided`."""

    strided = "strided"


class memory_format(enum.Enum):
    """In which order the axes lie in memory."""

    contiguous_format = "contiguous"
    preserve_format = "preserve"


strided = layout.strided
contiguous_format, preserve_format = memory_format


def check_place(what: str, place: Any = None, form: Any = None, pin_memory: bool = False, order: Any = None) -> None:
    """Raise unless the arguments ask for a dense tensor on the CPU, which is all there is.

    Parameters
    ----------
    what : str
        Who asks, for the message.
    place, form, pin_memory, order
        The arguments device, layout, pin_memory and memory_format of the function that asks.

    Raises
    ------
    RuntimeError
        For a device other than the CPU, and for pinned memory, which only a GPU needs.
    ValueError
        For another layout than :data:`strided`, or another memory format than the two there are.
    """
    if place is not None:
        device(place)
    if form not in (None, strided):
        raise ValueError(f"{what}: tensors are dense here: layout must be strided, found {form!r}")
    if order not in (None, contiguous_format, preserve_format):
        raise ValueError(f"{what}: memory_format must be contiguous_format or preserve_format, found {order!r}")
    if pin_memory:
        raise RuntimeError(f"{what}: pinned memory is for a GPU, all tensors are on the CPU; leave out pin_memory")


def get_default_device() -> device:
    """The device of what is made without one: the CPU."""
    return device()


def set_default_device(device: Any) -> None:
    """Accepts the CPU; there is no other device to set.

    Raises
    ------
    RuntimeError
        For any other device.
    """
    check_place("set_default_device", device)
