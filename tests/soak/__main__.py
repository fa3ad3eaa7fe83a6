"""``python -m tests.soak [NAME …] [--seconds 120]``: the long runs, each a module here with ``run(budget_seconds)``.

``run`` gives rows (what, figure) and raises if something does not hold; without names all of them run.
"""

import argparse
import importlib
import pkgutil
import sys
import time
import traceback

import tests.soak

names = sorted(m.name for m in pkgutil.iter_modules(tests.soak.__path__) if not m.name.startswith("_"))
parser = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(names)}")
parser.add_argument("--seconds", type=float, default=120, help="for each of them, about")
asked = parser.parse_args()
if set(asked.names) - set(names):
    parser.error(f"no such run: {sorted(set(asked.names) - set(names))}; there are {names}")
failed = []
for name in asked.names or names:
    start = time.perf_counter()
    try:
        rows = importlib.import_module(f"tests.soak.{name}").run(asked.seconds)
    except Exception:
        traceback.print_exc()
        failed.append(name)
        rows = [("FAILED", "see above")]
    print(f"\n{name} ({time.perf_counter() - start:.0f} s)")
    for what, figure in rows:
        print(f"  {what:90s} {figure}", flush=True)
sys.exit(f"failed: {', '.join(failed)}" if failed else 0)
