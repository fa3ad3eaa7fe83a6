"""Long runs under load, faults and bad input; bounded, each prints its figures. See :mod:`tests.soak.__main__`."""
