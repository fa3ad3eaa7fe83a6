"""The options that every demo has, the training loop of those that are about something else, and tables."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

import nn


def parser(description: str | None, out: str, epochs: str | None = None) -> argparse.ArgumentParser:
    """--seed, --out (the folder is made) and --quick; --epochs where there are any."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=natural, default=0, help="of data, initialisation and shuffling (0)")
    options.add_argument("--out", type=folder, default=out, help=f"the folder to save the pictures in ({out})")
    if epochs is not None:
        data = f"passes through the training data ({epochs})"
        options.add_argument("--epochs", type=positive, default=None, help=data)
    options.add_argument("--quick", action="store_true", help="a small run of a few seconds, to see that it works")
    return options


def table(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print columns as wide as what stands in them, the first on the left and figures on the right."""
    cells = [[cell if isinstance(cell, str) else f"{cell:.4g}" for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    cells.insert(1, ["-" * width for width in widths])
    for first, *others in cells:
        shown = (cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))
        print("  ".join([first.ljust(widths[0]), *shown]))


def natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"expected an integer from 0 up, found {text}")
    return int(text)


def positive(text: str) -> int:
    if natural(text) == 0:
        raise argparse.ArgumentTypeError(f"expected an integer from 1 up, found {text}")
    return int(text)


def folder(text: str) -> Path:
    try:
        Path(text).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot make the folder {text}: {error.strerror}") from error
    return Path(text)


def fit(
    model: nn.Module,
    loader: nn.data.DataLoader,
    criterion: nn.Module,
    opt: Any,
    num_epoch: int,
    schedule: Any = None,
    begin: Callable[[int], object] | None = None,
    done: int = 0,
) -> Iterator[float]:
    """Step 4 of the slides' recipe, which two_layer has in full: the mean loss of each epoch, as it ends.

    The network is in training mode in each epoch, and in evaluation mode between them. The schedule's step follows each
    step of the optimizer. ``begin`` is called with the number of each epoch; ``done`` of them are not run again. With
    an nn.parallel.DataParallel all ranks do the same, and the first shows the progress.
    """
    together = model if isinstance(model, nn.parallel.DataParallel) else None
    with tqdm(
        total=num_epoch * len(loader),
        initial=done * len(loader),
        unit="batch",
        mininterval=0.3,
        disable=together is not None and together.comm.Get_rank() > 0,
    ) as progress:
        for epoch in range(done, num_epoch):
            if begin is not None:
                begin(epoch)
            model.train()
            batch_loss = []
            for x_batch, y_batch in loader:
                opt.zero_grad()
                if together is None:
                    loss = criterion(model(x_batch), y_batch)
                    loss.backward()
                else:  # a rank may have no samples of the last batch
                    loss = together.backward(criterion(model(x_batch), y_batch) if len(x_batch) else None)
                batch_loss.append(loss.item())
                opt.step()
                if schedule is not None:
                    schedule.step()
                progress.update()
            progress.set_postfix_str(f"loss {np.mean(batch_loss):.4f}", refresh=False)
            model.eval()
            yield float(np.mean(batch_loss))
