"""The checks that every op record must pass, from its own samples. One place, so that a toy op gets them too."""

import numpy as np

import autograd
from autograd.engine import _unbroadcast as unbroadcast
from autograd.ops.samples import Sampler


def split(sample):
    """A sample as (inputs, params): a trailing dict holds parameters, as do the values after the inputs."""
    *args, last = sample
    return (tuple(args), last) if isinstance(last, dict) else (sample, {})


def cases(op, dtype=np.float64, seed=0):
    """(inputs, params) of every sample: inputs as arrays and numbers, params as the op takes them."""
    for sample in op.samples(Sampler(dtype, seed)):
        args, kwargs = split(sample)
        yield op.bind(args, kwargs)


def tensors(op, inputs):
    """The inputs as tensors that require a gradient where the op has a rule for them."""
    return [
        x if not isinstance(x, np.ndarray)
        else autograd.as_tensor(x).requires_grad_(bool(op.pull(k)) and x.dtype.kind == "f")
        for k, x in enumerate(inputs)
    ]  # fmt: skip


def call(op, params):
    """The op as a function of tensors alone."""
    named = dict(zip(op.params, params, strict=True))
    return lambda *xs: op(*xs, **named)


FIRST, SECOND = {"rtol": 1e-9, "atol": 1e-11}, {"rtol": 1e-7, "atol": 1e-9}  # the figures of the project


def check_first(op):
    for inputs, params in cases(op):
        autograd.gradcheck(call(op, params), tensors(op, inputs), **FIRST)


def check_second(op):
    for inputs, params in cases(op):
        xs = tensors(op, inputs)
        if all(not isinstance(x, autograd.Tensor) or x.numel() for x in xs):
            autograd.gradgradcheck(call(op, params), xs, **SECOND)


def check_repeated(op):
    """One tensor as every input at once: it must receive the sum of its contributions."""
    for inputs, params in cases(op):
        if len(inputs) > 1 and all(op.pulls) and len({np.shape(x) for x in inputs}) == 1:
            x = autograd.as_tensor(np.array(inputs[0])).requires_grad_()
            function, n = call(op, params), len(inputs)
            autograd.gradcheck(lambda x, f=function, n=n: f(*[x] * n), x, **FIRST)


def check_vjp(op, dtype, ulps=64):
    """The fused kernel gives what the rules give."""
    for inputs, params in cases(op, dtype):
        u = np.asarray(op.forward(*inputs, *params))
        g = Sampler(dtype, 1)(*u.shape)
        needs = [op.pull(k) is not None and isinstance(x, np.ndarray) for k, x in enumerate(inputs)]
        fused = op.vjp(g, u, inputs, params, needs)
        assert len(fused) == len(inputs)
        for k, (x, need, got) in enumerate(zip(inputs, needs, fused, strict=True)):
            if need:
                rule = np.asarray(op.pull(k)(g, u, inputs, params, k))
                assert got.shape in (x.shape, rule.shape) and got.dtype == x.dtype, (op, k)  # the engine unbroadcasts
                got, rule = (part if part.shape == x.shape else unbroadcast(part, x.shape) for part in (got, rule))
                scale = max(np.max(np.abs(rule), initial=0), 1)
                np.testing.assert_allclose(got, rule, rtol=0, atol=ulps * np.finfo(dtype).eps * scale)


def check_formula(op, dtype=np.float64):
    """The formula that people read computes what the kernel computes."""
    for inputs, params in cases(op, dtype):
        expected = np.asarray(op.formula(*inputs, *params))
        np.testing.assert_allclose(op.forward(*inputs, *params), expected, rtol=1e-12, atol=1e-12)


def check_layouts(op):
    """Transposed, strided and read-only inputs give what contiguous ones give, and stay as they were."""
    for inputs, params in cases(op):
        variants = [
            tuple(make(x) if isinstance(x, np.ndarray) else x for x in inputs)
            for make in (np.array, _fortran, _strided, _read_only)
        ]
        results = []
        for arrays in variants:
            before = [x.copy() if isinstance(x, np.ndarray) else x for x in arrays]
            flags = [str(x.flags) for x in arrays if isinstance(x, np.ndarray)]
            xs = tensors(op, arrays)
            y = call(op, params)(*xs)
            if y.requires_grad:
                y.backward(np.ones(y.shape))
            results.append([y.detach().numpy(), *(x.grad.numpy() for x in xs if getattr(x, "grad", None) is not None)])
            assert flags == [str(x.flags) for x in arrays if isinstance(x, np.ndarray)]
            for x, was in zip(arrays, before, strict=True):
                np.testing.assert_array_equal(x, was)
        for other in results[1:]:
            assert len(other) == len(results[0])
            for got, expected in zip(other, results[0], strict=True):
                np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)


def _fortran(x):
    return np.asfortranarray(x) if x.ndim else x


def _strided(x):
    out = np.zeros((*x.shape[:-1], 2 * x.shape[-1]), x.dtype)[..., ::2] if x.ndim else x
    out[...] = x
    return out


def _read_only(x):
    x = x.copy()
    x.flags.writeable = False
    return x
