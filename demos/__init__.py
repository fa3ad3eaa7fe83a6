"""Demos of the slides; each is a script: ``python -m demos.two_layer --help``."""

import sys
from importlib.util import find_spec

needs = {"matplotlib": "matplotlib", "tqdm": "tqdm", "sklearn": "scikit-learn"}
missing = [package for name, package in needs.items() if find_spec(name) is None]
if missing:
    sys.exit(f"the demos need {' and '.join(missing)}: pip install '.[demos]'")
