"""Kernels of the optimizers: one pass over a parameter, in place, state included.

The arrays have one shape, whichever it is; all but the gradient are contiguous.
"""

from __future__ import annotations

import math

from .jit import jit

SIZES = "a parameter, its gradient and the optimizer's state differ in size: was .data replaced? Make a new optimizer"


@jit
def sgd(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov, maximize, first):
    """Stochastic gradient descent, θ ← θ − α g, with momentum unless it is 0: ``buffer`` is then not read."""
    p, g, buffer = p.reshape(p.size), g.ravel(), buffer.reshape(buffer.size)
    if not p.size == g.size == buffer.size:
        raise ValueError(SIZES)
    real = p.dtype.type  # all arithmetic in the parameter's dtype, so that LLVM vectorises it
    lr, momentum, weight_decay = real(lr), real(momentum), real(weight_decay)
    fresh = real(1) - real(dampening)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:  # 0 · ∞ must not make a nan
            d += weight_decay * p[i]
        if momentum:
            buffer[i] = d if first else momentum * buffer[i] + fresh * d
            d = d + momentum * buffer[i] if nesterov else buffer[i]
        p[i] -= lr * d


@jit
def adam(p, g, m, v, step, lr, beta1, beta2, eps, weight_decay, maximize):
    """Adam (Kingma and Ba, 2015) at step ``step`` = 1, 2, …, with the bias corrections of its algorithm 1."""
    p, g, m, v = p.reshape(p.size), g.ravel(), m.reshape(m.size), v.reshape(v.size)
    if not p.size == g.size == m.size == v.size:
        raise ValueError(SIZES)
    real = p.dtype.type
    alpha = real(lr / (1 - beta1**step))
    root = real(1 / math.sqrt(1 - beta2**step))
    old1, new1, old2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    eps, weight_decay = real(eps), real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:  # 0 · ∞ must not make a nan
            d += weight_decay * p[i]
        m[i] = old1 * m[i] + new1 * d
        v[i] = old2 * v[i] + new2 * d * d
        p[i] -= alpha * m[i] / (math.sqrt(v[i]) * root + eps)
