"""Dropout, normalisation, embeddings, bilinear maps and the layers that only change shapes."""

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError, gradcheck, gradgradcheck, tensor
from nn import functional as F


def normal(*shape, seed=0, dtype="float64"):
    return tensor(np.random.default_rng(seed).standard_normal(shape).astype(dtype), requires_grad=True)


DROPOUTS = [nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.AlphaDropout]


# ---- dropout


@pytest.mark.parametrize("layer", DROPOUTS)
@pytest.mark.parametrize("p", [-0.1, 1.1, float("nan")])
def test_a_probability_outside_0_1_is_a_value_error(layer, p):
    with pytest.raises(ValueError, match="between 0 and 1"):
        layer(p)
    with pytest.raises(ValueError, match="between 0 and 1"):
        getattr(F, {"AlphaDropout": "alpha_dropout"}.get(layer.__name__, layer.__name__.lower()))(
            autograd.ones(2, 3, 4), p
        )


@pytest.mark.parametrize("layer", DROPOUTS)
def test_in_evaluation_mode_it_is_the_identity(layer):
    x = normal(4, 3, 5)
    assert layer(0.5).eval()(x) is x
    assert layer(0.0)(x) is x


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_dropout_keeps_the_mean_and_leaves_out_as_often_as_it_says(p, dtype):
    n = 100_000
    y = F.dropout(autograd.ones(n, dtype=dtype), p)
    assert y.dtype == dtype
    kept = np.count_nonzero(y.numpy())
    assert abs(kept - n * (1 - p)) < 5 * np.sqrt(n * p * (1 - p))
    np.testing.assert_allclose(np.unique(y.numpy()), [0, 1 / (1 - p)], rtol=1e-6)


def test_the_gradient_of_dropout_goes_through_what_was_kept():
    x = normal(1000)
    y = F.dropout(x, 0.25)
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), (y.detach().numpy() != 0) / 0.75)


@pytest.mark.parametrize("function", [F.dropout, F.alpha_dropout])
def test_the_same_seed_drops_the_same_and_the_next_call_drops_others(function):
    autograd.manual_seed(1)
    x = autograd.randn(50)
    autograd.manual_seed(5)
    first, second = (function(x, 0.5, True).tolist() for _ in range(2))
    autograd.manual_seed(5)
    assert function(x, 0.5, True).tolist() == first != second


@pytest.mark.parametrize("function", [F.dropout, F.alpha_dropout])
def test_in_place_it_writes_into_its_input_and_its_gradient_is_right(function):
    x = normal(200)
    autograd.manual_seed(2)
    expected = function(x, 0.5, True)
    expected.sum().backward()
    before, x.grad = x.grad.numpy().copy(), None
    y = x * 1
    autograd.manual_seed(2)
    assert function(y, 0.5, True, inplace=True) is y
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=1e-12)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), before, rtol=1e-12)


@pytest.mark.parametrize(
    ("function", "shape", "axes"),
    [(F.dropout1d, (40, 30, 3), (2,)), (F.dropout1d, (40, 3), (1,)), (F.dropout2d, (40, 30, 2, 3), (2, 3)),
     (F.dropout2d, (40, 30, 3), (2,))],
)  # fmt: skip
def test_dropout_of_channels_keeps_or_leaves_out_whole_ones(function, shape, axes):
    y = function(autograd.ones(shape), 0.5).numpy()
    assert set(np.unique(y)) == {0, 2}
    assert (y.max(axes) == y.min(axes)).all()
    assert 0 < np.count_nonzero(y) < y.size
    with pytest.raises(ShapeError, match="received a 1D"):
        function(autograd.ones(3))


def test_dropout_of_integers_is_a_dtype_error():
    with pytest.raises(DtypeError, match="floating"):
        F.dropout(autograd.ones(3, dtype="int64"))


@pytest.mark.parametrize("p", [0.05, 0.3, 0.8])
def test_alpha_dropout_keeps_mean_and_variance(p):
    x = autograd.randn(400_000, dtype="float64")
    y = F.alpha_dropout(x, p, training=True).numpy()
    assert abs(y.mean()) < 0.015
    assert abs(y.var() - 1) < 0.03
    values, counts = np.unique(y, return_counts=True)
    assert abs(counts.max() / y.size - p) < 0.005  # what was left out is one value
    a = ((1 - p) * (1 + p * 1.7580993408473766**2)) ** -0.5
    assert values[counts.argmax()] == pytest.approx(-1.7580993408473766 * a * (1 - p))


# ---- batch normalisation

BATCHES = [(nn.BatchNorm1d, (6, 3)), (nn.BatchNorm1d, (4, 3, 5)), (nn.BatchNorm2d, (4, 3, 2, 5))]


@pytest.mark.parametrize(("layer", "shape"), BATCHES)
def test_batch_norm_gives_every_channel_mean_0_and_variance_1(layer, shape):
    x = normal(*shape) * 3 + 7
    y = layer(3, dtype="float64")(x).detach().numpy()
    axes = (0, *range(2, len(shape)))
    np.testing.assert_allclose(y.mean(axes), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(axes), 1, rtol=1e-4)


@pytest.mark.parametrize(("layer", "shape"), BATCHES)
def test_batch_norms_gradients_agree_with_finite_differences_twice(layer, shape):
    x, w, b = normal(*shape), normal(3, seed=1), normal(3, seed=2)
    mean, var = autograd.zeros(3, dtype="float64"), autograd.ones(3, dtype="float64")

    def trained(x, w, b):
        return F.batch_norm(x, None, None, w, b, True)

    def evaluated(x, w, b):
        return F.batch_norm(x, mean + 0.5, var * 2, w, b)

    for function in (trained, evaluated):
        gradcheck(function, (x, w, b), rtol=1e-7, atol=1e-8)
    gradgradcheck(trained, (x, w, b), rtol=1e-5, atol=1e-6)


def test_running_statistics_are_buffers_that_follow_the_batches():
    layer = nn.BatchNorm1d(2, momentum=0.25, dtype="float64")
    mean, var = np.zeros(2), np.ones(2)
    for k in range(3):
        x = normal(5, 2, seed=k).detach() + k
        layer(x)
        mean = 0.75 * mean + 0.25 * x.numpy().mean(0)
        var = 0.75 * var + 0.25 * x.numpy().var(0, ddof=1)
    np.testing.assert_allclose(layer.running_mean.numpy(), mean)
    np.testing.assert_allclose(layer.running_var.numpy(), var)
    assert layer.num_batches_tracked.item() == 3
    assert list(layer.state_dict()) == ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    assert [name for name, _ in layer.named_buffers()] == ["running_mean", "running_var", "num_batches_tracked"]
    before = layer.running_mean.tolist()
    x = normal(1, 2)
    y = layer.eval()(x).detach().numpy()
    np.testing.assert_allclose(y, (x.detach().numpy() - mean) / np.sqrt(var + 1e-5))
    assert layer.running_mean.tolist() == before
    layer.reset_parameters()
    assert (layer.running_mean.tolist(), layer.num_batches_tracked.item()) == ([0, 0], 0)


def test_without_momentum_the_running_mean_is_that_of_all_batches():
    layer = nn.BatchNorm1d(1, momentum=None, dtype="float64")
    batches = [normal(4, 1, seed=k).detach() for k in range(5)]
    for x in batches:
        layer(x)
    np.testing.assert_allclose(layer.running_mean.item(), np.mean([x.numpy().mean() for x in batches]))


def test_without_running_statistics_the_batch_is_used_in_evaluation_mode_too():
    layer, x = nn.BatchNorm1d(3, track_running_stats=False, affine=False), normal(6, 3, dtype="float32")
    assert list(layer.state_dict()) == []
    assert layer(x).tolist() == layer.eval()(x).tolist()


@pytest.mark.parametrize(("layer", "shape"), [(nn.BatchNorm1d, (1, 3)), (nn.BatchNorm2d, (1, 3, 1, 1))])
def test_one_value_per_channel_in_training_is_a_value_error_and_changes_nothing(layer, shape):
    net = layer(3)
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        net(autograd.ones(*shape))
    assert net.num_batches_tracked.item() == 0
    assert net.eval()(autograd.ones(*shape)).shape == shape


def test_batch_norm_names_what_it_expects():
    with pytest.raises(ShapeError, match="expected 2D or 3D input"):
        nn.BatchNorm1d(3)(autograd.ones(2, 3, 4, 5))
    with pytest.raises(ShapeError, match="expected 4D input"):
        nn.BatchNorm2d(3)(autograd.ones(2, 3))
    with pytest.raises(ShapeError, match="expects 3 channels"):
        nn.BatchNorm1d(3)(autograd.ones(2, 4))
    with pytest.raises(ShapeError, match=r"weight of shape \(4,\)"):
        F.batch_norm(autograd.ones(2, 4), None, None, autograd.ones(3), training=True)
    with pytest.raises(ValueError, match="running_mean and running_var are needed"):
        F.batch_norm(autograd.ones(2, 4), None, None)


@pytest.mark.parametrize("function", [lambda x: F.batch_norm(x, None, None, training=True, eps=0),
                                      lambda x: F.layer_norm(x.T, (1000,), eps=0).T])  # fmt: skip
def test_normalisation_of_float32_far_from_0_keeps_its_digits(function):
    x = (1e4 + np.random.default_rng(0).standard_normal((1000, 1))).astype(np.float32)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean()) / wide.std()
    np.testing.assert_allclose(function(tensor(x)).numpy(), expected, atol=6e-4)  # half an ulp of the mean, over σ


# ---- layer normalisation


@pytest.mark.parametrize(("shape", "last"), [((4, 5), (5,)), ((2, 3, 4), (3, 4)), ((6,), (6,))])
def test_layer_norm_gives_every_sample_mean_0_and_variance_1(shape, last):
    x = normal(*shape) * 3 + 7
    y = nn.LayerNorm(last, dtype="float64")(x).detach().numpy().reshape(*shape[: -len(last)], -1)
    np.testing.assert_allclose(y.mean(-1), 0, atol=1e-12)
    np.testing.assert_allclose(y.var(-1), 1, rtol=1e-4)
    w, b = normal(*last, seed=1), normal(*last, seed=2)
    gradcheck(lambda x, w, b: F.layer_norm(x, last, w, b), (x.detach().requires_grad_(), w, b), rtol=1e-7, atol=1e-8)
    gradgradcheck(lambda x, w, b: F.layer_norm(x, last, w, b), (normal(*shape), w, b), rtol=1e-5, atol=1e-6)


def test_layer_norm_names_what_it_expects_and_can_go_without_parameters():
    with pytest.raises(ShapeError, match=r"Given normalized_shape=\(3,\).*\(2, 4\)"):
        nn.LayerNorm(3)(autograd.ones(2, 4))
    with pytest.raises(ShapeError, match="weight of shape"):
        F.layer_norm(autograd.ones(2, 4), (4,), autograd.ones(3))
    assert list(nn.LayerNorm(3, elementwise_affine=False).state_dict()) == []
    assert list(nn.LayerNorm(3, bias=False).state_dict()) == ["weight"]


@pytest.mark.filterwarnings("error")
def test_an_empty_batch_passes_through_normalisation():
    assert nn.BatchNorm1d(3)(autograd.ones(0, 3)).shape == (0, 3)
    assert nn.LayerNorm(3)(autograd.ones(0, 3)).shape == (0, 3)
    assert nn.LayerNorm(0)(autograd.ones(2, 0)).shape == (2, 0)


# ---- embedding


def test_embedding_looks_rows_up_and_adds_the_gradients_of_duplicates_up():
    layer = nn.Embedding(4, 2)
    out = layer(tensor([[0, 3], [3, 3]]))
    assert out.shape == (2, 2, 2)
    assert out[0, 1].tolist() == layer.weight[3].tolist()
    out.sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1], [0, 0], [0, 0], [3, 3]]


@pytest.mark.parametrize("wrong", [4, -1, 100])
def test_an_index_out_of_range_is_named_with_the_number_of_rows(wrong):
    with pytest.raises(IndexError, match=f"out of range: {wrong}, the weight has 4 rows"):
        nn.Embedding(4, 2)(tensor([0, wrong]))


def test_embedding_takes_integers_of_every_dtype_and_nothing_else():
    layer = nn.Embedding(3, 2)
    for dtype in ("int64", "int32", "uint8"):
        assert layer(tensor([1, 0, 2], dtype=dtype)).tolist() == layer.weight[[1, 0, 2]].tolist()
    for x in (autograd.ones(2), tensor([True, False, True])):
        with pytest.raises(DtypeError, match="expects integers"):
            layer(x)


def test_what_is_looked_up_does_not_share_the_tables_memory():
    layer = nn.Embedding(3, 2)
    before = layer.weight.tolist()
    with autograd.no_grad():
        layer(tensor(1)).zero_()
    assert layer.weight.tolist() == before


def test_the_padding_row_starts_at_0_and_gets_no_gradient():
    for padding in (1, -2):
        layer = nn.Embedding(3, 2, padding_idx=padding)
        assert layer.padding_idx == 1
        assert layer.weight[1].tolist() == [0, 0] and np.count_nonzero(layer.weight.array) == 4
        layer(tensor([1, 1, 2])).sum().backward()
        assert layer.weight.grad.tolist() == [[0, 0], [0, 0], [1, 1]]
    for padding in (3, -4):
        with pytest.raises(IndexError, match="Padding_idx must be within num_embeddings"):
            nn.Embedding(3, 2, padding_idx=padding)


def test_max_norm_scales_the_rows_that_are_looked_up_in_the_table_itself():
    table = nn.Parameter(tensor([[3.0, 4.0], [0.3, 0.4], [6.0, 8.0]]))
    out = F.embedding(tensor([0, 1]), table, max_norm=1.0)
    np.testing.assert_allclose(table.tolist(), [[0.6, 0.8], [0.3, 0.4], [6, 8]], rtol=1e-6)
    assert out.tolist() == table[:2].tolist()


def test_gradients_may_be_divided_by_how_often_a_row_is_looked_up():
    table = nn.Parameter(autograd.ones(3, 1))
    F.embedding(tensor([0, 2, 2, 2]), table, scale_grad_by_freq=True).sum().backward()
    assert table.grad.tolist() == [[1], [0], [1]]
    gradgradcheck(lambda w: F.embedding(tensor([0, 2, 2]), w, padding_idx=0) ** 3, (normal(3, 2),))


def test_a_known_table_can_be_frozen_or_trained_on():
    table = autograd.ones(3, 2)
    assert not nn.Embedding.from_pretrained(table).weight.requires_grad
    layer = nn.Embedding.from_pretrained(table, freeze=False, padding_idx=0)
    assert layer.weight.requires_grad and layer.weight.tolist() == table.tolist()
    with pytest.raises(ShapeError, match="2-dimensional"):
        nn.Embedding.from_pretrained(autograd.ones(3))
    with pytest.raises(ValueError, match="dense"):
        nn.Embedding(3, 2, sparse=True)


# ---- the others


@pytest.mark.parametrize("lead", [(), (5,), (2, 3), (0,)])
def test_bilinear_is_the_sum_over_all_products(lead):
    layer = nn.Bilinear(3, 4, 2, dtype="float64")
    x, y = normal(*lead, 3), normal(*lead, 4, seed=1)
    expected = np.einsum("...i,oij,...j->...o", *(t.detach().numpy() for t in (x, layer.weight, y)))
    np.testing.assert_allclose(layer(x, y).detach().numpy(), expected + layer.bias.detach().numpy())
    if 0 not in lead:
        gradcheck(F.bilinear, (x, y, layer.weight, layer.bias))
        gradgradcheck(F.bilinear, (x, y, layer.weight, layer.bias))


@pytest.mark.parametrize(("a", "b"), [((5, 2), (5, 4)), ((5, 3), (5, 3)), ((5, 3), (6, 4)), ((3,), (1, 4))])
def test_bilinear_names_shapes_that_do_not_fit(a, b):
    with pytest.raises(ShapeError, match="input dimensions do not match"):
        nn.Bilinear(3, 4, 2)(autograd.ones(*a), autograd.ones(*b))


def test_flatten_and_unflatten_undo_each_other_and_identity_does_nothing():
    x = normal(4, 2, 3)
    y = nn.Flatten()(x)
    assert y.shape == (4, 6)
    assert nn.Unflatten(1, (2, 3))(y).tolist() == x.tolist()
    assert nn.Unflatten(-1, [2, -1])(y).shape == (4, 2, 3)
    assert nn.Flatten(0, 1)(x).shape == (8, 3)
    assert nn.Identity(1, unused=2)(x) is x
    with pytest.raises(TypeError, match="tuple of ints"):
        nn.Unflatten(1, 2.5)


LAYERS = {
    "Linear": (2, 3), "Bilinear": (2, 3, 4), "BatchNorm1d": (3,), "BatchNorm2d": (3,), "LayerNorm": (3,),
    "Embedding": (3, 4),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_every_layer_takes_a_dtype_and_the_one_device(name):
    layer = getattr(nn, name)(*LAYERS[name], device="cpu", dtype="float64")
    assert {p.dtype for p in layer.parameters()} == {np.dtype("float64")}
    with pytest.raises(RuntimeError, match="no device"):
        getattr(nn, name)(*LAYERS[name], device="cuda")


def test_a_network_with_dropout_and_batch_norm_trains_and_evaluates_the_same_twice():
    model = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Dropout(0.2), nn.Linear(8, 1))
    optimizer = nn.optim.Adam(model.parameters(), lr=0.05)
    X = autograd.randn(200, 2)
    y = (X[:, :1] * X[:, 1:] > 0).float()
    losses = []
    for _ in range(150):
        optimizer.zero_grad()
        loss = nn.BCEWithLogitsLoss()(model(X), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.5 * losses[0]
    model.eval()
    assert model(X).tolist() == model(X).tolist()
    assert ((model(X) > 0) == (y > 0.5)).float().mean().item() > 0.9
