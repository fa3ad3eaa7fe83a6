"""The recipe of demos/two_layer.py as a PyTorch script, without its pictures: both run this file as it is."""

import numpy as np
import torch
import torch.nn as nn
import torch.optim as optim
from common import done, peer
from torch.utils.data import DataLoader, TensorDataset

NUM_EPOCH = 2000

# 1) Construct the dataset and dataloader objects
rng = np.random.default_rng(0)
torch.manual_seed(0)
X = rng.random((400, 2)).astype(np.float32)
y = np.exp(-8 * np.sum((X - 0.5) ** 2, axis=1)) > 0.5
X_tensor = torch.tensor(X)
y_tensor = torch.tensor(y.astype(np.float32))
dataset = TensorDataset(X_tensor, y_tensor)
loader = DataLoader(dataset, batch_size=100, shuffle=True)


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
        x = self.activation(self.Dense1(x))
        return self.activation(self.Dense2(x))


model = Net(nin=2, nh=4, nout=1)
with torch.no_grad():
    for p in model.parameters():  # the same for all
        p.copy_(torch.tensor(rng.uniform(-1, 1, tuple(p.shape)).astype(np.float32)))

# 3) Select the optimizer and loss criterion
opt = optim.Adam(model.parameters(), lr=0.01)
criterion = nn.BCELoss()


def step(x_batch, y_batch):
    out = model(x_batch)
    loss = criterion(out, y_batch)
    opt.zero_grad()
    loss.backward()
    opt.step()
    return loss, out.detach()


if "replayed" in peer:
    step = torch.replay(step)

# 4) Fit the network parameters
for _ in range(NUM_EPOCH):
    error = 0
    batch_loss = []
    for x_batch, y_batch in permuted() if "permuted" in peer else loader:
        y_batch = y_batch.view(-1, 1)
        loss, out = step(x_batch, y_batch)
        batch_loss.append(loss.item())
        error += (out.round() - y_batch).abs().sum().item()

# 5) Apply the network
out = model(X_tensor).detach().numpy()[:, 0]
done(losses=[np.mean(batch_loss), np.mean((out > 0.5) == y)])
