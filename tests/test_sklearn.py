"""Networks as scikit-learn estimators: its own checks, and linear models as the oracle."""

import pickle
import subprocess
import sys

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris, make_blobs
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks

import autograd
import nn
from nn.sklearn import NeuralNetClassifier, NeuralNetRegressor

QUICK = {"hidden_sizes": (20,), "lr": 0.02, "epochs": 60}


def checks(*estimators):
    """scikit-learn's own checks of them in a list: until its 1.8 they are a generator, which pytest 9 warns of."""
    mark = parametrize_with_checks([*estimators]).mark
    names, cases = mark.args
    return pytest.mark.parametrize(names, list(cases), **mark.kwargs)


@checks(
    NeuralNetClassifier(**QUICK),
    NeuralNetClassifier(criterion=nn.BCEWithLogitsLoss, **QUICK),
    NeuralNetRegressor(**QUICK),
)
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_own_checks(estimator, check):
    check(estimator)


@pytest.fixture(scope="module")
def blobs():
    return make_blobs(120, 2, centers=3, cluster_std=2.0, random_state=0)


def weights(net):
    return [p.tolist() for p in net.module_.parameters()]


class Regularised(nn.Sequential):
    def __init__(self, nin, nout):
        super().__init__(nn.Linear(nin, 30), nn.BatchNorm1d(30), nn.ReLU(), nn.Dropout(0.2), nn.Linear(30, nout))


@checks(NeuralNetClassifier(Regularised, lr=0.02, epochs=60))
@pytest.mark.filterwarnings("ignore")
def test_scikit_learns_checks_of_a_network_with_dropout_and_batch_norm(estimator, check):
    check(estimator)


def test_dropout_and_batch_norm_are_in_training_mode_in_fit_only(blobs):
    X, y = StandardScaler().fit_transform(blobs[0]), blobs[1]
    modes = []

    def module(nin, nout):
        net = Regularised(nin, nout)
        net.register_forward_hook(lambda module, args, output: modes.append(module.training))
        return net

    net = NeuralNetClassifier(module, epochs=20, lr=0.02, random_state=0).fit(X, y)
    assert all(modes) and len(modes) == 20 * 4
    assert net.score(X, y) > 0.6 and not modes[-1]
    np.testing.assert_array_equal(net.predict_proba(X), net.predict_proba(X))
    np.testing.assert_allclose(net.predict_proba(X[:1]), net.predict_proba(X)[:1], rtol=1e-5)  # not of the batch
    assert net.module_[1].num_batches_tracked.item() == 20 * 4


@pytest.mark.parametrize(("n", "batch_size", "batches"), [(33, 32, 1), (65, 32, 2), (64, 32, 2), (33, None, 1)])
def test_a_lone_last_sample_is_left_out_where_there_is_batch_norm(blobs, n, batch_size, batches):
    X, y = blobs[0][:n], blobs[1][:n]
    net = NeuralNetClassifier(Regularised, epochs=3, batch_size=batch_size).fit(X, y)
    assert net.module_[1].num_batches_tracked.item() == 3 * batches
    assert np.isfinite(net.loss_curve_).all()


def test_an_activation_is_one_and_not_any_layer(blobs):
    for name in ("Linear", "Dropout", "BatchNorm1d"):
        with pytest.raises(ValueError, match=f"activation: there is no '{name}'"):
            NeuralNetClassifier(activation=name).fit(*blobs)


# ---- what it learns


def test_without_hidden_layers_it_is_logistic_regression(blobs):
    X, y = blobs
    X = StandardScaler().fit_transform(X)
    net = NeuralNetClassifier(hidden_sizes=(), lr=0.1, epochs=1500, batch_size=None, random_state=0).fit(X, y)
    expected = LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)
    np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), atol=2e-3)
    assert net.score(X, y) == pytest.approx(expected.score(X, y), abs=0.01)


def test_with_one_output_it_is_binary_logistic_regression(blobs):
    X, y = StandardScaler().fit_transform(blobs[0]), np.where(blobs[1] == 1, "no", "yes")
    expected = LogisticRegression(C=np.inf, max_iter=10_000).fit(X, y)
    for criterion, module in [
        (nn.BCEWithLogitsLoss, None),
        (nn.BCEWithLogitsLoss(reduction="mean"), nn.Linear),
        (nn.BCELoss, lambda nin, nout: nn.Sequential(nn.Linear(nin, nout), nn.Sigmoid())),
    ]:
        net = NeuralNetClassifier(
            module, hidden_sizes=(), criterion=criterion, lr=0.1, epochs=1500, batch_size=None, random_state=0
        ).fit(X, y)
        assert sum(p.numel() for p in net.module_.parameters()) == 3
        np.testing.assert_allclose(net.predict_proba(X), expected.predict_proba(X), atol=2e-3)
        assert net.classes_.tolist() == ["no", "yes"]
        assert np.mean(net.predict(X) == expected.predict(X)) > 0.99


@pytest.mark.parametrize("outputs", [None, 1, 2])
def test_without_hidden_layers_it_is_linear_regression(outputs):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = X @ rng.normal(size=(3, outputs or 1)) + 1 + 0.1 * rng.normal(size=(80, outputs or 1))
    y = y if outputs else y[:, 0]
    net = NeuralNetRegressor(hidden_sizes=(), lr=0.1, epochs=500, batch_size=None, random_state=0).fit(X, y)
    expected = LinearRegression().fit(X, y).predict(X)
    assert net.predict(X).shape == expected.shape
    np.testing.assert_allclose(net.predict(X), expected, atol=1e-3)


def test_weight_decay_is_the_slides_penalty():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(80, 3))
    y = X @ [1.0, -2.0, 3.0]
    y -= y.mean()
    X -= X.mean(0)

    def module(nin, nout):
        return nn.Linear(nin, nout, bias=False)

    net = NeuralNetRegressor(module, lr=0.05, weight_decay=0.5, epochs=1000, batch_size=None, random_state=0).fit(X, y)
    expected = Ridge(alpha=0.5 * 80 / 2, fit_intercept=False).fit(X, y)  # mean of squares + (λ/2)‖w‖²
    np.testing.assert_allclose(net.module_.weight.tolist()[0], expected.coef_, atol=1e-3)


def test_the_training_is_the_loop_of_the_slides(blobs):
    X, y = blobs
    net = NeuralNetClassifier(
        hidden_sizes=(5,), activation="sigmoid", optimizer="SGD", lr=0.1, epochs=3, batch_size=16, random_state=None
    )
    autograd.manual_seed(4)
    net.fit(X, y)
    autograd.manual_seed(4)
    model = nn.Sequential(nn.Linear(2, 5), nn.Sigmoid(), nn.Linear(5, 3))
    optimizer = nn.optim.SGD(model.parameters(), lr=0.1)
    dataset = nn.data.TensorDataset(autograd.Tensor(X), autograd.tensor(y))
    curve = []
    for _ in range(3):
        total = 0.0
        for x, t in nn.data.DataLoader(dataset, 16, shuffle=True):
            optimizer.zero_grad()
            loss = nn.CrossEntropyLoss()(model(x), t)
            loss.backward()
            optimizer.step()
            total += float(loss) * len(x) / len(X)
        curve.append(total)
    assert weights(net) == [p.tolist() for p in model.parameters()]
    np.testing.assert_allclose(net.loss_curve_, curve)


# ---- as an estimator


def test_the_random_state_fixes_everything_and_leaves_the_default_generator_alone(blobs):
    autograd.manual_seed(1)
    expected = autograd.rand(3).tolist()
    autograd.manual_seed(1)
    a, b, c = (NeuralNetClassifier(random_state=seed, epochs=2).fit(*blobs) for seed in (0, 0, 1))
    assert weights(a) == weights(b) != weights(c)
    assert autograd.rand(3).tolist() == expected


def test_each_fit_starts_anew(blobs):
    net = NeuralNetClassifier(random_state=0, epochs=2).fit(*blobs)
    first = weights(net)
    assert weights(net.fit(*blobs)) == first


def test_parameters_are_got_set_and_cloned():
    net = NeuralNetClassifier(nn.Linear, lr=0.5, criterion=nn.BCEWithLogitsLoss, hidden_sizes=(3, 2))
    assert clone(net).get_params() == net.get_params()
    assert net.set_params(lr=0.25).lr == 0.25
    assert set(net.get_params()) == {
        "module", "hidden_sizes", "activation", "criterion", "optimizer", "lr", "weight_decay", "epochs", "batch_size",
        "random_state",
    }  # fmt: skip
    assert repr(net).startswith("NeuralNetClassifier(")


def test_grid_search_selects_and_cross_validation_scores():
    X, y = load_iris(return_X_y=True)
    net = make_pipeline(StandardScaler(), NeuralNetClassifier(epochs=30, lr=0.01, random_state=0))
    grid = {"neuralnetclassifier__hidden_sizes": [(), (16,)], "neuralnetclassifier__lr": [1e-6, 0.02]}
    search = GridSearchCV(net, grid, cv=3).fit(X, y)
    assert search.best_params_["neuralnetclassifier__lr"] == 0.02
    assert search.best_score_ > 0.93
    scores = cross_val_score(search.best_estimator_, X, y, cv=3)
    assert scores.mean() == pytest.approx(search.best_score_)


def test_a_fitted_network_is_pickled(blobs):
    net = NeuralNetClassifier(epochs=2, random_state=0).fit(*blobs)
    again = pickle.loads(pickle.dumps(net))
    np.testing.assert_array_equal(again.predict_proba(blobs[0]), net.predict_proba(blobs[0]))


def test_prediction_neither_records_nor_trains(blobs):
    class Noted(nn.Module):
        def __init__(self, nin, nout):
            super().__init__()
            self.linear = nn.Linear(nin, nout)
            self.seen = []

        def forward(self, x):
            self.seen.append((self.training, autograd.is_grad_enabled()))
            return self.linear(x)

    net = NeuralNetClassifier(Noted, epochs=1).fit(*blobs)
    assert set(net.module_.seen) == {(True, True)}
    net.module_.seen.clear()
    net.predict(blobs[0])
    assert net.module_.seen == [(False, False)]


def test_what_has_not_been_fitted_says_so(blobs):
    for net in (NeuralNetClassifier(), NeuralNetRegressor()):
        with pytest.raises(NotFittedError):
            net.predict(blobs[0])


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"lr": -1}, ValueError, "lr"),
        ({"epochs": 0}, ValueError, "epochs should be a positive integer"),
        ({"batch_size": 1.5}, ValueError, "batch_size should be a positive integer"),
        ({"hidden_sizes": (0,)}, ValueError, "hidden_sizes should be a positive integer"),
        ({"activation": "sigmoidal"}, ValueError, "no 'sigmoidal'; known are .*Sigmoid"),
        ({"optimizer": "Adams"}, ValueError, "no 'Adams'; known are .*Adam"),
        ({"module": nn.Linear(2, 3)}, TypeError, "expects a class or a function"),
        ({"module": lambda nin, nout: None}, TypeError, "a function that makes a Module"),
        ({"criterion": nn.BCEWithLogitsLoss}, ValueError, "Only binary classification.*3 classes"),
    ],
)
def test_parameters_that_make_no_sense_are_an_error_of_fit(blobs, options, error, message):
    net = NeuralNetClassifier(**options)
    with pytest.raises(error, match=message):
        net.fit(*blobs)


def test_a_training_that_diverges_is_a_warning():
    X = np.arange(10.0)[:, None]
    net = NeuralNetRegressor(optimizer="SGD", lr=1e6, hidden_sizes=(), epochs=50, batch_size=None)
    with pytest.warns(ConvergenceWarning, match="diverged; a smaller lr"):
        net.fit(X, X[:, 0])


def test_scikit_learn_is_loaded_only_when_it_is_used():
    loaded = "print('sklearn' in sys.modules)"
    code = f"import sys, nn; {loaded}; nn.sklearn.NeuralNetClassifier; {loaded}"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["False", "True"]
    with pytest.raises(AttributeError, match="'nn' has no attribute 'sklern'"):
        nn.sklern  # noqa: B018


def test_without_scikit_learn_it_says_what_to_install():
    code = "import sys; sys.modules['sklearn.base'] = None; import nn; nn.sklearn"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "pip install 'chalkgrad[sklearn]'" in run.stderr
