"""Data sets and mini-batches."""

from .dataset import Dataset, TensorDataset
from .loader import DataLoader, default_collate
from .mnist import DatasetError, load_mnist, read_idx

__all__ = ["DataLoader", "Dataset", "DatasetError", "TensorDataset", "default_collate", "load_mnist", "read_idx"]
