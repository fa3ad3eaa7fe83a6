"""Times of ours against the peers that are installed: ``python -m tests.bench [--rounds 5] [--out FILE] [NAME …]``.

Every measurement is a process of its own, the peers by turns on the same data and initial weights, so that all see the
same machine. A number is the median over the rounds, a ratio the median of the rounds' ratios to the fastest rival: of
PyTorch (eager, with a fused Adam, compiled) and JAX (jitted) for a training step, of PyTorch and NumPy for a single
operation. Losses must agree: those of the first steps with NumPy in float64, those of a whole training with each other.
Who disagrees is named, and left out.

HIPS's autograd has the name of our package. To have it measured, too: ``pip install --no-deps --target DIR autograd``
and ``--hips DIR``. The images of the mnist recipe are MNIST's where MNIST_DIR names a folder that has its files, else
random. All of it takes about half an hour. What the README shows is printed; ``--out`` writes a table of every number.
"""
