"""The command; see the package."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import tests.bench

from .measure import measure
from .table import HEAD, Row, compact, full, machine, rows
from .works import WORKS


def main() -> int:
    """1 if a peer was left out, ours among them."""
    options = argparse.ArgumentParser(
        "python -m tests.bench",
        description=tests.bench.__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument("names", nargs="*", help=f"which of {', '.join(WORKS)} (all)")
    options.add_argument("--rounds", type=int, default=5, help="how often each peer has its turn (5)")
    options.add_argument("--out", type=Path, help="a file for the table of every number, in Markdown")
    options.add_argument("--hips", metavar="DIR", help="a folder that has HIPS's autograd")
    args = options.parse_args()
    if unknown := set(args.names) - set(WORKS):
        options.error(f"there is no {', '.join(sorted(unknown))}; known are {', '.join(WORKS)}")
    if args.rounds < 1:
        options.error("--rounds: expected a positive integer")
    if args.hips is not None and not (Path(args.hips) / "autograd" / "numpy").is_dir():
        options.error(f"--hips: HIPS's autograd is not there: pip install --no-deps --target {args.hips} autograd")
    title = f"{machine()}; medians of {args.rounds} interleaved rounds"
    print(f"{title}\n\n" + "\n".join(HEAD), flush=True)
    found: list[Row] = []
    notes: list[str] = []
    for name in args.names or WORKS:
        runs, these = measure(name, args.rounds, args.hips and str(Path(args.hips).resolve()))
        new = rows(name, runs)
        print("\n".join(compact(new)), flush=True)
        print("\n".join(these), file=sys.stderr, end="\n" if these else "", flush=True)
        found += new
        notes += these
        if args.out:
            args.out.write_text("\n".join([title, "", *full(found), "", *notes, ""]), encoding="utf-8")
    return 1 if notes else 0


if __name__ == "__main__":
    sys.exit(main())
