"""Processes and threads: forks, interrupts, cold and hostile caches, and every way to start Python.

The long versions are in ``tests/soak/processes.py``.
"""

import gc
import importlib
import inspect
import os
import pickle
import pkgutil
import re
import signal
import stat
import subprocess
import sys
import threading
import time
import weakref
from functools import partial
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from autograd import kernels
from autograd.kernels import cache, forks, threads
from autograd.kernels.jit import PLAIN
from autograd.ops import registry
from tests.opcheck import call, cases, tensors

ROOT = Path(__file__).resolve().parent.parent
F = nn.functional
compiled = pytest.mark.skipif(PLAIN, reason="nothing is compiled")
forking = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")

STEP = """
import sys, numpy as np, autograd
x = autograd.tensor(np.array([0, 1], sys.argv[1] if sys.argv[1:] else "float32"), requires_grad=True)
for _ in range(2):
    x.sigmoid().exp().sum().backward()
print([g.hex() for g in x.grad.tolist()], "numba.np.arraymath" in sys.modules)
"""


def start(code, *arguments, options=(), cwd=ROOT, **environment):
    environment = {k: v for k, v in {**os.environ, "PYTHONPATH": str(ROOT), **environment}.items() if v is not None}
    command = [sys.executable, *options, "-c", code, *arguments]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=cwd, env=environment, **streams)


def end(process):
    out, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    return out, error


def run(code, *arguments, **how):
    return end(start(code, *arguments, **how))


@pytest.fixture(scope="module")
def warm(tmp_path_factory):
    """A folder with the kernels of STEP, and what it prints."""
    folder = tmp_path_factory.mktemp("kernels")
    return folder, run(STEP, NUMBA_CACHE_DIR=str(folder))[0].split("]")[0]


@pytest.fixture
def numbers():
    """Any number of threads; as it was, afterwards."""
    before = autograd.get_num_threads()
    yield autograd.set_num_threads
    autograd.set_num_threads(before)


# -- the cache


@compiled
def test_six_first_runs_at_once_agree_and_leave_all_kernels_behind(tmp_path):
    started = [start(STEP, kind, NUMBA_CACHE_DIR=str(tmp_path)) for kind in ("float32", "float64") * 3]
    found = {end(process) for process in started}
    assert len({out.split("]")[0] for out, _ in found}) == 2 and {error for _, error in found} == {""}
    for kind in ("float32", "float64"):
        assert run(STEP, kind, NUMBA_CACHE_DIR=str(tmp_path))[0].endswith("False\n")  # nothing was compiled
    assert all(file.suffix == ".nbc" for file in tmp_path.rglob("*") if file.is_file())  # nothing half-written is left


OTHER_CODE = {
    "another signature": {"arguments": ["float64"]},
    "another processor": {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""},
}


@compiled
@pytest.mark.parametrize("what", OTHER_CODE)
def test_code_for_something_else_is_kept_beside_ours_and_never_taken_for_it(warm, tmp_path, what):
    environment = {"NUMBA_CACHE_DIR": str(tmp_path), **OTHER_CODE[what]}
    arguments = environment.pop("arguments", [])
    run(STEP, *arguments, **environment)
    others = {*tmp_path.rglob("*.nbc")}
    assert run(STEP, NUMBA_CACHE_DIR=str(tmp_path)) == (f"{warm[1]}] True\n", "")
    assert run(STEP, *arguments, **environment)[0].endswith("False\n")
    ours = {file.name.partition(".py")[0]: file for file in {*tmp_path.rglob("*.nbc")} - others}
    both = [(file, ours[k]) for file in others if (k := file.name.partition(".py")[0]) in ours]
    for file, our in both:
        our.write_bytes(file.read_bytes())
    assert both and run(STEP, NUMBA_CACHE_DIR=str(tmp_path)) == (f"{warm[1]}] True\n", "")


@compiled
def test_code_that_is_cut_or_changed_anywhere_is_never_loaded(warm):
    file = min(warm[0].rglob("*.nbc"), key=lambda file: file.stat().st_size)
    whole = file.read_bytes()
    files = cache._Files(str(file.parent), "")
    files._of = lambda key: (str(file), whole[32:64])
    assert files.load(None) is not None
    rng = np.random.default_rng(0)
    changes = [whole[:n] for n in range(0, len(whole), 7)]
    for where, how in zip(rng.integers(0, len(whole), 2000), rng.integers(1, 256, 2000), strict=True):
        changes.append(whole[:where] + bytes([whole[where] ^ how]) + whole[where + 1 :])
    try:
        for change in changes:
            file.write_bytes(change)
            with pytest.raises(ValueError, match="damaged"):
                files.load(None)
    finally:
        file.write_bytes(whole)


HOSTILE = {
    "a file": lambda at: at.write_text("x"),
    "below a file": lambda at: at.parent.joinpath("file").write_text("x"),
    "a symlink loop": lambda at: at.symlink_to(at),
    "a dangling symlink": lambda at: at.symlink_to(at.parent / "nowhere" / "at all"),
    "a device": lambda at: at.symlink_to("/dev/null"),
}


@compiled
@pytest.mark.skipif(os.name == "nt", reason="needs symlinks")
@pytest.mark.parametrize("what", HOSTILE)
def test_where_no_folder_can_be_another_is_taken(warm, tmp_path, what):
    at = tmp_path / "cache"
    HOSTILE[what](at)
    folder = tmp_path / "file" / "cache" if what == "below a file" else at
    out, error = run(STEP, NUMBA_CACHE_DIR=str(folder))
    assert out.split("]")[0] == warm[1] and "Traceback" not in error


@compiled
@pytest.mark.skipif(os.name == "nt", reason="needs symlinks and pipes")
def test_where_something_else_lies_in_place_of_a_kernel_it_is_compiled(warm, tmp_path):
    obstacles = [Path.mkdir, os.mkfifo, lambda at: at.symlink_to(at), lambda at: at.symlink_to("/dev/zero")]
    kernels = sorted(warm[0].rglob("*.nbc"))
    assert len(kernels) >= len(obstacles)
    for file, lay in zip(kernels, obstacles, strict=False):
        at = tmp_path / file.relative_to(warm[0])
        at.parent.mkdir(exist_ok=True)
        lay(at)
    out, error = run(STEP, NUMBA_CACHE_DIR=str(tmp_path))
    assert out.split("]")[0] == warm[1] and error.count("compiled again") == len(obstacles) and "Traceback" not in error


NOWHERE = """
import tempfile
def refuse(*args, **kwargs): raise PermissionError(13, "Permission denied")
tempfile.TemporaryFile = refuse  # root may write everywhere, so the refusal is played
"""


@compiled
@pytest.mark.parametrize("home", [None, "/nowhere"])
def test_without_any_folder_and_home_it_works_and_says_once_that_nothing_is_kept(warm, tmp_path, home):
    bare = {"HOME": home, "TMPDIR": None, "XDG_CACHE_HOME": None, "NUMBA_CACHE_DIR": None}
    out, error = run(NOWHERE + STEP, cwd=tmp_path, **bare)
    assert out.split("]")[0] == warm[1]
    assert error.count("can be written") == error.count("Warning") == 1
    assert not list(tmp_path.iterdir())


@compiled
def test_without_a_home_no_folder_is_made_where_one_works(warm, tmp_path):
    code = f"import os.path\nos.path.expanduser = lambda path: path\n{NOWHERE}{STEP}"  # nobody knows this user
    assert run(code, cwd=tmp_path, NUMBA_CACHE_DIR=None)[0].split("]")[0] == warm[1]
    assert not list(tmp_path.iterdir())


class Payload:
    def __init__(self, at):
        self.at = at

    def __reduce__(self):
        return os.mkdir, (str(self.at),)


def poison(folder, copy, at):
    """Copies of all kernels that would make the folder ``at`` when they are read, with right checksums."""
    for file in folder.rglob("*.nbc"):
        poisoned = copy / file.relative_to(folder)
        poisoned.parent.mkdir(exist_ok=True, parents=True)
        content = file.read_bytes()[32:64] + pickle.dumps(Payload(at))
        poisoned.write_bytes(sha256(content).digest() + content)
        yield poisoned


OTHERS = {
    "a file that all may write": lambda file: file.chmod(0o666),
    "a file that a group may write": lambda file: (os.chown(file, -1, 54321), file.chmod(0o664)),
    "a file of another user": lambda file: os.chown(file, 54321, -1),
    "a folder of another user": lambda file: os.chown(file.parent, 54321, -1),
}


@compiled
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
@pytest.mark.parametrize("whose", OTHERS)
def test_code_that_somebody_else_could_have_written_is_not_run(warm, tmp_path, whose):
    folder, expected = warm
    for file in poison(folder, tmp_path / "cache", tmp_path / "ran"):
        OTHERS[whose](file)
    out, error = run(STEP, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert out.split("]")[0] == expected and "others can write" in error and error.count("Warning") == 1
    assert not (tmp_path / "ran").exists()


@compiled
def test_code_that_is_ours_is_run_so_that_the_test_before_can_fail(warm, tmp_path):
    list(poison(warm[0], tmp_path / "cache", tmp_path / "ran"))
    out, error = run(STEP, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
    assert out.split("]")[0] == warm[1] and "of no use" in error
    assert (tmp_path / "ran").is_dir()


@compiled
@pytest.mark.skipif(os.name == "nt", reason="no such permissions")
@pytest.mark.parametrize("umask", [0o000, 0o002, 0o077])
def test_a_folder_of_ours_is_closed_to_others(warm, tmp_path, umask):
    code = f"import os\nos.umask({umask})\n{STEP}"
    assert run(code, NUMBA_CACHE_DIR=str(tmp_path / "cache")) == (f"{warm[1]}] True\n", "")
    assert run(code, NUMBA_CACHE_DIR=str(tmp_path / "cache")) == (f"{warm[1]}] False\n", "")  # and used
    (folder,) = (tmp_path / "cache").iterdir()
    accepted = stat.S_IMODE(os.stat(cache.__file__).st_mode | os.stat(Path(cache.__file__).parent).st_mode)
    for path in (folder, *folder.iterdir()):
        assert not path.stat().st_mode & 0o022 & ~accepted


@compiled
def test_what_the_disk_has_no_room_for_is_left_out_whole(warm, tmp_path):
    pytest.importorskip("resource")
    code = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (999, 999))\n" + STEP  # all files are larger
    out, error = run(code, NUMBA_CACHE_DIR=str(tmp_path))
    assert out.split("]")[0] == warm[1] and "could not be kept" in error
    assert not [file for file in tmp_path.rglob("*") if file.is_file()]


@compiled
def test_a_numba_that_has_changed_inside_keeps_kernels_in_its_own_way(warm, tmp_path):
    changed = "import numba.core.caching as c\nkept = c.FunctionCache\ndel c.FunctionCache\nimport autograd\n"
    for _ in range(2):
        out, error = run(changed + "c.FunctionCache = kept\n" + STEP, NUMBA_CACHE_DIR=str(tmp_path))
        assert out.split("]")[0] == warm[1] and error == ""
    assert list(tmp_path.rglob("*.nbi"))


# -- every way to start Python

WAYS = {
    "-O": {"options": ["-O"]},
    "-OO": {"options": ["-OO"]},
    "-W error": {"options": ["-W", "error"]},
    "-X dev -W error": {"options": ["-X", "dev", "-W", "error"]},
    "-b -b": {"options": ["-bb"]},
    "-I": {"options": ["-I"]},
    "-S": {"options": ["-S"]},
    "a closed stderr": {"before": "import os; os.close(2); sys.stderr = None"},
    "a C locale": {"LC_ALL": "C", "PYTHONUTF8": "0"},
    "one thread": {"OMP_NUM_THREADS": "1"},
    "nonsense for threads": {"OMP_NUM_THREADS": "4,2"},
}

PROGRAM = """
import numpy as np, autograd, nn, viz
autograd.manual_seed(0)
model = nn.Sequential(nn.Linear(3, 4), nn.Sigmoid(), nn.Dropout(0.5), nn.Linear(4, 2))
optimizer = nn.optim.Adam(model.parameters(), lr=0.1)
x, y = autograd.randn(10, 3), autograd.tensor([0, 1] * 5)
for _ in range(3):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(x), y)
    loss.backward()
    optimizer.step()
print(loss.item().hex(), len(str(viz.draw(loss).source)) > 100, len(repr(loss.grad_fn)) > 5)
try:
    autograd.ones(2) + autograd.ones(3)
except autograd.ShapeError as error:
    print("3" in str(error))
big = autograd.ones(300_000, requires_grad=True)
big.exp().sum().backward()
print(big.grad[0].item().hex())
"""


@pytest.fixture(scope="module")
def plainly():
    return run(PROGRAM)[0]


@pytest.mark.parametrize("way", WAYS)
def test_a_program_does_the_same_however_python_is_started(plainly, way):
    how = dict(WAYS[way])
    paths = f"import sys\nsys.path[:0] = {[str(ROOT), *sys.path]!r}\n"  # as -I and -S leave them out
    code = paths + how.pop("before", "") + PROGRAM
    out, error = run(code, **how)
    assert out == plainly and error == ""


SAMPLES = """
import sys, numpy as np
from tests.test_processes import results
np.savez(sys.argv[1], **{name: array for name, array, _ in results()})
"""

ADDING = {"logaddexp", "logaddexp2"}  # elementwise, but their values may be far smaller than what is added


def results():
    """What every op makes of its samples, and the gradients: a name, the array, and of which numbers an ulp is meant.

    Of each element itself where nothing is added up; else of the largest one, as a sum may be far smaller than what it
    is a sum of. The gradient u ⊙ (g − Σ g ⊙ u) of softmax may have no large one: of what it subtracts.
    """
    for name, op in sorted(registry.items()):
        for dtype in ("float32", "float64"):
            for k, (inputs, params) in enumerate(cases(op, dtype) if op.samples else ()):
                xs = tensors(op, inputs)
                y = call(op, params)(*xs)
                value = y.detach().numpy()
                alone = op.elementwise and all(np.shape(x) in ((), y.shape) for x in inputs)
                yield f"{name} {dtype} {k}", value, value if alone and name not in ADDING else largest(value)
                if not y.requires_grad:
                    continue
                g = np.random.default_rng(k).uniform(0.5, 2, y.shape).astype(dtype)
                y.backward(g)
                for i, x in enumerate(xs):
                    if getattr(x, "grad", None) is not None:
                        found = x.grad.numpy()
                        of = found if alone and found.shape == y.shape else largest(found)
                        of = largest(value * g) if name == "softmax" else of
                        yield f"{name} {dtype} {k}, gradient {i}", found, of


def largest(x):
    return np.max(np.abs(x[np.isfinite(x)]), initial=0).astype(x.dtype)


@compiled
def test_without_a_compiler_all_samples_of_all_ops_agree_within_4_ulp(tmp_path):
    run(SAMPLES, str(tmp_path / "plain.npz"), NUMBA_DISABLE_JIT="1")
    plain, count = dict(np.load(tmp_path / "plain.npz")), 0
    for name, x, of in results():
        y = plain.pop(name)
        assert x.dtype == y.dtype and x.shape == y.shape, name
        if x.dtype.kind == "f":
            finite = np.isfinite(x)
            np.testing.assert_array_equal(x[~finite], y[~finite], name)
            ulp = np.spacing(np.broadcast_to(np.abs(of), x.shape)[finite])
            off = np.max(np.abs(x[finite] - y[finite]) / ulp, initial=0)
            assert off <= 4, f"{name}: {off} ulp"
        else:
            np.testing.assert_array_equal(x, y, name)
        count += 1
    assert not plain and count > 2000


# -- forks

FORKS = """
import os, signal, sys, threading, time, warnings
import numba, numpy as np, autograd
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12: "may lead to deadlocks in the child"
autograd.set_num_threads(2)
stop = False
x = autograd.tensor(np.zeros(3), requires_grad=True)
big = autograd.tensor(np.ones(1 << 17), requires_grad=True)
view = autograd.from_numpy(np.ones(3))


def backward():
    (x * 2.0).sum().backward()


def draw():
    autograd.randn(100_000)


def write():
    y = x * autograd.from_numpy(np.ones(3))
    view.add_(1)


def large():
    big.detach().requires_grad_().exp().sum().backward()


def compile():
    numba.njit(lambda a: a + 1)(1)


def repeat(work):
    while not stop:
        work()


work = globals()[sys.argv[1]]
work()
workers = [threading.Thread(target=repeat, args=(work,)) for _ in range(2)]
for worker in workers:
    worker.start()
hung = wrong = 0
for _ in range(int(sys.argv[2])):
    time.sleep(0.001)
    child = os.fork()
    if not child:
        signal.alarm(20)
        for each in (backward, draw, write, large, work):
            each()
        y = autograd.tensor(np.ones(1 << 17), requires_grad=True)
        (y * y).sum().backward()
        os._exit(int(not (y.grad == 2).all().item()))
    status = os.waitpid(child, 0)[1]
    hung += os.WIFSIGNALED(status)
    wrong += os.WIFEXITED(status) and os.WEXITSTATUS(status) != 0
    if hung:
        break
stop = True
print(hung, wrong)
"""


@forking
@pytest.mark.parametrize("work", ["backward", "draw", "write", "large", "compile"])
def test_a_child_works_whatever_other_threads_were_at_when_it_was_forked(work):
    assert run(FORKS, work, "12")[0] == "0 0\n"


@forking
def test_a_fork_waits_for_whoever_holds_a_lock_and_for_locks_in_any_order(monkeypatch):
    first, second = threading.RLock(), threading.RLock()
    monkeypatch.setattr(forks, "_locks", [*forks._locks, lambda: first, lambda: second])
    begun, wrong, done = threading.Event(), [], []

    def backwards():  # against the order in which the other thread takes them
        for _ in range(50):
            with second:
                begun.set()
                time.sleep(1e-4)
                with first:
                    pass
        done.append("backwards")

    def fork():  # what a fork does in the thread that calls it
        begun.wait()
        while "backwards" not in done:
            forks._acquire()
            wrong.extend(lock for lock in (first, second) if not lock._is_owned())
            forks._release()
            wrong.extend(lock for lock in (first, second) if lock._is_owned())
        done.append("fork")

    workers = [threading.Thread(target=work, daemon=True) for work in (backwards, fork)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert done == ["backwards", "fork"] and not wrong


def test_every_lock_of_the_packages_is_held_over_a_fork_or_made_anew_in_the_child():
    lock = re.compile(r"\b(?:R?Lock|Condition|Semaphore|Event|SimpleQueue|Queue)\(\)")
    found = {
        path.relative_to(ROOT).as_posix(): len(lock.findall(path.read_text("utf-8")))
        for package in ("autograd", "nn", "viz")
        for path in (ROOT / package).rglob("*.py")
    }
    assert {path: count for path, count in found.items() if count} == {
        "autograd/versions.py": 1,  # guarded
        "autograd/kernels/jit.py": 1,  # guarded; without a compiler
        "autograd/kernels/threads.py": 2,  # of the pool, which a child makes anew
        "autograd/replay.py": 1,  # nobody waits for it: a step whose memory is taken runs as it is
    }
    held = [lock() for lock in forks._locks]
    assert autograd.versions.lock in held and autograd.default_generator.numpy.bit_generator.lock in held


# -- threads


def test_a_piece_that_fails_ends_the_job_for_all_threads(numbers):
    numbers(3)
    begun = []

    def piece(k):
        begun.append(k)
        time.sleep(0.005)
        if k == 0:
            raise KeyError(k)

    with pytest.raises(KeyError):
        threads.run(piece, [(k,) for k in range(500)])
    many = len(begun)
    time.sleep(0.05)
    assert len(begun) == many < 20  # whoever was told of the error can rely on nobody being at work any more


def test_errors_of_helpers_leave_nothing_behind(numbers):
    numbers(4)
    main, all_at_it = threading.get_ident(), threading.Barrier(3)  # so that more than one error is kept in the job

    class Big:
        pass

    def fail():
        big = Big()
        there = weakref.ref(big)

        def piece(k, big=big):
            time.sleep(0.02)
            if threading.get_ident() != main:
                all_at_it.wait(30)
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            threads.run(piece, [(k,) for k in range(20)])
        return there

    gc.collect()
    gc.disable()
    try:
        there = fail()
        time.sleep(0.1)  # a helper lets go of its job when it looks for the next
        assert there() is None
    finally:
        gc.enable()


def test_without_a_thread_to_be_had_the_caller_works_alone(numbers, monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    monkeypatch.setattr(threads, "pool", threads._Pool())
    numbers(4)
    x = autograd.ones(10 * threads.UNCUT)
    for _ in range(3):
        assert (x.exp() == x[:1].exp()).all()
    assert threads.pool.helpers == 0 and threads.pool.jobs.empty()  # nor do jobs wait for nobody


INTERRUPTED = """
import faulthandler, random, signal, sys, time
import numpy as np, autograd
faulthandler.dump_traceback_later(100, exit=True)
autograd.set_num_threads(3)
random.seed(0)
model = [autograd.tensor(np.ones(1 << 18), requires_grad=True) for _ in range(3)]
(model[0] * model[1]).exp().sum().backward()  # compiles
expected = model[0].grad.numpy().copy()
caught = 0
def stop(*_): raise KeyboardInterrupt
signal.signal(signal.SIGALRM, stop)
for _ in range(int(sys.argv[1])):
    for x in model: x.grad = None
    try:
        signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-4, 8e-3))
        loss = (model[0] * model[1]).exp().sum()
        loss.backward()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        caught += 1
        assert model[0].grad is None or (model[0].grad.numpy() == expected).all()
    for x in model: x.grad = None
    (model[0] * model[1]).exp().sum().backward()
    assert (model[0].grad.numpy() == expected).all()
print(caught)
"""


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
def test_after_an_interrupt_while_helpers_work_all_goes_on_as_before():
    assert int(run(INTERRUPTED, "60")[0]) >= 20


LEAVING = {
    "while a helper watches": "x.exp()",
    "while a helper sleeps": "x.exp(); time.sleep(0.1)",
    "while a helper is in a kernel": "threading.Thread(target=forever, daemon=True).start(); time.sleep(0.05)",
    "with work at exit": "atexit.register(lambda: x.exp().sum().backward())",
    "with the first large work at exit": "atexit.register(lambda: (autograd.set_num_threads(5), x.exp()))",
    "with work in the teardown": "x.detach().exp(); keep = Last()",
    "by sys.exit in a thread's presence": "threading.Thread(target=forever, daemon=True).start(); sys.exit(0)",
}

LEAVE = """
import atexit, sys, threading, time
import autograd
autograd.set_num_threads(3)
x = autograd.ones(1 << 19, requires_grad=True)
class Last:
    def __init__(self): self.x, self.exp = x, x.detach().exp
    def __del__(self): self.exp()
def forever():
    while True: x.detach().exp()
"""


@pytest.mark.parametrize("how", LEAVING)
def test_a_program_ends_in_peace(how):
    for _ in range(3):
        assert run(LEAVE + LEAVING[how]) == ("", "")


def test_several_threads_compute_the_same_bits_while_the_number_of_helpers_changes(numbers):
    rng = np.random.default_rng(0)
    x, w = rng.random((300, 400), "float32"), rng.random((500, 400), "float32")
    big = rng.random(5 * threads.UNCUT, "float32")
    numbers(1)

    def compute():
        z = autograd.tensor(big, requires_grad=True)
        z.exp().sum().backward()
        y = F.linear(autograd.tensor(x), autograd.tensor(w))
        return z.grad.numpy().tobytes(), y.numpy().tobytes()

    expected, wrong, at_work = compute(), [], True

    def work():
        wrong.extend(found for _ in range(20) if (found := compute()) != expected)

    def change(seed):
        rng = np.random.default_rng(seed)
        while at_work:
            autograd.set_num_threads(int(rng.integers(1, 6)))
            time.sleep(1e-4)

    workers = [threading.Thread(target=work) for _ in range(3)]
    changers = [threading.Thread(target=change, args=(seed,)) for seed in range(2)]
    for thread in (*workers, *changers):
        thread.start()
    for thread in workers:
        thread.join()
    at_work = False
    for thread in changers:
        thread.join()
    assert not wrong


def enlarge(x, size):
    """``x`` repeated along its first axis to more than ``size`` elements."""
    return np.concatenate([x] * -(-size // x.size)) if isinstance(x, np.ndarray) and x.ndim and x.size else x


def threaded(name, dtype):
    """How to compute samples of an op, enlarged so that its kernel works in pieces: one for each of its ways."""
    op, ways = registry[name], set()
    for inputs, params in cases(op, dtype):
        way = (name, dtype, *(p for p in params if isinstance(p, str)))  # reduction="none", approximate="tanh"
        arrays = [x for x in inputs if isinstance(x, np.ndarray)]
        if way in ways or not arrays or len({x.shape for x in arrays}) > 1 or not arrays[0].ndim or not arrays[0].size:
            continue
        large = tuple(enlarge(x, 3 * threads.UNCUT + 7) for x in inputs)

        def compute(large=large, params=params):
            xs = tensors(op, large)
            y = call(op, params)(*xs)
            if y.requires_grad:
                y.backward(np.random.default_rng(0).uniform(0.5, 2, y.shape).astype(y.detach().numpy().dtype))
            grads = [x.grad for x in xs if getattr(x, "grad", None) is not None]
            return [t.detach().numpy().tobytes() for t in (y, *grads)]

        ways.add(way)
        yield way, compute


def learn(optimizer, **options):
    """Some steps of an optimizer on large parameters."""
    parameters = [nn.Parameter(autograd.linspace(-1, 1, n)) for n in (3 * threads.UNCUT + 7, 11, threads.UNCUT)]
    stepper = getattr(nn.optim, optimizer)(parameters, lr=0.01, **options)
    for _ in range(3):
        stepper.zero_grad()
        sum((p * p).sum() for p in parameters).backward()
        stepper.step()
    return [p.detach().numpy().tobytes() for p in parameters]


def convolve(dtype):
    rng = np.random.default_rng(0)
    x, w = (
        autograd.tensor(rng.normal(size=s).astype(dtype), requires_grad=True) for s in ((40, 3, 28, 28), (8, 3, 5, 5))
    )
    y = F.conv2d(x, w)
    (y * y).sum().backward()
    return [t.detach().numpy().tobytes() for t in (y, x.grad, w.grad)]


SIZES = (200, 784, 300), (3000, 300, 10), (6, 3000, 300), (300, 10, 3000)  # also with few rows, few columns, no depth


def multiply(dtype, m, depth, n):
    rng = np.random.default_rng(0)
    arrays = (rng.normal(size=shape).astype(dtype) for shape in ((m, depth), (n, depth), n))
    x, w, b = (autograd.tensor(array, requires_grad=True) for array in arrays)
    y = F.linear(x, w, b)
    (y * y).mean().backward()
    return [t.detach().numpy().tobytes() for t in (y, x.grad, w.grad, b.grad)]


def test_every_kernel_that_works_in_pieces_gives_the_same_bits_for_any_number_of_threads(numbers, monkeypatch):
    modules = [importlib.import_module(f"autograd.kernels.{m.name}") for m in pkgutil.iter_modules(kernels.__path__)]
    functions = [x for module in modules for x in vars(module).values() if inspect.isfunction(x)]
    elementwise = [function for function in functions if hasattr(function, "kernel")]
    used = set()
    plainly = threads.desk

    def spy(parts):
        if parts > 1:
            used.add(sys._getframe(1).f_code.co_name)
        return plainly(parts)

    monkeypatch.setattr(threads, "desk", spy)
    for function in elementwise:
        monkeypatch.setitem(function.__globals__, "desk", spy)
    jobs = {}
    for dtype in ("float32", "float64"):
        jobs |= {f"conv2d {dtype}": partial(convolve, dtype)}
        jobs |= {f"linear {dtype} {sizes}": partial(multiply, dtype, *sizes) for sizes in SIZES}
        for name in registry:
            jobs |= threaded(name, dtype) if registry[name].samples else ()
    jobs |= {"Adam": lambda: learn("Adam"), "AdamW": lambda: learn("AdamW"), "RMSprop": lambda: learn("RMSprop"),
             "momentum": lambda: learn("SGD", momentum=0.9)}  # fmt: skip
    refused = set()
    for name, compute in jobs.items():
        found = []
        for number in (1, 2, 5):
            numbers(number)
            try:
                found.append(compute())
            except (ValueError, IndexError, TypeError):  # the enlarged arrays do not fit the sample's parameters
                refused.add(name)
                break
        assert all(a == b for a, b in pairwise(found)), name
    assert len(jobs) - len(refused) > 100, refused
    names = {function.__name__ for function in elementwise}
    assert len(names) > 30
    assert names - used == set()
    # sums, extremes, products, softmax and optimizers, arithmetic
    assert {"all_of", "extreme", "_tiled", "run", "_large"} <= used
