import math
import warnings

import numpy as np
import pytest

import autograd
import nn
from nn.optim import lr_scheduler

BASES = (0.4, 1.0)


def optimizer_of(bases=BASES, kind=nn.optim.SGD, **options):
    return kind([{"params": [nn.Parameter(autograd.ones(1))], "lr": lr} for lr in bases], lr=9.0, **options)


def rates(optimizer):
    return [group["lr"] for group in optimizer.param_groups]


def followed(optimizer, scheduler, steps):
    """The learning rates at epochs 0 … ``steps``."""
    found = [rates(optimizer)]
    for _ in range(steps):
        optimizer.step()
        scheduler.step()
        assert scheduler.get_last_lr() == rates(optimizer)
        found.append(rates(optimizer))
    return np.array(found)


def linear(start, end, total):
    return lambda t: start + (end - start) * min(t, total) / total


# The factor of the initial learning rate at epoch t.
FORMULAS = [
    ("StepLR", {"step_size": 3}, lambda t: 0.1 ** (t // 3)),
    ("StepLR", {"step_size": 7, "gamma": 1.1}, lambda t: 1.1 ** (t // 7)),
    ("MultiStepLR", {"milestones": [3, 8, 8, 20], "gamma": 0.5}, lambda t: 0.5 ** sum(t >= m for m in (3, 8, 8, 20))),
    ("ExponentialLR", {"gamma": 0.9}, lambda t: 0.9**t),
    ("ConstantLR", {}, lambda t: 1 / 3 if t < 5 else 1),
    ("ConstantLR", {"factor": 0.5, "total_iters": 9}, lambda t: 0.5 if t < 9 else 1),
    ("LinearLR", {}, linear(1 / 3, 1, 5)),
    ("LinearLR", {"start_factor": 0.9, "end_factor": 0.0, "total_iters": 12}, linear(0.9, 0, 12)),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}, lambda t: 1 / (1 + t)),
    ("CosineAnnealingLR", {"T_max": 10}, lambda t: (1 + math.cos(math.pi * t / 10)) / 2),
    ("CosineAnnealingLR", {"T_max": 100}, lambda t: (1 + math.cos(math.pi * t / 100)) / 2),
]


@pytest.mark.parametrize(("name", "options", "factor"), FORMULAS)
def test_a_hundred_epochs_follow_the_formula(name, options, factor):
    optimizer = optimizer_of()
    found = followed(optimizer, getattr(lr_scheduler, name)(optimizer, **options), 100)
    expected = np.outer([factor(t) for t in range(101)], BASES)
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-14)


def test_cosine_ends_at_eta_min():
    optimizer = optimizer_of()
    found = followed(optimizer, lr_scheduler.CosineAnnealingLR(optimizer, T_max=8, eta_min=0.1), 40)
    wave = (1 + np.cos(np.pi * np.arange(41) / 8)) / 2
    np.testing.assert_allclose(found, 0.1 + np.outer(wave, np.array(BASES) - 0.1), rtol=1e-12)


def test_each_group_has_its_own_lambda():
    optimizer = optimizer_of()
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda t: 0.5**t, lambda t: t])
    np.testing.assert_allclose(followed(optimizer, scheduler, 3), [[0.4, 0], [0.2, 1], [0.1, 2], [0.05, 3]])


def test_the_first_factor_holds_from_the_start_and_before_any_gradient():
    optimizer = optimizer_of()
    lr_scheduler.LinearLR(optimizer, start_factor=0.5)
    np.testing.assert_allclose(rates(optimizer), [0.2, 0.5])
    assert [group["initial_lr"] for group in optimizer.param_groups] == list(BASES)


def test_schedulers_work_together_and_with_changes_by_hand():
    optimizer = optimizer_of([1.0])
    both = lr_scheduler.ExponentialLR(optimizer, 0.5), lr_scheduler.StepLR(optimizer, 2, gamma=0.1)
    found = []
    for _ in range(4):
        optimizer.step()
        for scheduler in both:
            scheduler.step()
        found += rates(optimizer)
    np.testing.assert_allclose(found, [0.5, 0.025, 0.0125, 0.000625])
    optimizer.param_groups[0]["lr"] = 8.0
    both[0].step()
    assert rates(optimizer) == [4.0]


def one_cycle(t, total, pct=0.3, div=25.0, final=1e4, three_phase=False, shape=None):
    """Parts of max_lr, and of the way from max_momentum to base_momentum, at step t."""
    shape = shape or (lambda a, b, x: b + (a - b) * (1 + math.cos(math.pi * x)) / 2)
    up = pct * total - 1
    ends, heights, moments = [0, up, total - 1], [1 / div, 1, 1 / div / final], [0, 1, 0]
    if three_phase:
        ends, heights, moments = [0, up, 2 * up, total - 1], [1 / div, 1, 1 / div, 1 / div / final], [0, 1, 0, 0]
    k = next((k for k in range(1, len(ends)) if t <= ends[k]), len(ends) - 1)
    x = (t - ends[k - 1]) / (ends[k] - ends[k - 1])
    return shape(heights[k - 1], heights[k], x), shape(moments[k - 1], moments[k], x)


@pytest.mark.parametrize("options", [{}, {"pct_start": 0.45}, {"three_phase": True}, {"anneal_strategy": "linear"}])
@pytest.mark.parametrize("kind", [nn.optim.SGD, nn.optim.Adam])
def test_one_cycle_goes_up_and_down_and_the_momentum_the_other_way(kind, options):
    optimizer = optimizer_of(kind=kind)
    tops = [0.5, 2.0]
    scheduler = lr_scheduler.OneCycleLR(
        optimizer, tops, epochs=10, steps_per_epoch=6, base_momentum=0.8, max_momentum=0.9, **options
    )
    shape = (lambda a, b, x: a + (b - a) * x) if options.get("anneal_strategy") else None
    for t in range(60):
        height, moment = one_cycle(
            t, 60, options.get("pct_start", 0.3), three_phase="three_phase" in options, shape=shape
        )
        np.testing.assert_allclose(rates(optimizer), np.multiply(tops, height), rtol=1e-12)
        for group in optimizer.param_groups:
            momentum = group["betas"][0] if kind is nn.optim.Adam else group["momentum"]
            np.testing.assert_allclose(momentum, 0.9 - 0.1 * moment, rtol=1e-12)
        optimizer.step()
        scheduler.step()
    with pytest.raises(ValueError, match="Tried to step 61 times"):
        scheduler.step()
    assert scheduler.last_epoch == 60


def test_one_cycle_may_leave_the_momentum_alone():
    optimizer = optimizer_of(kind=nn.optim.Adagrad)
    with pytest.raises(ValueError, match="must support momentum or beta1"):
        lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=10)
    scheduler = lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=10, cycle_momentum=False)
    followed(optimizer, scheduler, 10)


# -- ReduceLROnPlateau


def plateau(measures, **options):
    optimizer = optimizer_of()
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    found = []
    for measure in measures:
        scheduler.step(measure)
        found.append(round(rates(optimizer)[1], 12))
        assert scheduler.get_last_lr() == rates(optimizer)
    return found


def test_plateau_waits_for_its_patience_and_starts_again():
    assert plateau([1, 1, 1, 1, 1, 1, 1], patience=2) == [1, 1, 1, 0.1, 0.1, 0.1, 0.01]
    assert plateau([5, 4, 3, 2, 1], patience=0) == [1] * 5
    assert plateau([1, 2, 0.5, 2, 2], patience=1, factor=0.5) == [1, 1, 1, 1, 0.5]


def test_plateau_thresholds():
    assert plateau([1.0, 0.95], patience=0, threshold=0.1) == [1, 0.1]
    assert plateau([1.0, 0.89], patience=0, threshold=0.1) == [1, 1]
    assert plateau([10.0, 9.5], patience=0, threshold=0.1, threshold_mode="abs") == [1, 1]
    assert plateau([1.0, 1.05], mode="max", patience=0, threshold=0.1) == [1, 0.1]
    assert plateau([1.0, 1.11], mode="max", patience=0, threshold=0.1) == [1, 1]
    assert plateau([1.0, 1.05], mode="max", patience=0, threshold=0.1, threshold_mode="abs") == [1, 0.1]
    assert plateau([1.0, 0.5, 0.5], mode="max", patience=1) == [1, 1, 0.1]


def test_plateau_cools_down_stops_at_min_lr_and_skips_tiny_changes():
    assert plateau([1] * 6, patience=0, cooldown=2) == [1, 0.1, 0.1, 0.1, 0.01, 0.01]
    assert plateau([1] * 4, patience=0, min_lr=[0.4, 0.05]) == [1, 0.1, 0.05, 0.05]
    assert plateau([1] * 4, patience=0, eps=0.5) == [1, 0.1, 0.1, 0.1]


def test_plateau_never_takes_nan_for_better_and_takes_a_loss_as_it_comes():
    assert plateau([math.nan] * 3, patience=1) == [1, 0.1, 0.1]
    assert plateau([autograd.tensor(1.0, requires_grad=True), np.float32(0.5), 1], patience=0) == [1, 1, 0.1]
    with pytest.raises(TypeError):
        plateau([None])


def test_plateau_with_a_group_added_since():
    for min_lr, fails in ((0.01, False), ([0.01, 0.01], True)):
        optimizer = optimizer_of()
        scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, patience=0, min_lr=min_lr)
        optimizer.add_param_group({"params": [nn.Parameter(autograd.ones(1))], "lr": 2.0})
        scheduler.step(1)
        if fails:
            with pytest.raises(RuntimeError, match="extend scheduler.min_lrs"):
                scheduler.step(1)
        else:
            scheduler.step(1)
            assert scheduler.get_last_lr() == pytest.approx([0.04, 0.1, 0.2])


# -- what all share

MADE = [
    *((name, options) for name, options, _ in FORMULAS),
    ("OneCycleLR", {"max_lr": 1.0, "total_steps": 101}),
    ("ReduceLROnPlateau", {"patience": 2, "cooldown": 1}),
]


def advance(optimizer, scheduler):
    optimizer.step()
    if isinstance(scheduler, lr_scheduler.ReduceLROnPlateau):
        scheduler.step(1.0)
    else:
        scheduler.step()


@pytest.mark.parametrize(("name", "options"), MADE)
def test_a_schedule_goes_on_from_its_saved_state(name, options):
    optimizer, other = optimizer_of(), optimizer_of()
    first = getattr(lr_scheduler, name)(optimizer, **options)
    for _ in range(4):
        advance(optimizer, first)
    second = getattr(lr_scheduler, name)(other, **options)
    other.load_state_dict(optimizer.state_dict())
    second.load_state_dict(first.state_dict())
    assert "optimizer" not in first.state_dict()
    assert second.last_epoch == 4
    for _ in range(20):
        advance(optimizer, first)
        advance(other, second)
        assert rates(other) == rates(optimizer)


@pytest.mark.parametrize(("name", "options"), [m for m in MADE if m[0] != "ReduceLROnPlateau"])
def test_a_schedule_goes_on_from_last_epoch(name, options):
    optimizer, other = optimizer_of(), optimizer_of()
    first = getattr(lr_scheduler, name)(optimizer, **options)
    for _ in range(4):
        advance(optimizer, first)
    other.load_state_dict(optimizer.state_dict())
    second = getattr(lr_scheduler, name)(other, **options, last_epoch=3)
    if name not in ("ExponentialLR", "StepLR", "MultiStepLR", "ConstantLR", "LinearLR"):
        assert rates(other) == pytest.approx(rates(optimizer), rel=1e-12)
    assert second.last_epoch == 4


def test_to_go_on_without_an_initial_lr_is_an_error():
    with pytest.raises(KeyError, match="initial_lr"):
        lr_scheduler.StepLR(optimizer_of(), 2, last_epoch=3)


def test_lambdas_are_not_saved_but_what_a_callable_object_remembers_is():
    class Decay:
        def __init__(self, rate):
            self.rate = rate

        def __call__(self, epoch):
            return self.rate**epoch

    saved = lr_scheduler.LambdaLR(optimizer_of(), [lambda t: t, Decay(0.5)]).state_dict()
    assert saved["lr_lambdas"] == [None, {"rate": 0.5}]
    other = lr_scheduler.LambdaLR(optimizer_of(), [lambda t: 2 * t, Decay(0.9)])
    other.load_state_dict(saved)
    assert other.lr_lambdas[1].rate == 0.5
    assert saved["lr_lambdas"] == [None, {"rate": 0.5}]


def test_a_first_step_before_the_optimizers_warns_and_the_right_order_does_not():
    optimizer = optimizer_of()
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    with pytest.warns(UserWarning, match=r"lr_scheduler.step\(\).*before.*optimizer.step\(\)") as caught:
        scheduler.step()
    assert caught[0].filename == __file__
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        scheduler.step()  # once is enough
        optimizer.step()
        lr_scheduler.StepLR(optimizer, 2).step()


def test_an_optimizer_with_a_step_of_its_own_is_known_to_have_stepped():
    class Own(nn.optim.Optimizer):
        def step(self, closure=None):
            """As it likes."""
            return "done"

    optimizer = Own([nn.Parameter(autograd.ones(1))], {"lr": 0.1})
    scheduler = lr_scheduler.StepLR(optimizer, 2)
    assert not optimizer.stepped
    assert optimizer.step() == "done"
    assert Own.step.__doc__ == "As it likes."
    scheduler.step()
    for kind in (nn.optim.LBFGS, nn.optim.Adam):
        w = nn.Parameter(autograd.ones(1))
        optimizer = kind([w])
        scheduler = lr_scheduler.StepLR(optimizer, 2)
        optimizer.step(lambda w=w: (w * w).sum())
        scheduler.step()


def test_get_lr_outside_of_step_points_to_get_last_lr():
    scheduler = lr_scheduler.ExponentialLR(optimizer_of(), 0.5)
    with pytest.warns(UserWarning, match=r"get_last_lr\(\)"):
        scheduler.get_lr()


def test_step_with_an_epoch_warns_and_goes_there():
    for name, options, factor in FORMULAS:
        optimizer = optimizer_of()
        scheduler = getattr(lr_scheduler, name)(optimizer, **options)
        optimizer.step()
        for epoch in (7, 3, 12):
            with pytest.warns(UserWarning, match="epoch parameter"):
                scheduler.step(epoch)
            assert rates(optimizer) == pytest.approx(np.multiply(BASES, factor(epoch)), abs=1e-15)
            assert scheduler.last_epoch == epoch


def test_a_learning_rate_that_is_not_finite_is_an_error_and_changes_nothing():
    optimizer = optimizer_of()
    scheduler = lr_scheduler.LambdaLR(optimizer, [lambda t: 0.5, lambda t: 1.0 if t == 0 else math.nan])
    optimizer.step()
    before = rates(optimizer)
    with pytest.raises(ValueError, match="Invalid learning rate"):
        scheduler.step()
    assert (rates(optimizer), scheduler.last_epoch) == (before, 0)


def test_a_group_added_on_the_way_joins_the_schedule():
    optimizer = optimizer_of()
    scheduler = lr_scheduler.ExponentialLR(optimizer, 0.5)
    optimizer.step()
    scheduler.step()
    optimizer.add_param_group({"params": [nn.Parameter(autograd.ones(1))], "lr": 3.0})
    scheduler.step()
    assert rates(optimizer) == pytest.approx([0.1, 0.25, 1.5])
    for scheduler in (
        lr_scheduler.LambdaLR(optimizer, lambda t: 1.0),
        lr_scheduler.OneCycleLR(optimizer, 1.0, 9, cycle_momentum=False),
    ):
        optimizer.add_param_group({"params": [nn.Parameter(autograd.ones(1))]})
        with pytest.raises(ValueError, match="added since"):
            scheduler.step()


def test_a_learning_rate_that_is_a_tensor_is_scheduled_as_a_number():
    optimizer = nn.optim.SGD([nn.Parameter(autograd.ones(1))], lr=autograd.tensor(0.5))
    scheduler = lr_scheduler.CosineAnnealingLR(optimizer, 4)
    optimizer.step()
    scheduler.step()
    assert scheduler.get_last_lr()[0] == pytest.approx(0.5 * (1 + math.cos(math.pi / 4)) / 2)
    assert isinstance(scheduler.get_last_lr()[0], float)


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("StepLR", {"step_size": 0}, "positive integer step_size"),
        ("StepLR", {"step_size": 1.5}, "positive integer step_size"),
        ("StepLR", {"step_size": 2, "gamma": -1}, "gamma"),
        ("MultiStepLR", {"milestones": [2], "gamma": math.nan}, "gamma"),
        ("ExponentialLR", {"gamma": math.inf}, "gamma"),
        ("ConstantLR", {"factor": 0}, "Constant multiplicative factor"),
        ("ConstantLR", {"factor": 1.5}, "Constant multiplicative factor"),
        ("LinearLR", {"start_factor": 0}, "Starting multiplicative factor"),
        ("LinearLR", {"end_factor": 1.1}, "Ending multiplicative factor"),
        ("CosineAnnealingLR", {"T_max": 0}, "T_max"),
        ("CosineAnnealingLR", {"T_max": 3, "eta_min": -1}, "eta_min"),
        ("LambdaLR", {"lr_lambda": [abs]}, "expected 2, found 1"),
        ("ReduceLROnPlateau", {"factor": 1.0}, "Factor should be < 1.0"),
        ("ReduceLROnPlateau", {"factor": -0.1}, "Factor should be < 1.0"),
        ("ReduceLROnPlateau", {"mode": "least"}, "mode 'least' is unknown!"),
        ("ReduceLROnPlateau", {"threshold_mode": "least"}, "threshold mode 'least' is unknown!"),
        ("ReduceLROnPlateau", {"min_lr": [0.1]}, "expected 2, found 1"),
        ("OneCycleLR", {"max_lr": 1.0}, "You must define either total_steps OR"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 0}, "positive integer total_steps"),
        ("OneCycleLR", {"max_lr": 1.0, "epochs": 2.5, "steps_per_epoch": 2}, "positive integer epochs"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9, "pct_start": 1.5}, "between 0 and 1 pct_start"),
        ("OneCycleLR", {"max_lr": 1.0, "total_steps": 9, "anneal_strategy": "step"}, "anneal_strategy"),
        ("OneCycleLR", {"max_lr": [1.0], "total_steps": 9}, "expected 2, found 1"),
    ],
)
def test_options_out_of_range_are_an_error_and_leave_the_optimizer_alone(name, options, message):
    optimizer = optimizer_of()
    with pytest.raises(ValueError, match=message):
        getattr(lr_scheduler, name)(optimizer, **options)
    assert rates(optimizer) == list(BASES)


def test_only_optimizers_are_scheduled():
    for name, options in MADE:
        with pytest.raises(TypeError, match="Linear is not an Optimizer"):
            getattr(lr_scheduler, name)(nn.Linear(1, 1), **options)
    with pytest.raises(TypeError, match="should be a function"):
        lr_scheduler.LambdaLR(optimizer_of(), 0.5)
