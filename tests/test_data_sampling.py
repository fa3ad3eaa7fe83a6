"""Splits, samplers, streams and workers; scikit-learn and PyTorch are the oracles."""

import threading
import time
import types
from collections import Counter, OrderedDict, defaultdict

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import autograd
from nn import data
from nn.data import DataLoader, Dataset, IterableDataset, Subset, TensorDataset


def numbers(n):
    return TensorDataset(autograd.arange(n))


def listed(batches):
    return [batch.tolist() for batch in batches]


class Squares(Dataset):
    """Tells in which threads its samples were made."""

    def __init__(self, n=10, slow=()):
        self.n, self.slow, self.threads = n, slow, set()

    def __len__(self):
        return self.n

    def __getitem__(self, k):
        if not 0 <= k < self.n:
            raise IndexError(k)
        if k in self.slow:
            time.sleep(0.05)
        self.threads.add(threading.get_ident())
        return k * k


class Stream(IterableDataset):
    def __init__(self, n):
        self.n = n

    def __iter__(self):
        worker = data.get_worker_info()
        return iter(range(self.n) if worker is None else range(worker.id, self.n, worker.num_workers))


# ---- data sets


def test_subset_has_the_samples_it_lists():
    subset = Subset(Squares(), [3, 1, 3])
    assert [subset[k] for k in range(3)] == list(subset) == [9, 1, 9]
    assert len(subset) == 3
    assert subset[-1] == 9
    assert Subset(numbers(5), [4, 2, 0])[[0, 2]][0].tolist() == [4, 0]


def test_data_sets_are_added():
    both = Squares(3) + [7, 8] + Squares(2)  # noqa: RUF005 - data sets, not lists
    assert list(both) == [0, 1, 4, 7, 8, 0, 1]
    assert (len(both), both[-1], both[-7]) == (7, 1, 0)
    for k in (7, -8):
        with pytest.raises(ValueError, match="should not exceed dataset length"):
            both[k]
    assert isinstance(both, data.ConcatDataset)


def test_streams_are_chained():
    both = Stream(2) + Stream(3)
    assert isinstance(both, data.ChainDataset)
    assert list(both) == [0, 1, 0, 1, 2]


def test_concatenating_nothing_or_a_stream_is_an_error():
    with pytest.raises(ValueError, match="empty iterable"):
        data.ConcatDataset([])
    with pytest.raises(ValueError, match="IterableDataset"):
        data.ConcatDataset([Stream(2)])


# ---- splits


@given(st.lists(st.integers(0, 7), min_size=1, max_size=5).filter(sum))
def test_random_split_is_a_partition_with_the_given_lengths(lengths):
    n = sum(lengths)
    if n > 1:
        parts = data.random_split(range(n), lengths)
        assert [len(part) for part in parts] == lengths
        assert sorted(k for part in parts for k in part) == list(range(n))


def test_random_split_repeats_with_its_generator_and_is_not_the_first_order():
    def split(seed):
        generator = autograd.Generator().manual_seed(seed)
        return [list(part) for part in data.random_split(range(30), [10, 20], generator=generator)]

    assert split(1) == split(1) != split(2)
    assert split(1)[0] != list(range(10))


@pytest.mark.parametrize(
    ("lengths", "message"),
    [
        ([3, 3], "Sum of input lengths does not equal.*3 \\+ 3 is not 7"),
        ([8, -1], "-1"),
        ([0.5, 0.2], "fractions that sum to 1"),
        ([1.5, -0.5], "Fraction at index 0 is not between 0 and 1"),
        ([], "Sum of input lengths"),
    ],
)
def test_random_split_refuses_lengths_that_do_not_fit(lengths, message):
    with pytest.raises(ValueError, match=message):
        data.random_split(range(7), lengths)


def test_random_split_warns_of_an_empty_part():
    with pytest.warns(UserWarning, match="Length of split at index 1 is 0"):
        data.random_split(range(7), [1.0, 0.0])


@pytest.mark.parity
@pytest.mark.parametrize("n", [10, 11, 99, 60000])
@pytest.mark.parametrize("fractions", [[0.8, 0.2], [0.7, 0.2, 0.1], [1 / 3] * 3, [0.5, 0.25, 0.25]])
def test_fractions_give_pytorchs_lengths(n, fractions):
    import torch.utils.data as reference

    expected = [len(part) for part in reference.random_split(range(n), fractions)]
    assert [len(part) for part in data.random_split(range(n), fractions)] == expected


@pytest.mark.parametrize(("n", "k"), [(10, 2), (10, 3), (11, 5), (7, 7)])
def test_kfold_gives_scikit_learns_folds(n, k):
    from sklearn.model_selection import KFold

    expected = [(train.tolist(), test.tolist()) for train, test in KFold(k).split(np.zeros(n))]
    assert data.kfold(n, k) == expected
    subsets = data.kfold(range(100, 100 + n), k)
    assert [([x - 100 for x in a], [x - 100 for x in b]) for a, b in subsets] == expected


def test_shuffled_folds_are_disjoint_complete_and_repeat_with_the_seed():
    def folds(seed):
        return data.kfold(23, 4, shuffle=True, generator=autograd.Generator().manual_seed(seed))

    assert folds(1) == folds(1) != folds(2)
    held_out = [held for _, held in folds(1)]
    assert sorted(k for held in held_out for k in held) == list(range(23))
    assert held_out[0] != list(range(6))
    assert all(sorted(train + held) == list(range(23)) for train, held in folds(1))


@pytest.mark.parametrize("k", [0, 1, 6, True, 2.0])
def test_kfold_refuses_an_impossible_number_of_folds(k):
    with pytest.raises(ValueError, match="from 2 to the number of samples, 5"):
        data.kfold(5, k)


# ---- samplers


def test_random_sampler_draws_all_once_before_any_again():
    drawn = list(data.RandomSampler(range(5), num_samples=12))
    assert sorted(drawn[:5]) == sorted(drawn[5:10]) == list(range(5))
    assert len(drawn) == len(data.RandomSampler(range(5), num_samples=12)) == 12


def test_random_sampler_with_replacement_draws_uniformly():
    count = Counter(data.RandomSampler(range(4), replacement=True, num_samples=4000))
    assert all(860 < count[k] < 1140 for k in range(4))  # 1000 ± 5 standard deviations
    assert len(list(data.RandomSampler(range(4), replacement=True))) == 4


def test_a_sampler_follows_a_data_set_that_grows():
    items = [0]
    sampler = data.RandomSampler(items)
    items.append(1)
    assert (len(sampler), sorted(sampler)) == (2, [0, 1])


def test_subset_random_sampler_permutes_its_indices():
    sampler = data.SubsetRandomSampler([9, 4, 7])
    assert {tuple(sampler) for _ in range(100)} == {
        (a, b, c) for a in (9, 4, 7) for b in (9, 4, 7) for c in (9, 4, 7) if len({a, b, c}) == 3
    }


def test_weighted_sampler_draws_in_proportion():
    count = Counter(data.WeightedRandomSampler([1, 0, 3], 4000))
    assert set(count) == {0, 2}
    assert 860 < count[0] < 1140
    assert sorted(data.WeightedRandomSampler([1.0, 0.0, 3.0], 2, replacement=False)) == [0, 2]


@pytest.mark.parametrize(
    ("weights", "options", "message"),
    [
        ([1.0, -1.0], {}, "not negative"),
        ([1.0, np.nan], {}, "finite"),
        ([0.0, 0.0], {}, "positive sum"),
        ([[1.0]], {}, "1d sequence"),
        ([1.0, 0.0], {"replacement": False}, "without replacement from 1"),
        ([1.0], {"num_samples": 0}, "num_samples should be a positive integer"),
        ([1.0], {"replacement": 1}, "replacement should be a boolean"),
    ],
)
def test_weights_that_make_no_sense_are_an_error(weights, options, message):
    with pytest.raises(ValueError, match=message):
        data.WeightedRandomSampler(weights, **{"num_samples": 2, **options})


def test_random_sampler_refuses_nothing_to_draw():
    for options in ({"num_samples": 0}, {"num_samples": True}, {"num_samples": 1.5}, {"replacement": "yes"}):
        with pytest.raises(ValueError, match=next(iter(options))):
            data.RandomSampler(range(3), **options)
    with pytest.raises(ValueError, match="num_samples=0"):
        data.RandomSampler([])


@pytest.mark.parity
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("size", [1, 3, 7, 10])
def test_batch_sampler_makes_pytorchs_lists(size, drop_last):
    import torch.utils.data as reference

    expected = list(reference.BatchSampler(range(7), size, drop_last))
    ours = data.BatchSampler(range(7), size, drop_last)
    assert list(ours) == expected
    assert len(ours) == len(expected)


# ---- the loader's options


def test_a_sampler_says_the_order():
    loader = DataLoader(Squares(), batch_size=2, sampler=[3, 0, 2])
    assert listed(loader) == [[9, 0], [4]]
    assert len(loader) == 2


def test_a_batch_sampler_says_the_batches():
    loader = DataLoader(Squares(), batch_sampler=[[1], [2, 3]])
    assert listed(loader) == [[1], [4, 9]]
    assert (len(loader), loader.batch_size) == (2, None)


def test_without_a_batch_size_there_are_samples_not_batches():
    loader = DataLoader([np.ones(2), (1, "a")], batch_size=None)
    x, pair = loader
    assert (x.tolist(), pair) == ([1, 1], [1, "a"])
    assert len(loader) == 2
    assert list(DataLoader(Stream(3), batch_size=None)) == [0, 1, 2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"sampler": [0], "shuffle": True}, "sampler option is mutually exclusive with shuffle"),
        ({"batch_sampler": [[0]], "batch_size": 2}, "batch_sampler option is mutually exclusive"),
        ({"batch_sampler": [[0]], "drop_last": True}, "batch_sampler option is mutually exclusive"),
        ({"batch_size": None, "drop_last": True}, "batch_size=None option disables auto-batching"),
        ({"num_workers": -1}, "num_workers option should be non-negative"),
        ({"num_workers": 1.5}, "num_workers"),
        ({"timeout": -1}, "timeout option should be non-negative"),
        ({"prefetch_factor": 2}, "prefetch_factor option needs num_workers > 0"),
        ({"persistent_workers": True}, "persistent_workers option needs num_workers > 0"),
        ({"prefetch_factor": 0, "num_workers": 1}, "prefetch_factor should be a positive integer"),
    ],
)
def test_options_that_exclude_each_other_are_an_error(options, message):
    with pytest.raises(ValueError, match=message):
        DataLoader(Squares(), **options)


@pytest.mark.parametrize("options", [{"shuffle": True}, {"sampler": [0]}, {"batch_sampler": [[0]]}])
def test_a_stream_has_an_order_of_its_own(options):
    with pytest.raises(ValueError, match="expected unspecified shuffle"):
        DataLoader(Stream(3), **options)


@pytest.mark.parametrize("name", ["batch_size", "sampler", "dataset", "drop_last", "batch_sampler"])
def test_an_option_that_would_not_be_noticed_cannot_be_set_afterwards(name):
    loader = DataLoader(Squares())
    with pytest.raises(ValueError, match=f"{name} attribute should not be set after DataLoader is initialized"):
        setattr(loader, name, 2)


def test_harmless_options_are_accepted_in_pytorchs_order():
    DataLoader(Squares(), 2, True, None, None, 1, None, True, False, 0, None, None, None, persistent_workers=True)
    DataLoader(Squares(), pin_memory=True, pin_memory_device="", in_order=True, multiprocessing_context=None)


@pytest.mark.parity
def test_the_signature_is_pytorchs():
    import inspect

    import torch.utils.data as reference

    for name in (
        "DataLoader", "TensorDataset", "Subset", "ConcatDataset", "ChainDataset", "RandomSampler", "BatchSampler",
        "SequentialSampler", "SubsetRandomSampler", "WeightedRandomSampler", "random_split", "default_collate",
    ):  # fmt: skip
        ours, theirs = (inspect.signature(getattr(package, name)).parameters for package in (data, reference))
        theirs = {key: value for key, value in theirs.items() if key != "collate_fn_map"}
        assert [(p.name, p.kind) for p in ours.values()] == [(p.name, p.kind) for p in theirs.values()], name
        if name != "random_split":  # whose default generator is a generator, there
            assert [p.default for p in ours.values()] == [p.default for p in theirs.values()], name


# ---- all rows at once


class Counted(TensorDataset):
    """Its samples are asked for one by one, whoever stands in between."""

    asked = 0

    def __getitem__(self, k):
        type(self).asked += 1
        return super().__getitem__(k)


@pytest.mark.parametrize(
    "wrap", [lambda d: d, lambda d: Subset(d, range(5)), lambda d: Subset(Subset(d, range(5)), [4, 1])]
)
def test_rows_at_once_are_the_rows_one_by_one(wrap, monkeypatch):
    X = autograd.rand(5, 3)
    fast = list(DataLoader(wrap(TensorDataset(X, X.sum(1))), batch_size=2))
    Counted.asked = 0
    slow = list(DataLoader(wrap(Counted(X, X.sum(1))), batch_size=2))
    assert Counted.asked == len(wrap(range(5)))
    assert [[t.tolist() for t in batch] for batch in fast] == [[t.tolist() for t in batch] for batch in slow]
    monkeypatch.setattr(Subset, "__getitem__", None)
    assert len(list(DataLoader(TensorDataset(X), batch_size=2))) == 3  # one by one, this could not be


def test_a_subclass_of_subset_is_asked_for_each_sample():
    class Noisy(Subset):
        def __getitem__(self, k):
            return tuple(x + 1 for x in super().__getitem__(k))

    ((x,),) = DataLoader(Noisy(numbers(3), [0, 2]), batch_size=2)
    assert x.tolist() == [1, 3]


def test_a_batch_that_the_data_set_makes_itself_is_taken():
    class Batched(Squares):
        def __getitems__(self, indices):
            return [-self[k] for k in indices]

    assert listed(DataLoader(Batched(4), batch_size=3)) == [[0, -1, -4], [-9]]


def test_an_index_out_of_range_is_named():
    for dataset in (numbers(3), Squares(3)):
        with pytest.raises(IndexError, match="sample 5 of"):
            list(DataLoader(dataset, batch_size=2, sampler=[1, 5]))


def test_gradients_flow_through_batches():
    w = autograd.ones(4, 2, requires_grad=True)
    for dataset in (TensorDataset(w), [(row,) for row in w]):
        w.grad = None
        for (x,) in DataLoader(dataset, batch_size=3):
            (2 * x).sum().backward()
        assert w.grad.tolist() == [[2, 2]] * 4


# ---- workers


@pytest.mark.parametrize("workers", [1, 2, 5])
@pytest.mark.parametrize("ahead", [1, 3, None])
def test_workers_change_neither_batches_nor_order(workers, ahead):
    def batches(**options):
        autograd.manual_seed(3)
        return listed(DataLoader(Squares(23, slow=(0, 5)), batch_size=3, shuffle=True, **options))

    assert batches(num_workers=workers, prefetch_factor=ahead) == batches()


def test_workers_are_threads_and_as_many_as_asked_for():
    dataset = Squares(40)
    list(DataLoader(dataset, num_workers=3))
    assert len(dataset.threads) == 3
    assert threading.get_ident() not in dataset.threads


def test_workers_prepare_no_more_than_was_asked_for():
    dataset = Squares(100)
    made = []
    dataset.__class__ = type("Told", (Squares,), {"__getitem__": lambda self, k: made.append(k) or k})
    batches = iter(DataLoader(dataset, batch_size=2, num_workers=2, prefetch_factor=3))
    next(batches)
    time.sleep(0.1)
    assert len(made) <= 2 * 2 * 3
    batches.close()


def test_a_slow_loader_is_quicker_with_workers():
    def seconds(workers):
        begun = time.perf_counter()
        list(DataLoader(Squares(8, slow=range(8)), num_workers=workers))
        return time.perf_counter() - begun

    assert seconds(4) < 0.6 * seconds(0)


def test_a_samples_exception_comes_from_a_worker_with_its_index_in_its_turn():
    class Spoilt(Squares):
        def __getitem__(self, k):
            if k == 3:
                raise ValueError("bad pixel")
            return super().__getitem__(k)

    seen = []
    with pytest.raises(ValueError, match="sample 3 of Spoilt: bad pixel") as caught:
        seen.extend(int(x) for x in DataLoader(Spoilt(slow=(0,)), num_workers=3))
    assert seen == [0, 1, 4]
    assert str(caught.value.__cause__) == "bad pixel"


def test_a_worker_that_takes_too_long_is_an_error():
    with pytest.raises(RuntimeError, match="timed out after 0.01 seconds"):
        list(DataLoader(Squares(slow=(0,)), num_workers=1, timeout=0.01))

    class Own(Squares):
        def __getitem__(self, k):
            raise TimeoutError("the server's")

    with pytest.raises(TimeoutError, match="sample 0 of Own: the server's"):
        list(DataLoader(Own(), num_workers=1, timeout=5))


def test_each_worker_is_introduced_to_itself():
    known = {}

    def introduce(k):
        known[k] = data.get_worker_info()

    loader = DataLoader(Squares(), num_workers=2, worker_init_fn=introduce)
    list(loader)
    first = dict(known)
    list(loader)
    assert sorted(first) == [0, 1]
    assert first[1][:2] == (1, 2)
    assert first[1].dataset is loader.dataset
    assert len({info.seed for info in (*first.values(), *known.values())}) == 4
    assert data.get_worker_info() is None


def test_an_exception_of_worker_init_fn_is_raised():
    with pytest.raises(ZeroDivisionError):
        list(DataLoader(Squares(), num_workers=2, worker_init_fn=lambda k: 1 / 0))


@pytest.mark.parametrize("workers", [0, 1, 2, 3])
@pytest.mark.parametrize("drop_last", [False, True])
def test_a_stream_is_read_to_its_end(workers, drop_last):
    batches = listed(DataLoader(Stream(11), batch_size=2, num_workers=workers, drop_last=drop_last))
    flat = [k for batch in batches for k in batch]
    assert len(set(flat)) == len(flat)
    assert drop_last or sorted(flat) == list(range(11))
    assert all(len(batch) == 2 for batch in batches) or not drop_last


@pytest.mark.parity
@pytest.mark.parametrize("workers", [0, 2])
def test_a_streams_batches_come_in_pytorchs_order(workers):
    import torch.utils.data as reference

    class Theirs(reference.IterableDataset):
        def __iter__(self):
            worker = reference.get_worker_info()
            return iter(range(11) if worker is None else range(worker.id, 11, worker.num_workers))

    expected = listed(reference.DataLoader(Theirs(), batch_size=3, num_workers=workers))
    assert listed(DataLoader(Stream(11), batch_size=3, num_workers=workers)) == expected


def test_a_streams_exception_says_how_far_it_got():
    class Broken(IterableDataset):
        def __iter__(self):
            yield 1
            yield 2
            raise OSError("no more disk")

    for workers in (0, 1):
        with pytest.raises(OSError, match="sample 2 of Broken: no more disk"):
            list(DataLoader(Broken(), batch_size=5, num_workers=workers))


def test_a_stream_of_tensors_ends():  # they have an == of their own
    class Rows(IterableDataset):
        def __iter__(self):
            return iter([autograd.ones(2)] * 3)

    assert [x.shape for x in DataLoader(Rows(), batch_size=2)] == [(2, 2), (1, 2)]


def test_no_thread_is_left():
    before = threading.active_count()
    for x in DataLoader(Squares(), num_workers=3):
        if x > 10:
            break
    del x
    list(DataLoader(Squares(), num_workers=3))
    for _ in range(100):
        if threading.active_count() <= before:
            return
        time.sleep(0.02)
    pytest.fail(f"{threading.active_count() - before} threads are left")


# ---- collating


@pytest.mark.parity
@pytest.mark.parametrize(
    "samples",
    [
        [1, 2], [1.5, 2.5], [True, False], ["a", "b"], [b"a", b"b"], [(1, "a"), (2, "b")], [[1, 2.0], [3, 4.0]],
        [{"a": 1, "b": (1.0, 2)}, {"a": 2, "b": (3.0, 4)}], [np.float32(1), np.float32(2)], [np.arange(3)] * 2,
        [OrderedDict(a=1), OrderedDict(a=2)], [defaultdict(int, a=1), defaultdict(int, a=2)],
    ],
    ids=str,
)  # fmt: skip
def test_default_collate_makes_what_pytorch_makes(samples):
    import torch.utils.data as reference

    def plain(x):
        if isinstance(x, dict):
            return type(x), {key: plain(value) for key, value in x.items()}
        if isinstance(x, (list, tuple)):
            return type(x), [plain(part) for part in x]
        return (str(x.dtype).removeprefix("torch."), x.tolist()) if hasattr(x, "tolist") else x

    expected, found = plain(reference.default_collate(samples)), plain(data.default_collate(samples))
    assert found == expected


def test_default_collate_of_a_mapping_that_cannot_be_changed_is_a_dict():
    frozen = types.MappingProxyType({"a": 1})
    assert data.default_collate([frozen, frozen])["a"].tolist() == [1, 1]


def test_default_convert_leaves_what_is_no_array():
    pair = data.default_convert((np.float32(1), "x", {"y": np.ones(1)}, None))
    assert (float(pair[0]), pair[1], pair[2]["y"].tolist(), pair[3]) == (1.0, "x", [1.0], None)
