"""A chain of operations on one number: what recording an operation and going back through it costs by itself."""

import time

from common import done, peer

N = 100_000
times = []
if peer == "hips":
    import autograd
    import autograd.numpy as np

    def chain(x):
        for _ in range(N):
            x = x + 1
        return np.sum(x)

    gradient = autograd.grad(chain)
    for _ in range(5):
        begun = time.perf_counter()
        slope = gradient(np.ones(1, "f"))
        times.append(time.perf_counter() - begun)
else:
    if peer == "torch":
        import torch
    else:
        import autograd as torch
    for _ in range(5):
        x = torch.tensor([1.0], requires_grad=True)
        begun = time.perf_counter()
        y = x
        for _ in range(N):
            y = y + 1
        y.sum().backward()
        del y
        times.append(time.perf_counter() - begun)
        slope = x.grad
done({"": sorted(times)[2] / N}, [slope.item()])
