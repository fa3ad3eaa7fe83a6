"""PyTorch's names for this project, so that a PyTorch script of a course runs unchanged.

``python -m nn.as_torch SCRIPT.py`` runs a script, ``python -m nn.as_torch NOTEBOOK.ipynb`` a notebook; in a program of
your own, :func:`names`:

>>> import nn
>>> with nn.as_torch.names():
...     import torch
...     from torch import nn as layers
>>> layers.Linear is nn.Linear
True
>>> torch.jit
Traceback (most recent call last):
AttributeError: chalkgrad has no torch.jit: ...
"""

from .modules import *
