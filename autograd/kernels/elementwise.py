"""Kernels of the activations and their gradients, one pass over memory each."""

from __future__ import annotations

import math

import numpy as np

from .jit import Array, flat, jit


@jit
def _sigmoid(x, out):
    for i in range(x.size):
        e = math.exp(-abs(x[i]))  # never overflows, and keeps the tail: σ(−100) = 3.7e−44, not 0
        out[i] = (1 if x[i] >= 0 else e) / (1 + e)


@jit
def _sigmoid_vjp(g, u, out):
    for i in range(u.size):
        out[i] = g[i] * u[i] * (1 - u[i])


@jit
def _tanh(x, out):
    for i in range(x.size):
        out[i] = math.tanh(x[i])


@jit
def _tanh_vjp(g, u, out):
    for i in range(u.size):
        out[i] = g[i] * (1 - u[i] * u[i])


@jit
def _relu(x, out):
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else x[i]  # nan compares false and stays


@jit
def _relu_vjp(g, x, out):
    for i in range(x.size):
        out[i] = 0 if x[i] <= 0 else (g[i] if x[i] > 0 else x[i])


def sigmoid(x: Array) -> Array:
    """σ(x), of any shape."""
    out = np.empty(x.shape, x.dtype)
    _sigmoid(flat(x), out.reshape(-1))
    return out


def sigmoid_vjp(g: Array, u: Array) -> tuple[Array]:
    """The gradient g ⊙ u ⊙ (1 − u)."""
    out = np.empty(u.shape, u.dtype)
    _sigmoid_vjp(flat(g), flat(u), out.reshape(-1))
    return (out,)


def tanh(x: Array) -> Array:
    """tanh x, of any shape."""
    out = np.empty(x.shape, x.dtype)
    _tanh(flat(x), out.reshape(-1))
    return out


def tanh_vjp(g: Array, u: Array) -> tuple[Array]:
    """The gradient g ⊙ (1 − u²)."""
    out = np.empty(u.shape, u.dtype)
    _tanh_vjp(flat(g), flat(u), out.reshape(-1))
    return (out,)


def relu(x: Array) -> Array:
    """max{0, x}, of any shape."""
    out = np.empty(x.shape, x.dtype)
    _relu(flat(x), out.reshape(-1))
    return out


def relu_vjp(g: Array, x: Array) -> tuple[Array]:
    """The gradient g where x > 0, else 0."""
    out = np.empty(x.shape, x.dtype)
    _relu_vjp(flat(g), flat(x), out.reshape(-1))
    return (out,)
