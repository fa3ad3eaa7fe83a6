"""The plots of activations, losses and descents by the numbers they show, and the gallery."""

import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest

import autograd
import nn

plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("tqdm")

from demos import gallery  # noqa: E402
from viz import plots  # noqa: E402


@pytest.fixture(autouse=True)
def headless():
    plt.switch_backend("Agg")
    yield
    plt.close("all")


def line(ax, k):
    x, y = ax.lines[k].get_data()
    return np.asarray(x, float), np.asarray(y, float)


# ---- activation

CURVES = {
    "sigmoid": (autograd.sigmoid, lambda z: 1 / (1 + np.exp(-z)), lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2),
    "tanh": (nn.Tanh(), np.tanh, lambda z: 1 - np.tanh(z) ** 2),
    "cube": (lambda z: z**3, lambda z: z**3, lambda z: 3 * z**2),
}


@pytest.mark.parametrize("name", CURVES)
def test_activation_shows_the_function_and_its_derivative(name):
    fn, g, slope = CURVES[name]
    ax = plots.activation(fn, extent=(-2, 3))
    for k, wanted in ((0, g), (1, slope)):
        z, shown = line(ax, k)
        assert z[0] == -2 and z[-1] == 3
        np.testing.assert_allclose(shown, wanted(z), rtol=1e-6, atol=1e-9)


def test_the_derivative_stops_at_a_jump():
    z, slope = line(plots.activation(autograd.relu), 1)
    assert np.isnan(slope).sum() == 1
    assert set(slope[~np.isnan(slope)]) == {0.0, 1.0}
    assert set(slope[z < 0]) == {0.0}


def test_activation_works_on_given_axes_without_gradients_and_with_odd_names():
    _, ax = plt.subplots()
    with autograd.no_grad():
        assert plots.activation(autograd.tanh, ax, label="$\\frac{") is ax
    ax.figure.canvas.draw()  # the label is text, not mathematics
    assert line(plots.activation(lambda z: (z > 0).double()), 1)[1].max() == 0


def test_activation_refuses_what_is_none():
    with pytest.raises(ValueError, match="not elementwise"):
        plots.activation(lambda z: autograd.softmax(z, 0))
    with pytest.raises(autograd.ShapeError, match="keeps the shape"):
        plots.activation(lambda z: z.sum())
    with pytest.raises(ValueError, match="extent"):
        plots.activation(autograd.tanh, extent=(1, 1))


# ---- loss_surface


def contours(ax):
    return [c for c in ax.collections if hasattr(c, "levels")]


def test_loss_surface_shows_the_loss_of_two_parameters_and_puts_them_back(monkeypatch):
    theta = autograd.tensor([1.0, -1.0], requires_grad=True)
    seen = []
    real = plots._levels
    monkeypatch.setattr(plots, "_levels", lambda values: seen.append(values) or real(values))
    memory = theta.data_ptr()
    ax = plots.loss_surface(lambda: (theta[0] - 1) ** 2 + 4 * theta[1] ** 2, theta, extent=(-2, 2, -1, 1), resolution=5)
    a, b = np.linspace(-2, 2, 5), np.linspace(-1, 1, 5)
    np.testing.assert_allclose(seen[0], (a[None, :] - 1) ** 2 + 4 * b[:, None] ** 2, rtol=1e-6)
    assert theta.tolist() == [1.0, -1.0] and theta.data_ptr() == memory and theta.requires_grad and theta.grad is None
    assert list(line(ax, 0)[0]) == [1] and list(line(ax, 0)[1]) == [-1]
    assert len(contours(ax)) == 2 and (ax.get_xlabel(), ax.get_ylabel()) == ("$\\theta_{1}$", "$\\theta_{2}$")


def test_loss_surface_of_a_network_has_what_it_learned_in_the_middle():
    autograd.manual_seed(0)
    model = nn.Linear(3, 1)
    X = autograd.rand(20, 3)
    y = model(X).detach()  # where it is, the loss is 0
    state = {path: value.clone() for path, value in model.state_dict().items()}
    ax = plots.loss_surface(lambda: nn.MSELoss()(model(X), y), model, resolution=7)
    assert contours(ax)[0].levels[0] == pytest.approx(0, abs=1e-9)
    assert all(np.array_equal(model.state_dict()[path].numpy(), state[path].numpy()) for path in state)
    one = plots.loss_surface(lambda: nn.MSELoss()(model(X), y), model, directions=(0, 3), resolution=3)
    assert one.get_ylabel() == "$\\theta_{4}$"


def test_loss_surface_is_the_same_each_time_and_leaves_random_numbers_alone():
    model = nn.Linear(2, 2)
    X = autograd.rand(4, 2)

    def levels():
        return contours(plots.loss_surface(lambda: model(X).square().sum(), model, resolution=5))[0].levels

    autograd.manual_seed(3)
    first = levels()
    drawn = autograd.rand(1).item()
    autograd.manual_seed(3)
    assert autograd.rand(1).item() == drawn and np.array_equal(levels(), first)


def test_loss_surface_puts_the_parameters_back_after_an_error_too():
    theta = autograd.tensor([1.0, 2.0])

    def fails():
        if theta[0].item() != 1:
            raise ZeroDivisionError
        return theta.sum()

    with pytest.raises(ZeroDivisionError):
        plots.loss_surface(fails, theta)
    assert theta.tolist() == [1, 2] and not theta.requires_grad


def test_loss_surface_refuses_what_has_no_plane():
    theta = autograd.ones(2)
    with pytest.raises(ValueError, match="two parameters"):
        plots.loss_surface(lambda: theta.sum(), autograd.ones(1))
    with pytest.raises(autograd.ShapeError, match="directions have 2 elements"):
        plots.loss_surface(lambda: theta.sum(), theta, directions=[np.ones(3), np.ones(3)])
    with pytest.raises(ValueError, match="not finite"):
        plots.loss_surface(lambda: theta.sum() * float("nan"), theta)


# ---- sgd_path


def least_squares():
    autograd.manual_seed(0)
    X = autograd.randn(40, 2)
    theta = autograd.tensor([3.0, -2.0])
    y = X @ autograd.tensor([1.0, 1.0]) + 0.3 * autograd.randn(40)
    return X, y, theta, lambda X, y: ((X @ theta - y) ** 2).mean()


def test_sgd_path_takes_the_steps_of_gradient_descent():
    X, y, theta, loss = least_squares()
    ax = plots.sgd_path(loss, theta, X, y, lr=0.1, batch_size=8, steps=15)
    A, t, wanted = X.numpy().astype(float), y.numpy().astype(float), [np.array([3.0, -2.0])]
    for _ in range(15):
        wanted.append(wanted[-1] - 0.1 * 2 / 40 * A.T @ (A @ wanted[-1] - t))
    np.testing.assert_allclose(np.column_stack(line(ax, 0)), wanted, rtol=1e-4, atol=1e-5)
    noisy = np.column_stack(line(ax, 1))
    assert noisy.shape == (16, 2) and not np.allclose(noisy, wanted, atol=1e-3)
    assert np.linalg.norm(noisy[-1] - wanted[-1]) < np.linalg.norm(noisy[0] - noisy[-1]) / 2
    assert theta.tolist() == [3.0, -2.0] and not theta.requires_grad


def test_with_all_samples_in_a_batch_sgd_is_gradient_descent():
    X, y, theta, loss = least_squares()
    ax = plots.sgd_path(loss, theta, X, y, batch_size=40, steps=5)
    np.testing.assert_allclose(line(ax, 0), line(ax, 1), rtol=1e-4)


def test_each_epoch_visits_every_sample_once():
    theta, seen = autograd.tensor([0.0, 0.0]), []
    X = autograd.arange(10).float().view(-1, 1)

    def loss(X, y):
        seen.append([int(x) for x in X.numpy().ravel()])
        return (theta * X.mean()).sum()

    plots.sgd_path(loss, theta, X, X, batch_size=4, steps=6, resolution=2, lr=0.001)
    batches = seen[6:12]  # after the 6 steps of GD
    assert [len(b) for b in batches] == [4, 4, 2, 4, 4, 2]
    for epoch in batches[:3], batches[3:]:
        assert sorted(x for b in epoch for x in b) == list(range(10))
    assert batches[:3] != batches[3:]


def test_sgd_path_of_a_network_is_drawn_in_the_plane_where_it_extends():
    autograd.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    X, y = autograd.rand(30, 2), autograd.rand(30, 1)
    before = model.state_dict()["0.weight"].clone()
    ax = plots.sgd_path(lambda X, y: nn.MSELoss()(model(X), y), model, X, y, steps=20, resolution=9)
    points = np.concatenate([np.column_stack(line(ax, k)) for k in (0, 1)])
    spread = points.std(axis=0)
    assert spread[0] > spread[1] > 0 and ax.get_xlabel() == "principal component 1"
    assert np.array_equal(model.state_dict()["0.weight"].numpy(), before.numpy())


def test_sgd_path_refuses_what_cannot_be_drawn():
    X, y, theta, loss = least_squares()
    with pytest.raises(autograd.ShapeError, match="one y for each"):
        plots.sgd_path(loss, theta, X, y[:3])
    with pytest.raises(ValueError, match="from 1 up"):
        plots.sgd_path(loss, theta, X, y, steps=0)
    with pytest.raises(ValueError, match="left the finite numbers with lr=1e"):
        plots.sgd_path(loss, theta, X, y, lr=1e30, steps=20)
    assert theta.tolist() == [3.0, -2.0]


# ---- the gallery


class Links(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.links = {}, []

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if tag == "img":
            self.images[found["src"]] = found["alt"]
        self.links += [found[key] for key in ("src", "href") if key in found]


def test_the_gallery_writes_every_kind_of_picture_and_a_page_that_shows_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["gallery", "--out", str(tmp_path), "--quick"])
    gallery.main()
    text = (tmp_path / "index.html").read_text("utf-8")
    page = Links()
    page.feed(text)
    pages = {"sheet.html", "player.html"}
    assert pages <= {path.name for path in tmp_path.iterdir()}
    files = {path.name for path in tmp_path.iterdir()} - {"index.html"} - pages
    assert set(page.images) == files and len(files) > 20
    assert all(alt.strip() for alt in page.images.values())
    local = {link for link in page.links if not link.startswith("#")}
    assert local == files | pages  # relative, and nothing from the network
    assert not re.search(r"https?://", text)
    kinds = ("2-4-1_op", "2-4-1_layer", "2-4-1_unit", "784-100-10", "skip", "shared", "fifty", "scalars", "network",
             "thumbnails", "step", "diff", "create_graph", "hidden_units", "sgd_path", "loss_surface",
             "activation")  # fmt: skip
    assert not [kind for kind in kinds if not any(file.startswith(kind) for file in files)]
    assert f"{len(files)} pictures" in capsys.readouterr().out
    assert not plt.get_fignums()
