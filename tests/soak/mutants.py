"""Mutation testing: is every small fault planted in the engine and in the rules noticed by a test?

mutmut and cosmic-ray leave out what is decorated, and the rules are lambdas in the arguments of a decorator. They also
start Python anew for every fault. Here the tests are collected once and run once, to see which of them runs which line.
Then every fault is planted in a forked child, which runs the tests of its line, the fastest first, until one fails.

A fault is *killed* if a test fails or hangs. It *survives* if none of them does in the seconds that it is given.
``python -m tests.soak.mutants --help`` has more, to look at the survivors.
"""

from __future__ import annotations

import argparse
import ast
import gc
import hashlib
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import coverage
import hypothesis
import pytest

from tests.soak import _mutate

ROOT = Path(__file__).resolve().parents[2]
ENGINE = "engine node versions inplace function functions hooks modes anomaly replay"
OPS = "activation arithmetic axes conv dtypes elementwise indexing linalg loss record reduction shape"
FILES = [*(f"autograd/{name}.py" for name in ENGINE.split()), *(f"autograd/ops/{name}.py" for name in OPS.split())]
DECLARING = [name for name in OPS.split() if name not in ("axes", "dtypes", "indexing", "record")]
TESTS = (
    "autograd_api conv creation elementwise engine layers linalg losses mutation ops reduction reliability replay "
    "shape small_faults tensor viz_notation viz_steps"
)
PATIENCE = 4.0  # CPU seconds of tests for one fault
ENOUGH = 5  # tests of a line that were fast, from every test file, before any of the others


class Trial:
    """The plugin that has the tests run when and where it wants."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        self.rows: list[tuple[str, str]] = []
        self.failed = False
        self.seconds: dict[str, float] = {}
        self.lines: dict[str, dict[int, list[str]]] = {}

    def pytest_sessionstart(self, session: Any) -> None:
        session.config.pluginmanager.unregister(name="terminalreporter")  # the children would write with it
        phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
        hypothesis.settings.register_profile("faults", phases=phases, derandomize=True, database=None, deadline=None)
        hypothesis.settings.load_profile("faults")

    def pytest_runtest_logreport(self, report: Any) -> None:
        self.failed |= report.failed
        self.seconds[report.nodeid] = self.seconds.get(report.nodeid, 0) + report.duration

    def pytest_runtestloop(self, session: Any) -> bool:
        started = time.monotonic()
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)  # its threads do not outlive a fork
        self.items = {item.nodeid: item for item in session.items}
        self.find_lines()
        warm = time.monotonic()
        every = []
        for file in FILES:
            tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
            every += [(file, k, m) for k, m in enumerate(_mutate.mutants(tree))
                      if m.within or m.owner or file.split("/")[-1][:-3] in DECLARING]  # fmt: skip
        random.Random(self.options.seed).shuffle(every)
        if self.options.only:
            every = [m for m in every if any(f"{m[0]}:{m[2].line}:".startswith(o) for o in self.options.only)]
        journal = Path(self.options.journal) if self.options.journal else None
        before = [json.loads(line) for line in journal.read_text().splitlines()] if journal and journal.exists() else []
        done = {(r["file"], r["number"]) for r in before}
        results = before + self.run_all([m for m in every if m[:2] not in done], warm, journal)
        self.report(results, len(every), warm - started)
        return True

    def run_item(self, item: Any) -> bool:
        """Whether the test fails."""
        self.failed = False
        item.ihook.pytest_runtest_protocol(item=item, nextitem=None)
        return self.failed

    def find_lines(self) -> None:
        """Which tests run which line, and how long they take: from the last run if nothing has changed."""
        sources = b"".join(p.read_bytes() for p in sorted((ROOT / "autograd").rglob("*.py")))
        cache = Path(tempfile.gettempdir()) / f"chalkgrad-lines-{os.getuid()}"
        cache.mkdir(mode=0o700, exist_ok=True)
        by_file: dict[Path, list[Any]] = {}
        for item in self.items.values():
            by_file.setdefault(Path(item.path), []).append(item)
        for path, items in by_file.items():
            kept = cache / hashlib.sha256(sources + path.read_bytes()).hexdigest()
            if kept.exists():
                lines, seconds = json.loads(kept.read_text())
                for item in items[:: max(1, len(items) // 8)]:  # enough to have the kernels loaded
                    if seconds.get(item.nodeid, 9.0) < 0.1:
                        self.run_item(item)
            else:
                lines, seconds = self.traced(items)
                kept.write_text(json.dumps((lines, seconds)))
            self.seconds.update(seconds)
            for file, found in lines.items():
                for line, tests in found.items():
                    self.lines.setdefault(file, {}).setdefault(int(line), []).extend(tests)

    def traced(self, items: list[Any]) -> tuple[dict[str, Any], dict[str, float]]:
        tracer = coverage.Coverage(data_file=None, config_file=False, include=[str(ROOT / file) for file in FILES])
        fine = []
        tracer.start()
        for item in items:
            tracer.switch_context(item.nodeid)
            if not self.run_item(item):
                fine.append(item.nodeid)
        tracer.stop()
        data = tracer.get_data()
        lines = {
            file: {
                line: [t for t in tests if t in set(fine)]
                for line, tests in data.contexts_by_lineno(str(ROOT / file)).items()
            }
            for file in FILES
        }
        return lines, {name: self.seconds.get(name, 0.0) for name in fine}

    def tests_of(self, file: str, mutant: _mutate.Mutant, killers: Counter[str]) -> list[str]:
        """The tests that run the line, or those that run something near it if that runs at import only."""
        lines = self.lines.get(file, {})
        found = list(lines.get(mutant.line, []))
        record = file.endswith("record.py")
        if not found or not mutant.within or record:  # it runs at import, or Python has optimised it away
            near = sorted((line for line in lines if lines[line]), key=lambda line: abs(line - mutant.line))
            some = near[: 100 if record else 3 if mutant.within else 12]
            found = list(dict.fromkeys([*found, *(t for line in some for t in lines[line])]))
        if not mutant.within:  # these look at what is declared, and run none of it
            found += [t for t in self.items if "::test_every_" in t]
        known = [t for t in found if t in self.items]
        ranked = sorted(known, key=lambda t: self.seconds.get(t, 0.0))
        first = sorted((t for t in known if killers[t]), key=lambda t: -killers[t])[:5]
        early, taken = [], Counter[str]()
        for t in ranked:  # some of every file
            if taken[t.partition("::")[0]] < ENOUGH:
                taken[t.partition("::")[0]] += 1
                early.append(t)
        return list(dict.fromkeys([*first, *early, *ranked]))

    def run_all(self, every: list[Any], started: float, journal: Path | None) -> list[Any]:
        """Plant them one after the other, some at once, until the time is over."""
        modules = {file: sys.modules[file[:-3].replace("/", ".")] for file in FILES}
        self.loaded = _mutate.functions()
        self.code = {file: self.compiled(file) for file in FILES}
        self.modules = modules
        killers: dict[str, Counter[str]] = {file: Counter() for file in FILES}
        results: list[Any] = []
        running: dict[int, Any] = {}
        queue = iter(every)
        gc.collect()
        gc.freeze()
        while True:
            late = time.monotonic() - started > self.options.seconds
            while len(running) < self.options.jobs and not late and (todo := next(queue, None)) is not None:
                file, number, mutant = todo
                tests = self.tests_of(file, mutant, killers[file])
                reader, writer = os.pipe()
                sys.stdout.flush()
                pid = os.fork()
                if not pid:
                    os.close(reader)
                    self.child(file, number, tests, writer)
                os.close(writer)
                running[pid] = file, number, mutant, reader, len(tests), time.monotonic()
            if not running:
                return results
            pid, status = os.waitpid(-1, os.WNOHANG)
            now = time.monotonic()
            for other, (*_, begun) in running.items():
                if now - begun > 20 * PATIENCE and not pid:
                    os.kill(other, signal.SIGKILL)
            if not pid:
                time.sleep(0.004)
                continue
            file, number, mutant, reader, tests, begun = running.pop(pid)
            with os.fdopen(reader, "rb") as pipe:
                said = pipe.read()
            # A child that died (by an alarm, a crash, for want of memory) was a child in which the fault was noticed.
            signalled = "killed", f"signal {-os.waitstatus_to_exitcode(status)}", 0
            verdict, by, ran = pickle.loads(said) if said else signalled
            killers[file][by] += verdict == "killed"
            result = {"file": file, "number": number, "line": mutant.line, "what": mutant.what, "verdict": verdict,
                      "by": by, "ran": ran, "tests": tests, "seconds": round(now - begun, 2)}  # fmt: skip
            results.append(result)
            if journal:
                with journal.open("a") as out:
                    out.write(json.dumps(result) + "\n")

    def compiled(self, file: str, tree: ast.Module | None = None) -> Any:
        tree = tree or ast.parse((ROOT / file).read_text(encoding="utf-8"))
        return compile(tree, str(ROOT / file), "exec")

    def child(self, file: str, number: int, tests: list[str], writer: int) -> None:
        """Plant the fault, run the tests, say what became of it; does not return."""
        silent = os.open(os.devnull, os.O_RDWR)
        for number_of in (0, 1, 2):
            os.dup2(silent, number_of)
        size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + 2**32, size + 2**32))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, 60)
        said: tuple[str, str, int] = "survived", "", 0
        try:
            verdict = self.plant(file, number)
            said = verdict, "", 0
            begun = time.process_time()
            for k, name in enumerate(tests if verdict == "survived" else []):
                if time.process_time() - begun > PATIENCE:
                    said = "survived", "time", k
                    break
                signal.setitimer(signal.ITIMER_REAL, 5 + 20 * self.seconds.get(name, 1.0))
                said = "survived", "", k + 1
                if self.run_item(self.items[name]):
                    said = "killed", name, k + 1
                    break
        except BaseException as error:
            said = "killed", f"{type(error).__name__} when it was planted: {error}", 0
        os.write(writer, pickle.dumps(said))
        os._exit(0)

    def plant(self, file: str, number: int) -> str:
        tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
        mutant = _mutate.mutants(tree)[number]
        mutant.plant()
        new = self.compiled(file, tree)
        if new == self.code[file]:
            return "the same code"
        if not file.startswith("autograd/ops/"):
            if mutant.owner is not None:
                changed = _mutate.renew_defaults(mutant.owner, vars(self.modules[file]), self.loaded)
            else:
                changed = _mutate.exchange(self.code[file], new, self.loaded)
            return "survived" if changed else "not loaded"
        _mutate.exchange(self.code[file], new, self.loaded)
        if file.endswith("record.py") or not mutant.within:
            record = self.modules["autograd/ops/record.py"]
            again = [f for f in FILES if f.startswith("autograd/ops/")] if file.endswith("record.py") else [file]
            again = [f for f in again if Path(f).stem in DECLARING]
            _mutate.declare_anew([(self.modules[f], new if f == file else self.code[f]) for f in again], record)
        return "survived"

    def report(self, results: list[Any], of: int, warm: float) -> None:
        verdicts = Counter(r["verdict"] for r in results)
        counted = verdicts["killed"] + verdicts["survived"]
        self.rows.append(("faults tried, of all that there are", f"{len(results)} of {of}"))
        self.rows.append(("of these make no difference to the code", str(len(results) - counted)))
        self.rows.append(("seconds to find which tests run which line", f"{warm:.0f}"))
        for file in FILES:
            mine = Counter(r["verdict"] for r in results if r["file"] == file)
            if total := mine["killed"] + mine["survived"]:
                self.rows.append((file, f"{mine['killed']:4d} of {total:4d} killed, {mine['killed'] / total:6.1%}"))
        if counted:
            self.rows.append(("mutation score", f"{verdicts['killed'] / counted:.1%}"))


def run(budget_seconds: float) -> list[tuple[str, str]]:
    """The score, by file; in a process of its own, because it forks."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as out:
        command = [sys.executable, "-m", "tests.soak.mutants", "--seconds", str(budget_seconds), "--rows", out.name]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
        rows = [tuple(row) for row in json.load(out)]
    score = next((figure for what, figure in rows if what == "mutation score"), "100%")
    assert float(score.rstrip("%")) >= 85, rows
    return rows


def main() -> int:
    parser = argparse.ArgumentParser("python -m tests.soak.mutants", description=__doc__)
    parser.add_argument("--seconds", type=float, default=120, help="once it knows the lines (120)")
    parser.add_argument("--seed", type=int, default=0, help="which faults come first")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at once")
    parser.add_argument("--only", nargs="+", metavar="FILE[:LINE:]", help="only the faults there")
    parser.add_argument("--journal", metavar="FILE", help="JSON lines of every fault; what is in it is not tried again")
    parser.add_argument("--rows", metavar="FILE", help="where to write the rows, as JSON")
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", PYTHONHASHSEED="0")
    trial = Trial(options)
    files = [str(ROOT / f"tests/test_{name}.py") for name in TESTS.split()]
    code = pytest.main([*files, "-q", "--assert=plain", "--tb=native", "-p", "no:cacheprovider"], plugins=[trial])
    if not trial.rows:
        return int(code) or 1
    if options.rows:
        Path(options.rows).write_text(json.dumps(trial.rows))
    print("\n".join(f"{what:60s} {figure}" for what, figure in trial.rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
