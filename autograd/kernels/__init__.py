"""Numba kernels: arrays in, arrays out. They know nothing of tensors, ops or graphs.

Every kernel works on C-contiguous arrays of one float dtype, so that each is compiled at most twice (float32, float64)
and never for a layout; the functions around the kernels see to that.
"""
