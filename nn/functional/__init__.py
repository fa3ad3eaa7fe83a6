"""The layers and losses as functions."""

from .activation import *
from .conv import *
from .linear import *
from .loss import *
