"""A number by which a change of an array is found out."""

from __future__ import annotations

import zlib

import numpy as np

from .jit import PLAIN, Array, jit, wide

LARGE = 1 << 15
"""Bytes from which on a kernel takes less time than zlib's checksum, a tenth of it in the end."""

STEP, FIRST, SECOND = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
S30, S27, S31 = np.uint64(30), np.uint64(27), np.uint64(31)


@jit
def _mixed(words):
    """The sum of SplitMix64's numbers for each word and its place; a change of one word always changes it."""
    wide()
    total = np.uint64(0)
    for i in range(words.size):
        z = words[i] + np.uint64(i) * STEP
        z = (z ^ (z >> S30)) * FIRST
        z = (z ^ (z >> S27)) * SECOND
        total += z ^ (z >> S31)
    return total


def fingerprint(array: Array) -> int:
    """The same for the same bytes; for others it is another one, but by a chance of one in four billion or less."""
    if not array.size:
        return 0
    content = np.ascontiguousarray(array)
    if array.nbytes < LARGE or array.nbytes % 8 or PLAIN:
        return zlib.crc32(content.view(np.uint8).data)
    return int(_mixed(content.reshape(-1).view(np.uint64)))
