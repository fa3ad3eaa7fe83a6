"""The errors of the engine. Each is also a subclass of what users of PyTorch or NumPy would catch."""


class ShapeError(ValueError, RuntimeError):
    """Shapes do not fit. The message names the operation, the axis and both sizes."""


class DtypeError(TypeError):
    """A dtype is not supported, or not by this operation. The message lists what is."""


class GraphError(RuntimeError):
    """The recorded graph cannot be differentiated as asked. The message says why and what to do."""


def check_broadcast(name: str, shapes: list[tuple[int, ...]]) -> None:
    """Raise ShapeError, naming the axis, if ``shapes`` do not broadcast.

    Examples
    --------
    >>> from autograd.errors import check_broadcast
    >>> check_broadcast("add", [(2, 3), (2, 4)])
    Traceback (most recent call last):
    autograd.errors.ShapeError: add: shapes (2, 3) and (2, 4) do not broadcast: at axis 1: 3 vs 4
    """
    ndim = max(map(len, shapes))
    for axis in range(ndim):
        sizes = [s[axis - ndim] for s in shapes if len(s) >= ndim - axis and s[axis - ndim] != 1]
        if len(set(sizes)) > 1:
            listed = " and ".join(map(str, shapes))
            other = next(n for n in sizes if n != sizes[0])
            raise ShapeError(f"{name}: shapes {listed} do not broadcast: at axis {axis}: {sizes[0]} vs {other}")
