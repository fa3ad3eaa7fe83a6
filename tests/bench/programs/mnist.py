"""The recipe of demos/mnist.py --base as a PyTorch script, without its pictures: both run this file as it is.

The images are MNIST's where MNIST_DIR names a folder that has them; else as many of random numbers.
"""

import gzip
import os
from pathlib import Path

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from common import done, peer
from torch.utils.data import DataLoader, TensorDataset

NUM_EPOCH = 20


def idx(name, header):
    (path,) = Path(os.environ["MNIST_DIR"]).rglob(f"{name}*")
    data = path.read_bytes()
    return np.frombuffer(gzip.decompress(data) if path.suffix == ".gz" else data, np.uint8, offset=header)


rng = np.random.default_rng(0)
torch.manual_seed(0)
if os.environ.get("MNIST_DIR"):
    images = [idx(f"{part}-images", 16).reshape(-1, 784) for part in ("train", "t10k")]
    labels = [idx(f"{part}-labels", 8) for part in ("train", "t10k")]
else:
    images = [rng.integers(0, 256, (n, 784), np.uint8) for n in (60_000, 10_000)]
    labels = [rng.integers(0, 10, len(x), np.uint8) for x in images]

# 1) Construct the dataset and dataloader objects: for training, to validate, and to test
images = [images[0][:50_000], images[0][50_000:], images[1]]
labels = [labels[0][:50_000], labels[0][50_000:], labels[1]]
parts = [
    (torch.tensor(x / np.float32(255)), torch.tensor(y.astype(np.int64))) for x, y in zip(images, labels, strict=True)
]
X_tensor, y_tensor = parts[0]
loader = DataLoader(TensorDataset(X_tensor, y_tensor), batch_size=100, shuffle=True)


def permuted():
    """What a loader gives, by an index of each batch: the faster way in PyTorch."""
    order = torch.randperm(len(X_tensor))
    for k in range(0, len(X_tensor), 100):
        rows = order[k : k + 100]
        yield X_tensor[rows], y_tensor[rows]


# 2) Construct the network
class Net(nn.Module):
    def __init__(self, nin, nh, nout):
        super().__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)

    def forward(self, x):
        return self.Dense2(self.activation(self.Dense1(x)))


model = Net(nin=784, nh=100, nout=10)
with torch.no_grad():
    for p in model.parameters():  # the same for all
        shape = tuple(p.shape)
        p.copy_(torch.tensor((rng.uniform(-1, 1, shape) / np.sqrt(shape[-1])).astype(np.float32)))

# 3) Select the optimizer and loss criterion
opt = optim.Adam(model.parameters(), lr=1e-3)
criterion = nn.CrossEntropyLoss()


def step(x_batch, y_batch):
    loss = criterion(model(x_batch), y_batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss


if "replayed" in peer:
    step = torch.replay(step)

# 4) Fit the network parameters
for _ in range(NUM_EPOCH):
    batch_loss = [step(x, y).item() for x, y in (permuted() if "permuted" in peer else loader)]
    accuracies = []
    with torch.no_grad():
        for X, y in parts:
            guess = [model(x).argmax(dim=1) for x in X.split(1000)]
            accuracies.append((torch.cat(guess) == y).float().mean().item())

done(losses=[np.mean(batch_loss), *accuracies])
