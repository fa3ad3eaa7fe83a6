"""Checkpoints: networks and optimizers in files, as safetensors.

A safetensors file is the length of a header, the header in JSON (name, dtype, shape and place of each tensor) and the
numbers: there is nothing in it to execute, and PyTorch and others read and write it. What the format has no room for —
the order, numbers, strings, dicts in dicts, as in the state of an optimizer — stands in the header's free-text part,
where others pass over it.
"""

from __future__ import annotations

import json
import math
import os
import sys
from collections.abc import Mapping
from typing import IO, Any, NamedTuple

import numpy as np

from autograd import DtypeError, Tensor
from autograd.devices import check_place
from autograd.engine import leaf
from autograd.ops import check_dtype

from .atomic import write_atomically
from .foreign import DEEPEST, check_depth, open_file, parse_json

__all__ = ["CheckpointError", "load", "save"]

MAX_HEADER = 1 << 19  # bytes: room for 5,000 tensors, and no more time and memory to lose than 100 ms and 64 MB
_MAX_RANK = 64  # NumPy has no array of more axes
_TREE = "chalkgrad"  # under which the header says how the tensors are nested
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1", "U8": "u1", "BOOL": "u1",
    "F16": "<f2", "BF16": "<u2", "U16": "<u2", "U32": "<u4",
}  # fmt: skip
# What tensors here cannot have becomes what holds the same numbers.
_CONVERTED = {"F16": "float32", "BF16": "float32", "U16": "int32", "U32": "int64", "BOOL": "bool"}
_PICKLE = (
    "it is a pickle, as torch.save writes it, and reading one can execute anything, so nothing was read. Convert it "
    "where PyTorch is installed: safetensors.torch.save_file(torch.load(FILE, weights_only=True), NEW_FILE)"
)


class CheckpointError(ValueError):
    """A file is not an intact checkpoint; the message says what was expected and what was found.

    A file that is missing or cannot be opened is an `OSError` instead.
    """


def save(obj: Any, f: str | os.PathLike[str] | IO[bytes]) -> None:
    """Save tensors, usually a ``state_dict()``, as safetensors.

    Parameters
    ----------
    obj : dict
        Of tensors or arrays by name. Also anything made of dicts, lists, tuples, tensors, numbers, strings and None,
        such as ``{"epoch": 3, "model": model.state_dict(), "optimizer": optimizer.state_dict()}``.
    f : str, path-like or binary file
        Where to. A path is written as a whole or not at all: whatever happens meanwhile, it is the old file or the new.

    Raises
    ------
    TypeError
        For anything else in ``obj`` (save a module's ``state_dict()``), saying where.
    ValueError
        For an ``obj`` that contains itself, or has more names, numbers and strings than half a megabyte holds.
    OSError
        With the path, if it cannot be written.
    ImportError
        Without the package safetensors (the extra ``files``).

    Notes
    -----
    PyTorch reads a dict of tensors with ``safetensors.torch.load_file``. ``torch.save`` would write a pickle.

    Examples
    --------
    >>> import nn, pathlib, tempfile
    >>> model = nn.Linear(2, 1)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.safetensors")
    ...     nn.save(model.state_dict(), path)
    ...     nn.Linear(2, 1).load_state_dict(nn.load(path))
    <All keys matched successfully>
    """
    try:
        from safetensors.numpy import save as serialize  # here, because it takes a while
    except ImportError as error:
        raise ImportError("save: needs the package safetensors: pip install 'chalkgrad[files]'") from error
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    try:
        tree = json.dumps(_encode(obj, (), arrays), separators=(",", ":"))
    except RecursionError:
        raise ValueError("save: expects an object of finite depth; this one contains itself, or is too deep") from None
    try:
        check_depth(tree.encode())
    except ValueError as error:
        raise ValueError(f"save: expects an object that can be loaded again, found {error}") from None
    content = serialize(arrays, {"format": "pt", _TREE: tree})
    if (size := int.from_bytes(content[:8], "little")) > MAX_HEADER:
        raise ValueError(
            f"save: names, numbers and strings take {size} bytes, and at most {MAX_HEADER} could be loaded again: make "
            "long lists of numbers tensors"
        )
    if isinstance(f, (str, os.PathLike)):
        write_atomically(f, content)
    else:
        f.write(content)


def load(f: str | os.PathLike[str] | IO[bytes], map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Load what :func:`save` has saved, or any other safetensors file: a dict of tensors by name.

    Nothing that the file contains is ever executed.

    Parameters
    ----------
    f : str, path-like or binary file that can seek
    map_location : device, optional
        The CPU, for PyTorch's scripts.
    weights_only : bool
        For PyTorch's scripts: there is nothing else in the file.

    Returns
    -------
    dict
        Or whatever was saved. Tensors are new and require no gradient; float16 and bfloat16 become float32, uint16
        int32 and uint32 int64.

    Raises
    ------
    CheckpointError
        If the file is not intact, or no safetensors file at all: a pickle, for one.
    OSError
        With the path, if it is missing, is a folder or cannot be read.
    """
    if map_location is not None and not callable(map_location) and not isinstance(map_location, Mapping):
        check_place("load", map_location)
    if not isinstance(f, (str, os.PathLike)):
        return _parse(f, str(getattr(f, "name", "checkpoint")))
    with open_file(f) as file:
        return _parse(file, os.fspath(f))


class _Entry(NamedTuple):
    """What the header says of a tensor."""

    begin: int  # of its numbers, after the header
    end: int
    dtype: str
    shape: tuple[int, ...]


def _parse(file: IO[bytes], name: str) -> Any:
    """All that can be wrong but the numbers is found before they are read: the package would read them first."""
    start = file.tell()
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    if len(prefix) < 8 or length > MAX_HEADER:
        found = f"{length} bytes" if len(prefix) == 8 else f"a file of {len(prefix)} bytes"
        pickle = prefix.startswith((b"PK\3\4", b"\x80"))
        raise CheckpointError(
            f"{name}: expected a safetensors file, with a header of at most {MAX_HEADER} bytes, found {found}"
            + f": {_PICKLE}" * pickle
        )
    header = file.read(length)
    if len(header) < length or not header.startswith(b"{"):
        raise CheckpointError(
            f"{name}: expected a safetensors header of {length} bytes that begins with '{{', found {len(header)} bytes "
            f"that begin with {header[:1]!r}"
        )
    begin = start + 8 + length
    size = file.seek(0, os.SEEK_END) - begin
    try:
        about = parse_json(header)
        json.dumps(about, allow_nan=False, ensure_ascii=False).encode()  # what other readers take for JSON, too
        metadata = about.pop("__metadata__", None)
        metadata = {} if metadata is None else metadata
        if not isinstance(metadata, dict) or not all(isinstance(text, str) for text in metadata.values()):
            raise ValueError("metadata that are no strings by name")
        entries = {key: _entry(about[key], key) for key in about}
        _check_places(entries, size)
        tree = {"dict": [[key, {"tensor": key}] for key in entries]}
        if _TREE in metadata:
            tree = parse_json(metadata[_TREE].encode())
        _placed(tree, dict.fromkeys(entries))
    except _FAULTS as error:
        raise CheckpointError(f"{name}: expected an intact safetensors file, found: {_said(error)}") from error
    tensors = {}
    for key, entry in sorted(entries.items(), key=lambda item: item[1]):  # as they lie in the file
        file.seek(begin + entry.begin)
        tensors[key] = _tensor(entry, file.read(entry.end - entry.begin), f"{name}: {key!r}")
    return _placed(tree, {key: tensors[key] for key in entries})


# What faulty nesting raises as it is taken apart.
_FAULTS = (ValueError, TypeError, KeyError, AttributeError, RecursionError)


def _said(error: BaseException) -> str:
    return str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"


def _entry(found: Any, key: str) -> _Entry:
    what = f"{key!r:.200}"
    dtype, shape, (begin, end) = found["dtype"], found["shape"], found["data_offsets"]
    if dtype not in _DTYPES:
        raise ValueError(f"{what} of dtype {dtype!r:.20}, not one of {', '.join(_DTYPES)}: it would lose precision")
    if not isinstance(shape, list) or not all(type(n) is int and 0 <= n <= sys.maxsize for n in (*shape, begin, end)):
        raise ValueError(f"{what} with {found!r:.200}, where shape and data_offsets are possible numbers of bytes")
    itemsize = np.dtype(_DTYPES[dtype]).itemsize
    if len(shape) > _MAX_RANK or math.prod(max(n, 1) for n in shape) * itemsize > sys.maxsize:
        raise ValueError(f"{what} of the impossible shape {shape!r:.200}")
    if math.prod(shape) * itemsize != end - begin:
        raise ValueError(f"{what} with {end - begin} bytes for {dtype} of shape {tuple(shape)}")
    return _Entry(begin, end, dtype, tuple(shape))


def _check_places(entries: dict[str, _Entry], size: int) -> None:
    """The tensors fill the rest of the file, without a gap and without sharing a byte."""
    end = 0
    for key, entry in sorted(entries.items(), key=lambda item: item[1]):
        if entry.begin != end:
            raise ValueError(f"{key!r:.200} at byte {entry.begin} of the numbers, where byte {end} is the next")
        end = entry.end
    if end != size:
        raise ValueError(f"{size} bytes of numbers, where the header places {end}")


def _tensor(entry: _Entry, data: bytes, what: str) -> Tensor:
    if len(data) < entry.end - entry.begin:  # somebody has cut the file meanwhile
        raise CheckpointError(f"{what}: expected {entry.end - entry.begin} bytes, found {len(data)}")
    array: np.ndarray[Any, Any] = np.ndarray(entry.shape, _DTYPES[entry.dtype], data)
    if entry.dtype == "BF16":  # the upper half of a float32
        array = (array.astype(np.uint32) << 16).view(np.float32)
    elif entry.dtype == "BOOL" and np.any(array > 1):
        raise CheckpointError(f"{what}: expected bools of 0 or 1, found {array.max()}")
    found: Tensor = leaf(array.astype(check_dtype(_CONVERTED.get(entry.dtype, array.dtype))))
    return found


# -- how the tensors are nested: dicts, tuples and tensors are dicts of one entry that says which, all else as in JSON


def _encode(x: Any, path: tuple[str, ...], arrays: dict[str, np.ndarray[Any, Any]]) -> Any:
    if len(path) > DEEPEST:  # whatever recursion limit there is
        raise RecursionError
    if isinstance(x, np.generic):
        x = x.item()
    if isinstance(x, (Tensor, np.ndarray)):
        array = x.array if isinstance(x, Tensor) else x
        try:
            dtype = check_dtype(array.dtype)
        except DtypeError as error:
            raise DtypeError(f"save: {_where(path)}: {error}") from None
        name = ".".join(path).encode("utf-8", "backslashreplace").decode() or "tensor"  # the tree has the keys
        while name in arrays or name == "__metadata__":  # which the format keeps for itself
            name += "'"
        arrays[name] = np.asarray(array, dtype, order="C")
        return {"tensor": name}
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    if isinstance(x, Mapping):
        pairs = []
        for key, value in x.items():
            if not isinstance(key, (str, int, float, type(None))):
                raise TypeError(f"save: {_where(path)}: expects keys that are strings or numbers, found {key!r}")
            pairs.append([key, _encode(value, (*path, str(key)), arrays)])
        return {"dict": pairs}
    if isinstance(x, (list, tuple)):
        parts = [_encode(part, (*path, str(k)), arrays) for k, part in enumerate(x)]
        return parts if isinstance(x, list) else {"tuple": parts}
    advice = "save its state_dict()" if hasattr(x, "state_dict") else "nothing else can be loaded without executing it"
    raise TypeError(
        f"save: {_where(path)}: expects tensors, numbers, strings, None, and dicts, lists and tuples of them; found "
        f"{type(x).__name__}: {advice}"
    )


def _where(path: tuple[str, ...]) -> str:
    return f"at {'.'.join(path)!r}" if path else "the object"


def _placed(tree: Any, tensors: dict[str, Any]) -> Any:
    """The tensors where the tree has them."""
    left = dict(tensors)
    out = _decode(tree, left)
    if left:
        raise ValueError(f"no place in header entry {_TREE!r} for {[*left]!r:.200}")
    return out


def _decode(node: Any, tensors: dict[str, Tensor]) -> Any:
    if isinstance(node, list):
        return [_decode(part, tensors) for part in node]
    if not isinstance(node, dict):
        return node
    ((kind, value),) = node.items()
    if kind == "tensor":
        return tensors.pop(value)
    if kind not in ("dict", "tuple") or not isinstance(value, list):
        raise ValueError(f"a {kind!r} of {type(value).__name__}")
    if kind == "tuple":
        return tuple(_decode(part, tensors) for part in value)
    out = {key: _decode(part, tensors) for key, part in value}
    if len(out) < len(value):
        raise ValueError("a name twice in a dict")
    return out
