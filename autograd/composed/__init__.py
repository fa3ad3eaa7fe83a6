"""What is not primitive: functions of PyTorch's that are a few lines of the primitives of :mod:`autograd.ops`.

Each is a plain function of tensors, and with ``@method()`` a method of Tensor too.
"""

from .elementwise import *
from .linalg import *
from .reduction import *
from .shape import *
