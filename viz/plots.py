"""Plots of what a network does and learns, as one would project them.

What it learned: :func:`decision_region`, :func:`hidden_units`, :func:`images`; how: :func:`learning_curve`,
:func:`loss_surface`, :func:`sgd_path`; what it is made of: :func:`activation`. They need matplotlib, which is imported
when the first one is drawn. Each returns the axes that it drew on; without axes of yours it makes a new figure, so that
``plt.show()`` shows it and ``plt.savefig("picture.png")`` saves it.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

import autograd
from autograd.graph import Graph, Variable

from .notation import plain

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["activation", "decision_region", "hidden_units", "images", "learning_curve", "loss_surface", "sgd_path"]

Array = np.ndarray[Any, Any]
Extent = tuple[float, float, float, float]

# The palette of M. Okabe and K. Ito, "Color Universal Design" (2008): told apart with any colour vision.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000", "#F0E442")
MARKERS = "o^sDvPX*"  # a second way to tell the classes apart
LINES = ("-", "--", "-.", ":")
STYLE = {
    "font.size": 14,
    "axes.titlesize": 16,
    "axes.labelsize": 18,
    "legend.fontsize": 14,
    "mathtext.fontset": "cm",
    "figure.dpi": 120,
    "figure.constrained_layout.use": True,
    "figure.constrained_layout.w_pad": 0.1,
    "figure.constrained_layout.h_pad": 0.1,
}


def decision_region(
    model: Any,
    X: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    extent: Extent | None = None,
    resolution: int = 200,
    logits: bool = False,
) -> Axes:
    """The output of a network over the plane, with the samples on top; slide "Visualizing the decision region".

    One output is drawn as the soft decision u_O = Pr{y = 1 | x}, with a line where it is ½. Of K outputs the hard
    decision arg max is drawn.

    Parameters
    ----------
    model : callable
        From a tensor of points (n, 2) to (n, 1), (n,) or (n, K).
    X : array or Tensor, (n, 2)
        The samples.
    y : array or Tensor, (n,) or (n, 1)
        Their classes 0, 1, ….
    ax : Axes, optional
    extent : (float, float, float, float), optional
        Least and largest x_0, least and largest x_1; what the samples need if not given.
    resolution : int
        Points along each axis.
    logits : bool
        Whether a single output is the score z_O, from which u_O = σ(z_O) is to be computed.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        Unless samples and outputs have the shapes above.
    ValueError
        If a single output leaves [0, 1]: it is not a soft decision.

    Examples
    --------
    >>> import autograd, nn
    >>> from viz.plots import decision_region
    >>> model = nn.Sequential(nn.Linear(2, 1), nn.Sigmoid())
    >>> ax = decision_region(model, autograd.rand(5, 2), [0, 1, 1, 0, 1], extent=(0, 1, 0, 1))
    >>> ax.get_xlabel(), ax.get_ylabel()
    ('$x_0$', '$x_1$')
    """
    plt = _pyplot()
    X, y = _samples(X), np.asarray(y).reshape(-1)
    if len(X) != len(y):
        raise autograd.ShapeError(f"decision_region: expects one class for each sample, found {len(X)} and {len(y)}")
    extent = _extent(X) if extent is None else extent
    with autograd.no_grad():
        out = _output(model(_grid(model, extent, resolution)), resolution)
    with plt.rc_context(STYLE if ax is None else {}):
        if ax is None:
            ax = plt.subplots(figsize=(7, 6), layout="compressed")[1]
        if out.shape[1] == 1:
            u = _soft(out[:, 0], logits).reshape(resolution, resolution)
            image = ax.imshow(u, cmap=_two_classes(), vmin=0, vmax=1, origin="lower", extent=extent, aspect="auto")
            if u.min() < 0.5 < u.max():
                ax.contour(u, [0.5], colors="black", linewidths=1.5, origin="lower", extent=extent)
            bar = ax.figure.colorbar(image, ax=ax)
            bar.set_label(r"$u_O = \mathrm{Pr}\{y=1\,|\,\mathbf{x}\}$")
            classes = 2
        else:
            classes = out.shape[1]
            hard = out.argmax(axis=1).reshape(resolution, resolution)
            shown = plt.matplotlib.colors.ListedColormap([_pale(COLOURS[k % len(COLOURS)]) for k in range(classes)])
            ax.imshow(hard, cmap=shown, vmin=0, vmax=classes - 1, origin="lower", extent=extent, aspect="auto")
        for k in range(classes):
            own = X[y == k]
            marker, colour = MARKERS[k % len(MARKERS)], COLOURS[k % len(COLOURS)]
            ax.scatter(
                own[:, 0], own[:, 1], s=50, marker=marker, color=colour, edgecolors="white", linewidths=0.7,
                label=f"$y = {k}$", clip_on=False, zorder=3,
            )  # fmt: skip
        _plane(ax, extent)
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=min(classes, 5), frameon=False, handletextpad=0)
    return ax


def hidden_units(
    model: Any,
    X: Any = None,
    axes: Sequence[Axes] | None = None,
    *,
    extent: Extent | None = None,
    resolution: int = 200,
    output: int = 0,
) -> list[Axes]:
    """The learned features over the plane, each with its weight w_O; slide "Visualizing the hidden layer".

    The hidden layer is found in the recorded graph, whatever the attributes of the network are called: it is what the
    last linear stage reads.

    Parameters
    ----------
    model : callable
        From a tensor of points (n, 2); its last linear stage is ``Linear`` or a product with a weight.
    X : array or Tensor, (n, 2), optional
        Samples, to know which part of the plane to draw.
    axes : sequence of Axes, optional
        One for each hidden unit.
    extent : (float, float, float, float), optional
        Least and largest x_0, least and largest x_1; what X needs, else the unit square.
    resolution : int
        Points along each axis.
    output : int
        Whose weights are in the titles, if there are several outputs.

    Returns
    -------
    list of Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        Unless X is (n, 2), and if there are fewer axes than hidden units.
    ValueError
        If there is no hidden layer.

    Examples
    --------
    >>> import nn
    >>> from viz.plots import hidden_units
    >>> axes = hidden_units(nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)))
    >>> len(axes), axes[2].get_title()
    (3, '$u_{H,2}$,  $w_{O,2} = ...$')
    """
    plt = _pyplot()
    if extent is None:
        extent = (0, 1, 0, 1) if X is None else _extent(_samples(X))
    points = _grid(model, extent, resolution)
    with autograd.enable_grad():  # also if the parameters are frozen
        U, W = _last_stage(model(points.requires_grad_()), points)
    count = U.shape[1]
    columns = 1 if axes is not None else min(count, 4) if count <= 12 else math.ceil(math.sqrt(count))
    with plt.rc_context(STYLE if axes is None else {}):
        if axes is None:
            rows = math.ceil(count / columns)
            size = (3 * columns + 1.5, 3.4 * rows)
            grid = plt.subplots(rows, columns, figsize=size, squeeze=False, layout="compressed")[1]
            for spare in grid.flat[count:]:
                spare.remove()
            axes = list(grid.flat[:count])
        if len(axes) < count:
            raise autograd.ShapeError(f"hidden_units: expects axes for {count} hidden units, found {len(axes)}")
        axes = list(axes[:count])
        low, high = (0, 1) if U.min() >= 0 and U.max() <= 1 else (U.min(), U.max())
        for l, ax in enumerate(axes):
            u = U[:, l].reshape(resolution, resolution)
            image = ax.imshow(u, vmin=low, vmax=high, origin="lower", extent=extent, aspect="auto")
            which = f"{output},{l}" if len(W) > 1 else f"{l}"
            ax.set_title(f"$u_{{H,{l}}}$,  $w_{{O,{which}}} = {W[output, l]:.2f}$")
            _plane(ax, extent)
            ax.locator_params(nbins=3)
            if l % columns:
                ax.set_ylabel("")
        bar = axes[0].figure.colorbar(image, ax=axes)
        bar.ax.set_title("$u_H$")
    return axes


def learning_curve(history: Mapping[str, Sequence[float] | Array], axes: Sequence[Axes] | None = None) -> list[Axes]:
    r"""Loss and accuracy against epoch; slide "Performance vs. epoch".

    Parameters
    ----------
    history : mapping
        What was measured → its value after each epoch. What has "accuracy" in its name (in percent) has a plot of its
        own beside that of the losses.
    axes : sequence of Axes, optional
        As many as there are plots: one or two.

    Returns
    -------
    list of Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ValueError
        For an empty history.
    ShapeError
        For another number of axes.

    Examples
    --------
    >>> from viz.plots import learning_curve
    >>> history = {"loss": [0.7, 0.4, 0.3], "training accuracy": [50, 80, 90], "test accuracy": [50, 75, 82]}
    >>> [ax.get_ylabel() for ax in learning_curve(history)]
    ['loss $\\mathcal{J}$', 'accuracy in %']
    """
    plt = _pyplot()
    accuracies = {name: values for name, values in history.items() if "accuracy" in name}
    losses = {name: values for name, values in history.items() if name not in accuracies}
    wanted = [(r"loss $\mathcal{J}$", "loss", losses), ("accuracy in %", "accuracy", accuracies)]
    panels = [panel for panel in wanted if panel[2]]
    if not panels:
        raise ValueError("learning_curve: the history is empty")
    with plt.rc_context(STYLE if axes is None else {}):
        if axes is None:
            axes = list(plt.subplots(1, len(panels), figsize=(6 * len(panels), 4.5), squeeze=False)[1].flat)
        if len(axes) != len(panels):
            raise autograd.ShapeError(f"learning_curve: expects {len(panels)} axes, found {len(axes)}")
        for ax, (label, kind, curves) in zip(axes, panels, strict=True):
            for k, (name, values) in enumerate(curves.items()):
                ax.plot(
                    np.arange(1, len(values) + 1),
                    values,
                    color=COLOURS[k % len(COLOURS)],
                    linestyle=LINES[k % len(LINES)],
                    linewidth=2,
                    marker=MARKERS[k % len(MARKERS)] if len(values) <= 40 else None,
                    label=name.replace(kind, "").strip() or name,
                )
            ax.set_xlabel("epoch")
            ax.set_ylabel(label)
            ax.xaxis.set_major_locator(plt.MaxNLocator(integer=True))
            ax.grid(alpha=0.3)
            if len(curves) > 1:
                ax.legend()
    return list(axes)


def images(
    pixels: Any, titles: Sequence[str] | None = None, axes: Sequence[Axes] | None = None, *, columns: int | None = None
) -> list[Axes]:
    """A sheet of small images, such as digits, or the weights of hidden units that look at images.

    Parameters
    ----------
    pixels : array or Tensor, (n, height, width)
        Grey values, 0 for paper; with negative ones among them they are drawn in two colours, with a colour bar.
    titles : sequence of str, optional
        One for each image.
    axes : sequence of Axes, optional
        One for each image.
    columns : int, optional
        Images beside each other; about as many as there are rows if not given.

    Returns
    -------
    list of Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        Unless there are one or more images, and a title and axes for each of them.

    Examples
    --------
    >>> import numpy as np
    >>> from viz.plots import images
    >>> [ax.get_title() for ax in images(np.eye(3)[:2, None], ["first", "second"])]
    ['first', 'second']
    """
    plt = _pyplot()
    pixels = np.asarray(pixels)
    if pixels.ndim != 3 or not pixels.size:
        raise autograd.ShapeError(f"images: expects one image or more (n, height, width), found shape {pixels.shape}")
    count = len(pixels)
    signed = bool(pixels.min() < 0)
    bar: dict[str, Any] = {"ax": axes}
    with plt.rc_context(STYLE if axes is None else {}):
        if axes is None:
            axes, bar["cax"] = _sheet(plt, pixels.shape, columns, titles is not None, signed)
        if len(axes) != count or (titles is not None and len(titles) != count):
            given = "" if titles is None else f", {len(titles)} titles"
            raise autograd.ShapeError(f"images: expects one of each, found {count} images, {len(axes)} axes{given}")
        # A few extreme weights must not make all the others pale.
        high = (np.quantile(np.abs(pixels), 0.998) if signed else pixels.max()) or 1
        colours = {"cmap": "RdBu_r", "vmin": -high} if signed else {"cmap": "gray_r", "vmin": 0}
        for k, ax in enumerate(axes):
            image = ax.imshow(pixels[k], vmax=high, **colours)
            ax.set_xticks([])
            ax.set_yticks([])
            if titles is not None:
                ax.set_title(titles[k])
        if signed:
            axes[0].figure.colorbar(image, extend="both", **bar)
    return list(axes)


def activation(
    fn: Callable[..., Any],
    ax: Axes | None = None,
    *,
    extent: tuple[float, float] = (-5, 5),
    label: str | None = None,
) -> Axes:
    """An activation g(z) and its derivative g′(z); slide "Common choices for hidden-layer activation".

    The derivative is what the backward pass multiplies by: it is computed by it, and stops at a jump.

    Parameters
    ----------
    fn : callable
        Elementwise, from a tensor to one of its shape: ``autograd.sigmoid``, ``nn.Tanh()``.
    ax : Axes, optional
    extent : (float, float)
        Least and largest z.
    label : str, optional
        What the title calls it; its name if not given.

    Returns
    -------
    Axes
        With two lines, g first.

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        Unless the result has the shape of z.
    ValueError
        If ``fn`` is not elementwise, as softmax is not; if the extent is empty.

    Examples
    --------
    >>> import autograd
    >>> from viz.plots import activation
    >>> ax = activation(autograd.sigmoid)
    >>> ax.get_title(), float(max(ax.lines[1].get_ydata()))
    ('sigmoid', 0.25)
    """
    plt = _pyplot()
    low, high = map(float, extent)
    if not low < high:
        raise ValueError(f"activation: the extent must go from a smaller z to a larger one, found {extent}")
    z = autograd.linspace(low, high, 1001, dtype=autograd.float64).requires_grad_()
    with autograd.enable_grad():
        u = fn(z)
        if not isinstance(u, autograd.Tensor) or u.shape != z.shape:
            found = getattr(u, "shape", type(u).__name__)
            raise autograd.ShapeError(f"activation: expects a function that keeps the shape {z.shape}, found {found}")
        (g,) = autograd.grad(u.sum(), z, materialize_grads=True) if u.requires_grad else (autograd.zeros_like(z),)
    slope = np.asarray(g)
    with autograd.no_grad():
        if not np.allclose(fn(z[:500]).numpy(), u.detach().numpy()[:500], rtol=1e-3, atol=1e-6, equal_nan=True):
            raise ValueError("activation: the function is not elementwise: what it gives for some z depends on others")
    steps = np.abs(np.diff(slope))
    slope = np.insert(slope, jumps := np.flatnonzero(steps > 0.1 * (1 + np.abs(slope).max())) + 1, np.nan)
    places = np.insert(z.detach().numpy(), jumps, np.nan)
    with plt.rc_context(STYLE if ax is None else {}):
        if ax is None:
            ax = plt.subplots(figsize=(7, 4.5))[1]
        ax.plot(z.detach().numpy(), u.detach().numpy(), color=COLOURS[0], linewidth=3, label="$g(z)$")
        ax.plot(places, slope, color=COLOURS[1], linewidth=3, linestyle="--", label=r"$g\,'(z)$")
        for line in (ax.axhline, ax.axvline):
            line(0, color="0.6", linewidth=1, zorder=0)
        ax.set(xlabel="$z$", xlim=(low, high), title=_word(label or _name_of(fn)))
        ax.grid(alpha=0.3)
        ax.legend()
    return ax


def loss_surface(
    loss: Callable[[], Any],
    parameters: Any,
    ax: Axes | None = None,
    *,
    directions: Sequence[Any] | None = None,
    extent: Extent | None = None,
    resolution: int = 41,
    labels: tuple[str, str] | None = None,
) -> Axes:
    r"""Contours of the loss over a plane through the parameters as they are, which a star marks.

    Two numbers are drawn as they are. Of more, the plane is spanned by two directions; those chosen here are random
    (the same each time) and as long as the parameters, tensor by tensor: H. Li et al., "Visualizing the Loss Landscape
    of Neural Nets" (2018).

    The parameters are moved while the loss is computed and put back. That counts as a write: a loss recorded before
    must be computed again before its ``backward()``.

    Parameters
    ----------
    loss : callable
        Without arguments, the loss at the values that the parameters have at the time.
    parameters : Module, Tensor or sequence of Tensor
        What it depends on.
    ax : Axes, optional
    directions : two arrays, or two integers, optional
        Along the axes: an array has as many elements as there are parameters in all; an integer is the position of one
        of them.
    extent : (float, float, float, float), optional
        How far to go, as least and largest along each axis: of two parameters, or of two chosen by position, their
        values; else factors of the directions. By default as far as the larger of 1 and the parameters' size.
    resolution : int
        Points along each axis.
    labels : (str, str), optional
        Of the axes.

    Returns
    -------
    Axes

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        For directions of another size.
    ValueError
        If there are fewer than two parameters, or the loss is nowhere finite.

    Examples
    --------
    >>> import autograd
    >>> from viz.plots import loss_surface
    >>> theta = autograd.tensor([1.0, -1.0])
    >>> ax = loss_surface(lambda: (theta**2).sum(), theta, extent=(-2, 2, -2, 2))
    >>> ax.get_xlabel(), theta.tolist()
    ('$\\theta_{1}$', [1.0, -1.0])
    """
    plt = _pyplot()
    with _moving(parameters, "loss_surface") as at:
        plane = _Plane.of(at, directions, labels)
        if extent is None:
            half = max(1.0, float(np.abs(plane.here).max()))
            extent = (plane.here[0] - half, plane.here[0] + half, plane.here[1] - half, plane.here[1] + half)
        surface = plane.losses(loss, at, extent, resolution)
    with plt.rc_context(STYLE if ax is None else {}):
        if ax is None:
            ax = plt.subplots(figsize=(7, 5.5))[1]
        levels = _levels(surface[2])
        filled = ax.contourf(*surface, levels=levels, cmap="cividis_r", extend="max")
        ax.contour(*surface, levels=levels, colors="white", linewidths=0.8)
        ax.figure.colorbar(filled, ax=ax, format="%.3g").set_label(r"$\mathcal{J}$")
        ax.plot(*plane.here, "*", color="white", markeredgecolor="black", markersize=20)
        ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1], xlim=extent[:2], ylim=extent[2:])
        ax.locator_params(nbins=5)
    return ax


def sgd_path(
    loss: Callable[[Any, Any], Any],
    parameters: Any,
    X: Any,
    y: Any,
    ax: Axes | None = None,
    *,
    lr: float = 0.1,
    batch_size: int = 10,
    steps: int = 50,
    seed: int = 0,
    resolution: int = 41,
) -> Axes:
    """Gradient descent against mini-batch SGD from the same start, on the contours of the loss of all samples.

    Slides "Gradient descent" and "Rationale for stochastic gradient descent": the mini-batch gradient is right on
    average, so that SGD wanders about the path of GD. Both take the same number of steps of the same size. Samples are
    shuffled anew in each epoch, without touching autograd's random numbers.

    More than two parameters are drawn in the plane in which the two paths extend furthest, their principal
    components. The parameters are put back in the end (see :func:`loss_surface` on what that means).

    Parameters
    ----------
    loss : callable
        ``loss(X, y)`` of some samples, averaged, at the values that the parameters have at the time.
    parameters : Module, Tensor or sequence of Tensor
        Where to start.
    X, y : array or Tensor
        All samples, one in each row.
    ax : Axes, optional
    lr : float
        The step size α.
    batch_size : int
    steps : int
    seed : int
        Of the shuffling.
    resolution : int
        Points along each axis of the contours.

    Returns
    -------
    Axes
        With a line for GD and one for SGD.

    Raises
    ------
    ImportError
        Without matplotlib.
    ShapeError
        Unless there are as many y as X.
    ValueError
        If there are fewer than two parameters, no sample, no step or no batch; if a path leaves the finite numbers,
        which a smaller ``lr`` mends.

    Examples
    --------
    >>> import autograd
    >>> from viz.plots import sgd_path
    >>> X, theta = autograd.ones(20, 2), autograd.tensor([2.0, 1.0])
    >>> ax = sgd_path(lambda X, y: ((X @ theta - y) ** 2).mean(), theta, X, autograd.zeros(20), steps=5)
    >>> [len(line.get_xdata()) for line in ax.lines[:2]]
    [6, 6]
    """
    plt = _pyplot()
    X, y = autograd.as_tensor(X), autograd.as_tensor(y)
    n = len(X)
    if len(y) != n:
        raise autograd.ShapeError(f"sgd_path: expects one y for each of the samples X, found {len(y)} and {n}")
    if min(n, steps, batch_size) < 1:
        raise ValueError(
            f"sgd_path: needs samples, steps and a batch size from 1 up, found {n}, {steps} and {batch_size}"
        )
    random = np.random.default_rng(seed)
    epochs = (random.permutation(n) for _ in range(steps))
    batches = (order[k : k + batch_size] for order in epochs for k in range(0, n, batch_size))
    with _moving(parameters, "sgd_path") as at:
        descent = at.descend(lambda: loss(X, y), lr, steps)
        noisy = at.descend(lambda: loss(X[rows := next(batches)], y[rows]), lr, steps)
        both = np.concatenate([descent, noisy])
        if not np.isfinite(both).all():
            raise ValueError(f"sgd_path: a path left the finite numbers with lr={lr}; try a smaller one")
        plane = _Plane.of(at) if both.shape[1] == 2 else _Plane.along(both)
        paths = [plane.coordinates(path) for path in (descent, noisy)]
        extent = _extent(np.concatenate(paths), 0.15)
        surface = plane.losses(lambda: loss(X, y), at, extent, resolution)
    with plt.rc_context(STYLE if ax is None else {}):
        if ax is None:
            ax = plt.subplots(figsize=(7, 6))[1]
        ax.contour(*surface, levels=_levels(surface[2]), colors="0.7", linewidths=1)
        kinds = (("GD, all samples", "-", "o", 0), (f"SGD, {batch_size} samples", "--", "^", 1))
        for path, (label, line, marker, colour) in zip(paths, kinds, strict=True):
            look: dict[str, Any] = {"color": COLOURS[colour], "linestyle": line, "linewidth": 2.2, "marker": marker}
            ax.plot(*path.T, **look, markevery=max(1, steps // 20), label=label)
        ax.plot(*paths[0][0], "s", color="black", markersize=11, label="start")
        ax.set(xlabel=plane.labels[0], ylabel=plane.labels[1], xlim=extent[:2], ylim=extent[2:])
        tight = {"columnspacing": 1, "handlelength": 1.6, "frameon": False}
        ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, **tight)
    return ax


class _Moving:
    """Some tensors as one long vector: what it is, and moving it."""

    def __init__(self, tensors: list[autograd.Tensor]) -> None:
        self.tensors = tensors
        self.start = np.concatenate([p.detach().numpy().reshape(-1) for p in tensors]).astype(np.float64)

    def put(self, theta: Array) -> None:
        first = 0
        for p in self.tensors:
            p.data = autograd.tensor(theta[first : first + p.numel()].reshape(p.shape), dtype=p.dtype)
            first += p.numel()

    def descend(self, loss: Callable[[], Any], lr: float, steps: int) -> Array:
        """θᵏ⁺¹ = θᵏ − α ∇𝒥(θᵏ), from the start: one row for each θ."""
        path = [self.start]
        for _ in range(steps):
            self.put(path[-1])
            with autograd.enable_grad():
                gradients = autograd.grad(loss(), self.tensors, allow_unused=True)
            flat = [
                np.zeros(p.numel()) if g is None else g.numpy().reshape(-1)
                for g, p in zip(gradients, self.tensors, strict=True)
            ]
            with np.errstate(all="ignore"):  # a path that leaves the finite numbers is reported once, at its end
                path.append(path[-1] - lr * np.concatenate(flat))
        return np.array(path)


@contextlib.contextmanager
def _moving(parameters: Any, name: str) -> Iterator[_Moving]:
    """The parameters, to be moved; afterwards they have the memory and the flags that they had."""
    many = parameters.parameters() if hasattr(parameters, "parameters") else parameters
    tensors = [many] if isinstance(many, autograd.Tensor) else list(many)
    if sum(p.numel() for p in tensors) < 2:
        raise ValueError(f"{name}: a plane needs two parameters or more")
    before = [(p, p.data, p.requires_grad) for p in tensors]
    try:
        for p in tensors:
            p.requires_grad = True
        yield _Moving(tensors)
    finally:
        for p, data, wanted in before:
            p.data, p.requires_grad = data, wanted


class _Plane:
    """A plane in the space of the parameters: θ = origin + a d₀ + b d₁."""

    def __init__(self, origin: Array, directions: Array, here: Array, labels: tuple[str, str]) -> None:
        self.origin = origin
        self.directions = directions
        self.here = here
        self.labels = labels

    @classmethod
    def of(cls, at: _Moving, directions: Sequence[Any] | None = None, labels: tuple[str, str] | None = None) -> _Plane:
        """Through the parameters, along two directions, or two of the parameters, or two that are chosen here."""
        start, n = at.start, at.start.size
        chosen = (0, 1) if directions is None and n == 2 else directions
        if chosen is None:
            random = np.random.default_rng(0)
            chosen = [
                np.concatenate([
                    (d := random.standard_normal(p.numel())) * np.linalg.norm(p.detach().numpy()) / np.linalg.norm(d)
                    for p in at.tensors
                ])
                for _ in range(2)
            ]  # fmt: skip
        if len(chosen) != 2:
            raise autograd.ShapeError(f"loss_surface: expects two directions, found {len(chosen)}")
        if all(isinstance(k, (int, np.integer)) for k in chosen):
            one, two = (int(k) % n for k in chosen)
            origin = start.copy()
            origin[[one, two]] = 0
            named = (rf"$\theta_{{{one + 1}}}$", rf"$\theta_{{{two + 1}}}$")
            return cls(origin, np.eye(n)[[one, two]], start[[one, two]], labels or named)
        flat = [np.asarray(d, np.float64).reshape(-1) for d in chosen]
        if any(d.size != n for d in flat):
            raise autograd.ShapeError(f"loss_surface: directions have {n} elements, found {[d.size for d in flat]}")
        return cls(start, np.array(flat), np.zeros(2), labels or ("along direction 1", "along direction 2"))

    @classmethod
    def along(cls, paths: Array) -> _Plane:
        """In which they extend furthest."""
        end = paths.mean(axis=0)
        directions = np.linalg.svd(paths - end, full_matrices=False)[2][:2]
        return cls(end, directions, np.zeros(2), ("principal component 1", "principal component 2"))

    def coordinates(self, thetas: Array) -> Array:
        """Of the feet of the perpendiculars; the directions are orthonormal."""
        return (thetas - self.origin) @ self.directions.T

    def losses(
        self, loss: Callable[[], Any], at: _Moving, extent: Extent, resolution: int
    ) -> tuple[Array, Array, Array]:
        a, b = np.linspace(*extent[:2], resolution), np.linspace(*extent[2:], resolution)
        values = np.empty((resolution, resolution))
        with autograd.no_grad():
            for i, j in np.ndindex(values.shape):
                at.put(self.origin + np.array([a[j], b[i]]) @ self.directions)
                values[i, j] = float(loss())
        return a, b, np.ma.masked_invalid(values)


def _levels(values: Any) -> Array:
    """Closer together near the bottom, where the loss is flat."""
    if values.count() == 0:
        raise ValueError("the loss is not finite anywhere in this plane")
    low, high = float(values.min()), float(np.quantile(values.compressed(), 0.95))
    return low + max(high - low, 1e-12 + 1e-6 * abs(low)) * np.linspace(0, 1, 13) ** 2


def _name_of(fn: Any) -> str:
    return str(getattr(fn, "__name__", type(fn).__name__))


def _word(text: str) -> str:
    """What somebody called a thing, to be shown as it is: matplotlib takes dollars for mathematics."""
    return plain(text).replace("$", r"\$")


def _sheet(
    plt: Any, shape: tuple[int, int, int], columns: int | None, titles: bool, bar: bool
) -> tuple[list[Axes], Axes | None]:
    """Axes for images side by side in a new figure, and for a colour bar; matplotlib's own layouts take seconds."""
    count, height, width = shape
    columns = min(count, columns or math.ceil(math.sqrt(count)))
    rows = math.ceil(count / columns)
    gap, head, tall = 0.1, 0.3 if titles else 0, height / width  # in inches; an image is 1 inch wide
    wide = columns * (1 + gap) + gap
    high = max(rows * (tall + gap + head) + gap, 2 if bar else 0)
    size = (wide + 1.2 * bar, high)
    figure = plt.figure(figsize=size, layout="none")

    def place(left: float, top: float, width: float, height: float) -> Axes:
        corner = (left / size[0], 1 - (top + height) / size[1])
        ax: Axes = figure.add_axes((*corner, width / size[0], height / size[1]))
        return ax

    corners = [(gap + k % columns * (1 + gap), gap + head + k // columns * (tall + gap + head)) for k in range(count)]
    axes = [place(left, top, 1, tall) for left, top in corners]
    return axes, place(wide + gap, 2 * gap, 0.2, high - 4 * gap) if bar else None


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise ImportError("plots need matplotlib: pip install 'chalkgrad[demos]'") from error
    return plt


def _samples(X: Any) -> Array:
    X = np.asarray(X)
    if X.ndim != 2 or X.shape[1] != 2:
        raise autograd.ShapeError(f"a plot over the plane expects samples X of shape (n, 2), found {X.shape}")
    return X


def _extent(X: Array, wider: float = 0.05) -> Extent:
    low, high = X.min(axis=0), X.max(axis=0)
    margin = np.where(high > low, wider * (high - low), 0.5)
    (left, bottom), (right, top) = low - margin, high + margin
    return float(left), float(right), float(bottom), float(top)


def _grid(model: Any, extent: Extent, resolution: int) -> autograd.Tensor:
    """Points that sample the plane, row by row, in the dtype of the model: the middle of each pixel."""
    left, right, bottom, top = extent
    steps = (np.arange(resolution) + 0.5) / resolution
    x0, x1 = np.meshgrid(left + (right - left) * steps, bottom + (top - bottom) * steps)
    parameters = list(model.parameters()) if hasattr(model, "parameters") else []
    points = np.column_stack([x0.ravel(), x1.ravel()])
    return autograd.tensor(points, dtype=parameters[0].dtype if parameters else np.float32)


def _output(out: Any, resolution: int) -> Array:
    values = out.numpy() if isinstance(out, autograd.Tensor) else np.asarray(out)
    if values.ndim not in (1, 2) or len(values) != resolution**2:
        n = resolution**2
        raise autograd.ShapeError(f"decision_region: expects outputs (n,) or (n, K) of n = {n}, found {values.shape}")
    return values.reshape(len(values), -1)


def _soft(out: Array, logits: bool) -> Array:
    if logits:
        with np.errstate(over="ignore"):
            return np.asarray(1 / (1 + np.exp(-out)))
    if out.min() < 0 or out.max() > 1:
        raise ValueError(
            f"decision_region: expects outputs u_O in [0, 1], found {out.min():.3g} to {out.max():.3g}; "
            "if they are scores z_O, say logits=True"
        )
    return out


def _last_stage(out: Any, points: Any) -> tuple[Array, Array]:
    """What the last linear stage before ``out`` reads, and its weight (outputs, hidden units)."""
    for stage in reversed(Graph(out).variables):
        if stage.op is not None and stage.op.name in ("linear", "matmul"):
            U, W = stage.inputs[:2]
            if isinstance(U, Variable) and U.tensor is not points and U.value.ndim == 2 and len(U.value) == len(points):
                return U.value, W.value if stage.op.name == "linear" else W.value.reshape(U.value.shape[1], -1).T
            break
    raise ValueError("hidden_units: found no hidden layer, that is no linear stage on computed features")


def _plane(ax: Axes, extent: Extent) -> None:
    ax.set(xlim=extent[:2], ylim=extent[2:], xlabel="$x_0$", ylabel="$x_1$")
    ax.set_aspect("equal")


def _pale(colour: str) -> Array:
    """Two thirds of the way to white."""
    from matplotlib.colors import to_rgb

    return 1 - (1 - np.array(to_rgb(colour))) / 3


def _two_classes() -> Any:
    """From the colour of class 0 over white to that of class 1, pale enough for samples in the full colours on top."""
    from matplotlib.colors import LinearSegmentedColormap

    return LinearSegmentedColormap.from_list("classes", [tuple(_pale(COLOURS[0])), "white", tuple(_pale(COLOURS[1]))])
