"""The MNIST demo's network, trained again and again under memory and CPU pressure: its losses and weights are, bit for
bit, those of a training without pressure, and its memory does not grow.

``python -m tests.soak soak --seconds 1800``: one training undisturbed, then half an hour of them under pressure. MNIST
is taken from the folder that MNIST_DIR names; without one it is scikit-learn's digits, as in the demo ``digits``.
"""

import contextlib
import gc
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from hashlib import sha256
from pathlib import Path

import numpy as np

EPOCHS = 20  # of one training, as in the demo
MB = 1 << 20
LEFT = 2000  # MB of memory that the pressure leaves available


def train(seconds):
    """Trainings until the time is over, at least one: a line of JSON for each epoch."""
    import autograd
    import nn
    from demos import mnist
    from demos.common import fit
    from demos.digits import load_digits
    from tests.soak.memory import resident

    end = time.perf_counter() + seconds
    autograd.manual_seed(0)
    images, labels = (mnist.load_mnist(None) if os.environ.get("MNIST_DIR") else load_digits())[0]
    dataset = nn.data.TensorDataset(mnist.flat(images), autograd.tensor(labels))
    while True:
        autograd.manual_seed(0)
        model = mnist.Net(nin=images[0].size, nh=100, nout=10)
        loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)
        optimizer = nn.optim.Adam(model.parameters(), lr=1e-3)
        for epoch, loss in enumerate(fit(model, loader, nn.CrossEntropyLoss(), optimizer, EPOCHS)):
            weights = sha256(b"".join(p.detach().numpy().tobytes() for p in model.parameters())).hexdigest()
            gc.collect()
            found = {"loss": loss.hex(), "weights": weights, "objects": len(gc.get_objects()), "KB": resident()}
            print(json.dumps({"epoch": epoch, **found}), flush=True)
            if time.perf_counter() > end and (seconds or epoch == EPOCHS - 1):
                return


def busy():
    while True:
        sum(range(10**6))


def memory():
    """Nearly all memory, taken and given back in turn."""
    with contextlib.suppress(OSError):  # what the system ends first, if it is too much all the same
        Path("/proc/self/oom_score_adj").write_text("1000")
    blocks = []
    while True:
        if available() > LEFT:
            blocks.append(np.ones(100 * MB, np.uint8))
        else:
            del blocks[: 1 + len(blocks) // 10]


def available():
    """In MB."""
    with open("/proc/meminfo") as file:
        return next(int(line.split()[1]) // 1024 for line in file if line.startswith("MemAvailable"))


def files():
    """Files written, put in place of each other, and read again."""
    with tempfile.TemporaryDirectory() as folder:
        for k in range(10**9):
            path = Path(folder, str(k % 4))
            path.with_suffix(".new").write_bytes(os.urandom(8 * MB))
            os.replace(path.with_suffix(".new"), path)
            path.read_bytes()


def start(*arguments, **streams):
    return subprocess.Popen([sys.executable, "-m", "tests.soak.soak", *map(str, arguments)], **streams)


def trained(seconds, hogs=()):
    """The epochs that a process trains in that time. A hog that has ended meanwhile is started again."""
    epochs = []
    with start("train", seconds, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        for line in process.stdout:
            epochs.append(json.loads(line))
            for hog in [name for name in hogs if hogs[name].poll() is not None]:
                hogs[hog] = start(hog.split()[0])
    assert process.returncode == 0, f"the training ended with {process.returncode}"
    return epochs


@contextlib.contextmanager
def pressure():
    """Two busy processes for each core; one that writes files; one that takes memory, if the system says how much."""
    names = [f"busy {k}" for k in range(2 * (os.cpu_count() or 1))] + ["files"]
    if os.path.exists("/proc/meminfo"):
        names.append("memory")
    hogs = {name: start(name.split()[0]) for name in names}
    try:
        yield hogs
    finally:
        for hog in hogs.values():
            hog.kill()
            hog.wait()


def stalled():
    """For how many seconds so far some process of the machine has waited for a core, and for memory; Linux knows."""
    found = []
    for what in "cpu", "memory":
        with contextlib.suppress(OSError):
            some = Path("/proc/pressure", what).read_text().splitlines()[0]
            found.append(int(some.rpartition("total=")[2]) / 1e6)
    return np.array(found)


def run(budget_seconds):
    calm = trained(0)
    begun, before = time.perf_counter(), stalled()
    with pressure() as hogs:
        pressed = trained(budget_seconds, hogs)
        waited, took = stalled() - before, time.perf_counter() - begun
    same = [all(found[x] == calm[found["epoch"]][x] for x in ("loss", "weights")) for found in pressed]
    differ = [k for k, equal in enumerate(same) if not equal]
    half = len(pressed) // 2
    # The least of each half: for a moment a thread that waits for a core may keep its last job.
    objects, grown = (
        min(found[x] for found in pressed[half:]) - min(found[x] for found in pressed[2:half] or pressed)
        for x in ("objects", "KB")
    )
    rows = [
        ("digits", "MNIST" if os.environ.get("MNIST_DIR") else "scikit-learn's"),
        ("minutes under pressure", f"{took / 60:.1f}"),
        ("of them somebody waited for a core, for memory", ", ".join(f"{seconds / 60:.1f}" for seconds in waited)),
        ("trainings, epochs under pressure", f"{len(pressed) / EPOCHS:.1f}, {len(pressed)}"),
        ("of them with other losses or weights", len(differ)),
        ("loss of the last epoch of a training", f"{float.fromhex(calm[-1]['loss']):.6f}"),
        ("more than in the first half of the time: objects, KB", f"{objects}, {grown}"),
        ("memory of the process in MB", f"{pressed[-1]['KB'] / 1024:.0f}"),
    ]
    assert not differ and objects <= 4 and grown <= 4096, rows
    return rows


if __name__ == "__main__":
    name, *arguments = sys.argv[1:]
    parent = os.getppid()

    def watch():  # nobody is left at work if the run is killed
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    globals()[name](*map(float, arguments))
