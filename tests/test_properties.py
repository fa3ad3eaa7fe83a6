"""Random graphs and random wrong arguments, always the same ones here; many more in soak/properties."""

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError
from autograd.ops import primitive, registry
from tests.soak import properties


@pytest.mark.parity
def test_random_graphs_have_the_values_and_gradients_of_pytorch():
    properties.tally.clear()
    properties.examples(properties.against_pytorch, 150)
    assert properties.tally["agree with PyTorch"] > 100


def test_random_graphs_with_the_ops_of_the_registry_agree_with_finite_differences():
    properties.tally.clear()
    properties.examples(properties.against_differences, 30)
    assert properties.tally["agree with finite differences"] > 15
    assert sum(isinstance(key, tuple) for key in properties.tally) > 10  # ops


@pytest.mark.parametrize("check", [properties.near_miss, properties.wild])
def test_what_does_not_fit_is_refused_in_our_words(check):
    properties.tally.clear()
    properties.examples(check, 250)
    assert properties.tally["refused"] > 20 and properties.tally["fine"] > 10


def test_a_planted_wrong_rule_is_found():
    @primitive(x=lambda g, x: g * np.cos(x) * 1.1, samples=lambda s: [(s(3, 4),)], method=False)
    def planted_sine(x):
        return np.sin(x)

    try:
        with pytest.raises(AssertionError, match="finite differences say"):
            properties.examples(lambda data: properties.against_differences(data, [planted_sine]), 30)
    finally:
        del registry["planted_sine"]


def test_a_planted_kernel_that_reads_beyond_its_array_is_found():
    def beyond(x):
        raise IndexError("index 3 is out of bounds for axis 0 with size 3")

    with pytest.raises(AssertionError, match="beyond"):
        properties.judged("beyond", lambda: beyond(1))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: autograd.mm(x, 5), lambda x: nn.functional.linear(x, 5), lambda x: x.bmm(2.0),
        lambda x: nn.functional.embedding(x, [1, 1]),
        lambda x: x.masked_select(3), lambda x: nn.functional.cosine_similarity(x, 0.5),
        lambda x: autograd.atleast_2d(0.5),
    ],
)  # fmt: skip
def test_a_number_where_only_a_tensor_makes_sense_is_a_type_error_that_says_so(call):
    with pytest.raises(DtypeError, match=r"expects tensors, found (int|float|list)"):
        call(autograd.ones(2, 2))
