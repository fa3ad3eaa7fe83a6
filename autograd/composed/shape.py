"""Shapes and indexing composed of the primitives."""

from __future__ import annotations

__all__: list[str] = []
