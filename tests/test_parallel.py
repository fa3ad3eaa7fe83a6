"""Data-parallel training: the shares of samples, and real MPI jobs, where the extra ``mpi`` is installed."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import time
from itertools import chain
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
from nn.parallel import DistributedBatchSampler, DistributedSampler

from .test_demos import write_mnist

ROOT = Path(__file__).resolve().parent.parent
MPIEXEC = shutil.which("mpiexec", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))
needs_mpi = pytest.mark.skipif(
    importlib.util.find_spec("mpi4py") is None or MPIEXEC is None, reason="needs MPI: pip install '.[mpi]'"
)
# More ranks than cores, as root: what MPICH takes as it is, Open MPI wants to be told.
OPEN_MPI = {
    "OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "OMPI_MCA_rmaps_base_oversubscribe": "1",
    "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
}  # fmt: skip


def job(ranks, *arguments, seconds=300, cwd=ROOT, **environment):
    """What became of it, and how long it took; it is ended, and fails, if it hangs."""
    command = [MPIEXEC, "-n", str(ranks), sys.executable, *map(str, arguments)]
    environment = {**os.environ, **OPEN_MPI, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", **environment}
    begun = time.monotonic()
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=seconds
    )
    return done, time.monotonic() - begun


# ---- the shares


@pytest.mark.parametrize("ranks", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("n", [1, 5, 12, 23])
@pytest.mark.parametrize("batch", [1, 4, 10])
def test_the_shares_of_the_ranks_are_the_batches_of_one_process(ranks, n, batch):
    shares = []
    for rank in range(ranks):
        sampler = DistributedSampler(range(n), ranks, rank, seed=3)
        sampler.set_epoch(2)
        shares.append(list(DistributedBatchSampler(sampler, batch)))
    alone = DistributedSampler(range(n), 1, 0, seed=3)
    alone.set_epoch(2)
    batches = list(DistributedBatchSampler(alone, batch))
    assert list(map(len, batches)) == [batch] * (n // batch) + [n % batch] * bool(n % batch)
    assert sorted(chain(*batches)) == list(range(n))
    assert {len(share) for share in shares} == {len(batches)}
    for k, whole in enumerate(batches):
        parts = [share[k] for share in shares]
        assert sorted(chain(*parts)) == sorted(whole)
        sizes = [*map(len, parts)]
        assert sizes == sorted(sizes, reverse=True) and sizes[0] - sizes[-1] <= 1


@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("ranks", [1, 2, 3])
def test_every_sample_comes_once_in_an_epoch_and_the_order_depends_on_seed_and_epoch(ranks, drop_last):
    def epoch(seed, number):
        samplers = [DistributedSampler(range(11), ranks, r, seed=seed, drop_last=drop_last) for r in range(ranks)]
        for sampler in samplers:
            sampler.set_epoch(number)
            assert len(list(sampler)) == len(sampler)
        if drop_last:
            assert len({*map(len, samplers)}) == 1
        return [*map(list, samplers)]

    first = epoch(0, 0)
    everything = sorted(chain(*first))
    assert len(set(everything)) == len(everything) == (11 - 11 % ranks if drop_last else 11)
    assert first == epoch(0, 0) != epoch(0, 1)
    assert first != epoch(5, 0)
    in_order = DistributedSampler(range(11), ranks, 0, shuffle=False)
    assert list(in_order) == list(range(0, 11, ranks))


def test_a_loader_gives_a_rank_without_samples_a_batch_of_no_rows():
    X, y = autograd.rand(5, 2), autograd.arange(5)

    class Named(nn.data.Dataset):
        def __len__(self):
            return 5

        def __getitem__(self, k):
            return {"x": X[k], "name": f"sample {k}", "pair": (y[k], 1.0)}

    for workers in (0, 2):
        sampler = DistributedSampler(range(5), 2, 1, shuffle=False)
        batches = list(nn.data.DataLoader(nn.data.TensorDataset(X, y), 2, sampler=sampler, num_workers=workers))
        assert [len(x) for x, _ in batches] == [2, 0]
        assert batches[1][0].shape == (0, 2) and batches[1][1].dtype == y.dtype
        named = list(nn.data.DataLoader(Named(), 2, sampler=sampler, num_workers=workers))[1]
        assert named["x"].shape == (0, 2) and named["name"] == [] and named["pair"][0].shape == (0,)


def test_batches_made_by_hand_of_a_ranks_samples_end_with_those_of_the_other_ranks():
    batches = [
        nn.data.BatchSampler(DistributedSampler(range(5), 2, rank, shuffle=False), 2, drop_last)
        for drop_last in (False, True)
        for rank in range(2)
    ]
    assert [*map(list, batches)] == [[[0, 2], [4]], [[1, 3], []], [[0, 2]], [[1, 3]]]
    assert [*map(len, batches)] == [2, 2, 1, 1]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"rank": 2}, r"Invalid rank 2.*\[0, 1\]"),
        ({"rank": -1}, "Invalid rank"),
        ({"rank": True}, "Invalid rank"),
        ({"num_replicas": 0}, "num_replicas"),
        ({"seed": 0.5}, "seed should be an integer"),
        ({"shuffle": 1}, "shuffle should be a boolean"),
        ({"drop_last": None}, "drop_last should be a boolean"),
    ],
)
def test_a_sampler_refuses_what_makes_no_sense(options, message):
    with pytest.raises(ValueError, match=message):
        DistributedSampler(range(4), **{"num_replicas": 2, "rank": 0, **options})


def test_a_batch_sampler_refuses_a_sampler_that_does_not_know_the_other_ranks():
    with pytest.raises(TypeError, match="RandomSampler"):
        DistributedBatchSampler(nn.data.RandomSampler(range(4)), 2)
    with pytest.raises(ValueError, match="batch_size"):
        DistributedBatchSampler(DistributedSampler(range(4), 2, 0), 0)


# ---- without MPI


def test_nothing_needs_mpi4py_before_ranks_do_and_then_it_says_what_to_install():
    code = """
import sys
import nn
import nn.parallel
assert "mpi4py" not in sys.modules
sys.modules["mpi4py"] = None  # as if it were not installed
nn.parallel.DistributedSampler(range(3), 2, 1)
for attempt in (nn.parallel.world, lambda: nn.parallel.DataParallel(nn.Linear(1, 1)),
                lambda: nn.parallel.DistributedSampler(range(3)), nn.parallel.abort_on_error):
    try:
        attempt()
    except ImportError as error:
        assert "pip install 'chalkgrad[mpi]'" in str(error), error
    else:
        raise AssertionError("no ImportError")
sys.argv[1:] = ["--parallel"]
from demos import mnist
mnist.main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith("nn.parallel: needs mpi4py and MPI: pip install 'chalkgrad[mpi]'")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "options, message", [(["--resume"], "--resume goes with --parallel"), (["--digits", "--parallel"], "with --digits")]
)
def test_the_demos_options_that_do_not_go_together_are_refused(options, message, tmp_path):
    command = [sys.executable, "-m", "demos.mnist", "--out", str(tmp_path), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and message in done.stderr


# ---- MPI jobs: tests/ranks.py has what the ranks check


@needs_mpi
@pytest.mark.parametrize("ranks", [2, 3, 4])
def test_training_on_ranks_is_training_on_one(ranks):
    """In one test, as each job takes a second or two to start; what failed is in the message."""
    done, _ = job(ranks, "-m", "tests.ranks")
    found = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            found |= json.loads(line)
    failed = "\n\n".join(f"{name}\n{why}" for name, why in found.items() if why is not None)
    assert not failed, failed
    source = (ROOT / "tests" / "ranks.py").read_text("utf-8")
    assert len(found) == source.count("@check\n") and done.returncode == 0, done.stderr[-3000:]


@needs_mpi
def test_one_rank_is_a_job_too_and_needs_no_mpiexec():
    code = """
import autograd, nn
autograd.manual_seed(0)
model = nn.Linear(2, 1)
net = nn.parallel.DataParallel(model)
assert repr(net.extra_repr()) == '"ranks=1, reduction=\\'mean\\'"'
with net.no_sync():
    loss = net.backward(nn.functional.mse_loss(net(autograd.ones(3, 2)), autograd.zeros(3, 1)))
alone = nn.functional.mse_loss(model(autograd.ones(3, 2)), autograd.zeros(3, 1))
assert abs(loss.item() - alone.item()) < 1e-7 and model.weight.grad is not None
assert net(autograd.ones(0, 2)).shape == (0, 1)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@needs_mpi
def test_the_script_of_the_docs_runs_and_its_ranks_agree_with_one(tmp_path):
    page = (ROOT / "docs" / "scale.md").read_text("utf-8")
    (tmp_path / "train.py").write_text(page.partition("```python\n")[2].partition("```")[0], "utf-8")
    printed = []
    for ranks in (1, 3):
        done, _ = job(ranks, "train.py", cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        printed.append([float(line.split()[1]) for line in done.stdout.splitlines()])
        assert nn.load(tmp_path / "last.safetensors")["epoch"] == 2
    assert len(printed[0]) == 3 and np.allclose(*printed, rtol=1e-5)


FAULT = """
import os, signal, sys
import autograd, nn
how = sys.argv[1]
with nn.parallel.abort_on_error():
    net = nn.parallel.DataParallel(nn.Linear(3, 2))
    for step in range(10**9):
        net(autograd.ones(4, 3)).sum().backward()
        if step == 20 and net.comm.Get_rank() == 1:
            if how == "raise":
                raise OSError("the disk is gone")
            if how == "exit":
                sys.exit("no data here")
            os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_mpi
@pytest.mark.parametrize(
    "how, said",
    [
        ("raise", ["rank 1 of 3 (process ", "ends the job: OSError: the disk is gone", "Traceback", "line 11"]),
        ("exit", ["rank 1 of 3 (process ", "ends the job: SystemExit: no data here"]),
        pytest.param(
            "kill",
            ["rank 1 of 3 (process ", "is gone, killed perhaps"],
            marks=pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="mpiexec alone notices here"),
        ),
    ],
)
def test_a_rank_that_fails_ends_the_job_and_is_named(how, said):
    done, seconds = job(3, "-c", FAULT, how, seconds=100)
    assert done.returncode
    assert all(words in done.stderr for words in said), done.stderr
    assert done.stderr.count("rank 1 of 3 (process ") == 1 and "rank 0 of 3" not in done.stderr
    assert seconds < 60  # starting included, on a busy machine; else it is about 1.5


KILLED = """
import os, signal, sys
from nn import optim
from demos import mnist
step, count = optim.Adam.step, 0
def deadly(self, closure=None):
    global count
    count += 1
    if count == int(os.environ["DIES_AT"]) and mnist.nn.parallel.world().Get_rank() == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, closure)
optim.Adam.step = deadly
mnist.main()
"""


def bits(state):
    """What a checkpoint holds; not the file itself, in whose header the order of the metadata is up to safetensors."""
    if isinstance(state, autograd.Tensor):
        return state.dtype, state.shape, state.numpy().tobytes()
    if isinstance(state, dict):
        return [(key, bits(value)) for key, value in state.items()]
    return [*map(bits, state)] if isinstance(state, (list, tuple)) else repr(state)


@needs_mpi
def test_the_demo_shows_progress_once_and_goes_on_after_a_kill_to_the_same_result_to_the_bit(tmp_path):
    write_mnist(tmp_path, 363, 40)  # 302 to train: a last batch of 2, for three ranks
    arguments = ["--parallel", "--data-dir", tmp_path, "--epochs", "3", "--svm", "60"]
    whole, interrupted = tmp_path / "whole", tmp_path / "interrupted"
    done, _ = job(3, "-m", "demos.mnist", *arguments, "--out", whole)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("The network of the slides: 784-100-10") == 1
    assert done.stdout.count("epoch   3: loss") == 2 and done.stdout.count("test accuracy") == 2 + 1 + 6
    assert {"forward.svg", "learning_curve.png", "tuned"} <= {file.name for file in whole.iterdir()}

    # 4 steps in an epoch: in the second one of the slides' network; and, from there on, of the tuned one.
    for dies_at in (6, 2 * 4 + 6):
        done, _ = job(3, "-c", KILLED, *arguments, "--out", interrupted, "--resume", DIES_AT=str(dies_at))
        assert done.returncode and "rank 1 of 3 (process " in done.stderr, done.stderr
    assert nn.load(interrupted / "checkpoint.safetensors")["epoch"] == 3
    assert nn.load(interrupted / "tuned" / "checkpoint.safetensors")["epoch"] == 1
    done, _ = job(3, "-m", "demos.mnist", *arguments, "--out", interrupted, "--resume")
    assert done.returncode == 0, done.stderr
    assert "going on from" in done.stdout and "after 1 epochs" in done.stdout
    for name in ("learning_curve.png", "forward.svg", "tuned/learning_curve.png"):
        assert (whole / name).read_bytes() == (interrupted / name).read_bytes(), name
    for name in ("checkpoint.safetensors", "tuned/checkpoint.safetensors"):
        assert bits(nn.load(whole / name)) == bits(nn.load(interrupted / name)), name

    done, _ = job(2, "-m", "demos.mnist", *arguments, "--out", interrupted, "--resume", "--seed", "1")
    assert done.returncode and "was made with --seed 0, not 1" in done.stderr


@needs_mpi
def test_the_demo_comes_to_the_same_on_one_rank_and_on_three(tmp_path):
    write_mnist(tmp_path, 363, 40)
    states = []
    for ranks in (1, 3):
        out = tmp_path / str(ranks)
        arguments = ["--parallel", "--base", "--data-dir", tmp_path, "--epochs", "4", "--out", out]
        done, _ = job(ranks, "-m", "demos.mnist", *arguments)
        assert done.returncode == 0, done.stderr
        states.append(nn.load(out / "checkpoint.safetensors"))
    for name, values in states[0]["model"].items():
        assert np.allclose(values.numpy(), states[1]["model"][name].numpy(), rtol=0, atol=1e-6), name
    assert np.allclose(states[0]["history"]["loss"], states[1]["history"]["loss"], rtol=1e-6)
