"""The layers and losses as functions."""

from .activation import *
from .conv import *
from .distance import *
from .dropout import *
from .embedding import *
from .linear import *
from .loss import *
from .norm import *
