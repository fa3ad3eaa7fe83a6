"""MNIST from its own files: an IDX reader that trusts nothing, and a loader that finds or downloads the four files.

The file format is the one described on Yann LeCun's MNIST page: two zero bytes, a type code, the rank, one big-endian
uint32 per dimension, then the values, big-endian, last dimension fastest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import math
import os
import struct
import sys
import warnings
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt

from ..atomic import write_atomically
from ..foreign import open_file

__all__ = ["DatasetError", "MnistArrays", "download_mnist", "load_mnist", "load_mnist_part", "read_idx"]

StrPath = str | os.PathLike[str]

MIRRORS: tuple[str, ...] = (
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
)
# Of the decompressed bytes: every copy was compressed by another gzip, so compressed bytes differ between mirrors.
SHA256: dict[str, str] = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
MAX_DOWNLOAD = 64 << 20  # bytes per file; the largest is 10 MB compressed and 47 MB plain
TIMEOUT = 20.0  # seconds without an answer

_DTYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_RANK = 32  # NumPy 1.x makes no array of a higher rank; it also caps the header at 132 bytes
_CHUNK = 1 << 20
_NAMES_IN_A_FOLDER = ("{}.gz", "{}", "MNIST/raw/{}.gz", "MNIST/raw/{}")  # ours first, then torchvision's layout


class DatasetError(ValueError):
    """A data file's content is not what it should be; the message says the file, what was expected and what was found.

    A file that is missing or cannot be opened is an `OSError` instead.
    """


class MnistArrays(NamedTuple):
    """The four arrays of MNIST in their original order: images as bytes 0..255, labels as class indices 0..9."""

    train_images: npt.NDArray[np.uint8]  # (60000, 28, 28)
    train_labels: npt.NDArray[np.int64]  # (60000,)
    test_images: npt.NDArray[np.uint8]  # (10000, 28, 28)
    test_labels: npt.NDArray[np.int64]  # (10000,)


def read_idx(path: StrPath, *, max_bytes: int = 1 << 30) -> npt.NDArray[Any]:
    """Read an array from an IDX file, plain or gzip-compressed (told by its content, not by its name).

    Memory is bounded by the bytes that are really there and by those that the header promises, whichever are fewer.

    Parameters
    ----------
    path : str or path-like
        The file.
    max_bytes : int
        The largest array to accept; a gzip file of 1 MB can honestly announce a gigabyte of zeros.

    Returns
    -------
    ndarray
        Of the header's shape (rank 1 to 32) and type (uint8, int8, int16, int32, float32 or float64, in native byte
        order); writable, its own memory.

    Raises
    ------
    DatasetError
        If the content is not exactly one IDX array: empty or cut file, bad magic, dimensions that do not match the
        bytes or are absurd, damaged gzip.
    OSError
        If the path is missing, is a directory or cannot be read.

    Notes
    -----
    Source of the format: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits".

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "labels-idx1-ubyte")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1,  0, 0, 0, 3,  5, 0, 4]))
    ...     read_idx(path)
    array([5, 0, 4], dtype=uint8)
    """
    path = os.fspath(path)
    with open_file(path) as file:
        return _parse(file, path, max_bytes)


def load_mnist(root: StrPath | None = None, download: bool = True, progress: bool | None = None) -> MnistArrays:
    """Load MNIST from a folder of yours, or from the cache folder, downloading it there the first time.

    Parameters
    ----------
    root : str or path-like, optional
        A folder with the four IDX files, with or without ``.gz``, or with torchvision's ``MNIST/raw`` in it; nothing is
        ever downloaded into it or written to it. Without it, the folder that the environment variable ``MNIST_DIR``
        names; without that, the cache: ``chalkgrad/mnist`` in ``$XDG_CACHE_HOME``, else in ``~/.cache``
        (``%LOCALAPPDATA%`` on Windows).
    download : bool
        Whether files that the cache lacks, or has damaged, are downloaded from public mirrors.
    progress : bool, optional
        False: silent. True: a progress bar on stderr. None: a bar on a terminal, one line per file elsewhere. The bar
        needs tqdm; without it there is one line per file.

    Returns
    -------
    MnistArrays
        Images (n, 28, 28) uint8 and labels (n,) int64 for training (60,000) and test (10,000). A cached or downloaded
        copy is checked by SHA-256; a folder of yours may hold another data set of this format, such as Fashion-MNIST.

    Raises
    ------
    FileNotFoundError
        If the folder lacks files; the message lists them.
    DatasetError
        If a file is damaged, or images and labels do not fit together, or mirrors delivered something else.
    ConnectionError
        If there is neither data nor a network.
    OSError
        If the cache folder cannot be found or written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for part in "train", "t10k":
    ...         images = bytes([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 28, 0, 0, 0, 28]) + bytes(2 * 28 * 28)
    ...         _ = pathlib.Path(folder, f"{part}-images-idx3-ubyte").write_bytes(images)
    ...         _ = pathlib.Path(folder, f"{part}-labels-idx1-ubyte").write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]))
    ...     data = load_mnist(folder)
    >>> data.train_images.shape, data.train_labels
    ((2, 28, 28), array([7, 3]))
    """
    given = root if root is not None else os.environ.get("MNIST_DIR") or None
    folder = Path(os.path.expanduser(given)) if given is not None else _cache_folder()
    cached = given is None
    if not (cached and download):
        _find_all(folder, SHA256)  # says all that is missing at once
    if not cached:
        return MnistArrays(*load_mnist_part(folder, "train"), *load_mnist_part(folder, "t10k"))
    arrays = {}
    for name in SHA256:  # no comprehension: its frame would count in the warning's stacklevel before Python 3.12
        arrays[name] = _verified_or_downloaded(folder, name, download, progress)
    return MnistArrays(*_checked_pair(arrays, "train", folder), *_checked_pair(arrays, "t10k", folder))


def load_mnist_part(root: StrPath, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """Images and labels of one part, "train" or "t10k", from a folder as for `load_mnist`; nothing is downloaded.

    Examples
    --------
    >>> images, labels = load_mnist_part("data", "t10k")  # doctest: +SKIP
    """
    folder = Path(os.path.expanduser(root))
    found = _find_all(folder, [name for name in SHA256 if name.startswith(part)])
    return _checked_pair({name: read_idx(path) for name, path in found.items()}, part, folder)


def download_mnist(folder: StrPath, progress: bool | None = None) -> None:
    """Make sure that `folder` (created if need be) holds the four files of MNIST, intact; download those it lacks.

    For a folder of your own choice; `load_mnist` does the same for the cache. Errors and `progress` are as there.

    Examples
    --------
    >>> download_mnist("data/MNIST/raw")  # doctest: +SKIP
    >>> data = load_mnist("data")  # doctest: +SKIP
    """
    for name in SHA256:
        _verified_or_downloaded(Path(os.path.expanduser(folder)), name, True, progress)


def _parse(stream: BinaryIO, name: str, max_bytes: int, sha256: str | None = None) -> npt.NDArray[Any]:
    """Read the one IDX array that `stream` holds, and check its plain bytes against `sha256` if that is given."""
    start = stream.read(2)
    stream.seek(0)
    if not start:
        raise DatasetError(f"{name}: expected an IDX file, found an empty file")
    try:
        if start == b"\x1f\x8b":
            with gzip.GzipFile(fileobj=stream, mode="rb") as plain:
                return _parse_plain(plain, name, max_bytes, sha256)
        return _parse_plain(stream, name, max_bytes, sha256)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:  # BadGzipFile would otherwise pass as an OSError
        raise DatasetError(f"{name}: expected an intact gzip file, found it cut or damaged: {error}") from error


def _parse_plain(stream: BinaryIO | gzip.GzipFile, name: str, max_bytes: int, sha256: str | None) -> npt.NDArray[Any]:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in _DTYPES or not 1 <= magic[3] <= _MAX_RANK:
        raise DatasetError(
            f"{name}: expected an IDX magic (00 00, a type of 08 09 0b 0c 0d 0e, a rank of 01 to {_MAX_RANK:02x}), "
            f"found {magic.hex(' ') or 'nothing'}"
        )
    dtype, rank = np.dtype(_DTYPES[magic[2]]), magic[3]
    sizes = stream.read(4 * rank)
    if len(sizes) < 4 * rank:
        raise DatasetError(f"{name}: expected {4 * rank} bytes of dimensions, found {len(sizes)}")
    shape: tuple[int, ...] = struct.unpack(f">{rank}I", sizes)
    # Python integers do not overflow, NumPy's do; a zero must not hide the others, since NumPy multiplies those.
    if math.prod(max(n, 1) for n in shape) * dtype.itemsize > max_bytes:
        raise DatasetError(f"{name}: expected at most {max_bytes} bytes of data (max_bytes), found dimensions {shape}")
    expected = math.prod(shape) * dtype.itemsize
    # Grown as the bytes arrive rather than allocated as promised: a short file with a boastful header costs nothing.
    data = bytearray()
    digest = hashlib.sha256(magic + sizes)
    while len(data) < expected:
        chunk = stream.read(min(_CHUNK, expected - len(data)))
        if not chunk:
            raise DatasetError(f"{name}: expected {expected} bytes of data for dimensions {shape}, found {len(data)}")
        data += chunk
        if sha256 is not None:
            digest.update(chunk)
    if stream.read(1):  # reading past the end is also what makes gzip compare its CRC
        raise DatasetError(f"{name}: expected {expected} bytes of data for dimensions {shape}, found more")
    if sha256 is not None and digest.hexdigest() != sha256:
        raise DatasetError(f"{name}: expected plain bytes with SHA-256 {sha256}, found {digest.hexdigest()}")
    return np.ndarray(shape, dtype, buffer=data).astype(dtype.newbyteorder("="), copy=False)


def _checked_pair(
    arrays: dict[str, npt.NDArray[Any]], part: str, folder: Path
) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    images, labels = arrays[f"{part}-images-idx3-ubyte"], arrays[f"{part}-labels-idx1-ubyte"]
    where = f"{folder}: {part}"
    if images.dtype != np.uint8 or images.shape[1:] != (28, 28) or len(images) == 0:
        raise DatasetError(f"{where}-images: expected uint8 (n, 28, 28), n > 0, found {images.dtype} {images.shape}")
    if labels.dtype != np.uint8 or labels.ndim != 1:
        raise DatasetError(f"{where}-labels: expected uint8 (n,), found {labels.dtype} {labels.shape}")
    if len(images) != len(labels):
        raise DatasetError(f"{where}: expected one label per image, found {len(images)} images, {len(labels)} labels")
    if labels.max() > 9:
        worst = int(labels.argmax())
        raise DatasetError(f"{where}-labels: expected labels 0..9, found {labels[worst]} at index {worst}")
    return images, labels.astype(np.int64)


def _find_all(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    found = {name: path for name in names if (path := _find(folder, name))}
    if missing := [name for name in names if name not in found]:
        raise FileNotFoundError(
            f"MNIST files missing in {folder}{'' if folder.is_dir() else ' (no such folder)'}: {', '.join(missing)} "
            "(each may also end in .gz, or lie in MNIST/raw). Put them there, name the folder that has them "
            "(--data-dir, or MNIST_DIR), or name no folder to have them downloaded into the cache."
        )
    return found


def _find(folder: Path, name: str) -> Path | None:
    paths = (folder / pattern.format(name) for pattern in _NAMES_IN_A_FOLDER)
    return next((path for path in paths if path.is_file()), None)


def _cache_folder() -> Path:
    base = os.environ.get("LOCALAPPDATA" if sys.platform == "win32" else "XDG_CACHE_HOME", "")
    if os.path.isabs(base):  # the XDG specification says to ignore a relative one
        return Path(base, "chalkgrad", "mnist")
    try:
        return Path.home() / ".cache" / "chalkgrad" / "mnist"
    except RuntimeError as error:
        raise FileNotFoundError(
            "no home folder to keep MNIST in: name a folder that has its files (--data-dir, or MNIST_DIR), "
            "or set XDG_CACHE_HOME to a folder that it may be downloaded into"
        ) from error


def _verified_or_downloaded(folder: Path, name: str, download: bool, progress: bool | None) -> npt.NDArray[Any]:
    path = _find(folder, name)
    if path is not None:
        try:
            with open_file(path) as file:
                return _parse(file, str(path), MAX_DOWNLOAD, SHA256[name])
        except DatasetError as error:
            if not download:
                raise
            warnings.warn(f"{error}; downloading it again", stacklevel=3)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        advice = "cannot make the folder for MNIST; set MNIST_DIR to one that has its files, or XDG_CACHE_HOME"
        raise OSError(error.errno, f"{advice} ({error.strerror})", str(folder)) from error
    from http.client import HTTPException  # not above: few programs download, and it takes 10 ms of each one's start
    from urllib.error import HTTPError

    failures: list[Exception] = []
    for mirror in MIRRORS:
        url = f"{mirror}{name}.gz"
        try:
            content = _fetch(url, progress)
            array = _parse(io.BytesIO(content), url, MAX_DOWNLOAD, SHA256[name])
        except (OSError, HTTPException, ValueError) as error:  # ValueError: a redirection to what is no address, too
            if isinstance(error, HTTPError):
                error.close()  # it is the open response, too
            failures.append(error)
            continue
        # First among the names that _find tries, so that it also takes the place of a damaged file of another name.
        write_atomically(folder / f"{name}.gz", content)
        return array
    tried = zip(MIRRORS, failures, strict=True)
    reasons = "; ".join(f"{mirror}: {str(error) or type(error).__name__}" for mirror, error in tried)
    advice = "Name a folder that has the four files (--data-dir, or MNIST_DIR), or try again"
    if any(isinstance(error, DatasetError) for error in failures):  # such as the log-in page of a hotel's network
        raise DatasetError(f"no mirror delivered MNIST's {name} intact ({reasons}). {advice}.") from failures[-1]
    raise ConnectionError(
        f"neither data nor network: {name} is not in {folder}, and no mirror delivered it ({reasons}). "
        f"{advice} with a network."
    ) from (failures[-1] if failures else None)


def _fetch(url: str, progress: bool | None) -> bytes:
    """Download `url` into memory: nothing is written before it is known to be right, so nothing is left behind."""
    from urllib.request import Request, urlopen

    content = bytearray()
    with urlopen(Request(url, headers={"User-Agent": "chalkgrad"}), timeout=TIMEOUT) as response:
        length: int | None = response.length
        with _progress(url, length, progress) as advance:
            while chunk := response.read(1 << 16):
                content += chunk
                if max(len(content), length or 0) > MAX_DOWNLOAD:
                    raise DatasetError(f"{url}: expected at most {MAX_DOWNLOAD} bytes, found more")
                advance(len(chunk))
    if length is not None and len(content) < length:  # http.client takes a lost connection for the end
        raise ConnectionError(f"connection lost after {len(content)} of {length} bytes")
    return bytes(content)


@contextmanager
def _progress(url: str, length: int | None, progress: bool | None) -> Iterator[Callable[[int], object]]:
    if progress is not False and sys.stderr is not None:  # None under pythonw
        if progress or sys.stderr.isatty():
            try:
                tqdm = import_module("tqdm").tqdm
            except ImportError:
                pass
            else:
                name = url.rpartition("/")[2]
                with tqdm(total=length, desc=name, unit="B", unit_scale=True, file=sys.stderr) as bar:
                    yield bar.update
                return
        print(f"downloading {url}", file=sys.stderr, flush=True)
    yield lambda count: None
