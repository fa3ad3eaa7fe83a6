"""Imports and a first step of the slides' network."""

from common import done, peer

if peer == "torch":
    import torch
    from torch import nn, optim
else:
    import autograd as torch
    import nn
    from nn import optim

model = nn.Sequential(nn.Linear(2, 4), nn.Sigmoid(), nn.Linear(4, 1))
optimizer = optim.Adam(model.parameters(), lr=0.01)
loss = nn.BCEWithLogitsLoss()(model(torch.ones(100, 2)), torch.ones(100, 1))
loss.backward()
optimizer.step()
done()
