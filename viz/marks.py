"""What the pictures of all levels share: ids of nodes, shapes and counts in words."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

__all__ = ["Ids", "many", "number_text", "shape_text"]


class Ids:
    """Ids of nodes, made from names, so that an SVG can be styled; each is given once.

    Examples
    --------
    >>> from viz.marks import Ids
    >>> ids = Ids()
    >>> ids.of("Dense1.weight"), ids.of("Dense1 weight"), ids.of("{|}")
    ('Dense1_weight', 'Dense1_weight_2', 'v')
    """

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}

    def of(self, name: str) -> str:
        """Plain word characters."""
        word = re.sub(r"\W+", "_", unicodedata.normalize("NFKC", name)).strip("_")[:40] or "v"
        made, k = word, self.taken.get(word, 1)
        while made in self.taken:
            k += 1
            made = f"{word}_{k}"
        self.taken[word] = k
        self.taken.setdefault(made, 1)
        return made


def many(n: int, what: str) -> str:
    """``n`` and a noun: 1 layer, 1,000 layers."""
    return f"{n:,} {what}{'' if n == 1 else 's'}"


def number_text(value: Any) -> str:
    """A number in four digits, with a proper minus sign."""
    return f"{float(value):.4g}".replace("-", "−")


def shape_text(shape: tuple[int, ...], value: Any) -> str:
    """A shape, 100×4; of a scalar the number."""
    if shape:
        return "×".join(map(str, shape))
    return "scalar" if value is None else f"= {number_text(value)}"
