"""Reading IDX files and finding, checking and downloading MNIST; a server on 127.0.0.1 stands in for the mirrors."""

from __future__ import annotations

import doctest
import gc
import gzip
import hashlib
import io
import os
import pathlib
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time
import tracemalloc
import warnings
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from nn.data import mnist
from nn.data.mnist import DatasetError, MnistArrays, download_mnist, load_mnist, read_idx

CODES = {"u1": 0x08, "i1": 0x09, ">i2": 0x0B, ">i4": 0x0C, ">f4": 0x0D, ">f8": 0x0E}


def idx(array: Any, dtype: str = "u1", *, shape: tuple[int, ...] | None = None) -> bytes:
    """The IDX file of `array`; `shape` makes its header lie."""
    values = np.asarray(array).astype(dtype)
    shape = values.shape if shape is None else shape
    return bytes([0, 0, CODES[dtype], len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + values.tobytes()


def small_mnist(train: int = 3, test: int = 2) -> dict[str, bytes]:
    """The four plain files of a data set like MNIST, with few images."""
    files = {}
    for part, count in (("train", train), ("t10k", test)):
        images = np.random.default_rng(count).integers(0, 256, (count, 28, 28))
        files[f"{part}-images-idx3-ubyte"] = idx(images)
        files[f"{part}-labels-idx1-ubyte"] = idx(np.arange(count) % 10)
    return files


@contextmanager
def memory_below(limit: int) -> Iterator[None]:
    """Fail if the block, which may raise, allocates more than `limit` bytes at its peak."""
    tracemalloc.start()
    try:
        yield
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < limit


def put(folder: Path, files: dict[str, bytes], compress: bool = False) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / (name + ".gz" * compress)).write_bytes(gzip.compress(content) if compress else content)
    return folder


def assert_is(data: MnistArrays, files: dict[str, bytes]) -> None:
    assert data._fields == ("train_images", "train_labels", "test_images", "test_labels")
    arrays: list[np.ndarray[Any, Any]] = list(data)
    assert [array.dtype.name for array in arrays] == ["uint8", "int64"] * 2
    for array, content in zip(arrays, files.values(), strict=True):
        assert array.astype(np.uint8).tobytes() == content[4 + 4 * array.ndim :]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "some-idx"


# ------------------------------------------------------------------------------------------------------- reading IDX


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("shape", [(6,), (0,), (2, 3), (1, 2, 3), (0, 28, 28), (1,) * 32], ids=str)
@pytest.mark.parametrize("dtype", CODES)
def test_every_dtype_and_rank_is_read_into_native_writable_arrays(
    file: Path, dtype: str, shape: tuple[int, ...], compress: bool
) -> None:
    array = (np.arange(np.prod(shape)) - (0 if dtype == "u1" else 3)).reshape(shape)
    content = idx(array, dtype)
    file.write_bytes(gzip.compress(content) if compress else content)
    found = read_idx(file)
    assert found.dtype == np.dtype(dtype).newbyteorder("=") and found.dtype.isnative
    assert found.shape == shape and found.flags.writeable and found.flags.c_contiguous
    np.testing.assert_array_equal(found, array)


def test_extreme_values_and_nan_survive(file: Path) -> None:
    for dtype, values in {
        ">i2": [-32768, 32767],
        ">i4": [-(2**31), 2**31 - 1],
        ">f4": [np.nan, -np.inf, -0.0, 1e-45],
        ">f8": [np.nan, np.inf, -0.0, 5e-324],
    }.items():
        file.write_bytes(idx(values, dtype))
        assert read_idx(file).astype(dtype).tobytes() == np.array(values, dtype).tobytes()


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path) -> None:
    (tmp_path / "plain.gz").write_bytes(idx([1, 2]))
    (tmp_path / "compressed").write_bytes(gzip.compress(idx([1, 2])))
    assert read_idx(tmp_path / "plain.gz").tolist() == read_idx(str(tmp_path / "compressed")).tolist() == [1, 2]


def test_gzip_of_several_members_is_one_file(file: Path) -> None:
    content = idx(range(9))
    file.write_bytes(gzip.compress(content[:5]) + gzip.compress(content[5:]))
    assert read_idx(file).tolist() == list(range(9))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "found an empty file"),
        (gzip.compress(b"", mtime=0), "found nothing"),
        (b"<html>please log in</html>", "magic.*found 3c 68 74 6d"),
        (b"\0\1\x08\1" + idx([1])[4:], "magic.*found 00 01 08 01"),
        (b"\0\0\x0a\1" + idx([1])[4:], "magic.*found 00 00 0a 01"),
        (b"\0\0\x08\0\5", "magic.*found 00 00 08 00"),
        (b"\0\0\x08\x21" + bytes(4 * 33), "rank of 01 to 20.*found 00 00 08 21"),
        (b"\0\0\x08\xff", "magic"),
        (b"\0\0\x08\3\0\0\0\2\0\0", "expected 12 bytes of dimensions, found 6"),
        (idx([1, 2, 3], shape=(4,)), r"expected 4 bytes of data for dimensions \(4,\), found 3"),
        (idx([1, 2, 3], shape=(2,)), r"expected 2 bytes of data for dimensions \(2,\), found more"),
        (idx([1, 2, 3], shape=(0,)), "expected 0 bytes.*found more"),
        (idx([1, 2], ">f8")[:-1], "expected 16 bytes of data.*found 15"),
    ],
)
@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_wrong_content_says_file_expected_and_found(file: Path, content: bytes, message: str, compress: bool) -> None:
    if content and compress:
        content = content if content[:2] == b"\x1f\x8b" else gzip.compress(content)
    file.write_bytes(content)
    with pytest.raises(DatasetError, match=message) as caught:
        read_idx(file)
    assert str(file) in str(caught.value) and "expected" in str(caught.value)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_file_cut_at_any_byte_is_an_error(file: Path, compress: bool) -> None:
    whole = idx(np.arange(12).reshape(3, 4), ">i2")
    whole = gzip.compress(whole) if compress else whole
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(DatasetError):
            read_idx(file)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_trailing_bytes_are_an_error(file: Path, compress: bool) -> None:
    whole = idx([1, 2, 3])
    file.write_bytes((gzip.compress(whole) if compress else whole) + b"x")
    with pytest.raises(DatasetError):
        read_idx(file)


def test_wrong_gzip_crc_or_length_is_an_error(file: Path) -> None:
    whole = gzip.compress(idx(range(200)))
    for place in range(len(whole) - 8, len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(DatasetError, match="expected an intact gzip file"):
            read_idx(file)


@pytest.mark.parametrize("shape", [(2**32 - 1,) * 2, (2**31, 2**31, 4), (2**32 - 1,) * 32, (2**32 - 1, 0, 2**32 - 1)])
def test_absurd_dimensions_are_refused_before_allocation(file: Path, shape: tuple[int, ...]) -> None:
    file.write_bytes(idx([], shape=shape))
    with memory_below(1 << 20), pytest.raises(DatasetError, match="expected at most .* found dimensions"):
        read_idx(file)


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
def test_header_that_promises_much_more_than_is_there_allocates_nothing(file: Path, compress: bool) -> None:
    content = idx([1, 2, 3], shape=(1 << 15, 1 << 15))
    file.write_bytes(gzip.compress(content) if compress else content)
    with memory_below(4 << 20), pytest.raises(DatasetError, match=f"expected {1 << 30} bytes of data.*found 3"):
        read_idx(file)


def test_gzip_bomb_is_not_decompressed_beyond_the_promise(file: Path) -> None:
    compressor = zlib.compressobj(9, wbits=31)
    parts = [compressor.compress(idx([7, 7], shape=(2,)))]
    zeros = bytes(1 << 20)
    parts += [compressor.compress(zeros) for _ in range(100)]
    file.write_bytes(b"".join(parts) + compressor.flush())
    assert file.stat().st_size < 200_000
    with memory_below(4 << 20), pytest.raises(DatasetError, match="expected 2 bytes of data.*found more"):
        read_idx(file)


def test_array_larger_than_max_bytes_is_refused(file: Path) -> None:
    file.write_bytes(idx([1, 2, 3], ">i4"))
    assert len(read_idx(file, max_bytes=12)) == 3
    with pytest.raises(DatasetError, match="at most 11 bytes"):
        read_idx(file, max_bytes=11)


def test_missing_path_and_directory_are_os_errors_with_the_path(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError) as missing:
        read_idx(tmp_path / "nowhere")
    assert missing.value.filename == str(tmp_path / "nowhere")
    with pytest.raises(IsADirectoryError) as directory:
        read_idx(tmp_path)
    assert directory.value.filename == str(tmp_path)


def test_file_number_is_not_a_path() -> None:
    with pytest.raises(TypeError):
        read_idx(0)  # type: ignore[arg-type]


HEADERS = st.builds(lambda code, rank, rest: bytes([0, 0, code, rank]) + rest, *[st.integers(0, 20)] * 2, st.binary())


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary() | HEADERS | st.builds(lambda b: b"\x1f\x8b" + b, st.binary()) | st.builds(gzip.compress, HEADERS))
@example(b"\x1f\x8b\x08\x1c" + bytes(20))
def test_random_bytes_raise_nothing_but_dataset_errors(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with suppress(DatasetError):
        read_idx(file)


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_damaged_bytes_raise_nothing_but_dataset_errors(file: Path, data: st.DataObject) -> None:
    content = bytearray(gzip.compress(idx(np.arange(60).reshape(3, 20))))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    file.write_bytes(content)
    with suppress(DatasetError):
        read_idx(file)


# --------------------------------------------------------------------------------------------------- a folder of files


@pytest.fixture(autouse=True)
def neither_own_data_nor_network(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No test may read the developer's own cache or reach the network."""
    monkeypatch.delenv("MNIST_DIR", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(mnist, "MIRRORS", ())


@pytest.mark.parametrize("compress", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("layout", [".", "MNIST/raw"])
def test_four_files_load_from_a_folder(tmp_path: Path, compress: bool, layout: str) -> None:
    files = small_mnist()
    put(tmp_path / layout, files, compress)
    data = load_mnist(tmp_path)
    assert_is(data, files)
    assert data.train_images.shape == (3, 28, 28) and data.test_labels.shape == (2,)


def test_folder_may_mix_plain_and_gzip_files(tmp_path: Path) -> None:
    files = small_mnist()
    for compress, (name, content) in enumerate(files.items()):
        put(tmp_path, {name: content}, bool(compress % 2))
    assert_is(load_mnist(str(tmp_path)), files)


def test_mnist_dir_names_the_folder_and_an_argument_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "a", small_mnist(train=4))
    put(tmp_path / "b", small_mnist(train=5))
    monkeypatch.setenv("MNIST_DIR", str(tmp_path / "a"))
    assert len(load_mnist().train_images) == 4
    assert len(load_mnist(tmp_path / "b").train_images) == 5


def test_tilde_is_the_home_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path / "data", small_mnist())
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert len(load_mnist("~/data").train_images) == 3


@pytest.mark.parametrize("by_environment", [False, True])
def test_folder_without_the_files_lists_them_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_environment: bool
) -> None:
    names = list(small_mnist())
    put(tmp_path, {names[0]: b""})
    if by_environment:
        monkeypatch.setenv("MNIST_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="--data-dir, or MNIST_DIR") as caught:
        load_mnist(None if by_environment else tmp_path)
    message = str(caught.value)
    assert str(tmp_path) in message and names[0] not in message and all(name in message for name in names[1:])
    assert "no such folder" not in message
    with pytest.raises(FileNotFoundError, match="no such folder"):
        load_mnist(tmp_path / "nowhere")


def test_nothing_is_downloaded_or_written_into_a_folder_of_yours(tmp_path: Path, server: Server) -> None:
    put(tmp_path / "mine", {"t10k-labels-idx1-ubyte": b"damaged"})
    with pytest.raises(FileNotFoundError):
        load_mnist(tmp_path / "mine", download=True)
    assert os.listdir(tmp_path / "mine") == ["t10k-labels-idx1-ubyte"] and not server.requests


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-labels-idx1-ubyte", idx([1, 2]), "one label per image, found 3 images, 2 labels"),
        ("train-labels-idx1-ubyte", idx([1, 10, 2]), r"labels 0\.\.9, found 10 at index 1"),
        ("train-labels-idx1-ubyte", idx([[1], [2], [3]]), r"expected uint8 \(n,\), found uint8 \(3, 1\)"),
        ("train-labels-idx1-ubyte", idx([1, 2, 3], "i1"), "found int8"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((2, 28, 27))), r"\(n, 28, 28\).*found uint8 \(2, 28, 27\)"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((2, 784))), r"found uint8 \(2, 784\)"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((2, 28, 28)), ">f4"), r"found float32 \(2, 28, 28\)"),
        ("t10k-images-idx3-ubyte", idx(np.zeros((0, 28, 28))), r"n > 0, found uint8 \(0, 28, 28\)"),
        ("t10k-images-idx3-ubyte", b"junk", "magic"),
    ],
)
def test_files_that_do_not_fit_together_are_refused(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    put(tmp_path, small_mnist() | {name: content})
    with pytest.raises(DatasetError, match=message) as caught:
        load_mnist(tmp_path)
    assert str(tmp_path) in str(caught.value) and "expected" in str(caught.value)
    assert name.partition("-")[0] in str(caught.value)


# ------------------------------------------------------------------------------------------------ cache and download


Answer = Callable[[BaseHTTPRequestHandler], None]


class Server:
    """Serves two mirrors, /a/ and /b/; `answers` maps a path to what is sent instead of the file."""

    def __init__(self) -> None:
        self.files = {f"{name}.gz": gzip.compress(content) for name, content in small_mnist().items()}
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests.append(self.path)
                mirror, _, name = self.path[1:].partition("/")
                answer = outer.answers.get(self.path) or outer.answers.get(f"/{mirror}/")
                if answer:
                    answer(self)
                else:
                    send(outer.files[name])(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.http.serve_forever, args=(0.01,), daemon=True).start()

    def mirror(self, name: str) -> str:
        return f"http://127.0.0.1:{self.http.server_port}/{name}/"


def send(content: bytes, length: int | None = -1, status: int = 200) -> Answer:
    """Answer with `content`; `length` is what Content-Length claims (None: no such header)."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        if length is not None:
            handler.send_header("Content-Length", str(len(content) if length == -1 else length))
        handler.end_headers()
        handler.wfile.write(content)

    return answer


def redirect(address: str) -> Answer:
    return send_raw(b"HTTP/1.1 302 Found\r\nLocation: " + address.encode() + b"\r\nContent-Length: 0\r\n\r\n")


def send_raw(content: bytes) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(content)

    return answer


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    server = Server()
    monkeypatch.setattr(mnist, "MIRRORS", (server.mirror("a"), server.mirror("b")))
    monkeypatch.setattr(mnist, "SHA256", {n: hashlib.sha256(c).hexdigest() for n, c in small_mnist().items()})
    yield server
    server.http.shutdown()
    server.http.server_close()


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "xdg" / "chalkgrad" / "mnist"


def test_first_load_downloads_into_the_cache_and_the_second_needs_no_network(server: Server, cache: Path) -> None:
    assert_is(load_mnist(progress=False), small_mnist())
    assert server.requests == [f"/a/{name}" for name in server.files]
    assert {path.name: path.read_bytes() for path in cache.iterdir()} == server.files
    assert_is(load_mnist(download=False), small_mnist())
    assert len(server.requests) == 4


def test_only_missing_files_are_downloaded(server: Server, cache: Path) -> None:
    names = list(small_mnist())
    put(cache, {names[0]: small_mnist()[names[0]]})
    put(cache / "MNIST" / "raw", {names[1]: small_mnist()[names[1]]}, compress=True)
    assert_is(load_mnist(progress=False), small_mnist())
    assert server.requests == [f"/a/{name}.gz" for name in names[2:]]


def test_download_to_a_chosen_folder(server: Server, tmp_path: Path) -> None:
    download_mnist(tmp_path / "data/MNIST/raw", progress=False)
    assert_is(load_mnist(tmp_path / "data"), small_mnist())
    download_mnist(tmp_path / "data/MNIST/raw", progress=False)
    assert len(server.requests) == 4


def gzip_of_other_data(server: Server) -> bytes:
    return gzip.compress(small_mnist(train=9)["train-images-idx3-ubyte"])


FAILURES: dict[str, Callable[[Server], Answer]] = {
    "not found": lambda s: send(b"no", status=404),
    "server error": lambda s: send(b"", status=503),
    "login page": lambda s: send(b"<html>log in</html>"),
    "empty": lambda s: send(b""),
    "connection lost": lambda s: send(s.files["train-images-idx3-ubyte.gz"][:1000], length=5000),
    "cut, no length": lambda s: send(s.files["train-images-idx3-ubyte.gz"][:1000], length=None),
    "other data": lambda s: send(gzip_of_other_data(s)),
    "no answer": lambda s: lambda handler: None,
    "not http": lambda s: send_raw(b"hello\r\n\r\n"),
    "bad length": lambda s: send(b"x", length=-5),
    "bad chunks": lambda s: send_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nx\r\n"),
    "endless header": lambda s: send_raw(b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n"),
    "many headers": lambda s: send_raw(b"HTTP/1.1 200 OK\r\n" + b"X: x\r\n" * 1000 + b"\r\n"),
    "to a local file": lambda s: redirect("file:///etc/hostname"),
    "to no address": lambda s: redirect("http://[::1"),
    "to no host": lambda s: redirect("http://a..b/"),
    "to no port": lambda s: redirect("http://127.0.0.1:x/"),
    "in a circle": lambda s: redirect(s.mirror("a")),
}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # urllib forgets a socket
@pytest.mark.parametrize("kind", FAILURES)
def test_second_mirror_is_used_when_the_first_fails(server: Server, cache: Path, kind: str) -> None:
    server.answers["/a/"] = FAILURES[kind](server)
    assert_is(load_mnist(progress=False), small_mnist())
    gc.collect()
    assert sum(path.startswith("/b/") for path in server.requests) == 4
    assert sorted(os.listdir(cache)) == sorted(server.files)


def test_plain_file_under_the_compressed_name_is_accepted(server: Server) -> None:
    server.answers = {f"/a/{name}": send(gzip.decompress(content)) for name, content in server.files.items()}
    assert_is(load_mnist(progress=False), small_mnist())
    assert_is(load_mnist(download=False), small_mnist())


def test_corrupted_downloads_say_both_digests_and_leave_nothing(server: Server, cache: Path) -> None:
    server.answers["/a/"] = server.answers["/b/"] = send(gzip_of_other_data(server))
    with pytest.raises(DatasetError, match="no mirror delivered .* intact") as caught:
        load_mnist(progress=False)
    wrong = hashlib.sha256(small_mnist(train=9)["train-images-idx3-ubyte"]).hexdigest()
    assert wrong in str(caught.value) and mnist.SHA256["train-images-idx3-ubyte"] in str(caught.value)
    assert os.listdir(cache) == []


@pytest.mark.parametrize("declared", [True, False])
def test_endless_download_is_capped(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch, declared: bool
) -> None:
    monkeypatch.setattr(mnist, "MAX_DOWNLOAD", 100_000)
    sent = send(bytes(1 << 20), length=-1 if declared else None)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        with suppress(OSError):  # the client hangs up, as it should
            sent(handler)

    server.answers["/a/"] = server.answers["/b/"] = answer
    with pytest.raises(DatasetError, match="expected at most 100000 bytes, found more"):
        load_mnist(progress=False)
    assert os.listdir(cache) == []


def test_without_data_and_network_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, cache: Path) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound but not listening: connections are refused
        mirrors = tuple(f"http://127.0.0.1:{unused.getsockname()[1]}/{name}/" for name in "ab")
        monkeypatch.setattr(mnist, "MIRRORS", mirrors)
        with pytest.raises(ConnectionError, match="neither data nor network") as caught:
            load_mnist(progress=False)
    message = str(caught.value)
    assert all(part in message for part in (*mirrors, "--data-dir", "MNIST_DIR", str(cache)))


def test_lost_connection_is_a_connection_error_that_counts_the_bytes(server: Server) -> None:
    server.answers["/a/"] = server.answers["/b/"] = send(b"start", length=50)
    with pytest.raises(ConnectionError, match="connection lost after 5 of 50 bytes"):
        load_mnist(progress=False)


def test_silent_mirror_times_out(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mnist, "TIMEOUT", 0.05)
    done = threading.Event()

    def answer(handler: BaseHTTPRequestHandler) -> None:
        send(b"some", length=9)(handler)
        done.wait(10)

    server.answers["/a/"] = answer
    start = time.monotonic()
    try:
        assert_is(load_mnist(progress=False), small_mnist())
        assert time.monotonic() - start < 5
    finally:
        done.set()


def test_download_false_lists_what_the_cache_lacks(server: Server, cache: Path) -> None:
    with pytest.raises(FileNotFoundError, match="t10k-labels-idx1-ubyte"):
        load_mnist(download=False)
    assert not server.requests and not cache.exists()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("damage", [b"junk", idx([1]), idx([1, 2, 9])], ids=["junk", "other count", "other label"])
def test_damaged_cached_file_is_downloaded_again_with_a_warning(
    server: Server, cache: Path, suffix: str, damage: bytes
) -> None:
    load_mnist(progress=False)
    (cache / "train-labels-idx1-ubyte.gz").unlink()
    (cache / f"train-labels-idx1-ubyte{suffix}").write_bytes(damage)
    with pytest.warns(UserWarning, match="train-labels.*expected.*downloading it again") as caught:
        assert_is(load_mnist(progress=False), small_mnist())
    assert [w.filename for w in caught] == [__file__]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_is(load_mnist(), small_mnist())
    assert len(server.requests) == 5


def test_damaged_cached_file_is_an_error_when_downloads_are_off(server: Server, cache: Path) -> None:
    load_mnist(progress=False)
    (cache / "t10k-labels-idx1-ubyte.gz").write_bytes(idx([1, 9]))
    with pytest.raises(DatasetError, match="SHA-256 .* found"):
        load_mnist(download=False)


@pytest.mark.parametrize("step", ["read", "fsync", "replace"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), OSError(28, "No space left on device")])
def test_interruption_leaves_nothing_behind(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch, step: str, error: BaseException
) -> None:
    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patch:
        if step == "read":
            patch.setattr("http.client.HTTPResponse.read", fail)
        else:
            patch.setattr(os, step, fail)
        with pytest.raises(type(error)):
            load_mnist(progress=False)
    assert os.listdir(cache) == []
    assert_is(load_mnist(progress=False), small_mnist())


def test_interrupted_replacement_keeps_the_old_file(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(cache, {"train-images-idx3-ubyte.gz": b"old"})

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", fail)
    with pytest.warns(UserWarning), pytest.raises(KeyboardInterrupt):
        load_mnist(progress=False)
    assert [path.read_bytes() for path in cache.iterdir()] == [b"old"]


def test_several_processes_downloading_at_once_are_harmless(server: Server, cache: Path) -> None:
    code = (
        "from nn.data import mnist\n"
        f"mnist.MIRRORS, mnist.SHA256 = {mnist.MIRRORS!r}, {mnist.SHA256!r}\n"
        "for _ in range(5):\n"
        f"    mnist.download_mnist({str(cache)!r}, progress=False)\n"
        "    print(mnist.load_mnist().train_labels.tolist())\n"
    )
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    outputs = [process.communicate(timeout=60)[0] for process in processes]
    assert outputs == ["[0, 1, 2]\n" * 5] * 4
    assert sorted(os.listdir(cache)) == sorted(server.files)


def test_download_while_another_one_is_half_written_is_harmless(
    server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fsync = os.fsync

    def fsync_after_another_download(number: int) -> None:
        monkeypatch.setattr(os, "fsync", fsync)
        assert_is(load_mnist(progress=False), small_mnist())
        fsync(number)

    monkeypatch.setattr(os, "fsync", fsync_after_another_download)
    assert_is(load_mnist(progress=False), small_mnist())
    assert sorted(os.listdir(cache)) == sorted(server.files)


def test_cached_files_get_ordinary_permissions(server: Server, cache: Path) -> None:
    load_mnist(progress=False)
    probe = cache / "probe"
    probe.touch()
    assert {path.stat().st_mode for path in cache.iterdir()} == {probe.stat().st_mode}


def test_cache_folder_that_cannot_be_made_is_an_error_with_its_path(server: Server, tmp_path: Path) -> None:
    (tmp_path / "xdg").write_bytes(b"a file where the cache folder should be")
    with pytest.raises(NotADirectoryError, match="MNIST_DIR.*XDG_CACHE_HOME") as caught:
        load_mnist(progress=False)
    assert str(tmp_path / "xdg") in str(caught.value) and not server.requests


def test_cache_is_in_the_home_folder_without_xdg(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    for unset in (True, False):
        if unset:
            monkeypatch.delenv("XDG_CACHE_HOME")
        else:
            monkeypatch.setenv("XDG_CACHE_HOME", "relative")
        load_mnist(progress=False)
        assert len(os.listdir(tmp_path / ".cache" / "chalkgrad" / "mnist")) == 4
        shutil.rmtree(tmp_path / ".cache")


def test_cache_is_in_local_app_data_on_windows(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    monkeypatch.setattr(sys, "platform", "win32")
    load_mnist(progress=False)
    assert len(os.listdir(tmp_path / "local" / "chalkgrad" / "mnist")) == 4


def test_no_home_folder_is_a_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(pathlib.Path, "home", no_home)
    with pytest.raises(OSError, match="no home folder.*--data-dir, or MNIST_DIR.*XDG_CACHE_HOME"):
        load_mnist()


# ------------------------------------------------------------------------------------------------------- progress


def test_progress_bar_is_on_stderr(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("tqdm")
    load_mnist(progress=True)
    out, err = capsys.readouterr()
    assert out == "" and "100%" in err and all(name in err for name in server.files)


def test_without_tqdm_there_is_a_line_per_file(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tqdm", None)
    load_mnist(progress=True)
    out, err = capsys.readouterr()
    assert out == "" and err.splitlines() == [f"downloading {server.mirror('a')}{name}" for name in server.files]


def test_progress_defaults_to_lines_away_from_a_terminal(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    load_mnist()
    out, err = capsys.readouterr()
    assert out == "" and len(err.splitlines()) == 4


def test_progress_defaults_to_a_bar_on_a_terminal(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    load_mnist()
    out, err = capsys.readouterr()
    assert out == "" and "100%" in err


def test_progress_false_is_silent(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    load_mnist(progress=False)
    assert capsys.readouterr() == ("", "")


def test_download_works_without_a_stderr(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stderr", None)
    monkeypatch.setattr(sys, "stdout", stdout)
    assert_is(load_mnist(progress=True), small_mnist())
    assert stdout.getvalue() == ""


# ------------------------------------------------------------------------------------------------------- the real thing


REAL = os.environ.get("MNIST_DIR")


@pytest.mark.skipif(not REAL, reason="MNIST_DIR names no folder with the real files")
def test_real_mnist_loads_and_has_the_digests_in_the_code() -> None:
    assert REAL
    data = load_mnist(REAL)
    assert data.train_images.shape == (60000, 28, 28) and data.test_images.shape == (10000, 28, 28)
    assert data.train_labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert np.bincount(data.test_labels).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    for name, array in zip(mnist.SHA256, data, strict=True):
        assert hashlib.sha256(idx(array)).hexdigest() == mnist.SHA256[name]


def test_docstring_examples_run() -> None:
    results = doctest.testmod(mnist)
    assert results.attempted >= 5 and results.failed == 0
