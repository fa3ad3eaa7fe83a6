"""What happens to a model during training, kept to be replayed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

import autograd

from . import cells
from .stage import written

__all__ = ["Recorder"]

Array = np.ndarray[Any, Any]
POINTS = 400  # samples that are drawn
CODE = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


class Recorder:
    """Keeps loss, parameters and gradients of a model while it is trained, for :func:`viz.player` to replay.

    Call :meth:`record` after ``loss.backward()`` and before ``optimizer.step()``, so that gradients and parameters
    belong together. However long the training, at most ``most`` of the steps are kept: when there are more, every
    second one is dropped, and from then on every second one is passed over. Of an array with more than 12 rows or
    columns the most extreme of each block is kept. Recording changes nothing: neither the model nor any random number.

    Parameters
    ----------
    model : Module
    X : array or Tensor, (n, 2), optional
        Samples with two features: the decision region is kept too.
    y : array or Tensor, (n,) or (n, 1), optional
        Their classes 0, 1, …, drawn into the region.
    most : int
        How many steps are kept at most.
    resolution : int
        Points of the region along each axis.
    logits : bool
        Whether a single output is the score z_O, from which u_O = σ(z_O) is to be computed.

    Raises
    ------
    ShapeError
        If X has another shape than (n, 2), or y another length.
    ValueError
        If ``most`` is less than 2, ``resolution`` less than 1, or y holds something else than classes.

    Examples
    --------
    >>> import autograd, nn, viz
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    >>> X, y = autograd.rand(8, 2), autograd.ones(8, 1)
    >>> opt = nn.optim.SGD(model.parameters(), lr=0.1)
    >>> recorder = viz.Recorder(model, X, y)
    >>> for _ in range(5):
    ...     opt.zero_grad()
    ...     loss = nn.BCELoss()(model(X), y)
    ...     loss.backward()
    ...     recorder.record(loss)
    ...     opt.step()
    >>> len(recorder)
    5
    """

    def __init__(
        self,
        model: Any,
        X: Any = None,
        y: Any = None,
        *,
        most: int = 100,
        resolution: int = 24,
        logits: bool = False,
    ) -> None:
        if most < 2 or resolution < 1:
            raise ValueError(f"Recorder: expects most >= 2 and resolution >= 1, found {most} and {resolution}")
        self.model, self.most, self.logits = model, most, logits
        self.named = dict(model.named_parameters())
        self.plane = None if X is None else _Plane(X, y, resolution)
        self.steps: list[dict[str, Any]] = []
        self.count, self.stride = 0, 1

    def __len__(self) -> int:
        return len(self.steps)

    def record(self, loss: Any) -> None:
        """Keep the model as it is now.

        Parameters
        ----------
        loss : Tensor or float

        Raises
        ------
        ShapeError
            If the model's outputs for the region are not (n,), (n, 1) or (n, K).
        """
        self.count += 1
        if (self.count - 1) % self.stride:
            return
        grads = {name: None if p.grad is None else _kept(p.grad.numpy()) for name, p in self.named.items()}
        values = {name: _kept(p.detach().numpy()) for name, p in self.named.items()}
        region = None if self.plane is None else self.plane.region(self.model, self.logits)
        self.steps.append({"at": self.count, "loss": float(loss.item() if hasattr(loss, "item") else loss),
                           "values": values, "gradients": grads, "region": region})  # fmt: skip
        if len(self.steps) > self.most:
            del self.steps[1::2]
            self.stride *= 2

    def summary(self, names: Mapping[int, str]) -> dict[str, Any] | None:
        """Everything as lists and numbers, ready for JSON; None if nothing was recorded.

        Parameters
        ----------
        names : mapping
            id of a tensor → what it is called; by default where it is in the model.
        """
        if not self.steps:
            return None
        parameters = []
        for path, p in self.named.items():
            rows, columns = self.steps[0]["values"][path].shape
            parameters.append({
                "name": names.get(id(p), path), "shape": cells.shape_text(p.shape), "rows": rows, "columns": columns,
                "written": written(p.shape),
                **{what: [_listed(step[what][path]) for step in self.steps] for what in ("values", "gradients")},
            })  # fmt: skip
        return {
            "at": [step["at"] for step in self.steps],
            "loss": [_number(step["loss"]) for step in self.steps],
            "parameters": parameters,
            "region": None if self.plane is None else self.plane.summary([step["region"] for step in self.steps]),
        }


class _Plane:
    """The samples, and points that sample the plane around them."""

    def __init__(self, X: Any, y: Any, resolution: int) -> None:
        self.X = np.array(X.detach() if hasattr(X, "detach") else X, dtype=np.float64)
        if self.X.ndim != 2 or self.X.shape[1] != 2 or not len(self.X):
            raise autograd.ShapeError(f"Recorder: a region expects samples X of shape (n, 2), found {self.X.shape}")
        given = np.zeros(len(self.X)) if y is None else y.detach() if hasattr(y, "detach") else y
        labels, n = np.asarray(given).ravel(), len(self.X)
        if len(labels) != n:
            raise autograd.ShapeError(f"Recorder: expects a class for each of {n} samples, found {len(labels)}")
        self.labels = labels.astype(np.int64)
        if (self.labels != labels).any() or (self.labels < 0).any():
            raise ValueError("Recorder: expects classes 0, 1, … in y")
        self.n = resolution
        low, high = self.X.min(axis=0), self.X.max(axis=0)
        margin = np.where(high > low, 0.05 * (high - low), 0.5)
        self.low, self.high = low - margin, high + margin
        at = (np.arange(resolution) + 0.5) / resolution
        x0, x1 = np.meshgrid(*(a + (b - a) * at for a, b in zip(self.low, self.high, strict=True)))
        self.grid = np.column_stack([x0.ravel(), x1.ravel()])
        self.classes = 1

    def region(self, model: Any, logits: bool) -> str:
        """A letter for each point: the soft decision in 64 levels, or the class."""
        parameters = list(model.parameters())
        points = autograd.tensor(self.grid, dtype=parameters[0].dtype if parameters else np.float32)
        modules = list(model.modules())
        modes = [module.training for module in modules]
        try:
            model.eval()  # no dropout: it would use up random numbers
            with autograd.no_grad():
                out = model(points).numpy()
        finally:
            for module, mode in zip(modules, modes, strict=True):
                module.training = mode
        if out.ndim not in (1, 2) or len(out) != len(points):
            raise autograd.ShapeError(
                f"Recorder: expects outputs (n,), (n, 1) or (n, K) of n = {len(points)} points, found {out.shape}"
            )
        out = out.reshape(len(out), -1).astype(np.float64)
        self.classes = out.shape[1]
        if self.classes > 1:
            levels = out.argmax(axis=1) % len(CODE)
        else:
            u = out[:, 0]
            if logits:
                with np.errstate(over="ignore"):
                    u = 1 / (1 + np.exp(-u))
            levels = np.rint(np.clip(np.nan_to_num(u, nan=0.5), 0, 1) * (len(CODE) - 1)).astype(int)
        return "".join(CODE[k] for k in levels.tolist())

    def summary(self, grids: list[str]) -> dict[str, Any]:
        """The regions and the samples, of many only some."""
        some = np.linspace(0, len(self.X) - 1, min(len(self.X), POINTS)).astype(int)
        points = [[_number(x), _number(y), label] for (x, y), label in
                  zip(self.X[some].tolist(), self.labels[some].tolist(), strict=True)]  # fmt: skip
        extent = [_number(x) for k in (0, 1) for x in (self.low[k], self.high[k])]
        return {"n": self.n, "extent": extent, "classes": self.classes, "grids": grids, "points": points}


def _kept(array: Array) -> Array:
    return cells.blocks(np.array(array, np.float64))


def _listed(array: Array | None) -> list[Any] | None:
    return None if array is None else [_number(x) for x in array.ravel().tolist()]


def _number(x: float) -> float | str:
    """Three digits; JSON has no infinity."""
    return float(f"{x:.3g}") if np.isfinite(x) else "nan" if np.isnan(x) else cells.digits(x)
