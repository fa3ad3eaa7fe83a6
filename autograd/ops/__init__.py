"""The primitives, one record each, grouped by kind.

:mod:`.arithmetic`, :mod:`.elementwise`, :mod:`.activation`, :mod:`.reduction`, :mod:`.linalg`, :mod:`.shape`,
:mod:`.conv` and :mod:`.loss` hold the records; :mod:`.record` says what a record is. They know arrays; of tensors and
graphs they know nothing.
"""

from . import activation, arithmetic, conv, elementwise, linalg, loss, reduction, shape
from .activation import *
from .arithmetic import *
from .arithmetic import add as add
from .arithmetic import div as div
from .arithmetic import sub as sub
from .arithmetic import where as where
from .conv import *
from .dtypes import SUPPORTED, check_dtype, get_default_dtype, promote, result_dtype, set_default_dtype
from .elementwise import *
from .linalg import *
from .loss import *
from .record import Op, by_numpy, primitive, registry
from .reduction import *
from .shape import *
from .shape import cat as cat
from .shape import permute as permute
from .shape import reshape as reshape
from .shape import transpose as transpose
from .shape import write as write

__all__ = [
    "SUPPORTED", "Op", "by_numpy", "check_dtype", "get_default_dtype", "primitive", "promote", "registry",
    "result_dtype", "set_default_dtype",
    *activation.__all__, *arithmetic.__all__, *conv.__all__, *elementwise.__all__, *linalg.__all__, *loss.__all__,
    *reduction.__all__, *shape.__all__,
]  # fmt: skip
