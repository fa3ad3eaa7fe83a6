"""The primitives, one record each, grouped by kind.

:mod:`.arithmetic`, :mod:`.elementwise`, :mod:`.reduction`, :mod:`.linalg`, :mod:`.shape` and :mod:`.loss` hold the
records; :mod:`.record` says what a record is. They know arrays; of tensors and graphs they know nothing.
"""

from . import arithmetic, elementwise, linalg, loss, reduction, shape
from .arithmetic import *
from .dtypes import DEFAULT, SUPPORTED, check_dtype, promote, result_dtype
from .elementwise import *
from .linalg import *
from .loss import *
from .record import Op, by_numpy, primitive, registry
from .reduction import *
from .shape import *

__all__ = [
    "DEFAULT", "SUPPORTED", "Op", "by_numpy", "check_dtype", "primitive", "promote", "registry", "result_dtype",
    *arithmetic.__all__, *elementwise.__all__, *linalg.__all__, *loss.__all__, *reduction.__all__, *shape.__all__,
]  # fmt: skip
