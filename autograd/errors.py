"""The errors of the engine. Each is also a subclass of what users of PyTorch or NumPy would catch."""


class ShapeError(ValueError, RuntimeError):
    """Shapes do not fit. The message names the operation, the axis and both sizes."""


class DtypeError(TypeError):
    """A dtype is not supported, or not by this operation. The message lists what is."""


class GraphError(RuntimeError):
    """The recorded graph cannot be differentiated as asked. The message says why and what to do."""
