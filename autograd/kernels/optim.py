"""Kernels of the optimizers: one pass over a parameter, in place, state included.

The arrays have one shape, whichever it is; all but the gradient are contiguous. SGD and Adam, which train nearly
everything, take several parameters at once, by a table of addresses: to hand an array over takes longer than to update
a small one.
"""

from __future__ import annotations

import math

import numpy as np

from .jit import helper, jit, vector, wide
from .parts import bounds, piece, share, written

MISFIT = (
    "a parameter, its gradient and the optimizer's state differ in size or dtype: was .data replaced? "
    "Make a new optimizer"
)

SEVERAL = 4
"""How many gradients a kernel takes at once; with less to do, any may stand in for the last ones."""

NOTHING = {np.dtype(name): np.empty(0, name) for name in ("float32", "float64")}
"""For an array that is not read: one that shared its memory with another would keep the loop from vectorising."""


@helper
def _check(table, gs):
    """Raise before anything is written, unless each gradient has the elements that its row of the table says."""
    for k in range(len(table)):
        if table[k, 0] != gs[k].size:
            raise ValueError(MISFIT)


@helper
def _slice(g, part, parts):
    """A part of a gradient, and where it starts."""
    start, stop = bounds(g.size, part, parts)
    return g[start:stop], start


@helper
def _vector(address, start, g):
    """What is at ``address`` for that part."""
    return vector(address + start * g.itemsize if address else 0, g.size, g)


def _of_several(update):
    """Two kernels of ``update(table, gs, numbers, options, part, parts)``: of all of it, and one by parts.

    Threads share the parts; a small network does without, and is spared the time to compile what they need.
    """
    name = update.__name__
    arguments = "table, gs, numbers, options"
    sources = {
        name: f"({arguments}):\n    wide()\n    check(table, gs)\n    update({arguments}, 0, 1)\n",
        f"{name}_by_parts": f"(desk, parts, {arguments}):\n    check(table, gs)\n"
        f"    share(desk, parts, part, ({arguments}))\n",
    }
    scope = {"wide": wide, "check": _check, "update": helper(update), "share": share, "part": piece(update)}
    return tuple(jit(written(n, f"def {n}{source}", __name__, __file__, scope)) for n, source in sources.items())


@_of_several
def sgd(table, gs, firsts, options, part, parts):
    """Stochastic gradient descent, θ ← θ − α g, with momentum unless it is 0: the buffers are then not read.

    A row of the ``table``: the number of elements, the addresses of a parameter and its buffer (0 if there is none).
    The options: lr, momentum, dampening, weight_decay, nesterov, maximize.
    """
    wide()
    lr, momentum, dampening, weight_decay, nesterov, maximize = options
    for k in range(len(table)):
        g, start = _slice(gs[k], part, parts)
        p, buffer = _vector(table[k, 1], start, g), _vector(table[k, 2], start, g)
        _sgd(p, g, buffer, firsts[k], lr, momentum, dampening, weight_decay, nesterov, maximize)


@helper
def _sgd(p, g, buffer, first, lr, momentum, dampening, weight_decay, nesterov, maximize):
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


@_of_several
def adam(table, gs, steps, options, part, parts):
    """Adam (Kingma and Ba, 2015) at the steps 1, 2, …, with the bias corrections of its algorithm 1.

    A row of the ``table``: the number of elements, the addresses of θ, m, v and top. With ``amsgrad`` (Reddi et al.,
    2018) a top is the largest v so far and divides in its place; else it is not read.
    ``decoupled`` (AdamW; Loshchilov and Hutter, 2019) shrinks the parameter itself, not by way of the gradient.
    The options: lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled, maximize.
    """
    wide()
    lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled, maximize = options
    for k in range(len(table)):
        g, start = _slice(gs[k], part, parts)
        p, m = _vector(table[k, 1], start, g), _vector(table[k, 2], start, g)
        v, top = _vector(table[k, 3], start, g), _vector(table[k, 4], start, g)
        _adam(p, g, m, v, top, steps[k], lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled, maximize)


@helper
def _adam(p, g, m, v, top, step, lr, beta1, beta2, eps, weight_decay, amsgrad, decoupled, maximize):
    real = p.dtype.type
    alpha = real(lr / (1 - beta1**step))
    root = real(1 / math.sqrt(1 - beta2**step))
    old1, new1, old2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    shrink = real(1 - lr * weight_decay) if decoupled else real(1)
    eps, weight_decay = real(eps), real(0) if decoupled else real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:  # 0 · ∞ must not make a nan
            d += weight_decay * p[i]
        m[i] = old1 * m[i] + new1 * d
        v[i] = old2 * v[i] + new2 * d * d
        if amsgrad:
            top[i] = top[i] if top[i] >= v[i] else v[i]  # a nan in v takes over
            p[i] = p[i] * shrink - alpha * m[i] / (math.sqrt(top[i]) * root + eps)
        else:
            p[i] = p[i] * shrink - alpha * m[i] / (math.sqrt(v[i]) * root + eps)


@jit
def nadam(p, g, m, v, product, step, lr, beta1, beta2, eps, weight_decay, momentum_decay, decoupled, maximize):
    """Adam with Nesterov's momentum (Dozat, 2016), whose μ grows with ``step``; returns μ₁ μ₂ … μ_step.

    ``product`` is that product up to the step before.
    """
    p, g, m, v = p.reshape(p.size), g.ravel(), m.reshape(m.size), v.reshape(v.size)
    if not p.size == g.size == m.size == v.size:
        raise ValueError(MISFIT)
    real = p.dtype.type
    mu = beta1 * (1 - 0.5 * 0.96 ** (step * momentum_decay))
    following = beta1 * (1 - 0.5 * 0.96 ** ((step + 1) * momentum_decay))
    product *= mu
    now, ahead = real(lr * (1 - mu) / (1 - product)), real(lr * following / (1 - product * following))
    root = real(1 / math.sqrt(1 - beta2**step))
    old1, new1, old2, new2 = real(beta1), real(1 - beta1), real(beta2), real(1 - beta2)
    shrink = real(1 - lr * weight_decay) if decoupled else real(1)
    eps, weight_decay = real(eps), real(0) if decoupled else real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:
            d += weight_decay * p[i]
        m[i] = old1 * m[i] + new1 * d
        v[i] = old2 * v[i] + new2 * d * d
        p[i] = p[i] * shrink - (now * d + ahead * m[i]) / (math.sqrt(v[i]) * root + eps)
    return product


@jit
def adagrad(p, g, total, lr, weight_decay, eps, maximize):
    """Adagrad (Duchi, Hazan and Singer, 2011); ``total`` is the sum of all squared gradients."""
    p, g, total = p.reshape(p.size), g.ravel(), total.reshape(total.size)
    if not p.size == g.size == total.size:
        raise ValueError(MISFIT)
    real = p.dtype.type
    lr, weight_decay, eps = real(lr), real(weight_decay), real(eps)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:
            d += weight_decay * p[i]
        total[i] += d * d
        p[i] -= lr * d / (math.sqrt(total[i]) + eps)


@jit
def adadelta(p, g, v, u, lr, rho, eps, weight_decay, maximize):
    """Adadelta (Zeiler, 2012); ``v`` and ``u`` are the running means of the squared gradients and updates."""
    p, g, v, u = p.reshape(p.size), g.ravel(), v.reshape(v.size), u.reshape(u.size)
    if not p.size == g.size == v.size == u.size:
        raise ValueError(MISFIT)
    real = p.dtype.type
    lr, old, new, eps, weight_decay = real(lr), real(rho), real(1 - rho), real(eps), real(weight_decay)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:
            d += weight_decay * p[i]
        v[i] = old * v[i] + new * d * d
        d *= math.sqrt(u[i] + eps) / math.sqrt(v[i] + eps)
        u[i] = old * u[i] + new * d * d
        p[i] -= lr * d


@jit
def rmsprop(p, g, v, m, buffer, lr, alpha, eps, weight_decay, momentum, centered, maximize):
    """RMSprop (Hinton, 2012), ``centered`` as in Graves (2013): ``v`` and ``m`` are running means of g² and g.

    ``m`` is not read unless centered, nor ``buffer`` unless there is momentum.
    """
    p, g, v, m, buffer = p.reshape(p.size), g.ravel(), v.reshape(v.size), m.reshape(m.size), buffer.reshape(buffer.size)
    if not p.size == g.size == v.size or (centered and m.size != p.size) or (momentum and buffer.size != p.size):
        raise ValueError(MISFIT)
    real = p.dtype.type
    lr, old, new, eps = real(lr), real(alpha), real(1 - alpha), real(eps)
    weight_decay, momentum = real(weight_decay), real(momentum)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        if weight_decay:
            d += weight_decay * p[i]
        v[i] = old * v[i] + new * d * d
        spread = v[i]
        if centered:
            m[i] = old * m[i] + new * d
            spread -= m[i] * m[i]
            spread = real(0) if spread < 0 else spread  # a variance below 0 is rounding, and its root would be nan
        d /= math.sqrt(spread) + eps
        if momentum:
            buffer[i] = momentum * buffer[i] + d
            d = buffer[i]
        p[i] -= lr * d


@jit
def rprop(p, g, last, size, shrink, grow, smallest, largest, maximize):
    """Rprop (Riedmiller and Braun, 1993), without a step where the gradient ``last`` time had another sign.

    Each element has a step ``size`` of its own.
    """
    p, g, last, size = p.reshape(p.size), g.ravel(), last.reshape(last.size), size.reshape(size.size)
    if not p.size == g.size == last.size == size.size:
        raise ValueError(MISFIT)
    real = p.dtype.type
    shrink, grow, smallest, largest, zero = real(shrink), real(grow), real(smallest), real(largest), real(0)
    for i in range(p.size):
        d = -g[i] if maximize else g[i]
        agree = d * last[i]
        scale = grow if agree > 0 else (shrink if agree < 0 else real(1))
        size[i] = min(max(size[i] * scale, smallest), largest)
        d = zero if agree < 0 else d
        last[i] = d
        p[i] -= size[i] if d > 0 else (-size[i] if d < 0 else zero * d)  # a nan stays one
