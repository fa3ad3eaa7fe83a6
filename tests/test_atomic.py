"""Backward is all or nothing, whatever fails in it and whenever it is interrupted; the long version is soak/atomic."""

import random
import signal

import numpy as np
import pytest

import autograd
import nn
from autograd import GraphError, ShapeError, tensor
from tests.soak import atomic
from tests.soak.atomic import composite, deep, graph

HOW = pytest.mark.parametrize("how", [{}, {"create_graph": True}], ids=["plain", "create_graph"])


@HOW
@pytest.mark.parametrize("op", atomic.OPS, ids=lambda op: op.name)
def test_an_error_in_any_rule_leaves_everything_as_it_was_and_names_the_op(op, how):
    errors = [KeyboardInterrupt] if how else [atomic.Injected]
    assert op.name in atomic.check_rules(lambda: graph(op), errors, **how)[1]


@HOW
def test_an_error_in_a_hook_or_in_the_accumulation_leaves_everything_as_it_was(how):
    count, called = atomic.check_rules(composite, **how)
    assert count >= 40 and {"sigmoid", "linear", "assign", "softmax"} <= called
    assert atomic.check_hooks(composite, **how) >= 40
    assert atomic.check_accumulation(composite, **how) >= 5


def test_an_interrupt_at_any_moment_leaves_all_of_the_work_or_nothing():
    count, done = atomic.check_interrupts(composite, step=3)
    assert count > 200 and 0 < done < count / 10


@HOW
def test_an_interrupt_near_the_end_leaves_all_of_the_work_or_nothing(how):
    for _ in range(2):  # the first one fills caches
        probe = atomic.At(-1)
        made = composite()
        probe.run(lambda made=made: made[0].backward(**how))
    count, done = atomic.check_interrupts(composite, start=probe.seen - 80, **how)
    assert count == 80 and done


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no interval timers here")
def test_real_interrupts_at_random_moments_leave_all_of_the_work_or_nothing():
    rng, interrupted = random.Random(0), 0
    for _ in range(50):  # on a busy machine most moments lie outside of the pass
        interrupted += atomic.check_asynchronous(deep, 20, rng)[1]
        if interrupted > 10:
            break
    assert interrupted > 10


def test_a_graph_whose_gradients_were_not_all_used_can_be_asked_again():
    x, y = (tensor(v, requires_grad=True) for v in (2.0, 3.0))
    loss = x * x
    with pytest.raises(GraphError, match="allow_unused"):
        autograd.grad(loss, [x, y])
    assert autograd.grad(loss, [x])[0].item() == 4
    with pytest.raises(GraphError, match="a second time"):
        autograd.grad(loss, [x])


def test_a_gradient_of_another_shape_from_before_stops_the_pass_before_anything_is_added():
    x, y = (tensor([1.0, 2.0], requires_grad=True) for _ in range(2))
    for first, second in ((3, 1), (1, 3)):  # 1 would broadcast
        x.data = autograd.ones(first)
        x.grad = autograd.ones(first)
        y.grad = autograd.ones(2)
        x.data = autograd.ones(second)
        with pytest.raises(ShapeError, match=r"\.grad of shape"):
            ((x * x).sum() + (y * y).sum()).backward()
        assert x.grad.tolist() == [1] * first and y.grad.tolist() == [1, 1]


@pytest.mark.filterwarnings("error")
def test_a_sum_of_gradients_that_overflows_is_inf_and_no_error():
    x = tensor([3e38, 1.0], requires_grad=True)
    x.grad = tensor([3e38, 1.0])
    (x * tensor([3e38, 1.0])).sum().backward()
    assert x.grad.tolist() == [np.inf, 2]


def test_an_error_in_a_module_s_backward_hook_leaves_everything_as_it_was():
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    failing = [False]

    def hook(module, grad_input, grad_output):
        if failing:
            raise atomic.Injected

    for layer in model:
        layer.register_full_backward_hook(hook)
    x = autograd.ones(4, 2)
    failing.clear()
    model(x).sum().backward()
    expected = [p.grad.tolist() for p in model.parameters()]
    model.zero_grad()
    loss = model(x).sum()
    failing.append(True)
    with pytest.raises(atomic.Injected):
        loss.backward()
    assert all(p.grad is None for p in model.parameters())
    failing.clear()
    loss.backward()
    assert [p.grad.tolist() for p in model.parameters()] == expected
