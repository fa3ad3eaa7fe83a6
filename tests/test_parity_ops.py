"""PyTorch's own samples of every operator in scope, run here: the same values and the same gradients.

The cases are PyTorch's (``torch.testing._internal.common_methods_invocations.op_db``), so that its authors' corners
decide and not ours. What is not applicable is skipped by its kind (a complex dtype, a layout); whatever else we do not
do as PyTorch does stands in one of the tables below with its reason.
"""

import collections
import contextlib
import warnings

import numpy as np
import pytest

import autograd
import nn
from tests.scope import SCOPE

torch = pytest.importorskip("torch")
pytest.importorskip("expecttest", reason="PyTorch's operator samples need it: pip install '.[parity]'")
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from torch.testing._internal.common_methods_invocations import op_db

pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]

EXCUSED: dict[str, str] = {}
"""Ops in scope that are not compared at all, with the reason: at most one in a hundred."""

DIFFERENT: dict[str, str] = {
    "asin float32": "near ±1 PyTorch's 1 − x² has lost digits in float32; ours is (1 − x)(1 + x)",
    "atanh float32": "near ±1 PyTorch's 1 − x² has lost digits in float32; ours is (1 − x)(1 + x)",
    "nn.functional.layer_norm float32": "of one element the gradient is 0; PyTorch's is what rounding leaves over √eps",
    "nn.functional.hardsigmoid float64": "PyTorch's ⅙ is a float32 there, whatever the dtype",
}
"""Ops (or in one dtype) whose gradient is deliberately another one somewhere, with the reason; values are compared."""

STRICTER = {
    "nn.functional.gaussian_nll_loss": "PyTorch broadcasts the target; here another shape is an error in every loss",
}
"""Losses of whose samples those with a target of another shape are not applicable, with the reason: we refuse them."""

RANDOM = {
    "normal", "bernoulli", "multinomial", "rand_like", "randn_like", "randint_like", "randn", "randint",
    "empty", "empty_like", "new_empty",
    "nn.functional.dropout", "nn.functional.dropout2d", "nn.functional.alpha_dropout",
}  # fmt: skip
"""Only the shapes and dtypes are compared, unless nothing is left to chance."""


def random(info, sample):
    """Whether the values of a sample are drawn: not of a dropout that keeps all or nothing."""
    certain = sample.kwargs.get("p") in (0, 1) or sample.kwargs.get("training") is False
    return info.name in RANDOM and not ("dropout" in info.name and certain)

DTYPES = {torch.float32: torch.int32, torch.float64: torch.int64}
"""The dtypes to run every op in, and what stands for each where PyTorch has the op for integers only."""
INFOS = [
    (group, info)
    for group, names in SCOPE.items()
    for name in names.split()
    for info in op_db
    if info.name == name
]  # fmt: skip
tally: dict[str, collections.Counter[str]] = {group: collections.Counter() for group in SCOPE}


class NotApplicable(Exception):
    """The sample is about something that is not in scope."""


def ours(x, grad=True):
    """An argument of PyTorch's as one of ours."""
    if isinstance(x, torch.Tensor):
        if x.layout != torch.strided or x.dtype not in KNOWN:
            raise NotApplicable(f"{x.dtype} {x.layout}")
        # numpy() keeps strides, so that our inputs are as oddly laid out as theirs
        array = x.detach().resolve_conj().resolve_neg().numpy()
        array = np.lib.stride_tricks.as_strided(array.copy(order="K"), array.shape) if 0 in array.strides else array
        out = autograd.as_tensor(np.array(array, order="K"))
        return out.requires_grad_() if grad and x.requires_grad else out
    if isinstance(x, torch.dtype):
        if x not in KNOWN:
            raise NotApplicable(str(x))
        return KNOWN[x]
    if isinstance(x, torch.device):
        return str(x)
    if isinstance(x, (torch.memory_format, torch.layout, torch.Generator)):
        raise NotApplicable(type(x).__name__)
    if isinstance(x, complex):
        raise NotApplicable("complex")
    if isinstance(x, torch.Size):
        return tuple(x)
    if isinstance(x, (list, tuple)):
        return type(x)(ours(y, grad) for y in x)
    if isinstance(x, dict):
        return {key: ours(value, grad) for key, value in x.items()}
    return x


KNOWN = {
    torch.float32: autograd.float32, torch.float64: autograd.float64, torch.int64: autograd.int64,
    torch.int32: autograd.int32, torch.int16: autograd.int16, torch.int8: autograd.int8, torch.uint8: autograd.uint8,
    torch.bool: autograd.bool,
}  # fmt: skip


def function(name, theirs):
    """Our function of that name; a method where PyTorch has only a method."""
    if name == "einsum":  # the sample's input is the list of operands
        return lambda operands, equation: autograd.einsum(equation, *operands)
    if name.endswith("_") and not name.startswith("__"):  # their op is in place on a copy too: a leaf cannot be
        return lambda x, *a, **k: getattr(x.clone(), name)(*a, **k)
    if name.startswith("__") or name in ("T", "mT"):
        return (lambda x: getattr(x, name)) if name in ("T", "mT") else lambda x, *a, **k: getattr(x, name)(*a, **k)
    if name == "nn.functional.embedding":  # their sample has the weight first
        return lambda weight, index, **k: nn.functional.embedding(index, weight, **k)
    if name == "where":  # their sample has the condition second
        return autograd.Tensor.where
    where = autograd
    if name.startswith("nn."):
        where, name = nn, name.removeprefix("nn.")
    for part in name.split("."):
        where = getattr(where, part, None)
        if where is None:
            method = getattr(autograd.Tensor, name, None)
            if method is None:
                pytest.fail(f"autograd has no {name}")
            return method
    return where


def tensors(x, kind):
    """All tensors in a nest of lists, tuples and dicts."""
    if isinstance(x, kind):
        return [x]
    if isinstance(x, (list, tuple)):
        return [t for y in x for t in tensors(y, kind)]
    if isinstance(x, dict):
        return [t for y in x.values() for t in tensors(y, kind)]
    return []


def same(actual, expected, tolerance, what, values=True):
    """Equal nests of tensors, numbers and bools."""
    if isinstance(expected, torch.Tensor):
        assert isinstance(actual, autograd.Tensor), f"{what}: {type(actual)} for a Tensor"
        assert actual.shape == tuple(expected.shape), f"{what}: shape {actual.shape} for {tuple(expected.shape)}"
        assert actual.dtype == KNOWN[expected.dtype], f"{what}: {actual.dtype} for {expected.dtype}"
        if values:
            array = expected.numpy(force=True)
            rtol, atol = tolerance
            if array.dtype.kind == "f":  # a sum of large terms may end near 0: what was lost is measured by the others
                top = np.max(np.abs(array), where=np.isfinite(array), initial=0)
                atol = max(atol, 2 * np.finfo(array.dtype).eps * top)
            np.testing.assert_allclose(actual.detach().numpy(), array, rtol, atol, equal_nan=True, err_msg=what)
    elif isinstance(expected, (list, tuple)):
        assert len(actual) == len(expected), f"{what}: {len(actual)} results for {len(expected)}"
        for k, (a, e) in enumerate(zip(actual, expected, strict=True)):
            same(a, e, tolerance, f"{what}[{k}]", values)
    else:
        assert actual == expected, what


def compare(info, dtype, sample):
    """One sample: value, then gradient."""
    args = ours([sample.input, *sample.args])
    kwargs = ours(sample.kwargs)
    if info.name in STRICTER and sample.args[0].shape != sample.input.shape:
        with pytest.raises(autograd.ShapeError, match="must be equal"):
            function(info.name, info.op)(*args, **kwargs)
        raise NotApplicable(STRICTER[info.name])
    expected = info.op(sample.input, *sample.args, **sample.kwargs)
    if any(t.dtype not in KNOWN or t.layout != torch.strided for t in tensors(expected, torch.Tensor)):
        raise NotApplicable("result dtype")
    name = f"{info.name}_" if info.variant_test_name == "in_place" else info.name
    actual = function(name, info.op)(*args, **kwargs)
    tolerance = (2e-6, 1e-5) if dtype == torch.float32 else (1e-9, 1e-9)
    same(actual, expected, tolerance, "value", not random(info, sample))

    outs = [t for t in tensors(expected, torch.Tensor) if t.requires_grad]
    ins = [t for t in tensors([sample.input, sample.args, sample.kwargs], torch.Tensor) if t.requires_grad]
    mine = tensors(actual, autograd.Tensor)
    theirs = tensors(expected, torch.Tensor)
    assert [t.requires_grad for t in mine] == [t.requires_grad for t in theirs], "requires_grad"
    if not outs or random(info, sample):
        return
    generator = np.random.default_rng(0)
    seeds = [np.asarray(generator.uniform(0.5, 1.5, tuple(t.shape))) for t in outs]
    theirs = torch.autograd.grad(
        outs, ins, [torch.from_numpy(s).to(t.dtype) for s, t in zip(seeds, outs, strict=True)], allow_unused=True
    )
    found = autograd.grad(
        [t for t in mine if t.requires_grad],
        [t for t in tensors([args, kwargs], autograd.Tensor) if t.requires_grad],
        [autograd.tensor(s.astype(KNOWN[t.dtype])) for s, t in zip(seeds, outs, strict=True)],
        allow_unused=True,
    )
    if {info.name, f"{info.name} {KNOWN[dtype]}"} & DIFFERENT.keys():
        return
    for k, (a, e, x) in enumerate(zip(found, theirs, ins, strict=True)):
        a = autograd.as_tensor(np.zeros(tuple(x.shape), KNOWN[x.dtype])) if a is None else a
        same(a, torch.zeros_like(x) if e is None else e, tolerance, f"gradient {k}")


@pytest.mark.parametrize("dtype", DTYPES, ids=lambda d: str(d).removeprefix("torch."))
@pytest.mark.parametrize(
    ("group", "info"), INFOS, ids=["-".join(filter(None, (i.name, i.variant_test_name))) for _, i in INFOS]
)
def test_pytorchs_samples_agree(group, info, dtype):
    if info.name in EXCUSED:
        tally[group]["excused"] += 1
        pytest.skip(EXCUSED[info.name])
    if not info.supports_dtype(dtype, "cpu"):
        dtype = DTYPES[dtype]
    if not info.supports_dtype(dtype, "cpu"):
        pytest.skip(f"PyTorch has no {info.name} of {dtype}")
    torch.manual_seed(0)
    wrong, run = [], 0
    grad = info.supports_autograd and dtype.is_floating_point
    for k, sample in enumerate(info.sample_inputs("cpu", dtype, requires_grad=grad)):
        with contextlib.suppress(NotApplicable):
            try:
                compare(info, dtype, sample)
            except NotApplicable:
                raise
            except Exception as error:
                wrong.append(f"sample {k}: {type(error).__name__}: {str(error).strip()}\n    {describe(sample)}")
            run += 1
    tally[group]["samples"] += run
    tally[group]["agree" if not wrong else "differ"] += 1
    assert not wrong, f"{len(wrong)} of {run} samples differ:\n" + "\n".join(wrong[:6])


def describe(sample):
    """A sample in one line."""
    def short(x):
        return f"T{tuple(x.shape)}{'g' if x.requires_grad else ''}" if isinstance(x, torch.Tensor) else repr(x)

    flat = [short(sample.input) if isinstance(sample.input, torch.Tensor) else [short(x) for x in sample.input]
            if isinstance(sample.input, (list, tuple)) else repr(sample.input)]  # fmt: skip
    return f"{flat} {[short(x) for x in sample.args]} { {k: short(v) for k, v in sample.kwargs.items()} }"[:300]


def test_at_most_one_op_in_a_hundred_is_excused():
    names = {info.name for _, info in INFOS}
    assert len(EXCUSED) <= len(names) / 100 and set(EXCUSED) <= names
    assert {key.split()[0] for key in (*DIFFERENT, *STRICTER)} <= names


def test_the_scope_has_no_name_that_pytorch_lacks():
    known = {info.name for info in op_db}
    assert [n for names in SCOPE.values() for n in names.split() if n not in known] == []
