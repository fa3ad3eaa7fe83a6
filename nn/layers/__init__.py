"""The layers: linear and nonlinear."""

from .activation import *
from .linear import *
