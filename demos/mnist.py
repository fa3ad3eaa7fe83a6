"""The second demo of the slides: a network with 100 hidden units reads handwritten digits.

MNIST is taken from --data-dir, or from the folder that MNIST_DIR names, or is downloaded once. --digits takes the small
real digits that scikit-learn ships instead, and needs no network.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from tqdm import tqdm

import autograd
import nn
import viz
from demos.common import parser
from nn import optim
from viz import plots

Part = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


def load_mnist(folder: str | None) -> tuple[Part, Part, Part]:
    """Images and labels: for training, to validate (the last sixth of the training file), and to test."""
    try:
        data = nn.data.load_mnist(folder)
    except (OSError, nn.data.DatasetError) as error:
        sys.exit(
            f"{error}\n\nWithout MNIST: `python -m demos.mnist --digits` does the same with the real 8×8 digits that "
            "scikit-learn ships."
        )
    n = len(data.train_images) * 5 // 6
    X, X_test = data.train_images / np.float32(255), data.test_images / np.float32(255)
    return (X[:n], data.train_labels[:n]), (X[n:], data.train_labels[n:]), (X_test, data.test_labels)


def load_digits() -> tuple[Part, Part, Part]:
    """1,197 images to train, 300 to validate and 300 to test, drawn after autograd.manual_seed()."""
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        sys.exit("--digits needs scikit-learn: pip install '.[demos]'")
    data = load_digits()
    order = autograd.randperm(len(data.target)).numpy()
    images, labels = data.images[order] / 16, data.target[order]
    return (images[:1197], labels[:1197]), (images[1197:1497], labels[1197:1497]), (images[1497:], labels[1497:])


class Net(nn.Module):
    def __init__(self, nin: int, nh: int, nout: int) -> None:
        super().__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)

    def forward(self, x: autograd.Tensor) -> autograd.Tensor:
        x = self.activation(self.Dense1(x))
        out: autograd.Tensor = self.Dense2(x)  # scores: CrossEntropyLoss takes logits
        return out


def flat(images: np.ndarray[Any, Any]) -> autograd.Tensor:
    """One row for each image."""
    return autograd.Tensor(images.reshape(len(images), -1))


def decisions(model: Net, images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The most probable class of each image."""
    with autograd.no_grad():
        classes: np.ndarray[Any, Any] = model(flat(images)).argmax(dim=1).numpy()
    return classes


def main() -> None:
    options = parser(__doc__, out="out/mnist", epochs="20; 200 of --digits")
    options.add_argument("--data-dir", help="a folder that has MNIST's four files")
    options.add_argument("--digits", action="store_true", help="take scikit-learn's digits")
    args = options.parse_args()
    num_epoch = args.epochs or (2 if args.quick else 200 if args.digits else 20)
    autograd.manual_seed(args.seed)

    # 1) Construct the dataset and dataloader objects
    (X, y), (X_val, y_val), (X_test, y_test) = load_digits() if args.digits else load_mnist(args.data_dir)
    dataset = nn.data.TensorDataset(flat(X), autograd.tensor(y))
    loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)

    # 2) Construct the network
    height, width = X.shape[1:]
    model = Net(nin=height * width, nh=100, nout=10)

    # 3) Select the optimizer and loss criterion
    opt = optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    # 4) Fit the network parameters
    names = ("loss", "training accuracy", "validation accuracy", "test accuracy")
    history: dict[str, list[float]] = {name: [] for name in names}
    progress = tqdm(total=num_epoch * len(loader), unit="batch", mininterval=0.3)
    for epoch in range(num_epoch):
        correct = 0
        batch_loss = []
        for x_batch, y_batch in loader:
            out = model(x_batch)
            loss = criterion(out, y_batch)
            batch_loss.append(loss.item())
            opt.zero_grad()
            loss.backward()
            opt.step()
            correct += (out.argmax(dim=1) == y_batch).sum().item()
            progress.update()
        history["loss"].append(float(np.mean(batch_loss)))
        history["training accuracy"].append(100 * correct / len(dataset))
        history["validation accuracy"].append(100 * np.mean(decisions(model, X_val) == y_val))
        history["test accuracy"].append(100 * np.mean(decisions(model, X_test) == y_test))
        if (epoch + 1) % max(1, num_epoch // 20) == 0:  # about twenty lines in all
            figures = ", ".join(f"{name} {values[-1]:.2f} %" for name, values in history.items() if name != "loss")
            progress.write(f"epoch {epoch + 1:3}: loss {history['loss'][-1]:.4f}, {figures}")
    progress.close()

    # 5) Apply the network
    guess = decisions(model, X_test)
    wrong = np.flatnonzero(guess != y_test)
    print(f"test accuracy {history['test accuracy'][-1]:.2f} %: {len(wrong)} of {len(y_test):,} test images misread")

    import matplotlib.pyplot as plt  # not above: training need not wait for it

    plots.learning_curve(history)
    plt.savefig(args.out / "learning_curve.png")
    if len(wrong):
        some = wrong[:32]
        titles = [f"{y_test[i]}, not {guess[i]}" for i in some]
        plots.images(X_test[some], titles, columns=8)
        plt.savefig(args.out / "misread.png")
    weights = model.Dense1.weight.detach().numpy()[:40]  # what the first hidden units look for
    plots.images(weights.reshape(-1, height, width), columns=10)
    plt.savefig(args.out / "hidden_weights.png")

    # The graph of the loss on one batch
    x_batch, y_batch = next(iter(loader))
    loss = criterion(model(x_batch), y_batch)
    for show in "forward", "backward":
        diagram = viz.draw(loss, show=show)
        diagram.save(args.out / f"{show}.svg")
        diagram.save(args.out / f"{show}.png")
    misread = "misread, " if len(wrong) else ""
    print(f"saved in {args.out}: {misread}learning_curve and hidden_weights .png, forward and backward .svg and .png")


if __name__ == "__main__":
    main()
