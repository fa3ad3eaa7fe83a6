"""Nothing is left behind by steps of any kind; the long version is soak/memory."""

import pytest

from tests.soak import memory

STEPS = memory.steps()


@pytest.mark.parametrize("name", STEPS)
def test_steps_leave_nothing_behind_with_the_garbage_collector_off(name):
    memory.check_growth(STEPS[name], 1000)


def test_a_leak_would_be_seen():
    kept = []
    with pytest.raises(AssertionError, match="objects left"):
        memory.check_growth(lambda: kept.append([]), 1000)
    with pytest.raises(AssertionError, match="blocks left"):
        memory.check_growth(lambda: kept.append(float(len(kept))), 1000)

    def cycle():
        x = memory.tensor(1.0, requires_grad=True)
        x._keep()["itself"] = x

    with pytest.raises(AssertionError, match="objects left"):
        memory.check_growth(cycle, 1000)


@pytest.mark.parametrize("backward", [False, True])
def test_a_long_chain_is_freed_on_a_small_stack(backward):
    memory.on_small_stack(memory.chain, 100_000, backward)
