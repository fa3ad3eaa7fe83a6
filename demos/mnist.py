"""The second demo of the slides: a network with 100 hidden units reads handwritten digits.

Slides "Application to MNIST" and "Fine-tuning the implementation". First the network of the slides; then the same
against support vector machines, which the slides say are as accurate but slower; then a network that is tuned as the
slides invite: its size, activation, optimizer, schedule and regularisation.

MNIST is taken from --data-dir, or from the folder that MNIST_DIR names, or is downloaded once. --digits takes the small
real digits that scikit-learn ships instead, and needs no network: it is the demo `digits`.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import autograd
import nn
import viz
from demos.common import fit, parser, positive, table
from nn import optim
from viz import plots

Images = np.ndarray[Any, Any]
Part = tuple[Images, np.ndarray[Any, Any]]
Parts = tuple[Part, Part, Part]


def load_mnist(folder: str | None) -> Parts:
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


def first(parts: Parts, n: int) -> Parts:
    """At most n images of each part."""
    (X, y), (X_val, y_val), (X_test, y_test) = parts
    return (X[:n], y[:n]), (X_val[:n], y_val[:n]), (X_test[:n], y_test[:n])


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


def flat(images: Images) -> autograd.Tensor:
    """One row for each image."""
    return autograd.Tensor(images.reshape(len(images), -1))


def decisions(model: nn.Module, X: autograd.Tensor) -> np.ndarray[Any, Any]:
    """The most probable class of each image."""
    with autograd.no_grad():
        return np.concatenate([model(rows).argmax(dim=1).numpy() for rows in X.split(1000)])


def train(
    model: nn.Module, parts: Parts, num_epoch: int, opt: Any, max_lr: float | None = None, shape: Any = flat
) -> dict[str, list[float]]:
    """Steps 1 and 4 of the recipe: loss and accuracies (%) after each epoch.

    ``parts`` are for training, validation and test. With ``max_lr`` the step size rises to it, then falls to 0.
    ``shape`` makes the network's input of images.
    """
    measured = {
        f"{name} accuracy": (shape(images), labels)
        for name, (images, labels) in zip(("training", "validation", "test"), parts, strict=True)
    }
    X, y = measured["training accuracy"]
    dataset = nn.data.TensorDataset(X, autograd.tensor(y))
    loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)
    history: dict[str, list[float]] = {name: [] for name in ("loss", *measured)}
    schedule = None
    if max_lr is not None:
        schedule = optim.lr_scheduler.OneCycleLR(opt, max_lr, epochs=num_epoch, steps_per_epoch=len(loader))
    seconds, begun = 0.0, time.perf_counter()
    for epoch, loss in enumerate(fit(model, loader, nn.CrossEntropyLoss(), opt, num_epoch, schedule)):
        seconds += time.perf_counter() - begun
        history["loss"].append(loss)
        for name, (X, y) in measured.items():
            history[name].append(100 * float(np.mean(decisions(model, X) == y)))
        if (epoch + 1) % max(1, num_epoch // 20) == 0:  # about twenty lines in all
            figures = ", ".join(f"{name} {history[name][-1]:.2f} %" for name in measured)
            tqdm.write(f"epoch {epoch + 1:3}: loss {loss:.4f}, {figures}")
        begun = time.perf_counter()
    print(f"training took {seconds:.1f} s")
    return history


def against_svm(parts: Parts, num_epoch: int, lr: float) -> None:
    """The network of the slides and two support vector machines on the same images, in a table."""
    from sklearn.svm import SVC  # not above: it takes a second, and --base has no use for it

    (X, y), _, (X_test, y_test) = parts
    rows = []

    def row(name: str, seconds: float, decide: Any) -> None:
        begun = time.perf_counter()
        accuracy = 100 * np.mean(decide() == y_test)
        took = time.perf_counter() - begun
        rows.append((name, f"{len(y):,}", f"{accuracy:.2f} %", f"{seconds:.1f} s", f"{took:.2f} s"))

    model = Net(nin=X[0].size, nh=100, nout=10)
    loader = nn.data.DataLoader(nn.data.TensorDataset(flat(X), autograd.tensor(y)), batch_size=100, shuffle=True)
    begun = time.perf_counter()
    for _ in fit(model, loader, nn.CrossEntropyLoss(), optim.Adam(model.parameters(), lr=lr), num_epoch):
        pass
    row("network of the slides", time.perf_counter() - begun, lambda: decisions(model, flat(X_test)))
    svms = {"linear SVM": SVC(kernel="linear", C=0.1), "RBF SVM": SVC(kernel="rbf", C=5)}
    for name, svm in tqdm(svms.items(), unit="SVM"):
        begun = time.perf_counter()
        svm.fit(X.reshape(len(X), -1), y)
        row(name, time.perf_counter() - begun, lambda svm=svm: svm.predict(X_test.reshape(len(X_test), -1)))
    table(("", "images", "test accuracy", "training took", "the test took"), rows)


def report(folder: Path, history: dict[str, list[float]], guess: np.ndarray[Any, Any], test: Part) -> str:
    """Learning curve and misread images, saved; how many they are, and what was saved."""
    import matplotlib.pyplot as plt  # not above: training need not wait for it

    X_test, y_test = test
    wrong = np.flatnonzero(guess != y_test)
    accuracy = history["test accuracy"][-1]
    print(f"test accuracy {accuracy:.2f} %: {len(wrong)} of {len(y_test):,} test images misread")
    plots.learning_curve(history)
    plt.gcf().savefig(folder / "learning_curve.png")  # not plt.savefig(), which draws it again
    if not len(wrong):
        return "learning_curve"
    some = wrong[:32]
    plots.images(X_test[some], [f"{y_test[i]}, not {guess[i]}" for i in some], columns=8)
    plt.gcf().savefig(folder / "misread.png")
    return "learning_curve, misread"


def slides_network(parts: Parts, num_epoch: int, lr: float, folder: Path) -> None:
    """The recipe of the slides from beginning to end; its pictures."""
    # 2) Construct the network
    (X, y), _, (X_test, y_test) = parts
    height, width = X.shape[1:]
    model = Net(nin=height * width, nh=100, nout=10)

    # 3) and 4) Select the optimizer and loss criterion; fit the network parameters
    opt = optim.Adam(model.parameters(), lr=lr)
    history = train(model, parts, num_epoch, opt)

    # 5) Apply the network
    saved = report(folder, history, decisions(model, flat(X_test)), (X_test, y_test))

    import matplotlib.pyplot as plt

    weights = model.Dense1.weight.detach().numpy()[:40]  # what the first hidden units look for
    plots.images(weights.reshape(-1, height, width), columns=10)
    plt.gcf().savefig(folder / "hidden_weights.png")

    # The graph of the loss on one batch
    loss = nn.CrossEntropyLoss()(model(flat(X[:100])), autograd.tensor(y[:100]))
    for show in "forward", "backward":
        diagram = viz.draw(loss, show=show)
        diagram.save(folder / f"{show}.svg")
        diagram.save(folder / f"{show}.png")
    print(f"saved in {folder}: {saved} and hidden_weights .png, forward and backward .svg and .png")


def tuned_network(parts: Parts, num_epoch: int, folder: Path) -> None:
    """As the slides invite: more units, ReLU, dropout against overfitting, and a step size that falls to 0."""
    nin = parts[0][0][0].size
    model = nn.Sequential(nn.Dropout(0.2), nn.Linear(nin, 800), nn.ReLU(), nn.Dropout(0.5), nn.Linear(800, 10))
    history = train(model, parts, num_epoch, optim.Adam(model.parameters()), max_lr=3e-3)
    folder.mkdir(exist_ok=True)
    saved = report(folder, history, decisions(model, flat(parts[2][0])), parts[2])
    print(f"saved in {folder}: {saved} .png")


def main() -> None:
    options = parser(__doc__, out="out/mnist", epochs="20; 30 of the tuned network")
    options.add_argument("--data-dir", help="a folder that has MNIST's four files")
    options.add_argument("--digits", action="store_true", help="take scikit-learn's digits")
    options.add_argument("--base", action="store_true", help="the network of the slides only")
    options.add_argument("--svm", type=positive, default=10_000, help="images to compare with SVMs on (10,000)")
    args = options.parse_args()
    if args.digits:
        from demos import digits  # which takes what it needs from here

        return digits.run(args)
    autograd.manual_seed(args.seed)
    parts = load_mnist(args.data_dir)
    if args.quick:
        parts = first(parts, 5000)
    num_epoch = args.epochs or (2 if args.quick else 20)
    print("The network of the slides: 784-100-10, sigmoid, Adam")
    slides_network(parts, num_epoch, 1e-3, args.out)
    if args.base:
        return None

    n = min(1000 if args.quick else args.svm, len(parts[0][0]))
    print(f"\nOn the first {n:,} images, the network with as many steps as before:")
    (X, y), validation, test = parts
    fewer = (X[:n], y[:n]), validation, test
    against_svm(fewer, num_epoch * len(parts[0][0]) // n, 1e-3)

    print("\nTuned: 784-800-10, ReLU, dropout, Adam in one cycle")
    tuned_network(parts, args.epochs or (2 if args.quick else 30), args.out / "tuned")
    return None


if __name__ == "__main__":
    main()
