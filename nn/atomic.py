"""Files that are written as a whole or not at all."""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from contextlib import suppress
from secrets import token_hex
from typing import IO

__all__ = ["write_atomically"]

_TEMPORARY, _LINKED = ".tmp", ".linked"  # how the names of temporary files end
_OURS = re.compile(r"\.[0-9a-f]{16}\.tmp(\.linked)?")  # what follows a dot and the target's name in them
_STALE = 3600.0  # seconds after which a temporary file is nobody's any more


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Write the whole file or nothing: whoever opens it, at any time, finds the old file or the new one, never a part.

    Where the operating system has files without a name (Linux), the content goes into one, so that a process that is
    killed leaves nothing behind, unless it is hit between two system calls: a hidden file beside the target, which the
    next write removes. Elsewhere the content is written into such a file, which the next write an hour later removes.
    A link is followed: what it points to is written; so is a device or a pipe. A file that is there keeps its
    permissions.

    Raises
    ------
    OSError
        With the path, if the folder is missing, the path is a folder, or the disk is full. The old file is then there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "a.txt")
    ...     write_atomically(path, b"new")
    ...     path.read_bytes(), len(list(path.parent.iterdir()))
    (b'new', 1)
    """
    given = os.fspath(path)
    target = os.path.realpath(given)
    folder, name = os.path.split(target)
    temporary = os.path.join(folder, f".{name}.{token_hex(8)}{_TEMPORARY}")  # for each process its own
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), given)
    try:
        if os.path.exists(target) and not os.path.isfile(target):  # a device or a pipe stays what it is
            with open(target, "wb") as device:
                device.write(content)
            return
        try:
            nameless = _nameless(folder)
            with nameless or open(temporary, "xb") as file:
                number = file.fileno()
                _permit(number, target)  # before there is anything to be read
                file.write(content)
                file.flush()
                os.fsync(number)
                if nameless:  # it cannot take the old file's name at once, so for a moment it has one of its own
                    temporary += _LINKED
                    os.link(f"/proc/self/fd/{number}", temporary, src_dir_fd=number, follow_symlinks=True)
                    os.replace(temporary, target)
            if not nameless:  # Windows renames only what is closed
                os.replace(temporary, target)
        except BaseException:  # Ctrl-C too
            with suppress(FileNotFoundError):
                os.unlink(temporary)
            raise
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, given) from error  # of the path that the caller knows
    _tidy(folder, name)


def _nameless(folder: str) -> IO[bytes] | None:
    """A file without a name in ``folder``, gone with its process; None where there is no such thing."""
    flag = getattr(os, "O_TMPFILE", None)
    if flag is None or not os.path.isdir("/proc/self/fd"):  # by which it gets its name
        return None
    try:
        file = os.fdopen(os.open(folder, flag | os.O_WRONLY, 0o666), "wb")
    except OSError:  # not on this file system; or a fault that opening a file with a name will report
        return None
    _locked(file.fileno())  # before it has a name, and until it is closed: so that others know who is alive
    return file


def _permit(number: int, target: str) -> None:
    """Give the open file the permissions of the file whose place it will take, if there is one."""
    if os.chmod in os.supports_fd:  # not on Windows
        with suppress(OSError):  # no old file; or permissions that this file system does not have
            os.chmod(number, stat.S_IMODE(os.stat(target).st_mode) & 0o777)


def _locked(number: int) -> bool:
    """Whether the open file could be locked: nobody else is holding it."""
    try:
        import fcntl  # not on Windows

        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (ImportError, OSError):
        return False
    return True


def _tidy(folder: str, name: str) -> None:
    """Let the new name outlive a power cut, and remove what processes that were killed have left."""
    with suppress(OSError):  # the file is written; not every system can do these
        number = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
    with suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(f".{name}") and _OURS.fullmatch(entry.name[len(name) + 1 :]) and _left(entry):
                os.unlink(entry.path)


def _left(entry: os.DirEntry[str]) -> bool:
    """Whether this is a temporary file, and the process that made it is gone."""
    if not entry.is_file(follow_symlinks=False):  # a pipe, say, that would never open
        return False
    if not entry.name.endswith(_LINKED):
        return entry.stat().st_mtime < time.time() - _STALE
    with open(entry.path, "rb") as file:
        return _locked(file.fileno())
