"""Data sets and mini-batches."""

from . import transforms as transforms
from .collate import *
from .dataset import *
from .loader import *
from .mnist import DatasetError as DatasetError
from .mnist import load_mnist as load_mnist
from .mnist import read_idx as read_idx
from .sampler import *
from .vision import *
