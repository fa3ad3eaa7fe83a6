"""The layers and losses as functions."""

from .activation import *
from .distance import *
from .linear import *
from .loss import *
