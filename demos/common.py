"""The options that every demo has."""

from __future__ import annotations

import argparse
from pathlib import Path


def parser(description: str | None, out: str, epochs: str) -> argparse.ArgumentParser:
    """--seed, --out (the folder is made), --epochs and --quick."""
    options = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=natural, default=0, help="of data, initialisation and shuffling (0)")
    options.add_argument("--out", type=folder, default=out, help=f"the folder to save the pictures in ({out})")
    options.add_argument("--epochs", type=positive, default=None, help=f"passes through the training data ({epochs})")
    options.add_argument("--quick", action="store_true", help="a few epochs only, to see that it runs")
    return options


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
