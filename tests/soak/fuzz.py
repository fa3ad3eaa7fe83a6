"""Coverage-guided fuzzing of everything that reads what others have written: checkpoints, IDX files, notebooks.

Each target is a process of its own under atheris, with seeds made here and a mutator that knows the format. For every
input it must hold that nothing but the documented error is raised, that nothing is executed, imported or written, that
it takes less than 100 ms, and that what is accepted is right: against the package safetensors, against an IDX reader of
three lines, and, saved and loaded again, against itself. An input that breaks this is a crasher: it is printed, and its
test belongs into tests/test_files.py, test_mnist_files.py or test_as_torch.py.
"""

import ast
import contextlib
import copy
import gzip
import io
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile
import time
import warnings
from importlib import import_module, util
from pathlib import Path

import numpy as np

SLOW = 0.1  # seconds
LARGE = 64  # MB, above what the process had before the first input
WATCHED = ("exec", "import", "os.system", "os.exec", "os.remove", "os.rename", "subprocess.Popen", "socket.connect",
           "pickle.find_class", "marshal.loads", "ctypes.dlopen", "shutil.rmtree")  # fmt: skip


# -- targets: seeds, a mutator of the decoded input, and what must hold


class Checkpoint:
    """nn.load against the package."""

    modules = ("nn.files", "nn.foreign", "json")
    dtypes = ("F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U32", "U16", "U8", "BOOL")
    words = ("data_offsets", "dtype", "shape", "__metadata__", "chalkgrad", '{"tensor":"', '{"dict":[', '{"tuple":[',
             "U64", "F8_E4M3", *dtypes)  # fmt: skip

    def __init__(self):
        import nn

        import_module("safetensors.numpy")
        self.nn, self.deserialize = nn, import_module("safetensors").deserialize

    def seeds(self):
        x = np.arange(6.0)
        empty = {k: np.zeros((2, 0), k) for k in ("f4", "f8", "i8", "i4", "i2", "i1", "u1", "?")}
        nested = {"epoch": 3, "model": {"w": x}, "betas": (0.9, 0.99)}
        for obj in ({}, {"w": x.reshape(2, 3), "b": x[:1] > 0}, nested, empty, [x, None, 1.5, "é"]):
            file = io.BytesIO()
            self.nn.save(obj, file)
            yield file.getvalue()
        for dtype, size in (("F16", 2), ("BF16", 2), ("U16", 2), ("U32", 4)):
            yield self.encoded(({"x": {"dtype": dtype, "shape": [2], "data_offsets": [0, 2 * size]}}, bytes(2 * size)))

    def decoded(self, content):
        length = int.from_bytes(content[:8], "little")
        return json.loads(content[8 : 8 + length]), content[8 + length :]

    def encoded(self, parts):
        header, data = parts
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return struct.pack("<Q", len(text)) + text + data

    def mutated(self, parts, choose):
        header, data = mutated_tree(parts[0], choose), parts[1]
        if choose.random() < 0.5 and isinstance(header, dict):  # places that follow each other, so that more is reached
            begin = 0
            for entry in header.values():
                with contextlib.suppress(Exception):
                    size = math.prod(entry["shape"]) * {"8": 1, "6": 2, "2": 4, "4": 8, "L": 1}[entry["dtype"][-1]]
                    if 0 <= size < 1000:
                        entry["data_offsets"] = [begin, begin := begin + size]
            data = (data + bytes(begin))[:begin]
        text = json.dumps(header).encode()
        if choose.random() < 0.1:  # the tree is JSON within JSON
            with contextlib.suppress(Exception):
                tree = mutated_tree(json.loads(header["__metadata__"]["chalkgrad"]), choose)
                text = json.dumps(header | {"__metadata__": {"chalkgrad": json.dumps(tree)}}).encode()
        return text, data

    def stricter(self, content, entries):
        """Whether ours may refuse what the package takes: what the format forbids, NumPy lacks, or the tree has."""
        header = content[8 : 8 + int.from_bytes(content[:8], "little")]
        objects = []
        json.loads(header, object_pairs_hook=lambda pairs: objects.append([name for name, _ in pairs]) or dict(pairs))
        about = json.loads(header)
        return (
            not header.startswith(b"{")
            or any(len(set(names)) < len(names) for names in objects)
            or "chalkgrad" in (about.pop("__metadata__", None) or {})
            or not all(isinstance(entry, dict) for entry in about.values())
            or any(e["dtype"] not in self.dtypes or (e["dtype"] == "BOOL" and max(e["data"], default=0) > 1)
                   or len(e["shape"]) > 64 or max(e["shape"], default=0) >= 2**60 for e in entries.values())
        )  # fmt: skip

    def hold(self, content):
        ours = theirs = error = None
        try:
            ours = self.nn.load(io.BytesIO(content))
        except self.nn.CheckpointError as e:
            error = str(e)
        yield  # no more of it is timed
        with contextlib.suppress(import_module("safetensors").SafetensorError):
            theirs = dict(self.deserialize(content))
        if theirs is None and b"-0" in content:  # a size that Python takes for 0, and the package for no number
            return
        assert error or theirs is not None, "the package refuses it"
        if error:
            assert theirs is None or self.stricter(content, theirs), f"the package takes it: {error}"
            return
        tensors = list(leaves(ours))
        assert len(tensors) == len(theirs)
        same = [(t.numpy().tobytes(), t.shape) for t in tensors]
        for entry in theirs.values():
            if entry["dtype"] not in ("F16", "BF16", "U16", "U32"):
                assert (bytes(entry["data"]), tuple(entry["shape"])) in same
        file = io.BytesIO()
        self.nn.save(ours, file)
        again = self.nn.load(io.BytesIO(file.getvalue()))
        assert repr(plain(again)) == repr(plain(ours)), "saved and loaded it is another"


class Idx:
    """nn.data.mnist.read_idx against three lines of NumPy."""

    modules = ("nn.data.mnist", "nn.foreign", "gzip", "_compression")
    words = ("\\x00\\x00\\x08\\x03", "\\x00\\x00\\x0d\\x01", "\\x1f\\x8b\\x08", "\\xff\\xff\\xff\\xff")

    def __init__(self):
        from nn.data import mnist

        self.mnist = mnist
        self.dtypes = {8: "u1", 9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}
        self.path = os.path.join(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None), "idx")

    def seeds(self):
        for code, dtype in self.dtypes.items():
            plain = bytes([0, 0, code, 2, 0, 0, 0, 2, 0, 0, 0, 3]) + np.arange(6).astype(dtype).tobytes()
            yield plain
            yield gzip.compress(plain)
        yield gzip.compress(bytes([0, 0, 8, 1, 0, 0, 16, 0])) + gzip.compress(bytes(4096))
        yield bytes.fromhex("1f8b081c000000000003") + b"\4\0abcdname\0note\0" + gzip.compress(plain)[10:]

    def decoded(self, content):
        return gzip.decompress(content) if content[:2] == b"\x1f\x8b" else content

    def mutated(self, plain, choose):
        return mutated_bytes(plain, choose)

    def encoded(self, plain):
        return plain if random.random() < 0.5 else gzip.compress(plain, 1)

    def hold(self, content):
        with open(self.path, "wb") as file:
            file.write(content)
        found = error = None
        yield
        try:
            found = self.mnist.read_idx(self.path, max_bytes=1 << 20)
        except self.mnist.DatasetError as e:
            error = e
        yield
        if error is None:
            plain = self.decoded(content)
            values = np.frombuffer(plain[4 + 4 * plain[3] :], self.dtypes[plain[2]])
            assert found.shape == struct.unpack_from(f">{plain[3]}I", plain, 4) and plain[:2] == b"\0\0"
            assert found.astype(values.dtype).tobytes() == values.tobytes()


class Notebook:
    """The cells that python -m nn.as_torch would run, up to their compiled code, which is not run."""

    modules = ("nn.as_torch.run", "nn.foreign", "json")
    words = ("nbformat", "cell_type", "source", "metadata", "language_info", "kernelspec", "%%time", "%time ", "x?")

    def __init__(self):
        self.run = import_module("nn.as_torch.run")
        import_module("unicodedata")  # for Python's own parser
        self.run._note = lambda text: None
        self.path = os.path.join(tempfile.mkdtemp(dir="/dev/shm" if os.path.isdir("/dev/shm") else None), "n.ipynb")
        warnings.simplefilter("ignore")

    def seeds(self):
        magic = ["%%bash\nls", "%%time\n?x\nx?\n'''\n%a\n'''"]
        for sources in ([], ["x = 1\nx;", ["!ls\n", "%time y = (2\n + 3)\n", "y"]], magic):
            cells = [{"cell_type": "code", "metadata": {}, "outputs": [{}], "source": source} for source in sources]
            cells.append({"cell_type": "markdown", "source": ["# a\n", "b"]})
            about = {"language_info": {"name": "python"}, "kernelspec": {"language": "python"}}
            yield self.encoded({"nbformat": 4, "nbformat_minor": 5, "metadata": about, "cells": cells})

    def decoded(self, content):
        return json.loads(content)

    def mutated(self, tree, choose):
        return mutated_tree(tree, choose)

    def encoded(self, tree):
        return json.dumps(tree).encode()

    def hold(self, content):
        with open(self.path, "wb") as file:
            file.write(content)
        cells = []
        yield
        with contextlib.suppress(self.run.NotebookError):
            cells = self.run.read_notebook(self.path)
        yield
        for source in cells:
            try:
                codes = list(self.run._compiled(source, "cell", "cell"))
                whole = ast.parse(source)
            except (SyntaxError, ValueError, MemoryError, RecursionError):  # of the cell, as Python itself has them
                continue
            # What is Python anyway means the same here.
            shown = whole.body and isinstance(whole.body[-1], ast.Expr) and not source.rstrip().endswith(";")
            assert len(codes) == 1 + bool(shown)


TARGETS = {"checkpoint": Checkpoint, "idx": Idx, "notebook": Notebook}


def leaves(x):
    if isinstance(x, dict):
        x = list(x.values())
    if isinstance(x, (list, tuple)):
        for part in x:
            yield from leaves(part)
    elif hasattr(x, "requires_grad"):
        yield x


def plain(x):
    if isinstance(x, dict):
        return [(key, plain(value)) for key, value in x.items()]
    if isinstance(x, (list, tuple)):
        return type(x)(map(plain, x))
    return (str(x.dtype), x.shape, x.numpy().tobytes()) if hasattr(x, "requires_grad") else x


# -- mutators

ODD = (None, True, -1, 0, 1, 2, 4, 2**31, 2**62, 2**63, 2**64, 0.5, 1e400, "", "x", "\0", "\ud800", "é", [], {}, [[]],
       [0], [0, 4], "F32", "BOOL", "I8", "python", "code", "%%bash\n", "!x\n", "x?")  # fmt: skip


def mutated_tree(tree, choose):
    """One node of a JSON value replaced, removed, doubled, wrapped, or exchanged for another."""
    places = []
    todo = [tree]
    while todo:
        node = todo.pop()
        keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
        places += [(node, key) for key in keys]
        todo += [node[key] for key in keys]
    if not places or choose.random() < 0.02:
        return copy.deepcopy(choose.choice(ODD))
    node, key = choose.choice(places)
    other, its = choose.choice(places)
    match choose.randrange(8):
        case 0:
            del node[key]
        case 1 if isinstance(node, list):
            node.insert(key, copy.deepcopy(node[key]))
        case 1:
            node[choose.choice(("x", "y", "__metadata__", "source", key + "'"))] = copy.deepcopy(node[key])
        case 2:
            node[key] = copy.deepcopy(other[its])
        case 3:
            node[key] = [node[key]] if choose.random() < 0.5 else {"x": node[key]}
        case 4 if isinstance(node[key], str):
            node[key] = mutated_bytes(node[key].encode("utf-8", "replace"), choose).decode("utf-8", "replace")
        case 5 if type(node[key]) is int:
            node[key] += choose.choice((-1, 1, 4, 8))
        case _:
            node[key] = copy.deepcopy(choose.choice(ODD))
    return tree


def mutated_bytes(content, choose):
    content = bytearray(content)
    for _ in range(choose.randrange(1, 4)):
        k = choose.randrange(len(content) + 1)
        match choose.randrange(4):
            case 0:
                content[k : k + 1] = bytes([choose.choice((0, 1, 2, 8, 28, 127, 255, choose.randrange(256)))])
            case 1:
                del content[k : k + choose.randrange(1, 5)]
            case 2:
                content[k:k] = choose.choice((b"\n", b"%", b"!", b"?", b";", b"\r", b"\0", b"(", b"'''", b"\xff" * 4))
            case 3:
                content[k:k] = content[choose.randrange(len(content) + 1) :][:8]
    return bytes(content)


# -- one process


def main(name, arguments):
    import atheris

    kind = TARGETS[name]
    for module in [m for m in sys.modules if m.partition(".")[0] in ("json", "gzip", "_compression")]:
        del sys.modules[module]  # so that its branches are seen, too
    with atheris.instrument_imports(include=list(kind.modules)):
        for module in kind.modules:
            with contextlib.suppress(ModuleNotFoundError):  # _compression moved in 3.14
                import_module(module)
        target = kind()
    watching = False

    def watch(event, args):
        if watching and event.startswith(WATCHED):
            raise BaseException(f"{event} {args!r:.200}")  # which nothing catches

    def one(content):
        nonlocal watching
        steps = target.hold(content)
        watching, begun = True, time.thread_time()
        for k, _ in enumerate(steps):
            seconds, begun = time.thread_time() - begun, time.thread_time()
            assert seconds < SLOW, f"step {k} took {seconds:.2f} s"
        watching = False

    def mutate(content, largest, seed):
        choose = random.Random(seed)
        if choose.random() < 0.7:
            with contextlib.suppress(Exception):
                parts = target.decoded(content)
                for _ in range(choose.randrange(1, 4)):
                    parts = target.mutated(parts, choose)
                made = target.encoded(parts)
                if len(made) <= largest:
                    return made
        return atheris.Mutate(content, largest)

    for seed in target.seeds():  # what is imported at the first call
        for _ in target.hold(seed):
            pass
    sys.addaudithook(watch)
    atheris.Setup([sys.argv[0], *arguments], one, custom_mutator=mutate)
    atheris.Fuzz()


def run(budget_seconds):
    if util.find_spec("atheris") is None:
        return [("fuzzing needs atheris: pip install 'chalkgrad[soak]'", "not run")]
    rows = []
    for name, kind in TARGETS.items():
        with tempfile.TemporaryDirectory() as folder:
            corpus, crashers = Path(folder, "corpus"), Path(folder, "crashers")
            corpus.mkdir(), crashers.mkdir()
            for k, seed in enumerate(kind().seeds()):
                (corpus / f"seed{k}").write_bytes(seed)
            Path(folder, "words").write_text("".join('"' + word.replace('"', '\\"') + '"\n' for word in kind.words))
            command = [sys.executable, "-m", "tests.soak.fuzz", name, str(corpus), f"-artifact_prefix={crashers}/"]
            command += [f"-max_total_time={max(1, int(budget_seconds / len(TARGETS)))}", "-max_len=4096", "-timeout=5"]
            command += [f"-dict={folder}/words", "-print_final_stats=1", "-rss_limit_mb=0"]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace")
            broken = sorted(crashers.iterdir())
            if done.returncode or broken:
                content = broken[0].read_bytes() if broken else b""
                raise AssertionError(f"{name}: {content!r}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
            runs = int(re.search(r"executed_units: (\d+)", done.stderr)[1])
            edges = int(re.findall(r"cov: (\d+)", done.stderr)[-1])
            megabytes = [int(m) for m in re.findall(r"rss: (\d+)Mb", done.stderr)]
            rows.append((f"{name}: runs, coverage edges, crashers", f"{runs:,}, {edges}, {len(broken)}"))
            rows.append((f"{name}: MB grown from the first input to the last", megabytes[-1] - megabytes[0]))
            assert megabytes[-1] - megabytes[0] < LARGE
    return rows


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
