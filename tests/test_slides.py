"""Every listing of the slides, typed as it is printed, runs under PyTorch's names and ends in the slides' figures."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
from demos.two_layer import make_data
from tests.test_demos import write_mnist

ROOT = Path(__file__).resolve().parent.parent

DATA = """
import torch

import torch.utils.data

# Convert the numpy arrays to Tensor type
X_torch = torch.Tensor(X)
y_torch = torch.Tensor(y)

# Create a Dataset from the Tensors
dataset = torch.utils.data.TensorDataset(X_torch, y_torch)
# Create a DataLoader from the Dataset
loader = torch.utils.data.DataLoader(dataset, batch_size=100)
"""

BATCHES = """
for batch, data in enumerate(loader):
    x_batch, y_batch = data
"""

NETWORK = """
import torch.nn as nn

nh = 4

# nin: dimension of input data
# nh: number of hidden units
# nout: number of outputs = 1 since this is bi

class Net(nn.Module):
    def __init__(self, nin, nh, nout):
        super(Net, self).__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)

    def forward(self, x):
        x = self.activation(self.Dense1(x))
        out = self.activation(self.Dense2(x))
        return out

model = Net(nin=nx, nh=nh, nout=1)
"""

OPTIMIZER = """
import torch.optim as optim

opt = optim.Adam(model.parameters(), lr=0.01)
criterion = nn.BCELoss()
"""

TRAINING = """
num_epoch = 2000

print_intvl = 100
a_loss = np.zeros([num_epoch])
a_accuracy = np.zeros([num_epoch])

# Outer loop over epochs
for epoch in range(num_epoch):
    error = 0 # initialize error counter
    total = 0 # initialize total counter
    batch_loss = []
    # Inner loop over mini-batches
    for batch, data in enumerate(loader):
        x_batch, y_batch = data
        y_batch = y_batch.view(-1,1) # resizes y_batch to (batch_size,1)
        out = model(x_batch)
        # Compute loss
        loss = criterion(out, y_batch)
        batch_loss.append(loss.item())
        # Compute gradients using back-propagation
        opt.zero_grad()
        loss.backward()
        # Take an optimization 'step' (i.e., update parameters)
        opt.step()

    # Compute number of decision errors
    guess = out.round() # hard binary outputs
    error += torch.sum(torch.abs(guess - y_batch))
    total += len(y_batch)

accuracy = 100*(1-error/total) # Compute accuracy over epoch
a_loss[epoch] = np.mean(batch_loss) # Compute average loss over epoch
a_accuracy[epoch] = accuracy
"""

REGION = """
# Limits to plot the response.
xmin = [0,0]
xmax = [1,1]

# Use meshgrid to create the 2D input
nplot = 100
x0plot = np.linspace(xmin[0],xmax[1],nplot)
x1plot = np.linspace(xmin[0],xmax[1],nplot)
x0mat, x1mat = np.meshgrid(x0plot,x1plot)
Xplot = np.column_stack([x0mat.ravel(), x1mat.ravel()])
Xplot_tensor = torch.Tensor(Xplot)

# Compute the output and export to numpy
u0plot = model(Xplot_tensor).detach().numpy()
u0plot_mat = u0plot[:,0].reshape((nplot, nplot))

# Plot the recovered region
plt.imshow(np.flipud(u0plot_mat), extent=[xmin[0],xmax[0],
plt.colorbar()

# Overlay the samples
I0 = np.where(y==0)[0]
I1 = np.where(y==1)[0]
plt.plot(X[I0,0], X[I0,1], 'bo')
plt.plot(X[I1,0], X[I1,1], 'go')
plt.xlabel('$x_0$', fontsize=16)
plt.ylabel('$x_1$', fontsize=16)
plt.title('u0')
"""

HIDDEN = """
# Get the outputs of the hidden layer
uhid = model.activation(model.Dense1(Xplot_tensor))
uhid_plot = uhid.detach().numpy()
uhid_plot = uhid_plot.reshape((nplot,nplot,nh))

# Get the weights of the output layer
state_dict = model.state_dict()
Wo, bo = state_dict['Dense2.weight'], state_dict['Dense2.bias']

fig = plt.figure(figsize=(10, 4))

for i in range(nh):

    plt.subplot(1,nh,i+1)
    uhid_ploti = np.flipud(uhid_plot[:, :, i])
    im = plt.imshow(uhid_ploti, extent=[xmin[0],xmax[0],xmin[1],xmax[1]])
    plt.xticks([])
    plt.yticks([])
    plt.xlabel('$x_0$', fontsize=16)
    plt.ylabel('$x_1$', fontsize=16)
    plt.title('uH{0:d}, wO{0:d}={1:4.2f}'.format(i,i,Wo[0,i]))

fig.subplots_adjust(right=0.85)
cbar_ax = fig.add_axes([0.9, 0.30, 0.05, 0.4])
fig.colorbar(im, cax=cbar_ax)
"""

METRICS = TRAINING[TRAINING.index("    # Compute number of decision errors") :]

# What the errata say is broken in print: the listing, what it says, what it must say, and why.
REPAIRS = [
    ("DATA", "batch_size=100)", "batch_size=100, shuffle=True)", "every epoch has a new order"),
    ("TRAINING", METRICS, """\
        # Compute number of decision errors
        guess = out.detach().round() # hard binary outputs
        error += torch.sum(torch.abs(guess - y_batch))
        total += len(y_batch)

    accuracy = 100*(1-error/total) # Compute accuracy over epoch
    a_loss[epoch] = np.mean(batch_loss) # Compute average loss over epoch
    a_accuracy[epoch] = accuracy.item()
""", "the block belongs into the loops; detach() frees the graph; a number, not a tensor, goes into an array"),
    ("REGION", "# Limits", "import numpy as np\nimport matplotlib.pyplot as plt\n# Limits", "the imports are missing"),
    ("REGION", "x0plot = np.linspace(xmin[0],xmax[1],", "x0plot = np.linspace(xmin[0],xmax[0],", "x0's own limits"),
    ("REGION", "x1plot = np.linspace(xmin[0],xmax[1],", "x1plot = np.linspace(xmin[1],xmax[1],", "x1's own limits"),
    ("REGION", "extent=[xmin[0],xmax[0],\n", "extent=[xmin[0],xmax[0],xmin[1],xmax[1]])\n", "the line is cut off"),
    ("HIDDEN", "'uH{0:d}, wO{0:d}={1:4.2f}'.format(i,i,Wo[0,i])", "'uH{0:d}, wO{0:d}={1:4.2f}'.format(i,Wo[0,i])",
     "it would print the index"),
]  # fmt: skip


def repaired(name):
    listing = globals()[name]
    for where, printed, correct, _ in REPAIRS:
        if where == name:
            assert listing.count(printed) == 1, printed
            listing = listing.replace(printed, correct)
    return listing


# What the slides show without a listing: the data, and the network for MNIST with the figures of its slide.
BEFORE = """
import sys
import numpy as np
X, y = (np.load(sys.argv[1])[name] for name in ("X", "y"))
nx = X.shape[1]
import torch
torch.manual_seed(0)
"""

MNIST = """
from torchvision import datasets, transforms
torch.manual_seed(0)
train, test = (datasets.MNIST(sys.argv[2], train=part, transform=transforms.ToTensor()) for part in (True, False))
train = torch.utils.data.Subset(train, range(5 * len(train) // 6))  # 50,000 training samples
mnist = nn.Sequential(nn.Linear(28 * 28, 100), nn.Sigmoid(), nn.Linear(100, 10))
mnist_opt = optim.Adam(mnist.parameters(), lr=1e-3)
for epoch in range(int(sys.argv[3])):
    for images, labels in torch.utils.data.DataLoader(train, batch_size=100, shuffle=True):
        mnist_opt.zero_grad()
        nn.CrossEntropyLoss()(mnist(images.reshape(-1, 28 * 28)), labels).backward()
        mnist_opt.step()
with torch.no_grad():
    wrong = sum(
        (mnist(images.reshape(-1, 28 * 28)).argmax(1) != labels).sum().item()
        for images, labels in torch.utils.data.DataLoader(test, batch_size=1000)
    )
mnist_accuracy = 100 * (1 - wrong / len(test))
"""

AFTER = """
import json
region, _, *_ = plt.figure(1).axes
hidden = plt.figure(2).axes[:nh]
hard = model(X_torch).detach().numpy()[:, 0] > 0.5
print(json.dumps({
    "torch": torch.__version__,
    "loss": a_loss.tolist(),
    "accuracy": a_accuracy.tolist(),
    "right": 100 * float(np.mean(hard == y)),
    "extent": [float(x) for x in region.images[0].get_extent()],
    "image": region.images[0].get_array().tolist(),
    "samples": [len(line.get_xdata()) for line in region.lines],
    "labels": [region.get_title(), region.get_xlabel(), region.get_ylabel()],
    "titles": [ax.get_title() for ax in hidden],
    "weights": Wo[0].tolist(),
    "units": [[float(ax.images[0].get_array().min()), float(ax.images[0].get_array().max())] for ax in hidden],
    "shapes": {name: list(x.shape) for name, x in state_dict.items()},
    "mnist": [len(train), len(test), mnist_accuracy],
}))
"""


def test_every_listing_of_the_slides_runs_and_ends_in_the_slides_figures(tmp_path):
    pytest.importorskip("matplotlib")
    autograd.manual_seed(0)
    X, y = make_data(400)
    np.savez(tmp_path / "data.npz", X=X, y=y)
    folder = os.environ.get("MNIST_DIR") or tmp_path
    if folder is tmp_path:
        write_mnist(tmp_path, 1200, 100)
    listings = (repaired(name) for name in ("DATA", "BATCHES", "NETWORK", "OPTIMIZER", "TRAINING", "REGION"))
    script = "\n".join([BEFORE, *listings, repaired("HIDDEN"), MNIST, AFTER])
    (tmp_path / "slides.py").write_text(script, "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "nn.as_torch", "--draw", tmp_path, tmp_path / "slides.py", tmp_path / "data.npz", folder,
         "10"],
        cwd=ROOT, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    found = json.loads(done.stdout)
    assert "chalkgrad" in found["torch"]

    # "Performance vs. epoch": the loss gradually decreases, the accuracy gradually increases
    loss, accuracy = np.array(found["loss"]), np.array(found["accuracy"])
    assert len(loss) == len(accuracy) == 2000
    by_200 = loss.reshape(10, 200).mean(1)
    assert (np.diff(by_200) < 0).all() and by_200[-1] < 0.15 < 0.5 < by_200[0]
    assert accuracy[:200].mean() < 80 and accuracy[-200:].mean() > 96 and found["right"] > 96

    # "Visualizing the decision region": the disc, and the samples on top
    assert found["extent"] == [0, 1, 0, 1]
    assert found["labels"] == ["u0", "$x_0$", "$x_1$"]
    assert found["samples"] == [int((y == 0).sum()), int((y == 1).sum())]
    image = np.array(found["image"])
    assert image.shape == (100, 100) and image[50, 50] > 0.9 and image[[0, 0, -1, -1], [0, -1, 0, -1]].max() < 0.1
    assert (image > 0.5).mean() == pytest.approx(np.pi * np.log(2) / 8, abs=0.05)

    # "Visualizing the hidden layer": nh soft decisions, each with its weight
    assert found["shapes"] == {"Dense1.weight": [4, 2], "Dense1.bias": [4], "Dense2.weight": [1, 4], "Dense2.bias": [1]}
    assert found["titles"] == [f"uH{i}, wO{i}={w:4.2f}" for i, w in enumerate(found["weights"])]
    assert all(0 <= low < 0.2 and 0.8 < high <= 1 for low, high in found["units"])

    # "Application to MNIST"; of its own files if they are there, else of files of a few squares
    train, test, mnist_accuracy = found["mnist"]
    assert mnist_accuracy > 96.5
    assert (train, test) == ((50_000, 10_000) if folder is not tmp_path else (1000, 100))

    # "The computation graph": of the listing's own first loss, under the listing's own names
    for show in ("forward", "backward"):
        assert "Dense2.weight" in (tmp_path / f"{show}.svg").read_text("utf-8")
