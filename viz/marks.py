"""What the pictures of all levels share besides what stands in a node: ids, and counts in words."""

from __future__ import annotations

import html
import re
import unicodedata

from .notation import plain

__all__ = ["Ids", "many", "words"]


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


def words(text: str, longest: int = 90) -> str:
    """Text as it is, for an HTML-like label: no subscripts, no markup, on one line."""
    return html.escape(plain(text, longest), quote=True).replace("\\", "&#92;&#92;")
