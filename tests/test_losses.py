"""The losses: each is its formula, its gradient the finite difference, and bad input is refused."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError, tensor

F = nn.functional
rng = np.random.default_rng(0)
N, K = 6, 4
Z, Y = rng.standard_normal((N, 3)), rng.uniform(0, 1, (N, 3))
P = 1 / (1 + np.exp(-Z))
SIGNS = np.where(rng.uniform(size=(N, 3)) < 0.5, -1.0, 1.0)
SCORES, LABELS = rng.standard_normal((N, K)), rng.integers(0, K, N)
CLASSES = np.exp(rng.standard_normal((N, K)))
CLASSES /= CLASSES.sum(1, keepdims=True)
W, WK = rng.uniform(0.5, 2, (N, 3)), rng.uniform(0.5, 2, K)
KEPT = np.not_equal(LABELS, LABELS[0])
OTHER, VARIANCE = rng.standard_normal((N, 3)), rng.uniform(0.2, 2, (N, 3))


def log_softmax(z):
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def picked(z):
    return z[np.arange(N), LABELS]


def distances(z, y, beta):
    d = np.abs(z - y)
    return np.where(d < beta, d**2 / (2 * beta), d - beta / 2)


def margins(z, p, margin=1.0):
    gap = np.maximum(0, margin - picked(z)[:, None] + z) ** p
    gap[np.arange(N), LABELS] = 0
    return gap


def cosine_terms(z, margin):
    cosine = (z * OTHER).sum(1) / np.sqrt(((z**2).sum(1) + 1e-12) * ((OTHER**2).sum(1) + 1e-12))  # PyTorch's epsilon
    return np.where(SIGNS[:, 0] == 1, 1 - cosine, np.maximum(0, cosine - margin))


class Case(NamedTuple):
    """A loss, its arguments (the first is differentiated), its terms by formula, and what the mean is over."""

    make: Callable[..., Any]
    args: tuple[Any, ...]
    terms: Callable[[Any], Any]
    count: float | None = None


CASES = {
    "MSE": Case(nn.MSELoss, (Z, Y), lambda z: (z - Y) ** 2),
    "L1": Case(nn.L1Loss, (Z, Y), lambda z: np.abs(z - Y)),
    "SmoothL1": Case(nn.SmoothL1Loss, (Z, Y), lambda z: distances(z, Y, 1.0)),
    "SmoothL1 beta": Case(lambda **k: nn.SmoothL1Loss(beta=0.3, **k), (Z, Y), lambda z: distances(z, Y, 0.3)),
    "SmoothL1 0": Case(lambda **k: nn.SmoothL1Loss(beta=0, **k), (Z, Y), lambda z: np.abs(z - Y)),
    "Huber": Case(lambda **k: nn.HuberLoss(delta=0.3, **k), (Z, Y), lambda z: 0.3 * distances(z, Y, 0.3)),
    "BCE": Case(nn.BCELoss, (P, Y), lambda p: -(Y * np.log(p) + (1 - Y) * np.log(1 - p))),
    "BCE weight": Case(lambda **k: nn.BCELoss(tensor(W), **k), (P, Y),
                       lambda p: -W * (Y * np.log(p) + (1 - Y) * np.log(1 - p))),
    "BCEWithLogits": Case(nn.BCEWithLogitsLoss, (Z, Y), lambda z: np.log(1 + np.exp(z)) - Y * z),
    "BCEWithLogits weights": Case(
        lambda **k: nn.BCEWithLogitsLoss(tensor(W[:, :1]), pos_weight=tensor(W[0]), **k), (Z, Y),
        lambda z: W[:, :1] * (W[0] * Y * np.log(1 + np.exp(-z)) + (1 - Y) * np.log(1 + np.exp(z)))),
    "CrossEntropy": Case(nn.CrossEntropyLoss, (SCORES, LABELS), lambda z: -picked(log_softmax(z))),
    "CrossEntropy weight": Case(lambda **k: nn.CrossEntropyLoss(tensor(WK), **k), (SCORES, LABELS),
                                lambda z: -WK[LABELS] * picked(log_softmax(z)), WK[LABELS].sum()),
    "CrossEntropy ignore": Case(lambda **k: nn.CrossEntropyLoss(ignore_index=int(LABELS[0]), **k), (SCORES, LABELS),
                                lambda z: -picked(log_softmax(z)) * KEPT, KEPT.sum()),
    "CrossEntropy smoothing": Case(
        lambda **k: nn.CrossEntropyLoss(label_smoothing=0.2, **k), (SCORES, LABELS),
        lambda z: -(log_softmax(z) * (0.8 * np.eye(K)[LABELS] + 0.2 / K)).sum(1)),
    "CrossEntropy all": Case(
        lambda **k: nn.CrossEntropyLoss(tensor(WK), ignore_index=int(LABELS[0]), label_smoothing=0.2, **k),
        (SCORES, LABELS),
        lambda z: -(log_softmax(z) * WK * (0.8 * np.eye(K)[LABELS] + 0.2 / K)).sum(1) * KEPT,
        (WK[LABELS] * KEPT).sum()),
    "CrossEntropy probabilities": Case(
        lambda **k: nn.CrossEntropyLoss(tensor(WK), label_smoothing=0.2, **k), (SCORES, CLASSES),
        lambda z: -(log_softmax(z) * WK * (0.8 * CLASSES + 0.2 / K)).sum(1)),
    "NLL": Case(nn.NLLLoss, (SCORES, LABELS), lambda z: -picked(z)),
    "NLL weight": Case(lambda **k: nn.NLLLoss(tensor(WK), **k), (SCORES, LABELS), lambda z: -WK[LABELS] * picked(z),
                       WK[LABELS].sum()),
    "KLDiv": Case(nn.KLDivLoss, (SCORES, CLASSES), lambda z: CLASSES * (np.log(CLASSES) - z)),
    "KLDiv log": Case(lambda **k: nn.KLDivLoss(log_target=True, **k), (SCORES, np.log(CLASSES)),
                      lambda z: CLASSES * (np.log(CLASSES) - z)),
    "PoissonNLL": Case(nn.PoissonNLLLoss, (Z, Y), lambda z: np.exp(z) - Y * z),
    "PoissonNLL full": Case(
        lambda **k: nn.PoissonNLLLoss(False, True, **k), (P, 3 * Y),
        lambda p: p - 3 * Y * np.log(p + 1e-8) + np.where(
            3 * Y > 1, 3 * Y * np.log(3 * Y) - 3 * Y + np.log(6 * np.pi * Y) / 2, 0)),
    "GaussianNLL": Case(nn.GaussianNLLLoss, (Z, Y, VARIANCE),
                        lambda z: (np.log(VARIANCE) + (z - Y) ** 2 / VARIANCE) / 2),
    "GaussianNLL full": Case(
        lambda **k: nn.GaussianNLLLoss(full=True, eps=0.5, **k), (Z, Y, VARIANCE[:, 0]),
        lambda z: (lambda v: (np.log(2 * np.pi * v) + (z - Y) ** 2 / v) / 2)(np.maximum(VARIANCE[:, :1], 0.5))),
    "HingeEmbedding": Case(lambda **k: nn.HingeEmbeddingLoss(0.7, **k), (Z, SIGNS),
                           lambda z: np.where(SIGNS == 1, z, np.maximum(0, 0.7 - z))),
    "MarginRanking": Case(lambda **k: nn.MarginRankingLoss(0.4, **k), (Z, OTHER, SIGNS),
                          lambda z: np.maximum(0, 0.4 - SIGNS * (z - OTHER))),
    "SoftMargin": Case(nn.SoftMarginLoss, (Z, SIGNS), lambda z: np.log(1 + np.exp(-SIGNS * z))),
    "MultiMargin": Case(nn.MultiMarginLoss, (SCORES, LABELS), lambda z: margins(z, 1).sum(1) / K),
    "MultiMargin 2": Case(lambda **k: nn.MultiMarginLoss(2, 0.5, tensor(WK), **k), (SCORES, LABELS),
                          lambda z: WK[LABELS] * margins(z, 2, 0.5).sum(1) / K),
    "CosineEmbedding": Case(lambda **k: nn.CosineEmbeddingLoss(0.1, **k), (Z, OTHER, SIGNS[:, 0]),
                            lambda z: cosine_terms(z, 0.1)),
}  # fmt: skip
OF_LABELS = [name for name, case in CASES.items() if case.args[1] is LABELS]
WEIGHTED = [name for name in CASES if name.endswith(("weight", "weights", "all", "probabilities", "MultiMargin 2"))]
PLAIN = [nn.BCELoss, nn.BCEWithLogitsLoss, nn.MSELoss, nn.CrossEntropyLoss]  # fused, or as short as that
quiet_mean = pytest.mark.filterwarnings("ignore:kl_div")


def arguments(case, dtype=np.float64):
    return [tensor(x if x is LABELS else x.astype(dtype)) for x in case.args]


def reduced(each, reduction, count=None):
    return each if reduction == "none" else each.sum() / (count or each.size if reduction == "mean" else 1)


@quiet_mean
@pytest.mark.parametrize("name", CASES)
def test_value_is_the_formula_averaged_summed_or_elementwise(name):
    case = CASES[name]
    each = case.terms(case.args[0])
    for reduction in ("mean", "sum", "none"):
        loss = case.make(reduction=reduction)(*arguments(case))
        np.testing.assert_allclose(loss.numpy(), reduced(each, reduction, case.count), rtol=1e-12, atol=1e-15)
        assert loss.dtype == np.float64
    mean = reduced(each, "mean", case.count)
    assert case.make()(*arguments(case)).item() == pytest.approx(mean, rel=1e-12)
    single = case.make()(*arguments(case, np.float32))
    assert single.item() == pytest.approx(mean, rel=3e-6)
    assert single.dtype == np.float32 or name in WEIGHTED  # by a weight of float64


@quiet_mean
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", CASES)
def test_gradient_is_the_finite_difference(name, reduction):
    case = CASES[name]
    z = case.args[0]
    x, *rest = arguments(case)
    x.requires_grad_()
    loss = case.make(reduction=reduction)(x, *rest)
    weights = np.random.default_rng(1).standard_normal(loss.shape)
    loss.backward(tensor(weights))
    for k in np.ndindex(z.shape):
        step = np.zeros_like(z)
        step[k] = 1e-6
        rise = reduced(case.terms(z + step) - case.terms(z - step), reduction, case.count)
        assert x.grad.numpy()[k] == pytest.approx((weights * rise).sum() / 2e-6, rel=1e-6, abs=1e-8)


@quiet_mean
@pytest.mark.parametrize("name", [name for name in CASES if name not in OF_LABELS])
def test_a_target_of_another_shape_is_an_error_never_a_broadcast(name):
    case = CASES[name]
    x, *rest, y = arguments(case)
    if name.startswith("GaussianNLL"):
        y, *rest = rest[0], y
    if name == "CosineEmbedding":
        with pytest.raises(ShapeError, match=r"found \(6, 3\) and \(6, 1\)"):
            case.make()(x, *rest, y[:, None])
    elif name == "CrossEntropy probabilities":
        with pytest.raises(ShapeError, match=r"found \(6, 4\) and \(6, 1\)"):
            case.make()(x, y[:, :1])
    else:
        with pytest.raises(ShapeError, match=r"shape \(6, 1\), the target \(6,\); they would broadcast to \(6,6\)"):
            if name.startswith("GaussianNLL"):
                case.make()(x[:, :1], y[:, 0], *rest)
            else:
                case.make()(x[:, :1], *rest, y[:, 0])


@quiet_mean
@pytest.mark.parametrize("name", CASES)
def test_an_empty_batch_is_a_value_error(name):
    case = CASES[name]
    with pytest.raises(ValueError, match="the batch is empty"):
        case.make(reduction="sum")(*(x[:0] for x in arguments(case)))


@quiet_mean
@pytest.mark.parametrize("name", [name for name in CASES if "ignore" not in name and "all" not in name])
def test_a_nan_score_gives_a_nan_loss(name):
    case = CASES[name]
    x, *rest = arguments(case)
    x[1] = math.nan
    assert np.isnan(case.make()(x, *rest).item())


@pytest.mark.parametrize("name", OF_LABELS)
@pytest.mark.parametrize("label", [-1, K])
def test_a_label_out_of_range_is_an_error_with_its_value_and_the_classes(name, label):
    labels = LABELS.copy()
    labels[2] = label
    with pytest.raises(IndexError, match=rf"label {label} at position 2 is out of bounds for {K} classes") as error:
        CASES[name].make()(tensor(SCORES), tensor(labels))
    assert error.value.__context__ is None  # one error, not one during another


@pytest.mark.parametrize("name", OF_LABELS)
def test_labels_must_be_integers_one_for_each_row(name):
    make = CASES[name].make
    with pytest.raises(DtypeError, match="integer class labels, found float32"):
        make()(tensor(SCORES), autograd.zeros(N))
    with pytest.raises(DtypeError, match="floating point scores, found int64"):
        make()(tensor(SCORES).long(), tensor(LABELS))
    with pytest.raises(ShapeError, match=r"\(6, 4\) and \(6, 1\)"):
        make()(tensor(SCORES), tensor(LABELS)[:, None])
    for dtype in ("uint8", "int32"):
        assert make()(tensor(SCORES), tensor(LABELS.astype(dtype))).item() == pytest.approx(
            make()(tensor(SCORES), tensor(LABELS)).item(), rel=1e-15
        )


@pytest.mark.parametrize("name", CASES)
def test_an_unknown_reduction_is_an_error_at_construction(name):
    with pytest.raises(ValueError, match="'average' is not a valid value for reduction"):
        CASES[name].make(reduction="average")


@quiet_mean
@pytest.mark.parametrize("name", [name for name in dir(F) if name.endswith(("_loss", "_entropy", "_logits", "_div"))])
def test_an_unknown_reduction_of_a_function_is_an_error(name):
    labels = name in ("nll_loss", "multi_margin_loss", "cross_entropy")
    args = (tensor(SCORES), tensor(LABELS)) if labels else (tensor(P), tensor(P))
    third = {"gaussian_nll_loss": 1.0, "margin_ranking_loss": tensor(P), "cosine_embedding_loss": tensor(P[:, 0])}
    with pytest.raises(ValueError, match="'median' is not a valid value for reduction"):
        getattr(F, name)(*args, *([third[name]] if name in third else []), reduction="median")


def test_bce_with_logits_does_not_overflow():
    z = autograd.tensor([1000.0, 1000.0, -1000.0, -1000.0], requires_grad=True)
    loss = nn.BCEWithLogitsLoss(reduction="none")(z, autograd.tensor([0.0, 1.0, 0.0, 1.0]))
    loss.sum().backward()
    assert loss.tolist() == [1000, 0, 0, 1000]
    assert z.grad.tolist() == [1, 0, 0, -1]


def test_bce_at_exactly_0_and_1_is_capped_at_100_with_a_finite_gradient():
    p = autograd.tensor([0.0, 1.0, 0.0, 1.0], requires_grad=True)
    loss = nn.BCELoss(reduction="none")(p, autograd.tensor([1.0, 0.0, 0.0, 1.0]))
    loss.sum().backward()
    assert loss.tolist() == [100, 100, 0, 0]
    assert np.isfinite(p.grad.numpy()).all()


@pytest.mark.parametrize("p", [-1e-3, 1.5, np.inf, -np.inf])
def test_bce_outside_0_to_1_is_an_error(p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        nn.BCELoss()(autograd.tensor([0.5, p]), autograd.ones(2))


def test_cross_entropy_of_large_scores():
    z = autograd.tensor([[0.0, 1000.0], [0.0, 1000.0]], requires_grad=True)
    loss = nn.CrossEntropyLoss(reduction="none")(z, autograd.tensor([0, 1]))
    loss.sum().backward()
    assert loss.tolist() == [1000, 0]
    assert z.grad.tolist() == [[-1, 1], [0, 0]]


@pytest.mark.parametrize("kind", PLAIN)
def test_losses_of_float32_are_float32_with_a_total_of_double_precision(kind):
    n = 100_000
    generator = np.random.default_rng(0)
    z = generator.standard_normal((n, 4)).astype("float32")
    z = 1 / (1 + np.exp(-z)) if kind is nn.BCELoss else z
    y = tensor(generator.uniform(0, 1, (n, 4)).astype("float32"))
    y = tensor(generator.integers(0, 4, n)) if kind is nn.CrossEntropyLoss else y
    loss = kind(reduction="sum")(tensor(z), y)
    assert loss.dtype == np.float32
    exact = kind(reduction="none")(tensor(z).double(), y if kind is nn.CrossEntropyLoss else y.double())
    assert loss.item() == pytest.approx(math.fsum(exact.numpy().ravel()), rel=3e-7)


def test_bce_with_logits_of_an_infinite_score_is_its_limit():
    z = tensor([math.inf] * 3 + [-math.inf] * 3, requires_grad=True)
    loss = nn.BCEWithLogitsLoss(reduction="none")(z, tensor([0.0, 1.0, 0.5] * 2))  # PyTorch has nan for the right label
    loss.sum().backward()
    assert loss.tolist() == [math.inf, 0, math.inf, 0, math.inf, math.inf]
    assert z.grad.tolist() == [1, 0, 0.5, 0, -1, -0.5]


def test_weighted_bce_with_logits_does_not_overflow():
    z = tensor([1000.0, 1000.0, -1000.0, -1000.0], requires_grad=True)
    loss = nn.BCEWithLogitsLoss(reduction="none", pos_weight=tensor(3.0))(z, tensor([0.0, 1.0, 0.0, 1.0]))
    loss.sum().backward()
    assert loss.tolist() == [1000, 0, 0, 3000]
    assert z.grad.tolist() == [1, 0, 0, -3]


def test_soft_margin_does_not_overflow():
    assert nn.SoftMarginLoss(reduction="none")(tensor([1e4, -1e4]), tensor([-1.0, -1.0])).tolist() == [1e4, 0]


# -- classes in more axes than one, and without a batch


@pytest.mark.parametrize("options", [{}, {"weight": tensor(WK)}, {"ignore_index": 2}, {"reduction": "none"}])
@pytest.mark.parametrize("make", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_further_axes_are_further_samples(make, options):
    generator = np.random.default_rng(3)
    z, y = generator.standard_normal((5, K, 2, 3)), generator.integers(0, K, (5, 2, 3))
    found = make(**options)(tensor(z), tensor(y))
    flat = make(**options)(tensor(np.moveaxis(z, 1, -1).reshape(-1, K)), tensor(y.ravel()))
    np.testing.assert_allclose(found.numpy().ravel(), flat.numpy().ravel(), rtol=1e-14)
    assert found.shape == (y.shape if "reduction" in options else ())


@pytest.mark.parametrize("make", [nn.CrossEntropyLoss, nn.NLLLoss, nn.MultiMarginLoss])
def test_one_sample_needs_no_batch(make):
    for options in ({}, {"weight": tensor(WK)}, {"reduction": "none"}):
        one = make(**options)(tensor(SCORES[0]), tensor(LABELS[0]))
        batch = make(**options)(tensor(SCORES[:1]), tensor(LABELS[:1]))
        assert one.shape == () and one.item() == pytest.approx(batch.item(), rel=1e-14)
    if make is nn.CrossEntropyLoss:
        one = make()(tensor(SCORES[0]), tensor(CLASSES[0]))
        assert one.item() == pytest.approx(make()(tensor(SCORES[:1]), tensor(CLASSES[:1])).item(), rel=1e-14)


@pytest.mark.parametrize("make", [nn.CrossEntropyLoss, nn.NLLLoss])
def test_an_ignored_label_has_no_loss_and_no_gradient_whatever_its_scores(make):
    z = tensor(np.vstack([SCORES, np.full(K, -np.inf)]), requires_grad=True)
    y = tensor([*LABELS, -100])
    each = make(reduction="none")(z, y)
    rest = make(reduction="none")(tensor(SCORES), tensor(LABELS))
    np.testing.assert_allclose(each.tolist(), [*rest.tolist(), 0], rtol=1e-14)
    if make is nn.NLLLoss:
        each.sum().backward()
        assert z.grad[-1].tolist() == [0] * K
    assert make()(z, y).item() == pytest.approx(rest.mean().item(), rel=1e-14)
    assert math.isnan(make()(tensor(SCORES), tensor([-100] * N)).item())  # a mean of nothing, as in PyTorch


def test_a_label_beside_the_ignored_ones_is_still_checked():
    with pytest.raises(IndexError, match="label 9 at position 1"):
        nn.CrossEntropyLoss()(tensor(SCORES[:3]), tensor([-100, 9, 0]))
    with pytest.raises(IndexError, match=r"label 9 at position \(1, 0\)"):
        nn.CrossEntropyLoss()(autograd.zeros(3, K, 2), tensor([[0, 0], [9, 0], [0, 0]]))


def test_the_plain_losses_are_one_op_and_only_the_options_are_composed():
    z = tensor(SCORES, requires_grad=True)
    names = {
        str(loss.grad_fn.name()).lower()
        for loss in (
            nn.CrossEntropyLoss()(z, tensor(LABELS)),
            nn.BCEWithLogitsLoss()(z, tensor(CLASSES)),
            nn.BCELoss()(tensor(CLASSES, requires_grad=True), tensor(CLASSES)),
        )
    }
    assert len(names) == 3 and not any(word in name for name in names for word in ("mean", "div", "where"))


def test_a_probability_as_target_may_require_a_gradient():
    t = tensor(CLASSES, requires_grad=True)
    nn.CrossEntropyLoss(reduction="sum")(tensor(SCORES), t).backward()
    np.testing.assert_allclose(t.grad.numpy(), -log_softmax(SCORES), rtol=1e-13)


def test_class_labels_as_probabilities_give_the_same_loss():
    z, y = tensor(SCORES), F.one_hot(tensor(LABELS), K).double()
    for options in ({}, {"label_smoothing": 0.3}, {"weight": tensor(WK), "reduction": "sum"}):
        a, b = F.cross_entropy(z, tensor(LABELS), **options), F.cross_entropy(z, y, **options)
        assert a.item() == pytest.approx(b.item(), rel=1e-13)


def test_cross_entropy_is_nll_of_log_softmax():
    z, y = tensor(SCORES, requires_grad=True), tensor(LABELS)
    F.nll_loss(F.log_softmax(z, 1), y).backward()
    other = tensor(SCORES, requires_grad=True)
    F.cross_entropy(other, y).backward()
    np.testing.assert_allclose(z.grad.numpy(), other.grad.numpy(), rtol=1e-12, atol=1e-16)


# -- each loss's own errors


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: F.smooth_l1_loss(tensor(Z), tensor(Y), beta=-1), ValueError, "negative values for beta"),
        (lambda: F.huber_loss(tensor(Z), tensor(Y), delta=0), ValueError, "non-positive values for delta"),
        (lambda: F.mse_loss(tensor(Z), tensor(Y), weight=tensor(W[0])), ShapeError, r"weight \(3,\)"),
        (lambda: nn.BCELoss(tensor(W[:, 0]))(tensor(P), tensor(Y)), ShapeError, r"weight of shape \(6,\)"),
        (lambda: nn.BCEWithLogitsLoss(pos_weight=autograd.ones(2, 6, 3))(tensor(Z), tensor(Y)), ShapeError,
         r"pos_weight of shape \(2, 6, 3\)"),
        (lambda: nn.CrossEntropyLoss(autograd.ones(3))(tensor(SCORES), tensor(LABELS)), ShapeError,
         r"all 4 classes.*\(3,\)"),
        (lambda: nn.CrossEntropyLoss(label_smoothing=1.5)(tensor(SCORES), tensor(LABELS)), ValueError,
         "label_smoothing must be between 0 and 1, found 1.5"),
        (lambda: nn.CrossEntropyLoss(ignore_index=1)(tensor(SCORES), tensor(CLASSES)), ValueError, "ignore_index"),
        (lambda: nn.CrossEntropyLoss()(tensor(SCORES), tensor(CLASSES).long()), ShapeError, "scores"),
        (lambda: nn.CrossEntropyLoss()(SCORES.tolist(), LABELS.tolist()), DtypeError, "expects tensors.*list"),
        (lambda: nn.MultiMarginLoss(p=3), ValueError, "only p == 1 and p == 2"),
        (lambda: F.multi_margin_loss(tensor(SCORES), tensor(LABELS), p=3), ValueError, "only p == 1 and p == 2"),
        (lambda: F.multi_margin_loss(autograd.zeros(2, 3, 4), tensor([[1, 1]] * 2)), ShapeError, r"\(2, 3, 4\)"),
        (lambda: F.gaussian_nll_loss(tensor(Z), tensor(Y), -1.0), ValueError, "negative"),
        (lambda: F.gaussian_nll_loss(tensor(Z), tensor(Y), autograd.ones(2, 3)), ShapeError, r"\(2, 3\).*\(6, 3\)"),
        (lambda: F.gaussian_nll_loss(tensor(Z), tensor(Y), autograd.ones(1, 1)), ShapeError, "incorrect size"),
        (lambda: F.cosine_embedding_loss(tensor(Z), tensor(Z[:, :2]), tensor(SIGNS[:, 0])), ShapeError, "input2"),
        (lambda: F.margin_ranking_loss(tensor(Z), tensor(Z[:, :1]), tensor(SIGNS)), ShapeError, "input2"),
    ],
)  # fmt: skip
def test_what_a_loss_cannot_do_is_an_error_that_names_it(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_kl_div_is_a_divergence_with_batchmean_only_and_says_so():
    z, p = tensor(np.log(CLASSES)), tensor(CLASSES)
    assert F.kl_div(z, p, reduction="batchmean").item() == pytest.approx(0, abs=1e-16)
    q = np.full((N, K), 1 / K)
    divergence = (q * np.log(q / CLASSES)).sum() / N
    assert nn.KLDivLoss(reduction="batchmean")(z, tensor(q)).item() == pytest.approx(divergence, rel=1e-13)
    with pytest.warns(UserWarning, match="batchmean"):
        assert F.kl_div(z, tensor(q)).item() == pytest.approx(divergence / K, rel=1e-13)
    certain = tensor(np.eye(K)[LABELS])
    assert F.kl_div(z, certain, reduction="sum").item() == pytest.approx(-picked(np.log(CLASSES)).sum(), rel=1e-13)


def test_a_variance_below_eps_counts_as_eps_and_stays_as_it_is():
    var = tensor([[0.0, 2.0]], requires_grad=True)
    F.gaussian_nll_loss(autograd.zeros(1, 2), autograd.ones(1, 2), var, eps=0.5, reduction="sum").backward()
    assert var.tolist() == [[0, 2]]
    assert var.grad.tolist() == [[0.5 * (1 / 0.5 - 1 / 0.25), 0.5 * (1 / 2 - 1 / 4)]]
    one = F.gaussian_nll_loss(tensor(Z), tensor(Y), 2.0)
    assert one.item() == F.gaussian_nll_loss(tensor(Z), tensor(Y), autograd.full((N, 3), 2.0).double()).item()


@pytest.mark.parametrize(("function", "over"), [(F.mse_loss, W.sum()), (F.l1_loss, W.sum()), (F.huber_loss, W.size)])
def test_weighted_means_of_regression_are_over_what_pytorch_has(function, over):
    each = function(tensor(Z), tensor(Y), reduction="none").numpy() * W
    found = {r: function(tensor(Z), tensor(Y), reduction=r, weight=tensor(W)).numpy() for r in ("mean", "sum", "none")}
    for reduction, expected in {"mean": each.sum() / over, "sum": each.sum(), "none": each}.items():
        np.testing.assert_allclose(found[reduction], expected, rtol=1e-13)


def test_losses_have_second_derivatives():
    z, p = tensor(Z, requires_grad=True), tensor(P, requires_grad=True)
    scores, y = tensor(SCORES, requires_grad=True), tensor(LABELS)
    for function, x in [
        (lambda z: F.huber_loss(z, tensor(Y), delta=0.4), z),
        (lambda z: F.binary_cross_entropy_with_logits(z, tensor(Y), tensor(W), pos_weight=tensor(W)), z),
        (lambda p: F.binary_cross_entropy(p, tensor(Y), tensor(W)), p),
        (lambda s: F.cross_entropy(s, y, tensor(WK), label_smoothing=0.1, ignore_index=int(LABELS[0])), scores),
        (lambda z: F.cosine_embedding_loss(z, tensor(OTHER), tensor(SIGNS[:, 0])), z),
    ]:
        autograd.gradgradcheck(function, x)


# -- several at once, as on the slides


def test_losses_combine_as_on_the_slides():
    w, x = nn.Parameter(tensor([1.0, -2.0])), autograd.ones(3, 2)
    loss = nn.MSELoss()(x @ w, autograd.zeros(3)) + 0.5 * w.abs().sum()
    loss.backward()
    assert loss.item() == 2.5
    assert w.grad.tolist() == [-1.5, -2.5]


def test_a_sum_of_losses_has_the_sum_of_their_gradients():
    z, y = tensor(Z, requires_grad=True), tensor(Y)
    (nn.MSELoss()(z, y) + 0.1 * nn.L1Loss()(z, y) + 0.01 * (z**2).sum()).backward()
    expected = 2 * (Z - Y) / Z.size + 0.1 * np.sign(Z - Y) / Z.size + 0.02 * Z
    np.testing.assert_allclose(z.grad.numpy(), expected, rtol=1e-13)


def test_the_weights_of_a_loss_are_buffers():
    criterion = nn.BCEWithLogitsLoss(tensor([2.0]), pos_weight=tensor([3.0])).double()
    assert list(criterion.state_dict()) == ["weight", "pos_weight"]
    assert criterion.weight.dtype == criterion.pos_weight.dtype == "float64"
    assert list(nn.CrossEntropyLoss().state_dict()) == [] and nn.CrossEntropyLoss().weight is None
    z, y = tensor([0.0], dtype="float64"), tensor([1.0], dtype="float64")
    assert criterion(z, y).item() == pytest.approx(6 * 0.6931471805599453)
