"""A step of training: forward, loss, backward and Adam; the losses of the first steps are to agree."""

from itertools import pairwise

from common import done, median, np, peer, work

SIZES = {"tiny": ((2, 4, 1), 100), "mnist": ((784, 100, 10), 100), "large": ((784, 1024, 1024, 10), 256)}
sizes, batch = SIZES[work]
binary, relu, lr = work == "tiny", work == "large", 0.01 if work == "tiny" else 0.001
rng = np.random.default_rng(0)
theta = []  # W, b of each layer, as PyTorch would draw them
for i, o in pairwise(sizes):
    theta += [(rng.uniform(-1, 1, shape) / np.sqrt(i)).astype("f") for shape in ((o, i), (o,))]
X = rng.random((batch, sizes[0])).astype("f")
Y = (X[:, :1] > 0.5).astype("f") if binary else rng.integers(0, 10, batch)


def in_torch(torch, nn, optim):
    modules = []
    for W, b in zip(theta[::2], theta[1::2], strict=True):
        linear = nn.Linear(W.shape[1], W.shape[0])
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(W))
            linear.bias.copy_(torch.tensor(b))
        modules += [linear, nn.ReLU() if relu else nn.Sigmoid()]
    model = nn.Sequential(*modules[:-1])
    criterion = nn.BCEWithLogitsLoss() if binary else nn.CrossEntropyLoss()
    optimizer = optim.Adam(model.parameters(), lr=lr, **({"fused": True} if peer == "torch fused" else {}))
    x, y = torch.tensor(X), torch.tensor(Y)
    forward = torch.compile(model) if peer == "torch compiled" else model

    def step(x, y):
        loss = criterion(forward(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    if peer == "ours replayed":
        step = torch.replay(step)
    return lambda: step(x, y), lambda loss: loss.item()


def in_jax():
    import jax
    import jax.numpy as jnp

    def loss_of(theta, x, y):
        h = x
        for k in range(0, len(theta), 2):
            z = h @ theta[k].T + theta[k + 1]
            h = jax.nn.relu(z) if relu else jax.nn.sigmoid(z)
        if binary:
            return jnp.mean(jnp.logaddexp(z, 0) - z * y)
        return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), y[:, None], 1))

    def step(state, x, y):
        theta, m, v, k = state
        loss, g = jax.value_and_grad(loss_of)(theta, x, y)
        k = k + 1
        m = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, m, g)
        v = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, v, g)
        alpha, root = lr / (1 - 0.9**k), 1 - 0.999**k
        new = jax.tree.map(lambda p, m, v: p - alpha * m / (jnp.sqrt(v / root) + 1e-8), theta, m, v)
        return (new, m, v, k), loss

    step = jax.jit(step, donate_argnums=0)
    zeros = lambda: [jnp.zeros(a.shape, a.dtype) for a in theta]
    state, x, y = [([jnp.array(a) for a in theta], zeros(), zeros(), jnp.float32(0))], jnp.array(X), jnp.array(Y)

    def run():
        state[0], loss = step(state[0], x, y)
        jax.block_until_ready(state[0])
        return loss

    return run, float


def adam(differentiate, dtype="f"):
    """A step of Adam written in NumPy, in place, with what gives the loss and the gradients."""
    p = [a.astype(dtype) for a in theta]
    m, v, k = [np.zeros_like(a) for a in p], [np.zeros_like(a) for a in p], 0

    def run():
        nonlocal k
        loss, grads = differentiate(p)
        k += 1
        for w, g, a, b in zip(p, grads, m, v, strict=True):
            a += 0.1 * (g - a)
            b += 0.001 * (g * g - b)
            w -= lr / (1 - 0.9**k) * a / (np.sqrt(b / (1 - 0.999**k)) + 1e-8)
        return loss

    return run, float


def by_hand(dtype="f"):
    x, rows = X.astype(dtype), np.arange(batch)

    def differentiate(p):
        hidden, h = [], x
        for k in range(0, len(p), 2):
            hidden.append(h)
            z = h @ p[k].T + p[k + 1]
            h = np.maximum(z, 0) if relu else 1 / (1 + np.exp(-z))
        if binary:
            loss, g = np.mean(np.logaddexp(z, 0) - z * Y), (h - Y) / batch
        else:
            e = np.exp(z - z.max(1, keepdims=True))
            g = e / e.sum(1, keepdims=True)
            loss = -np.mean(np.log(g[rows, Y]))
            g[rows, Y] -= 1
            g /= batch
        grads = []
        for k in range(len(p) - 2, -1, -2):
            h = hidden[k // 2]
            grads[:0] = [g.T @ h, g.sum(0)]
            if k:
                g = (g @ p[k]) * ((h > 0) if relu else h * (1 - h))
        return loss, grads

    return adam(differentiate, dtype)


def in_hips():
    import autograd
    import autograd.numpy as anp

    rows = np.arange(batch)

    def loss_of(p):
        h = X
        for k in range(0, len(p), 2):
            z = anp.dot(h, p[k].T) + p[k + 1]
            h = anp.maximum(z, 0) if relu else 1 / (1 + anp.exp(-z))
        if binary:
            return anp.mean(anp.logaddexp(z, 0) - z * Y)
        z = z - anp.max(z, axis=1, keepdims=True)
        return -anp.mean(z[rows, Y] - anp.log(anp.sum(anp.exp(z), axis=1)))

    return adam(autograd.value_and_grad(loss_of))


if peer.startswith("torch"):
    import torch
    from torch import nn, optim

    run, value = in_torch(torch, nn, optim)
elif peer.startswith("ours"):
    import autograd
    import nn
    from nn import optim

    run, value = in_torch(autograd, nn, optim)
elif peer == "jax":
    run, value = in_jax()
elif peer == "hips":
    run, value = in_hips()
else:
    run, value = by_hand("f" if peer == "numpy" else "d")
losses = [value(run()) for _ in range(5)]
done({"": median(run, 1.0)} if peer != "reference" else {}, losses)
