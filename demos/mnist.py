"""The second demo of the slides: a network with 100 hidden units reads handwritten digits.

Slides "Application to MNIST" and "Fine-tuning the implementation". First the network of the slides; then the same
against support vector machines, which the slides say are as accurate but slower; then a network that is tuned as the
slides invite: its size, activation, optimizer, schedule and regularisation.

MNIST is taken from --data-dir, or from the folder that MNIST_DIR names, or is downloaded once. --digits takes the small
real digits that scikit-learn ships instead, and needs no network: it is the demo `digits`.

With --parallel all ranks of an MPI job train together, `mpiexec -n 4 python -m demos.mnist --parallel`, and come to
what one rank comes to, but for rounding and dropout. Rank 0 reports, and writes a checkpoint after each epoch; with
--resume as well the training goes on from there to the same result, to the bit, as if it had not been interrupted.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
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

CHECKPOINT = "checkpoint.safetensors"


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
    model: nn.Module,
    parts: Parts,
    num_epoch: int,
    opt: Any,
    max_lr: float | None = None,
    shape: Any = flat,
    team: Team | None = None,
    folder: Path | None = None,
) -> dict[str, list[float]]:
    """Steps 1 and 4 of the recipe: loss and accuracies (%) after each epoch.

    ``parts`` are for training, validation and test. With ``max_lr`` the step size rises to it, then falls to 0.
    ``shape`` makes the network's input of images. A ``team`` shares the work, and keeps a checkpoint in ``folder``.
    """
    measured = {
        f"{name} accuracy": (shape(images), labels)
        for name, (images, labels) in zip(("training", "validation", "test"), parts, strict=True)
    }
    X, y = measured["training accuracy"]
    dataset = nn.data.TensorDataset(X, autograd.tensor(y))
    if team is None:
        loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)
    else:
        loader = team.loader(dataset, batch_size=100)
    history: dict[str, list[float]] = {name: [] for name in ("loss", *measured)}
    schedule = None
    if max_lr is not None:
        schedule = optim.lr_scheduler.OneCycleLR(opt, max_lr, epochs=num_epoch, steps_per_epoch=len(loader))
    trained, begin, done = model, None, 0
    if team is not None:
        done = team.resume(folder, model, opt, schedule, history)
        trained, begin = nn.parallel.DataParallel(model, team.comm), team.begin(loader)
    seconds, begun = 0.0, time.perf_counter()
    losses = fit(trained, loader, nn.CrossEntropyLoss(), opt, num_epoch, schedule, begin, done)
    for epoch, loss in enumerate(losses, done):
        seconds += time.perf_counter() - begun
        if team is None or team.first:
            history["loss"].append(loss)
            for name, (X, y) in measured.items():
                history[name].append(100 * float(np.mean(decisions(model, X) == y)))
            if (epoch + 1) % max(1, num_epoch // 20) == 0:  # about twenty lines in all
                figures = ", ".join(f"{name} {history[name][-1]:.2f} %" for name in measured)
                tqdm.write(f"epoch {epoch + 1:3}: loss {loss:.4f}, {figures}")
            if team is not None:
                team.save(folder, epoch + 1, model, opt, schedule, history)
        begun = time.perf_counter()
    if team is None or team.first:
        print(f"training took {seconds:.1f} s")
    return history


class Team:
    """The ranks that train together with --parallel: ``mpiexec -n 4 python -m demos.mnist --parallel``."""

    def __init__(self, comm: Any, seed: int, resumes: bool) -> None:
        self.comm = comm
        self.first = comm.Get_rank() == 0
        self.seed = seed
        self.resumes = resumes

    def loader(self, dataset: Any, batch_size: int) -> nn.data.DataLoader:
        """The batches that one process would see, of which this rank gets its share."""
        sampler = nn.parallel.DistributedSampler(dataset, self.comm.Get_size(), self.comm.Get_rank(), seed=self.seed)
        batches = nn.parallel.DistributedBatchSampler(sampler, batch_size)
        return nn.data.DataLoader(dataset, batch_sampler=batches)

    def begin(self, loader: nn.data.DataLoader) -> Callable[[int], None]:
        """What begins an epoch: all that is random in it follows from its number, so no state need be saved."""

        def begin(epoch: int) -> None:
            loader.batch_sampler.set_epoch(epoch)  # type: ignore[union-attr]
            own = np.random.SeedSequence((self.seed, epoch, self.comm.Get_rank()))  # each rank's dropout has its own
            autograd.manual_seed(int(own.generate_state(1, np.uint64)[0]))

        return begin

    def save(self, folder: Any, epoch: int, model: nn.Module, opt: Any, schedule: Any, history: Any) -> None:
        """Rank 0 writes; the file is replaced as a whole, so whoever is killed leaves the one before."""
        state = {"epoch": epoch, "seed": self.seed, "model": model.state_dict(), "optimizer": opt.state_dict(),
                 "schedule": schedule and schedule.state_dict(), "history": history}  # fmt: skip
        nn.save(state, folder / CHECKPOINT)

    def resume(self, folder: Any, model: nn.Module, opt: Any, schedule: Any, history: Any) -> int:
        """The epochs that a checkpoint has, if it is to go on from one; rank 0 reads it for all."""
        path = folder / CHECKPOINT
        state = nn.load(path) if self.first and self.resumes and path.exists() else None
        state = self.comm.bcast(state)
        if state is None:
            return 0
        if state["seed"] != self.seed:
            sys.exit(f"{path} was made with --seed {state['seed']}, not {self.seed}")
        model.load_state_dict(state["model"])
        opt.load_state_dict(state["optimizer"])
        if schedule is not None:
            schedule.load_state_dict(state["schedule"])
        history.update(state["history"])
        if self.first:
            print(f"going on from {path}, after {state['epoch']} epochs")
        return int(state["epoch"])

    def only_first(self, work: Callable[[], Any]) -> None:
        """What rank 0 does alone, while the others wait without keeping their cores busy."""
        if self.first:
            work()
        arrived = self.comm.Ibarrier()
        while not arrived.Test():
            time.sleep(0.02)


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


def slides_network(parts: Parts, num_epoch: int, lr: float, folder: Path, team: Team | None = None) -> None:
    """The recipe of the slides from beginning to end; its pictures."""
    # 2) Construct the network
    height, width = parts[0][0].shape[1:]
    model = Net(nin=height * width, nh=100, nout=10)

    # 3) and 4) Select the optimizer and loss criterion; fit the network parameters
    opt = optim.Adam(model.parameters(), lr=lr)
    history = train(model, parts, num_epoch, opt, team=team, folder=folder)

    # 5) Apply the network
    if team is None:
        show(model, parts, history, folder)
    else:
        team.only_first(lambda: show(model, parts, history, folder))


def show(model: Net, parts: Parts, history: dict[str, list[float]], folder: Path) -> None:
    """What the network has learnt, and the graph of its loss."""
    (X, y), _, (X_test, y_test) = parts
    saved = report(folder, history, decisions(model, flat(X_test)), (X_test, y_test))

    import matplotlib.pyplot as plt

    weights = model.Dense1.weight.detach().numpy()[:40]  # what the first hidden units look for
    plots.images(weights.reshape(-1, *X.shape[1:]), columns=10)
    plt.gcf().savefig(folder / "hidden_weights.png")

    # The graph of the loss on one batch
    loss = nn.CrossEntropyLoss()(model(flat(X[:100])), autograd.tensor(y[:100]))
    for passes in "forward", "backward":
        diagram = viz.draw(loss, show=passes)
        diagram.save(folder / f"{passes}.svg")
        diagram.save(folder / f"{passes}.png")
    print(f"saved in {folder}: {saved} and hidden_weights .png, forward and backward .svg and .png")


def tuned_network(parts: Parts, num_epoch: int, folder: Path, team: Team | None = None) -> None:
    """As the slides invite: more units, ReLU, dropout against overfitting, and a step size that falls to 0."""
    nin = parts[0][0][0].size
    folder.mkdir(exist_ok=True)
    model = nn.Sequential(nn.Dropout(0.2), nn.Linear(nin, 800), nn.ReLU(), nn.Dropout(0.5), nn.Linear(800, 10))
    opt = optim.Adam(model.parameters())
    history = train(model, parts, num_epoch, opt, max_lr=3e-3, team=team, folder=folder)

    def finish() -> None:
        saved = report(folder, history, decisions(model, flat(parts[2][0])), parts[2])
        print(f"saved in {folder}: {saved} .png")

    if team is None:
        finish()
    else:
        team.only_first(finish)


def main() -> None:
    options = parser(__doc__, out="out/mnist", epochs="20; 30 of the tuned network")
    options.add_argument("--data-dir", help="a folder that has MNIST's four files")
    options.add_argument("--digits", action="store_true", help="take scikit-learn's digits")
    options.add_argument("--base", action="store_true", help="the network of the slides only")
    options.add_argument("--svm", type=positive, default=10_000, help="images to compare with SVMs on (10,000)")
    options.add_argument("--parallel", action="store_true", help="train on all ranks: mpiexec -n 4 python -m …")
    options.add_argument("--resume", action="store_true", help="with --parallel: go on from its last checkpoint")
    args = options.parse_args()
    if args.resume and not args.parallel:
        options.error("--resume goes with --parallel, which keeps checkpoints; one rank will do: without mpiexec")
    if args.digits and args.parallel:
        options.error("--parallel trains on MNIST, not with --digits: those take seconds on one core")
    if args.digits:
        from demos import digits  # which takes what it needs from here

        return digits.run(args)
    if not args.parallel:
        return run(args)
    try:
        comm = nn.parallel.world()
    except ImportError as error:
        sys.exit(str(error))
    with nn.parallel.abort_on_error(comm):
        nn.parallel.check_equal(comm, vars(args), "the options of demos.mnist")
        return run(args, Team(comm, args.seed, args.resume))


def run(args: argparse.Namespace, team: Team | None = None) -> None:
    def heading(text: str) -> None:
        if team is not None:
            autograd.manual_seed(args.seed)  # so that what follows does not depend on what came before
        if team is None or team.first:
            print(text)

    autograd.manual_seed(args.seed)
    if team is not None:
        team.only_first(lambda: load_mnist(args.data_dir))  # one downloads, then all read
    parts = load_mnist(args.data_dir)
    if args.quick:
        parts = first(parts, 5000)
    num_epoch = args.epochs or (2 if args.quick else 20)
    heading("The network of the slides: 784-100-10, sigmoid, Adam")
    slides_network(parts, num_epoch, 1e-3, args.out, team)
    if args.base:
        return

    n = min(1000 if args.quick else args.svm, len(parts[0][0]))
    heading(f"\nOn the first {n:,} images, the network with as many steps as before:")
    (X, y), validation, test = parts
    fewer = (X[:n], y[:n]), validation, test

    def compare() -> None:
        against_svm(fewer, num_epoch * len(parts[0][0]) // n, 1e-3)

    if team is None:
        compare()
    else:
        team.only_first(compare)

    heading("\nTuned: 784-800-10, ReLU, dropout, Adam in one cycle")
    tuned_network(parts, args.epochs or (2 if args.quick else 30), args.out / "tuned", team)


if __name__ == "__main__":
    main()
