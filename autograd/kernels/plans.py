"""Plans: what a function of arrays does in the end for small arrays like these, to be done again and again.

On a small array the way to a kernel takes longer than the kernel: the choice of it, the views of its arguments, the
memory of its result. A function that has an attribute ``plan`` tells what its call comes to, once and for all: its
``plan``, given the same arguments, computes nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

SMALL = 1 << 14
"""With more elements the kernel takes so long that its plan saves nothing, and would only keep memory."""


class Plan(NamedTuple):
    """``kernel(*arguments)``, which writes into arrays that are among them."""

    kernel: Callable[..., Any]
    arguments: tuple[Any, ...]
    result: Any
    """What the planned function returns: an array that is written, or a tuple of such and of None."""
    vectors: bool = False
    """The kernel sees each array as a vector, the elements in row order."""


def plain(*arrays: Any) -> bool:
    """Whether a kernel can take these as they are and they are small."""
    return all(isinstance(x, np.ndarray) and x.flags.c_contiguous and x.size <= SMALL for x in arrays)


def planned(plan: Callable[..., Plan | None]) -> Callable[[Callable[..., Any]], Any]:
    """Decorate a function that has a ``plan``.

    Examples
    --------
    >>> import numpy as np
    >>> from autograd.kernels.plans import Plan, planned
    >>> def plan(x):
    ...     out = np.empty_like(x)
    ...     return Plan(np.exp, (x, out), out)
    >>> @planned(plan)
    ... def exp(x):
    ...     return np.exp(x)
    >>> kernel, arguments, result, _ = exp.plan(np.zeros(2))
    >>> kernel(*arguments) is result
    True
    """

    def declare(function: Callable[..., Any]) -> Any:
        attached: Any = function
        attached.plan = plan
        return attached

    return declare
