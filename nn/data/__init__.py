"""Data sets and mini-batches."""

from .dataset import Dataset, TensorDataset
from .loader import DataLoader
from .mnist import DatasetError, load_mnist, read_idx

__all__ = ["DataLoader", "Dataset", "DatasetError", "TensorDataset", "load_mnist", "read_idx"]
