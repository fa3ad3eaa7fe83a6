"""The benchmark's own arithmetic: who may be compared with whom, and what is printed of it."""

import math
import subprocess
import sys

import pytest

from tests.bench import measure as measuring
from tests.bench.measure import ROOT, Run, disagreeing, measure, once
from tests.bench.table import HEAD, compact, full, row, rows
from tests.bench.works import WORKS


def test_a_peer_with_another_loss_is_named_and_no_other():
    right = [0.7, 0.69, 0.68]
    work = WORKS["tiny"]
    found = disagreeing({"ours": [right, right], "jax": [right, [0.7, 0.69, 0.6802]]}, work, right)
    assert list(found) == ["jax"] and "number 3 is 0.6802, not 0.68" in found["jax"]


@pytest.mark.parametrize("strange", [math.nan, math.inf, -0.7])
def test_what_is_no_number_disagrees(strange):
    assert list(disagreeing({"ours": [[0.7]], "torch": [[strange]]}, WORKS["tiny"], [0.7])) == ["torch"]


def test_the_rounding_of_float32_may_grow_from_step_to_step_but_is_none_of_the_first():
    early, late = [0.7 * (1 + 1e-5), 0.69, 0.68], [0.7, 0.69, 0.68 * (1 + 1e-5)]
    assert list(disagreeing({"a": [early], "b": [late]}, WORKS["tiny"], [0.7, 0.69, 0.68])) == ["a"]


def test_trainings_in_other_orders_are_compared_with_the_median_of_all():
    losses = {"ours": [[0.050, 0.99]], "ours replayed": [[0.050, 0.99]], "torch": [[0.051, 0.98]]}
    assert not disagreeing(losses, WORKS["two_layer"])
    losses["torch"] = [[0.051, 0.90]]
    assert list(disagreeing(losses, WORKS["two_layer"])) == ["torch"]


def test_who_fails_or_disagrees_is_left_out_and_the_others_stay(monkeypatch):
    def fake(name, peer, hips=None, cold=False):
        if peer == "torch fused":
            raise RuntimeError("no such option")
        return Run({"": 1.0}, [0.5 if peer == "numpy" else 0.7] * 5, 100.0)

    monkeypatch.setattr(measuring, "once", fake)
    monkeypatch.setattr(measuring, "installed", lambda peer, hips=None: peer != "hips")
    runs, notes = measure("tiny", 2)
    assert list(runs) == ["ours", "ours replayed", "torch", "torch compiled", "jax"]
    assert all(len(each) == 2 for each in runs.values())
    assert ["torch fused is left out" in note for note in notes] == [True, False]
    assert "numpy is left out" in notes[1]


def test_a_ratio_is_the_median_of_the_rounds_ratios_to_the_fastest_rival_and_to_pytorch():
    times = {
        "ours": [2.0, 3.0, 40.0], "ours replayed": [1.0, 1.0, 10.0], "torch": [8.0, 8.0, 80.0],
        "torch fused": [6.0, 6.0, 60.0], "jax": [4.0, 2.0, 40.0], "numpy": [0.1, 0.1, 0.1],
    }  # fmt: skip
    found = row("a step", times, WORKS["tiny"].ours, WORKS["tiny"].rivals)
    assert found.medians["ours"] == 3.0
    assert found.ratios == {
        "jax": {"ours": 1.0, "ours replayed": 0.25},
        "torch fused": {"ours": 0.5, "ours replayed": pytest.approx(1 / 6)},
    }
    assert found.ratio == 0.25


def test_ratios_of_memory_are_to_pytorch_even_where_jax_needs_less():
    runs = {peer: [Run({"": 1.0}, [], b)] for peer, b in (("ours", 100.0), ("torch", 400.0), ("jax", 50.0))}
    assert [list(r.ratios) for r in rows("tiny", runs)] == [["torch"], ["torch"]]
    assert rows("tiny", runs)[1].ratio == 0.25


def runs_of(name, peers, titles=("",)):
    return {peer: [Run(dict.fromkeys(titles, 1e-3 * (k + 1)), [], 1e8)] for k, peer in enumerate(peers)}


@pytest.mark.parametrize("peers", [("ours", "torch", "jax", "numpy"), ("ours",), ("torch", "jax"), ("ours", "numpy")])
def test_every_line_of_a_table_has_the_cells_of_its_head(peers):
    found = []
    for name in WORKS:
        grouped = name in ("matmul", "elementwise", "pictures")
        found += rows(name, runs_of(name, peers, ("one: a", "one: b", "two: a") if grouped else ("",)))
    for lines in (full(found), [*HEAD, *compact(found)]):
        assert len({line.count("|") for line in lines}) == 1


def test_a_table_of_many_rows_is_summarised_by_group():
    found = rows("elementwise", runs_of("elementwise", ("ours", "torch"), ("10 elements: exp", "10 elements: log")))
    found[1].ratios["torch"]["ours"] = 2.0
    (line,) = compact(found)
    assert "10 elements (2 of them)" in line and "median 1.25; 0.50 (exp) to 2.00 (log)" in line
    assert sum("elements: " in line for line in full(found)) == 2


def test_ours_agrees_with_numpy_in_float64():
    found = {peer: [once("tiny", peer).losses] for peer in ("ours", "numpy")}
    expected = once("tiny", "reference").losses
    assert len(expected) == 5
    assert not disagreeing(found, WORKS["tiny"], expected)
    found["numpy"][0][1] += 1e-3
    assert list(disagreeing(found, WORKS["tiny"], expected)) == ["numpy"]


@pytest.mark.parametrize(
    "arguments, message",
    [(["nonsense"], "known are tiny"), (["--rounds", "0"], "positive"), (["--hips", "."], "pip install --no-deps")],
)
def test_an_option_that_makes_no_sense_is_an_error_that_says_so(arguments, message):
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2 and message in done.stderr
