"""The kernels: exp, log and their kin against exact values, products against float64, the same without a compiler."""

import math
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import mpmath
import numba
import numpy as np
import pytest

import autograd
import nn
from autograd.kernels import each, elementwise, linalg, parts, threads
from autograd.kernels.jit import PLAIN

mp = mpmath.mp.clone()
mp.prec = 160
NAMES = ("exp", "expm1", "log", "log1p", "tanh", "erf")
inf, nan = math.inf, math.nan


def run(name, x):
    """``name`` of every element, by the kernel behind the public function."""
    return getattr(autograd, name)(autograd.as_tensor(x)).numpy()


def points(name, dtype):
    """Where ``name`` is finite: over the whole range, and densely where a reduction or a choice changes."""
    rng, info = np.random.default_rng(0), np.finfo(dtype)
    small = 10.0 ** rng.uniform(math.log10(info.smallest_subnormal), 0, 300) * rng.choice([-1, 1], 300)
    top = math.log(info.max)
    low = math.log(float(info.smallest_subnormal))
    spread = {
        "exp": rng.uniform(low, top, 600), "expm1": rng.uniform(-50, top, 600),
        "log": np.exp(rng.uniform(low, top, 600)), "log1p": np.expm1(rng.uniform(-30, top, 600)),
        "tanh": rng.uniform(-20, 20, 600), "erf": rng.uniform(-6, 6, 600),
    }[name]  # fmt: skip
    halves = (np.arange(-40, 40) + 0.5) * math.log(2)  # where exp goes to the next power of two
    edges = np.concatenate([halves * (1 + s * 2.0**-20) for s in (-1, 0, 1)])
    choices = np.concatenate([c * (1 + 2.0 ** -np.arange(4, 24)) for c in (0.5, 1.0, math.sqrt(0.5), math.sqrt(2))])
    x = np.concatenate([spread, small, edges, choices]).astype(dtype)
    if name == "log":
        x = np.abs(x)
    return x[x > -1] if name == "log1p" else x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", NAMES)
def test_within_two_and_a_half_ulp_over_the_whole_range(name, dtype):
    x = points(name, dtype)
    y = run(name, x)
    exact = [getattr(mp, name)(mp.mpf(float(v))) for v in x]
    worst = 0.0
    for v, found, true in zip(x, y, exact, strict=True):
        if abs(true) > float(np.finfo(dtype).max):
            assert found == math.copysign(inf, true), v
            continue
        ulp = float(np.spacing(np.abs(np.dtype(dtype).type(float(true)))))
        worst = max(worst, abs(float((mp.mpf(float(found)) - true) / ulp)))
    assert worst <= 2.5, f"{name} is off by {worst:.3g} ulp"


@pytest.mark.parametrize("name", NAMES)
def test_float32_is_within_two_and_a_half_ulp_at_a_million_points(name):
    bits = np.random.default_rng(1).integers(0, 2**32, 10**6, dtype=np.uint32)
    x = bits.view(np.float32)
    x = x[np.isfinite(x)]
    reference = getattr(np, name, None) or np.vectorize(math.erf)
    with np.errstate(all="ignore"):
        exact = reference(x.astype(np.float64))
        y, rounded = run(name, x), exact.astype(np.float32)
        fine = np.isfinite(rounded)
        assert np.array_equal(y[~fine], rounded[~fine], equal_nan=True)
        off = np.abs(y[fine] - exact[fine]) / np.spacing(np.abs(rounded[fine]))
    assert off.max() <= 2.5, f"{name}({x[fine][off.argmax()]!r}) is off by {off.max():.3g} ulp"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    ("name", "x", "y"),
    [
        ("exp", [nan, inf, -inf, 0.0, -0.0, 1e9, -1e9], [nan, inf, 0, 1, 1, inf, 0]),
        ("expm1", [nan, inf, -inf, 0.0, -0.0], [nan, inf, -1, 0.0, -0.0]),
        ("log", [nan, inf, -inf, 0.0, -0.0, -1.0], [nan, inf, nan, -inf, -inf, nan]),
        ("log1p", [nan, inf, -inf, 0.0, -0.0, -1.0, -2.0], [nan, inf, nan, 0.0, -0.0, -inf, nan]),
        ("tanh", [nan, inf, -inf, 0.0, -0.0], [nan, 1, -1, 0.0, -0.0]),
        ("erf", [nan, inf, -inf, 0.0, -0.0], [nan, 1, -1, 0.0, -0.0]),
    ],
)
def test_special_values(name, x, y, dtype):
    found = run(name, np.array(x, dtype))
    np.testing.assert_array_equal(found, np.array(y, dtype))
    assert np.array_equal(np.signbit(found), np.signbit(np.array(y, dtype))) or name in ("log", "log1p", "exp")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", [*NAMES, "sigmoid", "sqrt"])
def test_rare_values_change_no_bit_of_their_neighbours(name, dtype):
    usual = np.random.default_rng(0).uniform(0.01, 9, 1000).astype(dtype)
    alone = run(name, usual)
    for rare in (nan, inf, -inf, 0.0, -1.0, 86.9, 87.1, 500.0, -500.0, 1e-40, 1e-310, 1e30):
        x = usual.copy()
        x[501] = rare
        y = run(name, x)
        np.testing.assert_array_equal(y[501], run(name, x[501:502])[0])
        np.testing.assert_array_equal(np.delete(y, 501), np.delete(alone, 501))


def test_sqrt_is_rounded_correctly():
    x = np.random.default_rng(2).integers(0, 2**32, 10**5, dtype=np.uint32).view(np.float32)
    with np.errstate(invalid="ignore"):
        for values in (x, x.astype(np.float64), np.array([nan, inf, -inf, 0.0, -0.0, -1.0, 5e-324])):
            np.testing.assert_array_equal(run("sqrt", values), np.sqrt(values))


def test_exp_is_compiled_to_vector_code():
    x = np.linspace(-1, 1, 64, dtype="float32")
    if PLAIN:
        pytest.skip("nothing is compiled")
    kernel = numba.njit(error_model="numpy")(elementwise.exp.kernel.py_func)
    kernel(x, x.copy())
    code = "".join(kernel.inspect_asm().values())
    if "mm" not in code:
        pytest.skip("not an x86 machine")
    assert "expf" not in code
    assert any(f"mulps\t%{register}" in code for register in ("ymm", "zmm", "xmm")) or "fmadd" in code


def layouts(x):
    """A matrix by rows, by columns, and with gaps."""
    gaps = np.zeros((x.shape[0] * 2, x.shape[1] * 2), x.dtype)
    gaps[::2, ::2] = x
    return x, np.asfortranarray(x), gaps[::2, ::2]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "sizes",
    [
        (1, 1, 1), (100, 2, 4), (100, 4, 1), (7, 100, 5), (5, 13, 90), (90, 7, 90), (33, 40, 50), (16, 16, 16),
        (3, 0, 2), (0, 3, 2), (300, 1, 200), (1, 700, 500), (5, 1100, 60), (120, 300, 9), (67, 301, 43), (70, 90, 65),
        (530, 70, 33), (61, 601, 531), (531, 131, 258), (65, 1030, 130),
    ],
)  # fmt: skip
def test_products_of_every_layout_equal_float64s(sizes, dtype):
    m, inner, n = sizes
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(m, inner)).astype(dtype), rng.normal(size=(inner, n)).astype(dtype)
    exact = a.astype("float64") @ b.astype("float64")
    scale = np.abs(a.astype("float64")) @ np.abs(b.astype("float64"))
    for x in layouts(a):
        for y in layouts(b):
            out = linalg.product(x, y)
            assert out.dtype == dtype
            assert np.all(np.abs(out - exact) <= 8 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("sizes", [(600, 300, 200), (100, 784, 100), (40, 700, 600), (1100, 1100, 10), (9, 900, 900)])
def test_a_large_product_is_the_same_for_any_number_of_threads(sizes):
    m, inner, n = sizes
    rng = np.random.default_rng(0)
    x, w, g, b = (rng.random(shape, "float32") for shape in ((m, inner), (n, inner), (m, n), n))
    before, results = autograd.get_num_threads(), []
    try:
        for number in (1, 2, 3, 8):
            autograd.set_num_threads(number)
            results.append([linalg.linear(x, w, b), linalg.product(x, w.T), *linalg.linear_vjp(g, x, w, (1, 1, 1))])
    finally:
        autograd.set_num_threads(before)
    assert m * inner * n >= 2 * linalg.PIECE  # or nothing was cut
    for result in results[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(result, results[0], strict=True))
    for found, exact in zip(results[0], (x @ w.T + b, x @ w.T, g @ w, g.T @ x, g.sum(0)), strict=True):
        np.testing.assert_allclose(found, exact, rtol=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "sizes",
    [(100, 2, 4), (100, 4, 1), (16, 16, 16), (1, 3, 2), (15, 1, 1), (100, 100, 10), (70, 90, 65), (90, 784, 20),
     (3, 900, 200), (2000, 3, 2), (0, 3, 2), (5, 0, 2)],
)  # fmt: skip
def test_a_layer_and_its_gradients_equal_float64s(sizes, dtype):
    n, inner, m = sizes
    rng = np.random.default_rng(0)
    X, W, b, g = (rng.normal(size=shape).astype(dtype) for shape in ((n, inner), (m, inner), m, (n, m)))
    exact = [a.astype("float64") for a in (X, W, b, g)]

    def all_of(X, W, b, g):
        return X @ W.T + b, g @ W, g.T @ X, g.sum(0)

    scale = all_of(*map(np.abs, exact))
    for x, w, upstream in zip(layouts(X), layouts(W), layouts(g), strict=True):
        found = linalg.linear(x, w, b), *linalg.linear_vjp(upstream, x, w, (True, True, True))
        for out, true, size in zip(found, all_of(*exact), scale, strict=True):
            assert out.dtype == dtype and out.flags.c_contiguous
            assert np.all(np.abs(out - true) <= 8 * np.finfo(dtype).eps * size)
        if dtype == "float32":  # added up in float64
            assert np.array_equal(found[3], exact[3].sum(0).astype(dtype))
    assert linalg.linear_vjp(g, X, W, (False, True, True))[0] is None


def test_products_take_what_may_not_be_written():
    rng = np.random.default_rng(0)
    x, y = rng.random((80, 90), "float32"), rng.random((90, 100), "float32")
    x.flags.writeable = y.flags.writeable = False
    np.testing.assert_allclose(linalg.product(x, y), x @ y, rtol=1e-5)
    assert not x.flags.writeable


def test_an_overflow_and_what_is_not_a_number_pass_through_a_product():
    for size in (4, 100):
        x = np.full((size, size), 1e30, "float32")
        x[0, 0], x[1, 1] = math.nan, -math.inf
        out = linalg.product(x, x.T)
        assert np.isnan(out[0]).all() and np.isnan(out[:, 0]).all() and out[1, 1] == math.inf
        assert (out[2:, 2:] == math.inf).all() and (out[1, 2:] == -math.inf).sum() == 0


WITHOUT = """
import sys, numpy as np, autograd, nn
rng = np.random.default_rng(0)
out = {}
ACTIVATIONS = ("gelu", "silu", "mish", "softplus", "elu", "tanhshrink")
for dtype in ("float32", "float64"):
    x = rng.normal(size=40).astype(dtype) * 3
    for name in ("exp", "expm1", "log", "log1p", "tanh", "erf", "sigmoid", "relu", "logit", "erfc", *ACTIVATIONS):
        t = autograd.as_tensor(np.abs(x) / 12 if "log" in name else x).requires_grad_()
        y = getattr(nn.functional if name in ACTIVATIONS else autograd, name)(t)
        y.sum().backward()
        out[f"{name} {dtype}"], out[f"{name}' {dtype}"] = y.detach().numpy(), t.grad.numpy()
    z, y = autograd.as_tensor(x.reshape(8, 5)).requires_grad_(), autograd.tensor(rng.integers(0, 5, 8))
    loss = autograd.cross_entropy(z, y)
    loss.backward()
    out[f"ce {dtype}"], out[f"ce' {dtype}"] = loss.detach().numpy(), z.grad.numpy()
    a, b = rng.normal(size=(9, 5)).astype(dtype), rng.normal(size=(3, 5)).astype(dtype)
    out[f"product {dtype}"] = (autograd.as_tensor(a) @ autograd.as_tensor(b).T).numpy()
np.savez(sys.argv[1], **out)
"""


def test_the_same_without_a_compiler(tmp_path):
    for name, plain in (("compiled", "0"), ("plain", "1")):
        environment = {**os.environ, "NUMBA_DISABLE_JIT": plain}
        subprocess.run([sys.executable, "-c", WITHOUT, str(tmp_path / f"{name}.npz")], check=True, env=environment)
    compiled, plain = np.load(tmp_path / "compiled.npz"), np.load(tmp_path / "plain.npz")
    assert len(compiled.files) == 70
    for name in compiled.files:
        assert compiled[name].dtype == plain[name].dtype
        # fused multiply-adds round once where plain Python rounds twice
        np.testing.assert_allclose(plain[name], compiled[name], rtol=8 * np.finfo(plain[name].dtype).eps, atol=1e-7)


# -- threads


@pytest.mark.parametrize("number", [0, -1, 1.5, True, "2", None])
def test_the_number_of_threads_is_a_positive_integer(number):
    with pytest.raises(ValueError, match="positive integer"):
        autograd.set_num_threads(number)


def test_large_elementwise_work_is_the_same_for_any_number_of_threads():
    x = autograd.as_tensor(np.random.default_rng(0).normal(size=3 * threads.UNCUT + 7).astype("float32"))
    before, results = autograd.get_num_threads(), []
    try:
        for number in (1, 2, 5):
            autograd.set_num_threads(number)
            results.append(autograd.sigmoid(x).numpy().copy())
    finally:
        autograd.set_num_threads(before)
    assert np.array_equal(results[0], results[1]) and np.array_equal(results[0], results[2])


LARGE = {
    "add": lambda x, y: x + y, "by a number": lambda x, y: 2 * x, "of a scalar": lambda x, y: x[0] - y,
    "div": lambda x, y: x / y, "sqrt": lambda x, y: x.abs().sqrt(), "transposed": lambda x, y: x.view(7, -1).T + 1,
    "strided": lambda x, y: x[::2] * y[1::2], "broadcast": lambda x, y: x.view(7, -1) + y[:7].view(7, 1),
    "mixed": lambda x, y: x + y.double(), "maximum": autograd.maximum, "gelu": lambda x, y: nn.functional.gelu(x),
    "softplus": lambda x, y: nn.functional.softplus(x, 0.3), "sum": lambda x, y: x.sum(), "max": lambda x, y: x.max(),
    "softmax": lambda x, y: x.view(-1, 7).softmax(1), "logsumexp": lambda x, y: x.view(-1, 7).logsumexp(1),
}  # fmt: skip


@pytest.mark.parametrize("name", LARGE)
def test_large_work_is_cut_and_equals_the_same_in_parts_for_any_number_of_threads(name):
    rng = np.random.default_rng(0)
    x, y = (rng.normal(size=14 * (each.CHEAP // 7)).astype("float32") for _ in range(2))
    before, results = autograd.get_num_threads(), []
    try:
        for number in (1, 2, 5):
            autograd.set_num_threads(number)
            results.append(LARGE[name](autograd.as_tensor(x), autograd.as_tensor(y)).numpy())
    finally:
        autograd.set_num_threads(before)
    assert all(np.array_equal(result, results[0]) for result in results)
    exact = LARGE[name](autograd.as_tensor(x.astype("float64")), autograd.as_tensor(y.astype("float64"))).numpy()
    np.testing.assert_allclose(results[0], exact, rtol=1e-4 if name == "of a scalar" else 2e-6, atol=1e-6)


def test_every_element_is_in_one_piece():
    for size in (0, 1, threads.UNCUT, 2 * threads.UNCUT - 1, 2 * threads.UNCUT, 5 * threads.UNCUT + 3):
        parts = threads.cut(size)
        assert [i for p in parts for i in (p.start, p.stop)][1:-1:2] == [p.start for p in parts][1:]
        assert (parts[0].start, parts[-1].stop) == (0, size)


def test_an_error_in_a_thread_reaches_the_caller():
    def fail(k):
        raise ZeroDivisionError(k)

    before = autograd.get_num_threads()
    autograd.set_num_threads(3)
    try:
        with pytest.raises(ZeroDivisionError):
            threads.run(fail, [(k,) for k in range(6)])
        done = []
        threads.run(done.append, [(k,) for k in range(50)])
        assert sorted(done) == list(range(50))
    finally:
        autograd.set_num_threads(before)


def test_jobs_of_several_threads_and_jobs_within_jobs_are_each_done_once():
    before = autograd.get_num_threads()
    autograd.set_num_threads(3)
    counts = np.zeros((4, 300), np.int64)

    def inner(k, n, i):
        counts[k, n] += 1 << i

    def outer(k, n, i):
        threads.run(inner, [(k, n, 2 * i), (k, n, 2 * i + 1)])

    def caller(k):
        for n in range(300):
            threads.run(outer, [(k, n, i) for i in range(4)])

    try:
        callers = [threading.Thread(target=caller, args=(k,)) for k in range(4)]
        for thread in callers:
            thread.start()
        for thread in callers:
            thread.join()
    finally:
        autograd.set_num_threads(before)
    assert (counts == 255).all()


@pytest.mark.parametrize("late", [False, True])
def test_nobody_waits_for_a_helper_that_has_not_begun_but_for_one_that_has(late):
    before = autograd.get_num_threads()
    autograd.set_num_threads(2)
    done, busy = [], threading.Event()
    try:
        threads.run(done.append, [(1,), (2,)])  # there is a helper now
        for _ in range(threads.pool.helpers if late else 0):  # all are kept from coming
            threads.pool.put(threads._Job(busy.wait, [()]), 1)
        begun = time.perf_counter()
        main = threading.get_ident()

        def piece(k):
            time.sleep(0.02 if threading.get_ident() == main else 0.2)
            done.append(k)

        threads.run(piece, [(3,), (4,)])
        took = time.perf_counter() - begun
        assert sorted(done) == [1, 2, 3, 4]
        assert took < 0.15 if late else took > 0.15
    finally:
        busy.set()
        autograd.set_num_threads(before)


@pytest.fixture
def helpers():
    """Two helpers, watching."""
    before = autograd.get_num_threads()
    autograd.set_num_threads(3)
    yield
    autograd.set_num_threads(before)


@parts.shared
def _tell(rounds, x, by, part, parts):
    """Add 1 to ``x[part]`` after some work, and note of how many parts it is one."""
    s = 0.0
    for _ in range(rounds[0]):
        s += math.sqrt(abs(s) + 1)
    x[part] += 1 if s >= 0 else 2
    by[part] = parts


@parts.shared
def _fail(x, part, parts):
    x[part] = 1
    if part == 1:
        raise ValueError("a part that breaks its word")


needs_compiler = pytest.mark.skipif(PLAIN, reason="without a compiler there is one thread")


@pytest.mark.parametrize("many", [1, 2, 3, 7, parts.MOST])
@pytest.mark.parametrize("rounds", [0, 3000])
def test_each_part_of_a_kernel_is_done_once(helpers, many, rounds):
    x, by = np.zeros(many, np.int64), np.zeros(many, np.int64)
    for _ in range(200 if rounds == 0 else 20):
        _tell(threads.desk(many), many, np.array([rounds]), x, by)
    assert (x == (200 if rounds == 0 else 20)).all() and (by == many).all()


@needs_compiler
def test_helpers_that_sleep_are_all_woken(helpers, monkeypatch):
    _tell(threads.desk(3), 3, np.array([10]), np.zeros(3, np.int64), np.zeros(3, np.int64))
    deadline = time.monotonic() + 20
    while len(threads.pool.asleep) < threads.pool.helpers and time.monotonic() < deadline:
        time.sleep(0.01)
    assert len(threads.pool.asleep) == threads.pool.helpers
    woken = set()

    class Noted(set):
        def discard(self, number):
            woken.add(number)
            super().discard(number)

    monkeypatch.setattr(threads.pool, "asleep", Noted(threads.pool.asleep))
    while len(woken) < threads.pool.helpers and time.monotonic() < deadline:  # each call may wake only some
        threads.desk(3)
        time.sleep(0.01)
    assert len(woken) == threads.pool.helpers


@needs_compiler
def test_a_part_that_fails_is_an_error_and_the_desk_remains_of_use(helpers):
    x = np.zeros(1)
    _fail(threads.desk(1), 1, x)
    assert (x == 1).all()
    x = np.zeros(4)
    with pytest.raises(MemoryError):
        _fail(threads.desk(4), 4, x)
    assert (x == 1).all()
    x, by = np.zeros(5, np.int64), np.zeros(5, np.int64)
    _tell(threads.desk(5), 5, np.array([10]), x, by)
    assert (x == 1).all()


@needs_compiler
def test_nobody_waits_for_helpers_that_look_away_or_may_not(helpers):
    """All helpers are kept busy by Python, or there are to be none: whoever calls does all parts."""
    busy = threading.Event()
    _tell(threads.desk(3), 3, np.array([10]), np.zeros(3, np.int64), np.zeros(3, np.int64))
    try:
        for _ in range(threads.pool.helpers):
            threads.pool.put(threads._Job(busy.wait, [()]), 1)
        x, by = np.zeros(6, np.int64), np.zeros(6, np.int64)
        _tell(threads.pool.desk, 6, np.array([10]), x, by)
        assert (x == 1).all()
    finally:
        busy.set()
    autograd.set_num_threads(1)
    assert threads.pool.desk[parts.LIMIT // 8] == 0


LEAVE = """
import threading, time
import numpy as np
from autograd.kernels import threads
from tests.test_kernels import _tell
threads.set_num_threads(3)
x, by, rounds = np.zeros(4, np.int64), np.zeros(4, np.int64), np.zeros(1, np.int64)
_tell(threads.desk(4), 4, rounds, x, by)
at_work = True

def ring():
    while at_work:
        threads.pool.put(None, 2)
        time.sleep(1e-5)

bell = threading.Thread(target=ring)
bell.start()
for _ in range(30_000):
    _tell(threads.desk(4), 4, rounds, x, by)
at_work = False
bell.join()
assert (x == 30_001).all()
"""


@needs_compiler
def test_no_part_is_left_to_helpers_that_may_leave():
    """Nor does anybody wait for parts that nobody has begun."""
    subprocess.run([sys.executable, "-c", LEAVE], cwd=Path(__file__).parents[1], check=True, timeout=120)


def test_kernels_of_several_threads_at_once_each_do_all_their_parts(helpers):
    wrong = []

    def work(seed):
        rng = np.random.default_rng(seed)
        for _ in range(300):
            many = int(rng.integers(1, 9))
            x, by = np.zeros(many, np.int64), np.zeros(many, np.int64)
            _tell(threads.desk(many), many, rng.integers(0, 2000, 1), x, by)
            if not ((x == 1).all() and (by == many).all()):
                wrong.append((seed, many, x, by))

    workers = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in workers:
        thread.start()
    for thread in workers:
        thread.join()
    assert not wrong


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_child_after_a_fork_has_threads_of_its_own():
    x = np.ones(4 * threads.UNCUT, "float32")
    before = autograd.get_num_threads()
    autograd.set_num_threads(2)
    try:
        run("exp", x)
        child = os.fork()
        if not child:
            right = np.allclose(run("exp", x), math.e)
            os._exit(0 if right and any(thread.name == "chalkgrad" for thread in threading.enumerate()) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    finally:
        autograd.set_num_threads(before)


@pytest.mark.parametrize("kind", [np.float32, np.float64, np.array])
def test_numbers_of_numpy_are_arrays_too(kind):
    z, y = kind(0.5), kind(1.0)
    assert autograd.ops.bce_with_logits(z, y) == pytest.approx(math.log(1 + math.exp(-0.5)))
    assert autograd.ops.bce(z, y) == pytest.approx(math.log(2))
    assert autograd.ops.exp(z) == pytest.approx(math.exp(0.5)) and autograd.ops.sum(z) == 0.5
    assert autograd.ops.log(2.0) == pytest.approx(math.log(2))


BITS = """
import sys, numpy as np, autograd, nn
rng = np.random.default_rng(0)
model = nn.Sequential(nn.Linear(3, 7), nn.GELU(), nn.Linear(7, 5), nn.Sigmoid())
optimizer = nn.optim.Adam(model.parameters(), lr=0.01)
autograd.manual_seed(0)
for layer in model[::2]:
    layer.reset_parameters()
x, y = autograd.as_tensor(rng.normal(size=(43, 3)).astype("f")), autograd.tensor(rng.integers(0, 5, 43))
for _ in range(5):
    u = model(x)
    loss = nn.functional.cross_entropy(u, y) + nn.functional.binary_cross_entropy(u, (u.detach() > 0.5).float())
    loss = loss + u.softmax(1).square().sum() / 43 + autograd.logaddexp(u, 1 - u).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(loss.item().hex(), [p.sum().item().hex() for p in model.parameters()])
"""


def test_a_compiled_kernel_and_the_same_from_the_cache_agree_to_the_bit(tmp_path):
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}
    runs = [
        subprocess.run([sys.executable, "-c", BITS], check=True, env=environment, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert runs[0] == runs[1] and runs[0].count("\n") == 5
