"""What others have written: files opened with errors that say which, JSON that cannot exhaust the stack."""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, BinaryIO

import numpy as np

__all__ = ["check_depth", "open_file", "parse_json"]

DEEPEST = 200  # lists and objects inside each other: no file needs more, and any stack has room for so many
_STRING = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?', re.DOTALL)
_STEPS = np.zeros(256, np.int8)
_STEPS[[*b"[{"]] = 1
_STEPS[[*b"]}"]] = -1


@contextmanager
def open_file(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a file for reading.

    Raises
    ------
    OSError
        With the path, if it is missing, is a folder or cannot be read, which may turn out in the block only.

    Examples
    --------
    >>> from nn.foreign import open_file
    >>> with open_file("nowhere"):
    ...     pass
    Traceback (most recent call last):
    FileNotFoundError: [Errno 2] No such file or directory: 'nowhere'
    """
    path = os.fspath(path)
    if os.path.isdir(path):  # Windows would call it a PermissionError
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), path)
    try:
        with open(path, "rb") as file:
            yield file
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, path) from error


def check_depth(text: bytes) -> None:
    """Whether a JSON text has no more than :data:`DEEPEST` lists and objects inside each other.

    Python's parser recurses in C: with a recursion limit that a script has raised, ``[[[[…`` would overrun the stack
    and end the process.

    Raises
    ------
    ValueError
        If it has.

    Examples
    --------
    >>> from nn.foreign import check_depth
    >>> check_depth(b'["[[[[", [{}]]')
    """
    brackets = _STEPS[np.frombuffer(_STRING.sub(b"", text), np.uint8)]
    depth = int(np.cumsum(brackets, dtype=np.int64).max(initial=0))
    if depth > DEEPEST:
        raise ValueError(f"lists and objects {depth} deep, where {DEEPEST} are the most")


def parse_json(text: bytes) -> Any:
    """The value of a JSON text in UTF-8, of known depth.

    Raises
    ------
    ValueError
        For anything else, and for a name that an object has twice.

    Examples
    --------
    >>> from nn.foreign import parse_json
    >>> parse_json(b'{"a": [1, 2.5, null]}')
    {'a': [1, 2.5, None]}
    """
    check_depth(text)
    return json.loads(text.decode("utf-8-sig"), object_pairs_hook=_object)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for name, value in pairs:
        if name in out:  # one reader would take the first, another one the last
            raise ValueError(f"the name {name!r} twice in an object")
        out[name] = value
    return out
