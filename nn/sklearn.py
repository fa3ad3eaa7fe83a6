"""Networks as scikit-learn estimators, for its cross-validation and model selection: the slides' "ideally selected via
cross-validation".

This module needs scikit-learn; ``import nn`` alone does not load it.
"""
