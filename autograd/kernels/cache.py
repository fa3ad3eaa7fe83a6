"""Where the machine code of kernels is kept for the next process.

Numba's cache is pickle: what is read from it is executed. So nothing is read that somebody else could have written.
"""

from __future__ import annotations

import os
import pickle
import secrets
import stat
import sys
import warnings
from contextlib import suppress
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

import llvmlite.binding as llvm
import numba

try:
    from numba.core.caching import CompileResultCacheImpl, FunctionCache
    from numba.core.runtime._nrt_python import c_helpers
    from numba.core.serialize import dumps
except ImportError:  # these are Numba's own affair; without them it keeps the kernels in its way
    if not TYPE_CHECKING:
        CompileResultCacheImpl = FunctionCache = object
        c_helpers = None


def keep(compiled: Any) -> None:
    """Have the code of ``compiled``, Numba's dispatcher, kept on disk, if there is a folder that can be written."""
    try:
        if c_helpers is None:
            compiled.enable_caching()
        else:
            compiled._cache = _Cache(compiled.py_func)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        _warn("no folder for compiled kernels can be written; they are compiled in every process")


def _warn(message: str) -> None:
    """Once, however many kernels are concerned."""
    if message not in _said:  # Python forgets what it has shown whenever the filters change, as the compiler does it
        _said.add(message)
        warnings.warn_explicit(message, UserWarning, __file__, 0, __name__)


_said: set[str] = set()


class _Where(CompileResultCacheImpl):
    """Where the machine code of a kernel is kept."""

    if os.path.expanduser("~") == "~":  # no home: Numba would take a folder named "~" in the working folder
        _locator_classes = [
            locator
            for locator in getattr(CompileResultCacheImpl, "_locator_classes", ())
            if "UserWide" not in locator.__name__
        ]


class _Cache(FunctionCache):
    """The machine code of a kernel on disk."""

    _impl_class = _Where

    def __init__(self, function: Any) -> None:
        super().__init__(function)
        self._cache_file: Any = _Files(self.cache_path, self._impl.filename_base)

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Code for ``sig``, or None.

        Numba gets its compiler ready first, importing SciPy's linear algebra, too, where that is installed. Code from
        the disk needs none of it: that is half of the time and a quarter of the memory of a small program.
        """
        _name_runtime()
        _close(self.cache_path)
        found = None
        try:
            if os.path.exists(self.cache_path) and _exposed(os.stat(self.cache_path)):
                self.disable()
                _warn(f"others can write {self.cache_path}: no compiled kernel is taken from there, nor kept for later")
            found = self._load_overload(sig, target_context)
        except Exception as error:  # what pickle makes of a damaged file can be anything
            _warn(f"a compiled kernel in {self.cache_path} is of no use, and compiled again: {error}")
        if found is None:
            announce()
        return found

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the code; without it on disk the program goes on all the same."""
        try:
            super().save_overload(sig, data)
        except OSError as error:
            _warn(f"a compiled kernel could not be kept for the next process: {error}")


class _Files:
    """A file for each signature of a kernel: a checksum, what the code was compiled from and by, and the code.

    Numba's own files share an index that is read, changed and written without a lock: of two processes that compile at
    once, the code of one is found under the signature of the other. And it does not notice a change of a function that
    the kernel calls in another file.
    """

    def __init__(self, folder: str, name: str) -> None:
        self.folder, self.name = folder, name

    def _of(self, key: Any) -> tuple[str, bytes]:
        """The path of the code for ``key``, and what it depends on besides."""
        signature, target, _ = key
        number = sha256(repr((signature, target)).encode()).hexdigest()[:16]
        origin = sha256(repr((key, _sources(), numba.__version__, llvm.llvm_version_info)).encode()).digest()
        return os.path.join(self.folder, f"{self.name}.{number}.nbc"), origin

    def load(self, key: Any) -> Any:
        path, origin = self._of(key)
        try:
            with open(path, "rb", opener=_at_once) as file:
                if _exposed(os.fstat(file.fileno())):
                    raise PermissionError("others can write it")
                data = file.read()
        except FileNotFoundError:
            return None
        checksum, of, code = data[:32], data[32:64], memoryview(data)[64:]
        if checksum != sha256(memoryview(data)[32:]).digest():
            raise ValueError("it is damaged")
        return pickle.loads(code) if of == origin else None

    def save(self, key: Any, data: Any) -> None:
        path, origin = self._of(key)
        content = origin + dumps(data)
        new = f"{path}.{secrets.token_hex(8)}"
        try:
            with open(new, "xb", opener=partial(os.open, mode=0o644)) as file:
                file.write(sha256(content).digest() + content)
            os.replace(new, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(new)
            raise


def _at_once(path: str, flags: int) -> int:
    """Open, not waiting for anybody to write: it may be a pipe that somebody left there."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _exposed(found: os.stat_result) -> bool:
    """Whether somebody can write there who cannot write our source: what is read from there is executed."""
    if not hasattr(os, "geteuid"):
        return False
    source = os.stat(os.path.dirname(__file__))
    accepted = source.st_mode if source.st_gid == found.st_gid else source.st_mode & ~stat.S_IWGRP
    return bool(
        found.st_uid not in (0, os.geteuid(), source.st_uid)
        or found.st_mode & ~accepted & (stat.S_IWGRP | stat.S_IWOTH)
    )


@cache
def _close(folder: str) -> None:
    """Let nobody else write to a folder of ours. Files that others left in it are found out one by one."""
    with suppress(OSError):
        found = os.stat(folder)
        if _exposed(found) and found.st_uid == os.geteuid():
            os.chmod(folder, stat.S_IMODE(found.st_mode) & ~(stat.S_IWGRP | stat.S_IWOTH))


@cache
def _name_runtime() -> None:
    """Tell LLVM where the functions are that compiled code calls by their names; the compiler does so as well."""
    for name, address in c_helpers.items():
        llvm.add_symbol(name if name.startswith("_") else f"NRT_{name}", address)


@cache
def announce() -> None:
    """Say, once, why the first run takes so long, where somebody is watching: in a terminal, or an interactive session.

    Not in a log or a pipe, which has its reader later, and whose readers may take any output for an error.
    """
    if sys.stderr is not None and (sys.stderr.isatty() or hasattr(sys, "ps1")):  # notebooks have a ps1, too
        print("chalkgrad compiles its kernels for this machine: some seconds, in the first run only", file=sys.stderr)


@cache
def _sources() -> tuple[Any, ...]:
    """The state of all files of this folder."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return tuple((file.name, file.stat().st_mtime, file.stat().st_size) for file in files)
