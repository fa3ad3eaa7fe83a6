"""Optimizers: how θ follows the gradient; and schedulers: how the step size changes on the way."""

from . import lr_scheduler as lr_scheduler
from .adadelta import Adadelta
from .adagrad import Adagrad
from .adam import Adam, AdamW
from .lbfgs import LBFGS
from .nadam import NAdam
from .optimizer import Optimizer
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import SGD

__all__ = ["SGD", "Rprop", "RMSprop", "Adadelta", "Adagrad", "Adam", "AdamW", "NAdam", "LBFGS", "Optimizer"]
