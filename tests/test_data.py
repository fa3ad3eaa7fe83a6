import collections

import numpy as np
import pytest

import autograd
from nn.data import DataLoader, Dataset, TensorDataset, default_collate


def numbers(n):
    return TensorDataset(autograd.arange(n))


def epoch(loader):
    return [x.tolist() for (x,) in loader]


class Items(Dataset):
    def __init__(self, items):
        self.items = items

    def __len__(self):
        return len(self.items)

    def __getitem__(self, k):
        return self.items[k]


@pytest.mark.parametrize("n", [1, 5, 6, 7])
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("kind", [numbers, lambda n: Items([(k,) for k in range(n)])], ids=["rows", "samples"])
def test_an_epoch_has_every_sample_once_in_batches_of_the_size(n, drop_last, shuffle, kind):
    loader = DataLoader(kind(n), batch_size=3, shuffle=shuffle, drop_last=drop_last)
    batches = epoch(loader)
    kept = n // 3 * 3 if drop_last else n
    assert [len(b) for b in batches] == [3] * (kept // 3) + ([kept % 3] if kept % 3 else [])
    assert len(loader) == len(batches)
    flat = [k for batch in batches for k in batch]
    assert len(set(flat)) == kept
    assert set(flat) <= set(range(n))
    if not shuffle:
        assert flat == list(range(kept))


def test_each_epoch_has_its_own_order():
    loader = DataLoader(numbers(50), batch_size=50, shuffle=True)
    assert len({tuple(epoch(loader)[0]) for _ in range(5)}) == 5


def test_rows_of_all_tensors_stay_together():
    X = autograd.rand(20, 3)
    for x, y in DataLoader(TensorDataset(X, X.sum(1)), batch_size=6, shuffle=True):
        assert x.sum(1).tolist() == y.tolist()


def test_every_order_of_three_is_drawn_about_equally_often():
    loader = DataLoader(numbers(3), batch_size=3, shuffle=True)
    count = collections.Counter(tuple(epoch(loader)[0]) for _ in range(1200))
    assert len(count) == 6
    assert all(130 < c < 270 for c in count.values())  # 200 ± 5 standard deviations


def test_the_same_seed_gives_this_shuffle_on_every_machine():
    autograd.manual_seed(7)
    a = DataLoader(numbers(8), batch_size=8, shuffle=True)
    orders = [epoch(a)[0], epoch(a)[0]]
    autograd.manual_seed(7)
    assert [epoch(a)[0], epoch(a)[0]] == orders
    b = DataLoader(numbers(8), batch_size=8, shuffle=True, generator=autograd.Generator().manual_seed(7))
    assert epoch(b)[0] == orders[0] == np.random.Generator(np.random.PCG64(7)).permutation(8).tolist()


def test_a_generator_of_its_own_leaves_the_default_one_alone():
    autograd.manual_seed(0)
    expected = autograd.rand(3).tolist()
    autograd.manual_seed(0)
    epoch(DataLoader(numbers(8), shuffle=True, generator=autograd.Generator()))
    assert autograd.rand(3).tolist() == expected


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "2", np.float64(2)])
def test_a_batch_size_that_is_not_a_positive_integer_is_an_error(size):
    with pytest.raises(ValueError, match="batch_size should be a positive integer"):
        DataLoader(numbers(4), batch_size=size)


def test_nothing_to_shuffle_is_an_error_and_nothing_to_list_is_not():
    with pytest.raises(ValueError, match="num_samples=0"):
        DataLoader(Items([]), shuffle=True)
    assert list(DataLoader(Items([]))) == []


def test_tensors_of_different_length_are_an_error_with_both():
    with pytest.raises(ValueError, match=r"\(4, 2\).*\(3,\)"):
        TensorDataset(autograd.ones(4, 2), autograd.ones(3))
    for tensors in ((), (autograd.tensor(1.0),)):
        with pytest.raises(ValueError, match="mismatch"):
            TensorDataset(*tensors)
    with pytest.raises(TypeError, match="ndarray"):
        TensorDataset(np.ones(3))


def test_a_tensor_dataset_is_a_sequence():
    dataset = TensorDataset(autograd.arange(3), autograd.arange(3) * 2)
    assert [(int(a), int(b)) for a, b in dataset] == [(0, 0), (1, 2), (2, 4)]
    assert int(dataset[-1][0]) == 2
    with pytest.raises(IndexError):
        dataset[3]


class TwoArguments(Exception):
    def __init__(self, code, reason):
        super().__init__(f"{code} {reason}")


class Spoilt(Dataset):
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 5

    def __getitem__(self, k):
        if k == 3:
            raise self.error
        return k


@pytest.mark.parametrize(
    ("error", "seen_as"),
    [
        (ValueError("bad pixel"), ValueError),
        (KeyError("bad pixel"), KeyError),
        (TwoArguments(404, "bad pixel"), RuntimeError),
        (UnicodeDecodeError("utf8", b"x", 0, 1, "bad pixel"), RuntimeError),
    ],
)
def test_a_samples_exception_comes_with_its_index_and_the_original(error, seen_as):
    loader = DataLoader(Spoilt(error), batch_size=2)
    with pytest.raises(seen_as, match="sample 3 of Spoilt.*bad pixel") as caught:
        list(loader)
    assert caught.value.__cause__ is error


def test_a_subclass_that_changes_the_samples_is_asked_for_each():
    class Augmented(TensorDataset):
        def __getitem__(self, k):
            return (super().__getitem__(k)[0] if k % 2 else autograd.tensor(-1),)

    assert epoch(DataLoader(Augmented(autograd.arange(4)), batch_size=4)) == [[-1, 1, -1, 3]]


def test_a_dataset_may_have_an_attribute_called_batch():
    dataset = numbers(2)
    dataset.batch = 1
    assert epoch(DataLoader(dataset, batch_size=2)) == [[0, 1]]


def test_collate_fn_gets_the_samples():
    loader = DataLoader(numbers(3), batch_size=2, collate_fn=lambda samples: [int(s[0]) for s in samples])
    assert list(loader) == [[0, 1], [2]]


Pair = collections.namedtuple("Pair", "x y")


def test_default_collate_stacks_by_type():
    x, y = default_collate([(autograd.ones(2), 1), (autograd.zeros(2), 2)])
    assert (x.tolist(), y.tolist(), y.dtype) == ([[1, 1], [0, 0]], [1, 2], np.int64)
    assert default_collate([0.5, 1.5]).dtype == np.float64  # as in PyTorch
    assert default_collate([True, False]).dtype == np.bool_
    assert default_collate([np.float32(1), np.float32(2)]).dtype == np.float32
    assert default_collate([np.ones(2, np.float32)] * 3).shape == (3, 2)
    assert default_collate([{"a": 1, "b": "x"}, {"a": 2, "b": "y"}])["a"].tolist() == [1, 2]
    assert default_collate(["x", "y"]) == ["x", "y"]
    pair = default_collate([Pair(1, 2), Pair(3, 4)])
    assert isinstance(pair, Pair)
    assert pair.y.tolist() == [2, 4]


def test_default_collate_refuses_what_it_cannot_stack():
    with pytest.raises(ValueError, match=r"\(2,\).*\(3,\)"):
        default_collate([autograd.ones(2), autograd.ones(3)])
    with pytest.raises(ValueError, match="equal size"):
        default_collate([(1, 2), (1,)])
    with pytest.raises(TypeError, match="NoneType"):
        default_collate([None, None])


@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "uint8", "bool"])
def test_a_batch_has_the_rows_their_dtype_and_memory_of_its_own(dtype):
    X = autograd.arange(12).reshape(6, 2).to(getattr(autograd, dtype))
    before = X.numpy().copy()
    (batch,) = next(iter(DataLoader(TensorDataset(X), batch_size=3, sampler=[5, -6, 2])))
    assert batch.dtype == X.dtype and batch.tolist() == before[[5, 0, 2]].tolist()
    batch.zero_()
    assert np.array_equal(X.numpy(), before)


def test_a_batch_of_a_tensor_that_requires_a_gradient_gives_it_one():
    X = autograd.ones(4, 2, requires_grad=True)
    for (batch,) in DataLoader(TensorDataset(X), batch_size=2, sampler=[0, 1, 1, 3]):
        (2 * batch).sum().backward()
    assert X.grad[:, 0].tolist() == [2.0, 4.0, 0.0, 2.0]


def test_a_data_set_sees_what_is_written_into_its_tensors_between_batches():
    X = autograd.zeros(4)
    loader = DataLoader(TensorDataset(X), batch_size=2)
    batches = iter(loader)
    next(batches)
    X.add_(1)
    assert next(batches)[0].tolist() == [1.0, 1.0]
