"""What is not primitive: functions of PyTorch's that are a few lines of the primitives of :mod:`autograd.ops`.

Each is a plain function of tensors, and with ``@method()`` a method of Tensor too.
"""

from . import elementwise, linalg, reduction, shape
from .elementwise import *
from .linalg import *
from .reduction import *
from .shape import *

__all__ = [*elementwise.__all__, *linalg.__all__, *reduction.__all__, *shape.__all__]
