"""Elementwise functions and reductions."""

from common import done, median, np, peer

if peer == "torch":
    import torch as lib
elif peer == "ours":
    import autograd as lib
else:
    lib = np
given = np.array if peer == "numpy" else lib.tensor
axis = {"axis": 0} if peer == "numpy" else {"dim": 0}


def softmax(x):
    if peer != "numpy":
        return lib.softmax(x, 1)
    e = lib.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


WORK = {
    "x + y": lambda x, y: x + y,
    "x * y": lambda x, y: x * y,
    "2 x": lambda x, y: x * 2,
    "exp": lambda x, y: lib.exp(x),
    "log": lambda x, y: lib.log(x),
    "sqrt": lambda x, y: lib.sqrt(x),
    "tanh": lambda x, y: lib.tanh(x),
    "sigmoid": lambda x, y: 1 / (1 + lib.exp(-x)) if peer == "numpy" else lib.sigmoid(x),
    "relu": lambda x, y: lib.maximum(x, 0) if peer == "numpy" else lib.relu(x),
    "erf": lambda x, y: lib.erf(x),
    "sum": lambda x, y: x.sum(),
    "mean": lambda x, y: x.mean(),
    "max": lambda x, y: x.max(),
    "sum(0)": lambda x, y: x.sum(**axis),
    "softmax": lambda x, y: softmax(x),
}
rng = np.random.default_rng(0)
times = {}
for size in (10**2, 10**4, 10**6):
    x, y = (given(rng.uniform(0.1, 2, (size // 10, 10)).astype("f")) for _ in range(2))
    for name, f in WORK.items():
        if name != "erf" or peer != "numpy":
            times[f"functions and sums of {size:,} elements: {name}"] = median(lambda f=f, x=x, y=y: f(x, y), 0.15)
done(times)
