"""The equation sheet: forward and backward pass of a recorded graph, written out as on the slides."""

from .page import *
