"""What is done to an image before a network sees it: torchvision's transforms that an MNIST lesson uses.

A transform that does the same to every image can do it to all images of a batch at once; :func:`on_batches` says how.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from autograd import DtypeError, ShapeError, Tensor

from .collate import own

__all__ = ["Compose", "Lambda", "Normalize", "ToTensor"]


class Compose:
    """One transform after the other.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.data import transforms
    >>> transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize((0.5,), (0.5,))])
    >>> transform(np.array([[0, 255]], np.uint8))
    tensor([[[-1.,  1.]]])
    """

    def __init__(self, transforms: Sequence[Callable[[Any], Any]]) -> None:
        self.transforms = transforms

    def __call__(self, img: Any) -> Any:
        """The image after all of them."""
        for transform in self.transforms:
            img = transform(img)
        return img

    def __repr__(self) -> str:
        return "\n".join([f"{type(self).__name__}(", *(f"    {transform}" for transform in self.transforms), ")"])


class ToTensor:
    """An image as a tensor: (height, width) or (height, width, channels) → (channels, height, width).

    Takes an array or a Pillow image. Bytes 0 … 255 become float32 from 0 to 1; other numbers are kept.

    Raises
    ------
    TypeError
        For anything else, a tensor included.
    ShapeError
        For another number of axes.

    Examples
    --------
    >>> import numpy as np
    >>> from nn.data import transforms
    >>> transforms.ToTensor()(np.array([[0, 51], [102, 255]], np.uint8))
    tensor([[[0.0000, 0.2000],
             [0.4000, 1.0000]]])
    """

    def __call__(self, pic: Any) -> Tensor:
        """(height, width) or (height, width, channels) → (channels, height, width)."""
        pillow = hasattr(pic, "__array_interface__") and hasattr(pic, "mode")
        if not (pillow or isinstance(pic, np.ndarray)):
            raise TypeError(f"ToTensor: pic should be PIL Image or ndarray. Got {type(pic)}")
        image = np.asarray(pic)
        if pillow and image.dtype == np.bool_:
            image = image.astype(np.float32)
        if image.ndim not in (2, 3):
            raise ShapeError(f"ToTensor: pic should be 2/3 dimensional. Got {image.ndim} dimensions: {image.shape}")
        return _scaled(image[None] if image.ndim == 2 else image.transpose(2, 0, 1))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _scaled(images: Any) -> Tensor:
    values = np.array(images, order="C")
    return own(values / np.float32(255) if values.dtype == np.uint8 else values)


class Normalize:
    """(image − mean) / std, channel by channel.

    Parameters
    ----------
    mean, std : sequence of float, or float
        One for each channel, or for all: (0.1307,) and (0.3081,) for MNIST.
    inplace : bool
        Whether to write into the image.

    Raises
    ------
    TypeError
        Unless called on a floating point tensor.
    ValueError
        Unless it is (…, channels, height, width); for a std of 0.

    Examples
    --------
    >>> import autograd
    >>> from nn.data import transforms
    >>> transforms.Normalize(0.5, 0.25)(autograd.ones(1, 1, 2))
    tensor([[[2., 2.]]])
    """

    def __init__(self, mean: Any, std: Any, inplace: bool = False) -> None:
        self.mean = mean
        self.std = std
        self.inplace = inplace

    def __call__(self, tensor: Tensor) -> Tensor:
        """(…, channels, height, width), of the same shape."""
        if not isinstance(tensor, Tensor):
            raise TypeError(f"Normalize: Input tensor should be a torch tensor. Got {type(tensor)}: put ToTensor first")
        if tensor.dtype.kind != "f":
            raise DtypeError(f"Normalize: Input tensor should be a float tensor. Got {tensor.dtype}.")
        if tensor.ndim < 3:
            raise ShapeError(
                f"Normalize: Expected tensor to be a tensor image of size (..., C, H, W). Got size {tensor.shape}"
            )
        mean, std = (np.asarray(value, tensor.dtype) for value in (self.mean, self.std))
        if np.any(std == 0):
            raise ValueError(f"Normalize: std evaluated to zero after conversion to {tensor.dtype}: a division by zero")
        if max(mean.ndim, std.ndim) > 1 or {mean.size, std.size} - {1, tensor.shape[-3]}:
            raise ShapeError(
                f"Normalize: expects one mean and std for each of the {tensor.shape[-3]} channels, found "
                f"mean={self.mean} and std={self.std}"
            )
        m, s = (own(value.reshape(-1, 1, 1)) for value in (mean, std))
        return tensor.sub_(m).div_(s) if self.inplace else (tensor - m) / s

    def __repr__(self) -> str:
        return f"{type(self).__name__}(mean={self.mean}, std={self.std})"


class Lambda:
    """A function of your own as a transform.

    Examples
    --------
    >>> import autograd
    >>> from nn.data import transforms
    >>> transforms.Lambda(lambda x: x.flatten())(autograd.ones(1, 2, 2))
    tensor([1., 1., 1., 1.])
    """

    def __init__(self, lambd: Callable[[Any], Any]) -> None:
        if not callable(lambd):
            raise TypeError(f"Argument lambd should be callable, got {type(lambd).__name__}")
        self.lambd = lambd

    def __call__(self, img: Any) -> Any:
        """What the function returns."""
        return self.lambd(img)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def on_batches(transform: Any) -> Callable[[Any], Tensor] | None:
    """``transform`` for bytes (n, height, width), many images at once, bit for bit the same; None if unknown.

    Known are ToTensor and Normalize themselves, and a Compose of them; nothing derived from them.
    """
    steps = transform.transforms if type(transform) is Compose else [transform]
    if not steps or type(steps[0]) is not ToTensor or any(type(step) is not Normalize for step in steps[1:]):
        return None

    values = _scaled(np.arange(256, dtype=np.uint8).reshape(-1, 1, 1, 1))  # what becomes of each byte
    try:
        for step in steps[1:]:
            values = step(values)
    except Exception:  # it will say why when it gets an image
        return None
    table = values.array.ravel()
    return lambda images: own(table.take(images[:, None]))
