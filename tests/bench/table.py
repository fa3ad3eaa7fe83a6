"""The tables: one of every number, and one for the README."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from itertools import groupby
from pathlib import Path

from .measure import Run, column, installed
from .works import TORCH, WORKS, Work

PEERS = ("ours", "ours replayed", *TORCH, "jax", "numpy", "hips")


@dataclass
class Row:
    """Medians by peer, and the ratios of each of ours to its fastest rival (and to PyTorch, if another is faster)."""

    title: str
    unit: str = "s"
    medians: dict[str, float] = field(default_factory=dict)
    ratios: dict[str, dict[str, float]] = field(default_factory=dict)  # by rival, by which of ours

    @property
    def ratio(self) -> float | None:
        """Of the faster of ours to the fastest rival."""
        return min(next(iter(self.ratios.values())).values()) if self.ratios else None


def row(title: str, times: dict[str, list[float]], ours: Sequence[str], rivals: Sequence[str], unit: str = "s") -> Row:
    found = Row(title, unit, {peer: statistics.median(t) for peer, t in times.items()})
    mine = [p for p in ours if p in times]
    present = sorted((p for p in rivals if p in times), key=found.medians.__getitem__)
    torches = [p for p in present if p.startswith("torch")]
    for best in dict.fromkeys(present[:1] + torches[:1]) if mine else ():
        found.ratios[best] = {
            p: statistics.median(a / b for a, b in zip(times[p], times[best], strict=True)) for p in mine
        }
    return found


def rows(name: str, runs: dict[str, list[Run]]) -> list[Row]:
    """The rows of a work: its time or times, and its memory."""
    work = WORKS[name]
    names = dict.fromkeys(key for rs in runs.values() for run in rs for key in run.times)
    out = [_row(work, key or work.title, column(runs, lambda run, key=key: run.times.get(key))) for key in names]
    if work.memory:
        memory = column(runs, lambda run: run.memory)
        out.append(row("  its peak memory", memory, work.ours, [p for p in work.rivals if p.startswith("torch")], "B"))
    return out


def _row(work: Work, title: str, times: dict[str, list[float]]) -> Row:
    return row(title, times, work.ours, work.rivals)


def full(found: Iterable[Row]) -> list[str]:
    """Every number."""
    lines = [f"| work | {' | '.join(PEERS)} | ratio |", "|---" * (len(PEERS) + 2) + "|"]
    for r in found:
        medians = {_plain(peer): number(x, r.unit) for peer, x in r.medians.items()}
        lines.append(f"| {r.title} | {' | '.join(medians.get(peer, '') for peer in PEERS)} | {ratios(r)} |")
    return lines


HEAD = ["| work | ours | replayed | PyTorch | JAX | ratio |", "|---|---|---|---|---|---|"]


def compact(found: Sequence[Row]) -> list[str]:
    """For the README: the best of PyTorch's, and a line for each group of rows that have one."""
    lines = []
    for group, members in groupby(found, lambda r: r.title.partition(": ")[0] if _grouped(r) else r.title):
        these = list(members)
        known = sorted((r.ratio, r.title.partition(": ")[2]) for r in these if r.ratio is not None)
        if known and _grouped(these[0]):
            middle = statistics.median(ratio for ratio, _ in known)
            (low, least), (high, most) = known[0], known[-1]
            lines.append(
                f"| {group} ({len(known)} of them) | | | | | median {middle:.2f}; {low:.2f} ({least}) to {high:.2f} "
                f"({most}) |"
            )
        else:
            lines += map(_line, these)
    return lines


def _grouped(r: Row) -> bool:
    return r.title not in {work.title for work in WORKS.values()} and not r.title.startswith(" ")


def _line(r: Row) -> str:
    medians = {_plain(peer): x for peer, x in r.medians.items()}
    torch = min((p for p in TORCH if p in medians), key=medians.__getitem__, default=None)
    cells = [number(medians[p], r.unit) if p in medians else "" for p in ("ours", "ours replayed")]
    cells.append(f"{number(medians[torch], r.unit)}{torch.removeprefix('torch')}" if torch else "")
    cells.append(number(medians["jax"], r.unit) if "jax" in medians else "")
    return f"| {r.title} | {' | '.join(cells)} | {ratios(r)} |"


def _plain(peer: str) -> str:
    return peer.removesuffix(" permuted")


def ratios(r: Row) -> str:
    """Such as ``0.50 (replayed 0.30) × jax``."""
    shown = []
    for rival, by in r.ratios.items():
        first, *others = by.items()
        rest = "".join(f" ({_plain(peer).removeprefix('ours ')} {x:.2f})" for peer, x in others)
        shown.append(f"{first[1]:.2f}{rest} × {_plain(rival)}")
    return "; ".join(shown)


def number(x: float, unit: str) -> str:
    if unit == "B":
        return f"{x / 2**20:.0f} MB"
    return f"{x:.2f} s" if x >= 0.5 else f"{x * 1e3:.1f} ms" if x >= 2e-3 else f"{x * 1e6:.1f} µs"


def machine() -> str:
    """The processor and the versions."""
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line for line in info.read_text().splitlines() if line.startswith("model name")]
        name = models[0].partition(":")[2].strip() if models else name
    versions = [f"{package} {version(package)}" for package in ("numpy", "numba", "torch", "jax") if installed(package)]
    return f"{name}, {os.cpu_count()} cores; Python {platform.python_version()}, {', '.join(versions)}"
