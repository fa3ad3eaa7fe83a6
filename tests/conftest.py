import importlib.util
import os
import random
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest

os.environ["MPLBACKEND"] = "Agg"  # before anything imports matplotlib; the tests' subprocesses inherit it

import autograd

ROOT = Path(__file__).resolve().parent.parent
where = Path(autograd.__path__[0]).resolve()
if where.parent != ROOT:
    raise pytest.UsageError(
        f"the tests need the autograd of this checkout ({ROOT}) but import the one at {where}: run `python -m pytest` "
        f"in the checkout, with no PYTHONPATH and without HIPS's package of the same name (`pip uninstall autograd`)"
    )

# No deadline: the first call of a kernel compiles it.
hypothesis.settings.register_profile("house", hypothesis.settings(deadline=None))
hypothesis.settings.load_profile("house")


def pytest_configure(config):
    config.addinivalue_line("markers", "parity: compares with PyTorch; skipped where it is not installed")


def pytest_collection_modifyitems(items):
    if importlib.util.find_spec("torch") is None:
        skip = pytest.mark.skip(reason="PyTorch is not installed: pip install '.[parity]'")
        for item in items:
            if item.get_closest_marker("parity"):
                item.add_marker(skip)


@pytest.fixture(autouse=True)
def seeded():
    random.seed(0)
    np.random.seed(0)  # noqa: NPY002 - scikit-learn and others draw from it
    if hasattr(autograd, "manual_seed"):
        autograd.manual_seed(0)


def pytest_terminal_summary(terminalreporter):
    """What of PyTorch's operator samples agreed, where they were run."""
    parity = sys.modules.get("tests.test_parity_ops")
    groups = {} if parity is None else {name: count for name, count in parity.tally.items() if count}
    if groups:
        terminalreporter.section("PyTorch's operator samples")
        columns = ("agree", "differ", "excused", "samples")
        terminalreporter.line("{:12s} {:>8s} {:>8s} {:>8s} {:>8s} {:>8s}".format("group", "names", *columns))
        for name, count in groups.items():
            cells = (len(parity.SCOPE[name].split()), *(count[column] for column in columns))
            terminalreporter.line("{:12s} {:8d} {:8d} {:8d} {:8d} {:8d}".format(name, *cells))
