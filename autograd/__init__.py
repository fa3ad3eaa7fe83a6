"""A micro autograd engine: tensors that record a dynamic graph, and reverse mode with the chain rule.

>>> import autograd
>>> x = autograd.tensor(2.0, requires_grad=True)
>>> y = x * autograd.exp(x)
>>> y.backward()
>>> x.grad.item()  # eˣ (1 + x) at 2
22.167...
"""

import sys as _sys

from . import cuda as cuda
from . import functional as functional
from . import linalg as linalg
from . import ops
from .anomaly import *
from .composed.elementwise import *
from .composed.linalg import *
from .composed.reduction import *
from .composed.shape import *
from .creation import *
from .devices import *
from .errors import DtypeError as DtypeError
from .errors import GraphError as GraphError
from .errors import ShapeError as ShapeError
from .formatting import printoptions as printoptions
from .formatting import set_printoptions as set_printoptions
from .function import *
from .functions import *
from .gradcheck import *
from .hooks import on_backward as on_backward
from .kernels.threads import *
from .modes import *
from .ops import check_dtype as check_dtype
from .ops import get_default_dtype as get_default_dtype
from .ops import primitive as primitive
from .ops import set_default_dtype as set_default_dtype
from .ops.arithmetic import *
from .ops.elementwise import *
from .ops.linalg import *
from .ops.loss import *
from .ops.reduction import *
from .ops.shape import *
from .random import *
from .replay import *
from .tensor import Tensor as Tensor

float32, float64, int64, int32, int16, int8, uint8, bool = ops.SUPPORTED
float, double, long, int, short = float32, float64, int64, int32, int16
from .interop import from_dlpack as from_dlpack  # noqa: E402 - it names the functions above

__version__ = "0.1.0"
autograd = _sys.modules[__name__]  # so that torch.autograd.grad works, where this package is imported as torch
