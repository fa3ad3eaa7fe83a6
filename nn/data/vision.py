"""Data sets of images, under torchvision's names."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

import autograd

from . import transforms
from .collate import own
from .dataset import Dataset, Fetcher, fetchers
from .mnist import StrPath, download_mnist, load_mnist_part

__all__ = ["MNIST"]


class MissingDataset(FileNotFoundError, RuntimeError):
    """The files are not there; torchvision raises a RuntimeError."""


class MNIST(Dataset[tuple[Any, Any]]):
    """MNIST, the handwritten digits, as ``torchvision.datasets.MNIST``: samples are (image, label).

    Parameters
    ----------
    root : str or path-like
        The folder that has the IDX files in ``MNIST/raw``, as torchvision leaves them, or in itself; with or without
        ``.gz``.
    train : bool
        The 60,000 images to learn from, or the 10,000 to test with.
    transform, target_transform : callable, optional
        Applied to each image, and to each label, when the sample is asked for. Without one an image is an array
        (28, 28) of bytes 0 … 255 (torchvision: a Pillow image, which ``transforms`` take as well), a label an int.
    download : bool
        Whether to download into ``root/MNIST/raw`` what is not there, or damaged.

    Attributes
    ----------
    data : Tensor, (n, 28, 28), uint8
    targets : Tensor, (n,), int64
    classes : list of str
    class_to_idx : dict

    Raises
    ------
    FileNotFoundError
        If files are missing (a RuntimeError, too, as in torchvision).
    DatasetError
        If they are damaged.

    Examples
    --------
    >>> import nn
    >>> from nn.data import transforms
    >>> dataset = nn.data.MNIST("data", train=False, transform=transforms.ToTensor())  # doctest: +SKIP
    >>> image, label = dataset[0]  # doctest: +SKIP
    >>> image.shape, label  # doctest: +SKIP
    ((1, 28, 28), 7)
    """

    classes: Sequence[str] = [
        f"{digit} - {name}"
        for digit, name in enumerate(["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"])
    ]

    def __init__(
        self,
        root: StrPath,
        train: bool = True,
        transform: Callable[[Any], Any] | None = None,
        target_transform: Callable[[Any], Any] | None = None,
        download: bool = False,
    ) -> None:
        self.root = os.path.expanduser(os.fspath(root))
        self.train = train
        self.transform = transform
        self.target_transform = target_transform
        if download:
            download_mnist(self.raw_folder)
        try:
            images, labels = load_mnist_part(self.root, "train" if train else "t10k")
        except FileNotFoundError as error:
            raise MissingDataset(f"Dataset not found. You can use download=True to download it. {error}") from error
        self.data, self.targets = autograd.from_numpy(images), autograd.from_numpy(labels)

    @property
    def raw_folder(self) -> str:
        """Where torchvision keeps the files."""
        return str(Path(self.root, "MNIST", "raw"))

    @property
    def class_to_idx(self) -> dict[str, int]:
        """From the name of a class to its number."""
        return {name: k for k, name in enumerate(self.classes)}

    def __len__(self) -> int:
        return len(self.data)

    def __getitem__(self, index: Any) -> tuple[Any, Any]:
        image, target = self.data.array[index], int(self.targets.array[index])
        # A copy: the data set must not change when a transform writes into its image.
        image = np.array(image) if self.transform is None else self.transform(np.array(image))
        return image, target if self.target_transform is None else self.target_transform(target)

    def extra_repr(self) -> str:
        """Which part it is."""
        return f"Split: {'Train' if self.train else 'Test'}"

    def __repr__(self) -> str:
        lines = [f"Number of datapoints: {len(self)}", f"Root location: {self.root}", *self.extra_repr().splitlines()]
        for title, transform in (("Transform", self.transform), ("Target transform", self.target_transform)):
            if transform is not None:
                first, *rest = repr(transform).splitlines()
                lines += [f"{title}: {first}", *(" " * (len(title) + 2) + line for line in rest)]
        return "\n    ".join([f"Dataset {type(self).__name__}", *lines])


def _images(dataset: MNIST) -> Fetcher | None:
    convert = own if dataset.transform is None else transforms.on_batches(dataset.transform)
    if convert is None or dataset.target_transform is not None or dataset.data.dtype != np.uint8:
        return None  # somebody may have put other numbers in the place of the bytes
    return lambda indices: [
        convert(dataset.data.array[chosen := np.asarray(indices)]), own(dataset.targets.array[chosen])
    ]  # fmt: skip


fetchers[MNIST.__getitem__] = _images
