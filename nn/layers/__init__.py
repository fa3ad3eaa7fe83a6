"""The layers: linear, convolutional and nonlinear."""

from .activation import *
from .conv import *
from .linear import *
