"""Networks as scikit-learn estimators, for its cross-validation: the slides' "ideally selected via cross-validation".

This module needs scikit-learn (``pip install 'chalkgrad[sklearn]'``): ``import nn`` does not load it, the first use of
``nn.sklearn`` does.
"""

from __future__ import annotations

import copy
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

import autograd
from autograd import Tensor

from . import data, layers, losses, optim
from .containers import Sequential
from .data.sampler import positive
from .layers.norm import BatchNorm
from .module import Module

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.utils import check_random_state
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_is_fitted, validate_data
except ImportError as error:
    raise ImportError(f"nn.sklearn needs scikit-learn >= 1.6: pip install 'chalkgrad[sklearn]' ({error})") from error

__all__ = ["NeuralNetClassifier", "NeuralNetRegressor"]

Array = np.ndarray[Any, Any]


class _NeuralNet(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: the parameters, and the training loop of the slides."""

    _criterion: type[Module]  # unless the parameter says another

    def __init__(
        self,
        module: Callable[[int, int], Module] | None = None,
        *,
        hidden_sizes: Sequence[int] = (100,),
        activation: str | Callable[[], Module] = "ReLU",
        criterion: Module | Callable[[], Module] | None = None,
        optimizer: str | Callable[..., Any] = "Adam",
        lr: float = 1e-3,
        weight_decay: float = 0.0,
        epochs: int = 200,
        batch_size: int | None = 32,
        random_state: Any = None,
    ) -> None:
        self.module = module
        self.hidden_sizes = hidden_sizes
        self.activation = activation
        self.criterion = criterion
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.random_state = random_state

    def _made_criterion(self) -> Module:
        made = self._criterion if self.criterion is None else self.criterion
        return made if isinstance(made, Module) else made()

    def _made_module(self, nin: int, nout: int) -> Module:
        if self.module is not None:
            if isinstance(self.module, Module):
                raise TypeError(
                    "module: expects a class or a function of (in_features, out_features), which makes a new network "
                    "for every fit; found a network"
                )
            made = self.module(nin, nout)
            if not isinstance(made, Module):
                raise TypeError(f"module: expects a function that makes a Module, found one that makes {made!r}")
            return made
        activation = _named("activation", layers.activation, self.activation)
        sizes = [nin, *(positive("hidden_sizes", size) for size in self.hidden_sizes)]
        parts: list[Module] = []
        for k in range(1, len(sizes)):
            parts += [layers.Linear(sizes[k - 1], sizes[k]), activation()]
        return Sequential(*parts, layers.Linear(sizes[-1], nout))

    def _train(self, X: Array, targets: Array, nout: int) -> None:
        epochs = positive("epochs", self.epochs)
        with _seeded(self.random_state):
            self.module_ = self._made_module(X.shape[1], nout)
            criterion = self._made_criterion()
            make = _named("optimizer", optim, self.optimizer)
            optimizer = make(self.module_.parameters(), lr=self.lr, weight_decay=self.weight_decay)
            rows = data.TensorDataset(autograd.tensor(X), autograd.tensor(targets))
            size = len(X) if self.batch_size is None else self.batch_size
            # One sample has no variance: where a batch of one would be left over, every epoch skips another sample.
            varies = any(isinstance(module, BatchNorm) for module in self.module_.modules())
            lone = varies and 1 < size < len(X) and len(X) % size == 1
            loader = data.DataLoader(rows, size, shuffle=True, drop_last=lone)
            self.loss_curve_: list[float] = []
            self.module_.train()
            for _ in range(epochs):
                total, seen = 0.0, 0
                for x, y in loader:
                    optimizer.zero_grad()
                    loss = criterion(self.module_(x), y)
                    loss.backward()
                    optimizer.step()
                    total += loss.item() * len(x)
                    seen += len(x)
                self.loss_curve_.append(total / seen)
        self.module_.eval()
        if not np.isfinite(self.loss_curve_[-1]):
            warnings.warn(
                f"the loss ended at {self.loss_curve_[-1]}: the training diverged; a smaller lr (here {self.lr}) or "
                "standardized inputs may help",
                ConvergenceWarning,
                stacklevel=3,
            )

    def _outputs(self, X: Any) -> Tensor:
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, dtype=np.float32)
        # In float32 the last digits of a sample's scores would depend on how many others come with it: sums of another
        # length are added up in another order.
        with autograd.no_grad():
            outputs: Tensor = _doubled(self.module_, {})(autograd.tensor(X).double())
        return outputs


def _doubled(module: Module, memo: dict[Module, Module]) -> Module:
    """``module`` with its parameters and buffers in float64; all else is shared with it."""
    if module not in memo:
        twin = memo[module] = copy.copy(module)
        for registry in ("_parameters", "_buffers"):
            tensors = getattr(module, registry).items()
            doubled = {name: t.double() if t is not None and t.is_floating_point() else t for name, t in tensors}
            twin.__dict__[registry] = doubled
        parts = module._modules.items()
        twin.__dict__["_modules"] = {name: part and _doubled(part, memo) for name, part in parts}
    return memo[module]


class NeuralNetClassifier(ClassifierMixin, _NeuralNet):  # type: ignore[misc]
    """A network that classifies, as a scikit-learn estimator.

    Parameters
    ----------
    module : callable, optional
        A class or function: (in_features, out_features) → the network to train, new for every fit. Unless given, it is
        made of ``hidden_sizes`` and ``activation``.
    hidden_sizes : sequence of int
        The units of each hidden layer; () for logistic regression.
    activation : str or callable
        After each hidden layer: a class of ``nn``, or its name.
    criterion : callable or Module, optional
        The loss: a class, or an instance for one with options. :class:`~nn.CrossEntropyLoss` unless given: one output
        for each class. With :class:`~nn.BCEWithLogitsLoss` (or :class:`~nn.BCELoss`, if the ``module`` ends in a
        sigmoid) there is one output, for two classes.
    optimizer : str or callable
        A class of ``nn.optim``, or its name; made with ``lr`` and ``weight_decay``.
    lr, weight_decay : float
        The step size α, and the penalty's λ.
    epochs : int
        How often all samples are seen.
    batch_size : int or None
        B; None takes all samples at once.
    random_state : int, RandomState or None
        Fixes initial values and order. None draws from PyTorch's default generator, which ``manual_seed`` fixes.

    Attributes
    ----------
    module_ : Module
        The trained network, in evaluation mode.
    classes_ : ndarray
        The labels, sorted: the columns of :meth:`predict_proba`.
    loss_curve_ : list of float
        The mean loss in each epoch.
    n_features_in_ : int

    Raises
    ------
    ValueError
        By :meth:`fit`: for options out of range, one class only, more than two for a loss with one output, and X or y
        that scikit-learn would refuse.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.model_selection import GridSearchCV
    >>> import nn
    >>> X, y = load_iris(return_X_y=True)
    >>> net = nn.sklearn.NeuralNetClassifier(epochs=50, lr=0.02, random_state=0)
    >>> search = GridSearchCV(net, {"hidden_sizes": [(4,), (16,)], "weight_decay": [0, 1e-3]}, cv=3).fit(X, y)
    >>> bool(search.best_score_ > 0.9)
    True
    """

    _criterion = losses.CrossEntropyLoss

    def _one_output(self) -> bool:
        return isinstance(self._made_criterion(), (losses.BCELoss, losses.BCEWithLogitsLoss))

    def fit(self, X: Any, y: Any) -> NeuralNetClassifier:
        """Train a new network on X (n, features) and labels y (n,); returns itself."""
        X, y = validate_data(self, X, y, dtype=np.float32)
        check_classification_targets(y)
        self.classes_, targets = np.unique(y, return_inverse=True)
        n = len(self.classes_)
        if n < 2:
            raise ValueError(
                "a classifier needs samples of at least two classes, but the data contains only one class: "
                f"{self.classes_[0]!r}"
            )
        if self._one_output():
            if n > 2:
                raise ValueError(
                    "Only binary classification is supported. The loss is one on a single output, and the type of the "
                    f"target is multiclass, with {n} classes"
                )
            self._train(X, targets[:, None].astype(np.float32), 1)
        else:
            self._train(X, targets.astype(np.int64), n)
        return self

    def predict_proba(self, X: Any) -> Array:
        """The probability of each class, (n, classes), float64."""
        outputs = self._outputs(X).double()
        if not self._one_output():
            return outputs.softmax(dim=1).numpy()
        p = outputs if isinstance(self._made_criterion(), losses.BCELoss) else outputs.sigmoid()
        return np.hstack([(1 - p).numpy(), p.numpy()])

    def predict(self, X: Any) -> Array:
        """The most probable label, (n,)."""
        best = self.predict_proba(X).argmax(axis=1)
        labels: Array = self.classes_[best]
        return labels

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        criterion = self.criterion if isinstance(self.criterion, type) else type(self.criterion)
        tags.classifier_tags.multi_class = not issubclass(criterion, (losses.BCELoss, losses.BCEWithLogitsLoss))
        return tags


class NeuralNetRegressor(RegressorMixin, _NeuralNet):  # type: ignore[misc]
    """A network that predicts numbers, as a scikit-learn estimator.

    Parameters are those of :class:`NeuralNetClassifier`; the loss is :class:`~nn.MSELoss` unless given. Standardize
    inputs and targets: ``TransformedTargetRegressor`` and ``make_pipeline(StandardScaler(), …)`` do.

    Attributes
    ----------
    module_ : Module
        The trained network, in evaluation mode.
    loss_curve_ : list of float
        The mean loss in each epoch.
    n_features_in_ : int

    Examples
    --------
    >>> import numpy as np
    >>> import nn
    >>> X = np.linspace(-1, 1, 100)[:, None]
    >>> net = nn.sklearn.NeuralNetRegressor(activation="Tanh", lr=0.01, random_state=0)
    >>> bool(net.fit(X, np.sin(3 * X[:, 0])).score(X, np.sin(3 * X[:, 0])) > 0.95)
    True
    """

    _criterion = losses.MSELoss

    def fit(self, X: Any, y: Any) -> NeuralNetRegressor:
        """Train a new network on X (n, features) and y (n,) or (n, outputs); returns itself."""
        X, y = validate_data(self, X, y, dtype=np.float32, multi_output=True, y_numeric=True)
        self._flat = y.ndim == 1
        targets = np.asarray(y, np.float32).reshape(len(X), -1)
        self._train(X, targets, targets.shape[1])
        return self

    def predict(self, X: Any) -> Array:
        """The predictions, of the shape that y had in :meth:`fit`, float64."""
        outputs = self._outputs(X).double().numpy()
        return outputs[:, 0] if self._flat else outputs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


def _named(what: str, package: Any, value: Any) -> Any:
    """A class by its name in ``package``, in any case of letters; any other callable as it is."""
    if not isinstance(value, str):
        return value
    known = {name.lower(): getattr(package, name) for name in package.__all__}
    if value.lower() not in known:
        raise ValueError(f"{what}: there is no {value!r}; known are {', '.join(package.__all__)}")
    return known[value.lower()]


@contextmanager
def _seeded(random_state: Any) -> Iterator[None]:
    """Run with the default generator started from ``random_state``, and leave it as it was found."""
    if random_state is None:
        yield
        return
    before = autograd.get_rng_state()
    autograd.manual_seed(int(check_random_state(random_state).randint(2**31 - 1)))
    try:
        yield
    finally:
        autograd.set_rng_state(before)
