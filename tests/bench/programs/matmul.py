"""Products of matrices, in the three forms that a linear layer needs."""

from common import done, median, np, peer

SHAPES = (
    (100, 2, 4), (100, 4, 1), (1, 784, 100), (100, 784, 100), (100, 100, 10), (256, 784, 1024), (256, 1024, 1024),
    (256, 1024, 10), (64, 64, 64), (512, 512, 512), (1024, 1024, 1024),
)  # fmt: skip

if peer == "torch":
    from torch import tensor as given
elif peer == "ours":
    from autograd import tensor as given
else:
    given = np.array
rng = np.random.default_rng(0)
times = {}
for m, k, n in SHAPES:
    x, w, g = (given(rng.random(s).astype("f")) for s in ((m, k), (n, k), (m, n)))
    name = f"{m} × {k} × {n}"
    group = "matrix products of the slides' sizes" if max(k, n) < 10 else "matrix products"
    times[f"{group}: x Wᵀ, {name}"] = median(lambda x=x, w=w: x @ w.T, 0.1)
    times[f"{group}: g W, {name}"] = median(lambda g=g, w=w: g @ w, 0.1)
    times[f"{group}: gᵀ x, {name}"] = median(lambda g=g, x=x: g.T @ x, 0.1)
done(times)
