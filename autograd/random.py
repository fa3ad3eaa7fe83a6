"""Random tensors. The same seed gives the same numbers in every process, on every machine (not PyTorch's numbers)."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

from . import inplace, ops
from .arrays import check_integer, check_number, check_tensors
from .creation import dtype_of, factory, like, shape_of
from .devices import check_place, device
from .engine import leaf
from .errors import DtypeError, check_broadcast
from .kernels import forks
from .kernels.quiet import quiet
from .tensor import Tensor, method

__all__ = [
    "Generator", "bernoulli", "default_generator", "get_rng_state", "initial_seed", "manual_seed", "multinomial",
    "normal", "rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm", "seed",
    "set_rng_state",
]  # fmt: skip

_STATE = struct.Struct("<Q16s16s?I")


class Generator:
    """A source of random numbers of its own: pass it as ``generator=``.

    Attributes
    ----------
    device : device
    numpy : numpy.random.Generator
        What the numbers come from (PCG64).

    Examples
    --------
    >>> import autograd
    >>> a = autograd.randperm(5, generator=autograd.Generator().manual_seed(0))
    >>> b = autograd.randperm(5, generator=autograd.Generator().manual_seed(0))
    >>> a.tolist() == b.tolist()
    True
    """

    def __init__(self, device: Any = "cpu") -> None:
        check_place("Generator", device)
        self.manual_seed(0)

    @property
    def device(self) -> device:
        """The CPU."""
        return device()

    def manual_seed(self, seed: int) -> Generator:
        """Start over from ``seed``; returns the generator itself.

        Raises
        ------
        ValueError
            Unless −2⁶³ ≤ seed < 2⁶⁴.
        """
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expects a seed from -2**63 to 2**64 - 1, found {seed}")
        self._seed = int(seed) % 2**64
        self.numpy = np.random.Generator(np.random.PCG64(self._seed))
        return self

    def seed(self) -> int:
        """Start over from a seed that is another one in every run; returns the seed."""
        self.manual_seed(int(np.random.SeedSequence().generate_state(1, np.uint64)[0]))
        return self._seed

    def initial_seed(self) -> int:
        """The seed it was last started from."""
        return self._seed

    def get_state(self) -> Tensor:
        """Where it is in its sequence of numbers, as a uint8 tensor that :meth:`set_state` takes.

        Examples
        --------
        >>> import autograd
        >>> g = autograd.Generator()
        >>> state = g.get_state()
        >>> first = autograd.rand(3, generator=g)
        >>> bool((autograd.rand(3, generator=g.set_state(state)) == first).all())
        True
        """
        found: Any = self.numpy.bit_generator.state
        counters = (found["state"][key].to_bytes(16, "little") for key in ("state", "inc"))
        packed = _STATE.pack(self._seed, *counters, bool(found["has_uint32"]), found["uinteger"])
        return leaf(np.frombuffer(packed, np.uint8).copy())

    def set_state(self, new_state: Tensor) -> Generator:
        """Go to where :meth:`get_state` was called; returns the generator itself.

        Raises
        ------
        ValueError
            For anything that :meth:`get_state` did not return.
        """
        data = np.asarray(new_state)
        if data.dtype != np.uint8 or data.shape != (_STATE.size,):
            raise ValueError(
                f"set_state: expects the uint8 tensor of {_STATE.size} elements that get_state() returned, found "
                f"{data.dtype} of shape {data.shape}"
            )
        self._seed, state, inc, half, rest = _STATE.unpack(data.tobytes())
        self.numpy.bit_generator.state = {
            "bit_generator": "PCG64",
            "state": {"state": int.from_bytes(state, "little"), "inc": int.from_bytes(inc, "little")},
            "has_uint32": int(half),
            "uinteger": rest,
        }
        return self


default_generator = Generator()
forks.guard(lambda: default_generator.numpy.bit_generator.lock)
default_generator.seed()  # not the same numbers in every run, unless the script asks for it


def manual_seed(seed: int) -> Generator:
    """Start the default generator over from ``seed``: initialisation and shuffling repeat exactly.

    Examples
    --------
    >>> import autograd
    >>> _ = autograd.manual_seed(0)
    >>> autograd.rand(2)
    tensor([0.8506, 0.6370])
    """
    return default_generator.manual_seed(seed)


def seed() -> int:
    """Start the default generator over from a seed that is another one in every run; returns the seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed that the default generator was last started from."""
    return default_generator.initial_seed()


def get_rng_state() -> Tensor:
    """The state of the default generator; see :meth:`Generator.get_state`."""
    return default_generator.get_state()


def set_rng_state(new_state: Tensor) -> None:
    """Put the default generator into a state that :func:`get_rng_state` returned."""
    default_generator.set_state(new_state)


def _source(generator: Generator | None) -> np.random.Generator:
    return (generator or default_generator).numpy


def _floating(what: str, dtype: Any) -> np.dtype[Any]:
    found = dtype_of(what, dtype)
    if found.kind != "f":
        raise DtypeError(f"{what}: expects a floating point dtype, found {found}")
    return found


# -- the distributions


@factory
def rand(*shape: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None) -> Any:
    """Uniform on [0, 1); the shape as for :func:`zeros`."""
    return np.asarray(_source(generator).random(shape_of("rand", shape, size), _floating("rand", dtype)))


@factory
def randn(*shape: Any, size: Any = None, generator: Generator | None = None, dtype: Any = None) -> Any:
    """Standard normal; the shape as for :func:`zeros`."""
    found = _floating("randn", dtype)
    return np.asarray(_source(generator).standard_normal(shape_of("randn", shape, size)), found)


def _integers(what: str, low: Any, high: Any, shape: Any, dtype: np.dtype[Any], generator: Generator | None) -> Any:
    """Integers from ``low`` to ``high`` − 1 in ``dtype``, which may be a float."""
    low, high = (
        int(x) if isinstance(x, float) and x.is_integer() else check_integer(what, name, x)
        for name, x in (("low", check_number(what, "low", low)), ("high", check_number(what, "high", high)))
    )
    if low >= high:
        raise ValueError(f"{what}: expects low < high, found low={low} and high={high}")
    if dtype.kind in "iu" and not np.iinfo(dtype).min <= low < high <= np.iinfo(dtype).max + 1:
        raise ValueError(f"{what}: {low} … {high - 1} does not fit in {dtype}")
    return np.asarray(_source(generator).integers(low, high, shape, np.int64)).astype(dtype)


@factory
def randint(
    *bounds: Any,
    low: int = 0,
    high: int | None = None,
    size: Any = None,
    generator: Generator | None = None,
    dtype: Any = None,
) -> Any:
    """Integers from ``low`` to ``high`` − 1, all as likely: ``randint(high, size)`` or ``randint(low, high, size)``.

    int64 unless ``dtype`` says otherwise; ``low``, ``high`` and ``size`` may be given by name.

    Raises
    ------
    ValueError
        Unless low < high, and both fit the dtype.

    Examples
    --------
    >>> import autograd
    >>> autograd.randint(3, 4, (2,))
    tensor([3, 3])
    """
    *limits, size = bounds if size is None else (*bounds, size)
    if high is None and limits:
        high = limits.pop()
    if high is None or len(limits) > 1:
        raise TypeError("randint: expects (high, size) or (low, high, size)")
    found = dtype_of("randint", np.int64 if dtype is None else dtype)
    low = limits[0] if limits else low
    return _integers("randint", low, high, shape_of("randint", (size,)), found, generator)


rand_like, randn_like = like(rand, "Uniform on [0, 1)"), like(randn, "Standard normal")


def randint_like(input: Tensor, low: int, high: int | None = None, **kwargs: Any) -> Tensor:
    """As :func:`randint`, of the shape and, unless ``dtype`` says otherwise, the dtype of ``input``."""
    check_tensors("randint_like", input)
    bounds = (low,) if high is None else (low, high)
    return randint(*bounds, input.shape, **{"dtype": input.dtype, **kwargs})


@factory
def randperm(n: int, *, generator: Generator | None = None, dtype: Any = None) -> Any:
    """0 … n − 1 in random order, int64 unless ``dtype`` says otherwise."""
    found = dtype_of("randperm", np.int64 if dtype is None else dtype)
    return _source(generator).permutation(*shape_of("randperm", (n,))).astype(found)


def _drawn(sample: Any, *sources: Any) -> Any:
    """``sample`` as the result of the tensors it was drawn from, with gradients of 0, as in PyTorch."""
    out: Any = leaf(sample)
    for x in sources:
        if isinstance(x, Tensor) and x.requires_grad:
            out = ops.where(False, x, out)
    return out


def normal(
    mean: Any, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None, **options: Any
) -> Tensor:
    """Normal with this mean and standard deviation: tensors, broadcast together, or two numbers and a ``size``.

    Raises
    ------
    ValueError
        For a negative ``std``.

    Examples
    --------
    >>> import autograd
    >>> autograd.normal(autograd.tensor([1.0, 2.0]), 0.0)
    tensor([1., 2.])
    """
    if not isinstance(mean, Tensor):
        mean = check_number("normal", "mean", mean)
    if not isinstance(std, Tensor):
        std = check_number("normal", "std", std)
    given = [x for x in (mean, std) if isinstance(x, Tensor)]
    m, s = (x.array if isinstance(x, Tensor) else x for x in (mean, std))
    if np.any(np.less(s, 0)):
        raise ValueError(f"normal: expects std >= 0, found {np.min(s)}")
    check_broadcast("normal", [np.shape(m), np.shape(s)])
    shape = np.broadcast_shapes(np.shape(m), np.shape(s)) if size is None else shape_of("normal", (size,))
    check_broadcast("normal", [np.shape(m), np.shape(s), shape])
    if size is None and not given:
        raise TypeError("normal: two numbers need a size")
    if given and "dtype" not in options:
        options["dtype"] = ops.result_dtype([x.array for x in given])
    z = randn(shape, generator=generator, **options)
    out = _drawn((m + s * z.array).astype(z.dtype), mean, std)
    return out.requires_grad_() if options.get("requires_grad") else out


def _probabilities(what: str, p: Any) -> Any:
    p = p if isinstance(p, (Tensor, np.ndarray)) else check_number(what, "p", p)
    array = p.array if isinstance(p, Tensor) else np.asarray(p)
    if not np.all((array >= 0) & (array <= 1)):
        raise ValueError(f"{what}: expects probabilities in [0, 1], found {array[~((array >= 0) & (array <= 1))][0]}")
    return array


@method()
def bernoulli(input: Tensor, p: float | None = None, *, generator: Generator | None = None) -> Tensor:
    """1 with the probability in ``input`` (or ``p`` in every element), else 0.

    Raises
    ------
    ValueError
        For a probability outside [0, 1].

    Examples
    --------
    >>> import autograd
    >>> autograd.bernoulli(autograd.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    if p is None and input.dtype.kind != "f":
        raise DtypeError(f"bernoulli: expects probabilities of a floating point dtype, found {input.dtype}")
    probability = _probabilities("bernoulli", input if p is None else p)
    return _drawn((_source(generator).random(input.shape) < probability).astype(input.dtype), input)


@method()
def multinomial(
    input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
) -> Tensor:
    """``num_samples`` positions for each row of weights, drawn with the probability of their weight; int64.

    Parameters
    ----------
    input : Tensor, (n,) or (rows, n)
        Weights, which need not sum to 1.
    replacement : bool
        Whether a position may be drawn again.

    Raises
    ------
    ValueError
        For a negative or infinite weight, a row of zeros, or too few positions to draw from.

    Examples
    --------
    >>> import autograd
    >>> autograd.multinomial(autograd.tensor([0.0, 3.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    if input.ndim not in (1, 2) or input.dtype.kind != "f":
        raise ValueError(f"multinomial: expects floating point weights (n,) or (rows, n), found {input.dtype} of shape "
                         f"{input.shape}")  # fmt: skip
    weights = np.atleast_2d(input.array.astype(np.float64))
    if not np.all(np.isfinite(weights)) or np.any(weights < 0):
        raise ValueError("multinomial: the weights must be finite and not negative")
    possible = int(np.min(np.count_nonzero(weights, axis=1), initial=weights.shape[1]))
    num_samples = check_integer("multinomial", "num_samples", num_samples)
    if not 0 < num_samples <= (possible if not replacement else num_samples * bool(possible)):
        raise ValueError(
            f"multinomial: cannot draw {num_samples} of {possible} positions with a positive weight "
            f"{'with' if replacement else 'without'} replacement"
        )
    source = _source(generator)
    if replacement:
        bounds = np.cumsum(weights, axis=1) / np.sum(weights, axis=1, keepdims=True)
        drawn = [np.searchsorted(row, source.random(num_samples), side="right") for row in bounds]
        out = np.array(drawn, np.int64).reshape(len(weights), num_samples)
    else:  # a race: the first to arrive, when each arrives at the rate of its weight, is drawn in proportion to it
        arrival = quiet(np.true_divide, source.standard_exponential(weights.shape), weights)
        out = np.argsort(arrival, axis=1)[:, :num_samples].astype(np.int64)
    return leaf(out.reshape(*input.shape[:-1], num_samples))


# -- in place


def _fill(x: Tensor, array: Any, what: str) -> Tensor:
    return inplace.overwrite(x, ops.assign, leaf(np.asarray(array).astype(x.dtype)), what=what)


@method()
def uniform_(self: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with uniform numbers from [from, to).

    Raises
    ------
    ValueError
        Unless from <= to.
    """
    from_, to = check_number("uniform_", "from", from_), check_number("uniform_", "to", to)
    if not from_ <= to:
        raise ValueError(f"uniform_: expects from <= to, found {from_} and {to}")
    z = rand(self.shape, dtype=_floating("uniform_", self.dtype), generator=generator)
    return _fill(self, from_ + (to - from_) * z.array, "uniform_")


@method()
def normal_(self: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """Fill with normal numbers of this mean and standard deviation."""
    kind = _floating("normal_", self.dtype)
    return _fill(self, normal(mean, std, self.shape, dtype=kind, generator=generator).array, "normal_")


@method()
def bernoulli_(self: Tensor, p: Any = 0.5, *, generator: Generator | None = None) -> Tensor:
    """Fill with 1 with probability ``p`` (a number, or a tensor that broadcasts), else 0."""
    probability = _probabilities("bernoulli_", p)
    return _fill(self, _source(generator).random(self.shape) < probability, "bernoulli_")


@method()
def random_(
    self: Tensor, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
) -> Tensor:
    """Fill with integers from ``from`` to ``to`` − 1: ``random_(from, to)``, ``random_(to)``, or all of the dtype."""
    if from_ is not None and to is None:
        from_, to = 0, from_
    if to is None:
        kind = self.dtype.kind
        to = 2 if kind == "b" else np.iinfo(self.dtype).max if kind != "f" else 2 ** (np.finfo(self.dtype).nmant + 1)
    return _fill(self, _integers("random_", from_ or 0, to, self.shape, self.dtype, generator), "random_")
