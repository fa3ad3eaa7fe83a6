"""Random graphs against PyTorch and finite differences; random wrong arguments, which must get errors of ours.

The graphs are drawn step by step by hypothesis: methods that PyTorch has under the same name, applied to whatever
tensors there are so far, so that inputs are shared, broadcast, viewed and written in place; and ops of the registry, on
inputs that hang on the graph. ``python -m tests.soak.properties SECONDS`` runs the examples in this process, as the run
with ``NUMBA_BOUNDSCHECK=1`` does in a process of its own.
"""

import math
import os
import re
import subprocess
import sys
import tempfile
import time
import warnings
from collections import Counter

import hypothesis
import hypothesis.strategies as st
import numpy as np

import autograd
import nn
from autograd import GraphError
from autograd.ops import registry
from tests import opcheck

try:
    import torch
except ImportError:
    torch = None

F = nn.functional

# -- random graphs

SMOOTH = ["sin", "cos", "tanh", "sigmoid", "atan", "asinh", "erf", "neg", "sinh", "expm1", "square", "exp"]
KINKED = ["relu", "abs"]
BINARY = ["add", "sub", "mul", "atan2", "hypot", "logaddexp"]
REDUCE = ["sum", "mean", "logsumexp", "std", "var"]
OPS = [op for op in registry.values() if op.differentiable and op.samples and op.name not in ("svd_packed", "others")]
LIMIT = 30.0  # what is larger goes through tanh first, so that nothing overflows


class Refused(Exception):
    """PyTorch does not do this, or ours: the example ends here."""


class Graph:
    """The same steps on our tensors and, if they are compared, on PyTorch's."""

    def __init__(self, draw, dtype, peer, kinks):
        self.draw, self.peer, self.kinks = draw, peer, kinks
        self.steps = []
        shapes = draw(st.lists(st.sampled_from([(), (1,), (3,), (4,), (2, 3), (3, 1), (1, 4), (3, 4), (2, 1, 3)]),
                               min_size=1, max_size=4))  # fmt: skip
        rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
        arrays = [rng.normal(size=shape).astype(dtype) for shape in shapes]
        self.leaves = [autograd.tensor(a, requires_grad=True) for a in arrays]
        self.ours = [self.leaves[:]]
        self.their_leaves = [torch.tensor(a, requires_grad=True) for a in arrays] if peer else []
        self.pools = [(autograd, list(self.leaves))]
        if peer:
            self.pools.append((torch, list(self.their_leaves)))

    @property
    def pool(self):
        return self.pools[0][1]

    def pick(self, fits=lambda x: True):
        places = [k for k, x in enumerate(self.pool) if fits(x)]
        return self.draw(st.sampled_from(places)) if places else None

    def do(self, what, function, *places, write=False):
        """Apply ``function(package, *tensors)`` to both, and compare what comes out."""
        self.steps.append((what, places))
        results = []
        for package, pool in self.pools:
            try:
                results.append(function(package, *(pool[k] for k in places)))
            except RuntimeError as error:  # noqa: PERF203
                results.append(error)
        failed = [isinstance(y, Exception) for y in results]
        if any(failed):
            if failed[0] and not all(failed):
                raise AssertionError(f"{self.steps}: only ours refuses: {results[0]}")
            raise Refused(what)
        ours = results[0]
        assert ours.numel() <= 400
        if self.peer:
            theirs = results[1]
            assert tuple(theirs.shape) == ours.shape, (self.steps, theirs.shape, ours.shape)
            assert str(theirs.dtype).removeprefix("torch.") == str(ours.dtype), (self.steps, theirs.dtype, ours.dtype)
        if not write:
            for (_, pool), y in zip(self.pools, results, strict=True):
                pool.append(y)

    def step(self):
        draw, kind = self.draw, self.draw(st.sampled_from(STEPS))
        k = self.pick()
        x = self.pool[k]
        if x.numel() and np.abs(x.detach().array).max() > LIMIT:
            return self.do("tanh", lambda _, x: x.tanh(), k)
        axis = draw(st.integers(-x.ndim, x.ndim - 1)) if x.ndim else None
        if kind == "elementwise":
            name = draw(st.sampled_from(SMOOTH + KINKED * self.kinks))
            return self.do(name, lambda _, x: getattr(x, name)(), k)
        if kind == "number":
            c = draw(st.sampled_from([2, -0.5, 3.0, True]))
            name = draw(st.sampled_from(["__add__", "__rsub__", "__mul__", "__truediv__"]))
            return self.do(f"{name} {c}", lambda _, x: getattr(x, name)(c), k)
        if kind == "binary":
            j = self.pick(lambda y: broadcasts(x.shape, y.shape) is not None)
            name = draw(st.sampled_from(BINARY + ["maximum"] * self.kinks))
            if name in ("atan2", "hypot", "maximum"):  # at 0 and at ties they are singular
                return self.do(name, lambda p, x, y: getattr(p, name)(x, y * y + 1.25), k, j)
            return self.do(name, lambda p, x, y: getattr(p, name)(x, y), k, j)
        if kind == "reduce":
            name, keep = draw(st.sampled_from(REDUCE)), draw(st.booleans())
            if axis is None or (name in ("std", "var") and x.shape[axis] < 2):
                return None
            if name == "std":
                return self.do(name, lambda p, x: (x.var(axis, keepdim=keep) + 0.5).sqrt(), k)
            return self.do(f"{name}({axis}, {keep})", lambda p, x: getattr(x, name)(axis, keepdim=keep), k)
        if kind == "softmax" and axis is not None:
            name = draw(st.sampled_from(["softmax", "log_softmax", "cumsum"]))
            return self.do(f"{name}({axis})", lambda p, x: getattr(x, name)(axis), k)
        if kind == "shape":
            how = draw(st.sampled_from(["reshape", "unsqueeze", "flip", "permute", "squeeze", "expand"]))
            if how == "reshape":
                shape = draw(st.sampled_from(factors(x.numel())))
                return self.do(f"reshape{shape}", lambda p, x: x.reshape(shape), k)
            if how == "permute":
                order = draw(st.permutations(range(x.ndim)))
                return self.do(f"permute{order}", lambda p, x: x.permute(*order) if order else x.permute(()), k)
            if how == "expand" and x.ndim < 3 and x.numel() < 40:
                return self.do("expand", lambda p, x: x.expand(2, *x.shape), k)
            if how == "unsqueeze" and x.ndim < 4:
                return self.do("unsqueeze", lambda p, x: x.unsqueeze(-1), k)
            if how == "flip" and axis is not None:
                return self.do("flip", lambda p, x: x.flip(axis), k)
            return self.do("squeeze", lambda p, x: x.squeeze(), k)
        if kind == "part" and axis is not None and x.shape[0]:
            start = draw(st.integers(-x.shape[0], x.shape[0] - 1))
            index = draw(st.sampled_from([start, slice(start, None), [start, start, 0], (..., None)]))
            return self.do(f"[{index}]", lambda p, x: x[index], k)
        if kind == "join":
            j = self.pick(lambda y: y.shape == x.shape)
            name = draw(st.sampled_from(["stack", "cat"])) if x.ndim else "stack"
            if x.numel() > 60 or x.ndim > 3:
                return None
            return self.do(name, lambda p, x, y: getattr(p, name)([x, y, x], 0), k, j)
        if kind == "matmul" and x.ndim >= 1:
            j = self.pick(lambda y: y.ndim and y.shape[-2 if y.ndim > 1 else 0] == x.shape[-1]
                          and broadcasts(x.shape[:-2], y.shape[:-2]) is not None)  # fmt: skip
            return None if j is None else self.do("matmul", lambda p, x, y: x @ y * 0.5, k, j)
        if kind == "write":
            return self.write(k, x)
        if kind == "cast":
            name = draw(st.sampled_from(["float", "double"])) if self.kinks else "double"
            return self.do(name, lambda p, x: getattr(x, name)(), k)
        return None

    def write(self, k, x):
        name = self.draw(st.sampled_from(["mul_", "add_", "sin_", "[...] =", "zero_", "copy_", "[0] ="]))
        if any(x is y for y in self.leaves) or not x.numel():
            return None
        j = self.pick(lambda y: broadcasts(x.shape, y.shape) == x.shape and y.dtype == x.dtype)
        if name in ("sin_", "zero_"):
            return self.do(name, lambda p, x: getattr(x, name)(), k, write=True)
        if name == "[...] =":
            return self.do(name, lambda p, x, y: (x.__setitem__(..., y.clone()), x)[1], k, j, write=True)
        if name == "[0] =":
            return self.do(name, lambda p, x: (x.__setitem__(0, 0.25), x)[1], k, write=True) if x.ndim else None
        return self.do(name, lambda p, x, y: getattr(x, name)(y.clone()), k, j, write=True)

    def registered(self, op):
        """An op of the registry (ours only), on its sample moved a little by what is there already."""
        samples = list(opcheck.cases(op))
        inputs, params = samples[self.draw(st.integers(0, len(samples) - 1))]
        k = self.pick(lambda x: x.numel())
        if k is None:
            return
        move = 1e-3 * self.pool[k].tanh().mean()
        arrays = [autograd.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs]
        moved = [isinstance(x, autograd.Tensor) and x.dtype.kind == "f" and op.pull(i) for i, x in enumerate(arrays)]
        tensors = [x + move if moves else x for x, moves in zip(arrays, moved, strict=True)]
        y = opcheck.call(op, params)(*tensors)
        if not (np.abs(y.detach().array) < 1e4).all():  # a sample of the tails: nothing for finite differences
            raise Refused(op.name)
        self.steps.append((op.name, (k,)))
        self.pool.append(y if y.numel() <= 60 else y.reshape(-1)[:60])

    def loss(self, package, pool):
        """Everything that is there, so that nothing goes unused."""
        terms = [(x.double() * (0.3 + 0.1 * k)).mean() for k, x in enumerate(pool) if math.prod(x.shape)]
        return package.stack(terms).sum()


STEPS = ["elementwise", "elementwise", "number", "binary", "binary", "reduce", "softmax", "shape", "part", "join",
         "matmul", "write", "write", "cast"]  # fmt: skip


def broadcasts(a, b):
    try:
        return np.broadcast_shapes(a, b)
    except ValueError:
        return None


def factors(n):
    return [(n,), (-1, 1), (1, n), *[(d, n // d) for d in range(2, n) if n % d == 0]]


tally = Counter()


def against_pytorch(data):
    """Draw a graph and compare values and gradients with PyTorch's."""
    dtype = data.draw(st.sampled_from(["float64", "float32"]))
    graph = Graph(data.draw, dtype, peer=True, kinks=True)
    try:
        for _ in range(data.draw(st.integers(1, 12 if dtype == "float64" else 6))):
            graph.step()
        ours, theirs = (graph.loss(*pool) for pool in graph.pools)
        try:
            theirs.backward()
        except RuntimeError as error:
            assert "inplace" in str(error) or "in-place" in str(error), error
            tally["PyTorch refuses, ours does not"] += 1
            ours.backward()  # right or refused: the finite differences say
            return
    except Refused:
        tally["both refuse"] += 1
        return
    ours.backward()
    rtol = 1e-9 if dtype == "float64" and not any(s[0] == "float" for s in graph.steps) else 2e-3
    scale = max([1.0, *(float(x.grad.abs().max()) for x in graph.their_leaves if x.grad is not None and x.numel())])
    for x, t in zip(graph.leaves, graph.their_leaves, strict=True):
        assert (x.grad is None) == (t.grad is None), graph.steps
        if x.grad is not None:
            assert x.grad.dtype == x.dtype
            got, expected = x.grad.array, t.grad.numpy()
            np.testing.assert_allclose(got, expected, rtol=rtol, atol=rtol * scale, err_msg=str(graph.steps))
    np.testing.assert_allclose(ours.item(), theirs.item(), rtol=rtol, atol=rtol, err_msg=str(graph.steps))
    tally["agree with PyTorch"] += 1


class Again:
    """Draws what was drawn before: finite differences run the same steps on other values."""

    def __init__(self, draw):
        self.draw, self.drawn, self.at = draw, [], None

    def __call__(self, strategy):
        if self.at is None:
            self.drawn.append(self.draw(strategy))
            return self.drawn[-1]
        self.at += 1
        return self.drawn[self.at - 1]


def against_differences(data, ops=OPS):
    """Draw a graph of smooth steps and ops of the registry, and compare its gradients with finite differences."""
    draw = Again(data.draw)
    used = []

    def build(leaves=None):
        graph = Graph(draw, "float64", peer=False, kinks=False)
        if leaves is not None:
            graph.leaves[:] = leaves
            graph.pool[:] = leaves
        for _ in range(draw(st.integers(1, 5))):
            if draw(st.booleans()):
                op = draw(st.sampled_from(ops))
                graph.registered(op)
                used.append(op.name)
            else:
                graph.step()
        return graph, graph.loss(autograd, graph.pool)

    try:
        graph, _ = build()
    except Refused:
        tally["both refuse"] += 1
        return

    def again(*leaves):
        draw.at = 0
        return build(leaves)[1]

    fresh = [autograd.tensor(x.detach().array.copy(), requires_grad=True) for x in graph.leaves]
    try:
        autograd.gradcheck(again, fresh, rtol=1e-6, atol=1e-7)
    except autograd.GradcheckError as error:
        raise AssertionError(f"{graph.steps}: {error}") from error
    tally["agree with finite differences"] += 1
    for name in used:
        tally["op", name] += 1


# -- wrong arguments

OURS = ValueError, IndexError, TypeError, GraphError  # ShapeError and DtypeError are among them
SHAPES = st.lists(st.integers(0, 4), max_size=4).map(tuple)
DTYPES = st.sampled_from(["float32", "float64", "int64", "int32", "uint8", "bool"])
JUNK = st.one_of(
    st.none(), st.booleans(), st.integers(-6, 6), st.sampled_from([2**31, -(2**63), 2**70, 1e300, 0.5, -1.5]),
    st.just(math.nan), st.just(math.inf), st.text(max_size=3), st.lists(st.integers(-5, 5), max_size=4),
    st.lists(st.integers(-5, 5), max_size=4).map(tuple), st.just(1j), st.builds(object), st.just({}),
)  # fmt: skip


@st.composite
def tensors(draw, shape=None, dtype=None):
    shape = draw(SHAPES) if shape is None else shape
    dtype = draw(DTYPES) if dtype is None else dtype
    rng = np.random.default_rng(draw(st.integers(0, 99)))
    array = (rng.normal(size=shape) * draw(st.sampled_from([0.5, 3, 1e6]))).astype(dtype)
    return autograd.tensor(array, requires_grad=array.dtype.kind == "f")


def reshaped(draw, shape):
    """A shape near ``shape``: an axis more, less, longer or shorter."""
    shape = list(shape)
    how = draw(st.sampled_from(["more", "less", "longer", "shorter", "other", "swapped"]))
    if how == "more" or not shape:
        shape.insert(draw(st.integers(0, len(shape))), draw(st.integers(0, 3)))
    elif how == "less":
        shape.pop(draw(st.integers(0, len(shape) - 1)))
    elif how == "swapped":
        shape.reverse()
    else:
        k = draw(st.integers(0, len(shape) - 1))
        shape[k] = {"longer": shape[k] + 1, "shorter": max(shape[k] - 1, 0), "other": draw(st.integers(0, 5))}[how]
    return tuple(shape)


METHODS = """
    reshape view permute transpose squeeze unsqueeze expand flip roll repeat tile sum mean prod amax amin max min argmax
    argmin var std norm cumsum cumprod softmax log_softmax logsumexp sort argsort topk gather scatter scatter_add
    index_select index_add masked_fill masked_select take_along_dim split chunk unbind diagonal diag tril triu trace
    matmul mm mv bmm dot outer addmm lerp clamp where pow __getitem__ select narrow flatten unflatten movedim
    repeat_interleave kthvalue median cross baddbmm
"""
FUNCTIONS = """
    linear cross_entropy nll_loss binary_cross_entropy binary_cross_entropy_with_logits mse_loss l1_loss huber_loss
    smooth_l1_loss kl_div conv1d conv2d conv_transpose2d max_pool1d max_pool2d avg_pool1d avg_pool2d layer_norm
    adaptive_avg_pool2d batch_norm group_norm embedding one_hot dropout softmax pad unfold fold gelu elu leaky_relu
    prelu glu cosine_similarity normalize hinge_embedding_loss margin_ranking_loss interpolate
"""
PUBLIC = {
    **{f"Tensor.{name}": function for name in METHODS.split() if (function := getattr(autograd.Tensor, name, None))},
    **{f"F.{name}": function for name in FUNCTIONS.split() if (function := getattr(F, name, None))},
}
OPTIONS = {"dim", "keepdim", "reduction", "ord", "decimals", "approximate", "beta", "alpha", "dtype"}  # of people


def judged(name, call):
    """Call it: a value, whose gradient can be had, or an error of ours that says something."""
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        try:
            y = call()
            tally["fine"] += 1
            if isinstance(y, autograd.Tensor) and y.requires_grad and y.numel():
                y.backward(autograd.ones_like(y))
        except OURS as error:
            said = str(error)
            assert not type(error).__module__.startswith("numba"), (name, error)
            assert len(said) > 8, (name, error)
            if isinstance(error, IndexError):  # what a kernel under NUMBA_BOUNDSCHECK says names no operation
                assert not re.fullmatch(r"index.* out of bounds.*", said), (name, error)
            tally["refused"] += 1


def near_miss(data, ops=None):
    """An op of the registry on one of its samples, with one thing about it wrong."""
    draw = data.draw
    op = draw(st.sampled_from([op for op in registry.values() if op.samples] if ops is None else ops))
    samples = list(opcheck.cases(op, np.dtype(draw(st.sampled_from(["float32", "float64"])))))
    inputs, params = samples[draw(st.integers(0, len(samples) - 1))]
    inputs, params = list(inputs), dict(zip(op.params, params, strict=True))
    for _ in range(draw(st.integers(1, 2))):
        what = draw(st.sampled_from(["shape", "shape", "dtype", "junk", "param"]))
        k = draw(st.integers(0, len(inputs) - 1))
        if what == "param" and OPTIONS & set(params):
            params[draw(st.sampled_from(sorted(OPTIONS & set(params))))] = draw(JUNK)
        elif what == "junk":
            inputs[k] = draw(JUNK)
        elif isinstance(inputs[k], np.ndarray) and what == "dtype":
            large = np.multiply(inputs[k], 1000, dtype=np.float64)
            inputs[k] = inputs[k].astype(draw(DTYPES)) if draw(st.booleans()) else large
        elif isinstance(inputs[k], np.ndarray):
            inputs[k] = np.resize(inputs[k], reshaped(draw, inputs[k].shape)) if inputs[k].size else inputs[k]
    xs = [autograd.tensor(x, requires_grad=x.dtype.kind == "f") if isinstance(x, np.ndarray) else x for x in inputs]
    if any(isinstance(x, autograd.Tensor) for x in xs):
        judged(f"{op.name}({[getattr(x, 'shape', x) for x in xs]}, {params})", lambda: op(*xs, **params))


def wild(data):
    """A function of the public API with tensors and numbers of any shapes and dtypes."""
    name = data.draw(st.sampled_from(sorted(PUBLIC)))
    labels = st.builds(lambda n, k: autograd.tensor(np.arange(n) % 7 + k), st.integers(0, 4), st.integers(-2, 9))
    integers = st.integers(-6, 6)
    numbers = st.one_of(integers, st.sampled_from([0.5, -1.5, 2**31]), st.lists(integers, max_size=4))
    args = [data.draw(tensors()), *data.draw(st.lists(st.one_of(tensors(), tensors(), labels, numbers), max_size=3))]
    judged(f"{name}({', '.join(map(repr, args))})", lambda: PUBLIC[name](*args))


CHECKS = {
    "graphs, compared with PyTorch": against_pytorch,
    "graphs, compared with finite differences": against_differences,
    "ops of the registry with something wrong": near_miss,
    "functions with any arguments": wild,
}


def examples(check, count, seed=None):
    """Run ``count`` examples of a check; always the same ones unless there is a seed."""

    @hypothesis.settings(
        max_examples=count, derandomize=seed is None, database=None, deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck), print_blob=False, report_multiple_bugs=False,
        phases=[hypothesis.Phase.generate],
    )  # fmt: skip
    @hypothesis.given(st.data())
    def run(data):
        check(data)

    if seed is not None:
        run = hypothesis.seed(seed)(run)
    run()


def keep_on(budget, checks):
    """Run the checks by turns, with ever new seeds; gives the number of examples of each."""
    start, counts, seed = time.perf_counter(), Counter(), 1
    while time.perf_counter() - start < budget or not counts:
        for name in checks:
            examples(CHECKS[name], 200, seed)
            counts[name] += 200
        seed += 1
    return counts


def run(budget):
    names = [name for name in CHECKS if torch is not None or "PyTorch" not in name]
    tally.clear()
    counts = keep_on(budget * 0.6, names)
    tried = {key[1] for key in tally if isinstance(key, tuple)}
    rows = list(counts.items())
    rows += [(f"  of which: {key}", count) for key, count in tally.items() if isinstance(key, str)]
    rows.append(("ops of the registry in the graphs", f"{len(tried)} of {len(OPS)}"))
    with tempfile.TemporaryDirectory() as cache:
        env = {**os.environ, "NUMBA_BOUNDSCHECK": "1", "NUMBA_CACHE_DIR": cache}
        done = subprocess.run([sys.executable, "-m", "tests.soak.properties", str(budget * 0.4)], env=env,
                              capture_output=True, text=True)  # fmt: skip
    if done.returncode:
        raise AssertionError(done.stderr)
    return rows + [(f"with NUMBA_BOUNDSCHECK=1, {line}", "") for line in done.stdout.splitlines()]


if __name__ == "__main__":
    for what, figure in keep_on(float(sys.argv[1]), [name for name in CHECKS if "PyTorch" not in name]).items():
        print(f"{what}: {figure}")
