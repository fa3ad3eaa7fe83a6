"""The layers: linear and nonlinear, normalisation, dropout, and what only changes shapes."""

from .activation import *
from .conv import *
from .dropout import *
from .embedding import *
from .linear import *
from .norm import *
from .shape import *
