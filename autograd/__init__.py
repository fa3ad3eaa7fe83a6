"""A micro autograd engine: tensors that record a dynamic graph, and reverse mode with the chain rule.

>>> import autograd
>>> x = autograd.tensor(2.0, requires_grad=True)
>>> y = x * autograd.exp(x)
>>> y.backward()
>>> float(x.grad)  # eˣ (1 + x) at 2
22.167...
"""

from . import ops
from .composed import *
from .creation import *
from .errors import DtypeError as DtypeError
from .errors import GraphError as GraphError
from .errors import ShapeError as ShapeError
from .functions import *
from .gradcheck import *
from .modes import *
from .ops import *
from .random import *
from .tensor import Tensor as Tensor
from .tensor import as_tensor as as_tensor
from .tensor import from_numpy as from_numpy
from .tensor import tensor as tensor

float32, float64, int64, int32, int16, int8, uint8, bool = ops.SUPPORTED
float, double, long, int, short = float32, float64, int64, int32, int16
__version__ = "0.1.0"
