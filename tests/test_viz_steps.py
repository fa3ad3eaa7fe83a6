"""The steps of both passes: what the player of the next task walks."""

import numpy as np
import pytest

import autograd
import viz
from autograd.graph import Graph
from tests.test_viz_sheet import NETWORKS, regression_with_ridge
from viz.steps import steps


@pytest.fixture(autouse=True)
def seeded():
    autograd.manual_seed(3)


@pytest.mark.parametrize("network", NETWORKS)
def test_the_steps_compute_the_graph_and_end_in_the_engines_gradients(network):
    loss = network()
    graph, walked = Graph(loss), steps(loss)
    kinds = [step.kind for step in walked]
    assert kinds == sorted(kinds, key=lambda k: {"leaf": 0, "forward": 0, "seed": 1, "backward": 2}[k])
    last = {}
    for step in walked:
        v = graph.variables[step.variable]
        if step.kind in ("leaf", "forward"):
            np.testing.assert_allclose(step.total, v.value, rtol=1e-6, atol=1e-12)
        else:
            last[step.variable] = step
        if step.kind == "backward":
            np.testing.assert_array_equal(step.incoming, last[step.source].total)  # complete before it is handed on
            assert last[step.source].part == last[step.source].parts
            assert step.product.shape == v.shape
            if step.factor is not None:
                np.testing.assert_allclose(step.incoming * step.factor, step.product, rtol=1e-5, atol=1e-8)
    assert set(last) == {v.index for v in graph if graph.gradient(v) is not None}
    for index, step in last.items():
        assert step.part == step.parts
        np.testing.assert_allclose(step.total, graph.gradient(graph.variables[index]), rtol=1e-6, atol=1e-9)


def test_every_step_names_its_line_of_the_sheet_and_fan_out_adds_up():
    loss = regression_with_ridge()
    sheet = viz.sheet(loss)
    walked = steps(loss)
    numbers = {step.equation for step in walked if step.equation is not None}
    assert numbers == {line.number for line in sheet.equations}
    first, second = [step for step in walked if step.kind == "backward" and step.name == "W_H"]
    assert (first.part, first.parts, second.part, second.parts) == (1, 2, 2, 2)
    np.testing.assert_allclose(second.total, first.product + second.product)
    assert first.equation == second.equation == next(e.number for e in sheet.equations if e.left.text == "∂𝒥/∂W_H")
    sigmoid = next(step for step in walked if step.kind == "backward" and step.name == "Z_H")
    assert sigmoid.local.text == "U_H ⊙ (1 − U_H)"
    assert sigmoid.factor.shape == (6, 4)


def test_without_a_gradient_there_are_forward_steps_only():
    assert [step.kind for step in steps(autograd.ones(3))] == ["leaf"]
