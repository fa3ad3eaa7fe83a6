"""What tests/test_parallel.py runs on several ranks: ``mpiexec -n 3 python -m tests.ranks``; rank 0 prints who fails.

Every check is a function of the ranks. One process alone computes what it must come to: the same training on the whole
of each batch.
"""

import functools
import hashlib
import json
import sys
import traceback
import warnings

import numpy as np

import autograd
import nn
from nn.parallel import DataParallel, DistributedBatchSampler, DistributedSampler, check_equal, world

comm = world()
RANKS, RANK = comm.size, comm.rank
CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def part(x):
    """This rank's rows."""
    return x[RANK::RANKS].detach().clone()


def worst(a, b):
    return max((float(np.max(np.abs(x - y))) for x, y in zip(a, b, strict=True)), default=0.0)


def values(model):
    return [p.detach().numpy().copy() for p in model.parameters()]


def gradients(model):
    return [p.grad.numpy().copy() for p in model.parameters()]


def network(dtype="float64", seed=1):
    autograd.manual_seed(seed)
    return nn.Sequential(nn.Linear(6, 8), nn.Tanh(), nn.Linear(8, 3)).to(dtype)


def data(n, dtype="float64", seed=2):
    autograd.manual_seed(seed)
    return autograd.randn(n, 6).to(dtype), autograd.randint(0, 3, (n,))


OPTIMIZERS = {
    "SGD": (nn.optim.SGD, {"lr": 0.1}),
    "momentum": (nn.optim.SGD, {"lr": 0.05, "momentum": 0.9, "weight_decay": 1e-3}),
    "Nesterov": (nn.optim.SGD, {"lr": 0.05, "momentum": 0.9, "nesterov": True}),
    "Rprop": (nn.optim.Rprop, {"lr": 0.01}),
    "RMSprop": (nn.optim.RMSprop, {"lr": 0.01, "momentum": 0.5, "centered": True}),
    "Adadelta": (nn.optim.Adadelta, {}),
    "Adagrad": (nn.optim.Adagrad, {"lr": 0.05}),
    "Adam": (nn.optim.Adam, {"lr": 0.01, "amsgrad": True}),
    "AdamW": (nn.optim.AdamW, {"lr": 0.01}),
    "NAdam": (nn.optim.NAdam, {"lr": 0.01}),
    "LBFGS": (nn.optim.LBFGS, {"max_iter": 1, "line_search_fn": "strong_wolfe"}),
}


def train(optimizer, n, batch, parallel, dtype="float64", reduction="mean", clip=None, scheduler=None):
    """50 steps of a loader's batches: the parameters, the last gradients, and the losses of whole batches."""
    X, y = data(n, dtype)
    dataset = nn.data.TensorDataset(X, y)
    model = network(dtype)
    criterion = nn.CrossEntropyLoss(reduction=reduction)
    kind, options = OPTIMIZERS[optimizer]
    net = DataParallel(model, comm, reduction=reduction) if parallel else model
    opt = kind(model.parameters(), **options)
    schedule = scheduler(opt) if scheduler else None
    sampler = DistributedSampler(dataset, *((RANKS, RANK) if parallel else (1, 0)), seed=5)
    loader = nn.data.DataLoader(dataset, batch_sampler=DistributedBatchSampler(sampler, batch))
    losses, epoch = [], 0
    while len(losses) < 50:
        sampler.set_epoch(epoch)
        for x, target in loader:

            def closure(x=x, target=target):
                opt.zero_grad()
                if parallel:
                    return net.backward(criterion(net(x), target) if len(x) else None)
                loss = criterion(model(x), target)
                loss.backward()
                return loss

            if kind is nn.optim.LBFGS:
                loss = opt.step(closure)
            else:
                loss = closure()
                if clip:
                    nn.utils.clip_grad_norm_(model.parameters(), clip)
                opt.step()
            losses.append(loss.item())
            if schedule:
                schedule.step()
        epoch += 1
    return values(model), gradients(model), np.array(losses)


def agrees(within, *args, **options):
    alone, together = train(*args, False, **options), train(*args, True, **options)
    for what, a, b in zip(("parameters", "gradients"), alone, together, strict=False):
        found = worst(a, b)
        assert found <= within, f"{args} {options}: {what} differ by {found:.3g}"
    assert np.allclose(alone[2], together[2], rtol=max(within, 1e-13), atol=within), f"{args}: losses"
    mine = np.concatenate([x.ravel() for x in together[0]])
    every = comm.allgather(mine.tobytes())
    assert len(set(every)) == 1, f"{args}: the ranks have come apart"


# A last batch of 1 (of no sample for most ranks), and of 5; 8 cannot be shared evenly by 3.
RAGGED = ((33, 8), (29, 8))


@check
def every_optimizer_in_float64():
    for optimizer in OPTIMIZERS:
        for n, batch in RAGGED if optimizer != "LBFGS" else ((33, 33), (29, 29)):  # which is for all the data at once
            agrees(1e-12, optimizer, n, batch)


@check
def every_optimizer_in_float32():
    for optimizer in OPTIMIZERS:
        agrees(1e-6, optimizer, 33, 33 if optimizer == "LBFGS" else 8, dtype="float32")


@check
def sums_clipping_and_schedulers():
    agrees(1e-12, "momentum", 33, 8, reduction="sum", clip=1.0)
    agrees(1e-12, "Adam", 29, 8, clip=0.1, scheduler=functools.partial(
        nn.optim.lr_scheduler.OneCycleLR, max_lr=0.02, total_steps=100))  # fmt: skip
    agrees(1e-12, "SGD", 29, 8, scheduler=functools.partial(nn.optim.lr_scheduler.StepLR, step_size=3))


def positive(x):
    return x.exp()


LOSSES = {
    "BCELoss": lambda loss, u, t, k: loss(u.sigmoid(), t),
    "BCEWithLogitsLoss": lambda loss, u, t, k: loss(u, t),
    "CrossEntropyLoss": lambda loss, u, t, k: loss(u, k),
    "NLLLoss": lambda loss, u, t, k: loss(u.log_softmax(1), k),
    "MultiMarginLoss": lambda loss, u, t, k: loss(u, k),
    "MSELoss": lambda loss, u, t, k: loss(u, t),
    "L1Loss": lambda loss, u, t, k: loss(u, t),
    "SmoothL1Loss": lambda loss, u, t, k: loss(u, t),
    "HuberLoss": lambda loss, u, t, k: loss(u, t),
    "KLDivLoss": lambda loss, u, t, k: loss(u.log_softmax(1), t.softmax(1)),
    "PoissonNLLLoss": lambda loss, u, t, k: loss(u, t),
    "GaussianNLLLoss": lambda loss, u, t, k: loss(u, t, positive(u)),
    "HingeEmbeddingLoss": lambda loss, u, t, k: loss(u, 2 * t.round() - 1),
    "SoftMarginLoss": lambda loss, u, t, k: loss(u, 2 * t.round() - 1),
    "CosineEmbeddingLoss": lambda loss, u, t, k: loss(u, t, (2 * (k > 0) - 1).double()),
    "MarginRankingLoss": lambda loss, u, t, k: loss(u[:, 0], u[:, 1], (2 * (k > 0) - 1).double()),
}


@check
def every_loss_with_mean_and_sum():
    assert set(LOSSES) == set(nn.losses.__all__)
    X, k = data(11)
    t = autograd.rand(11, 3, dtype=autograd.float64)
    for name, of in LOSSES.items():
        for reduction in ("mean", "sum", *(["batchmean"] if name == "KLDivLoss" else [])):
            loss = getattr(nn, name)(reduction=reduction)
            warnings.simplefilter("ignore", UserWarning)  # of KLDivLoss about its mean
            alone, model = network(), network()
            whole = of(loss, alone(X), t, k)
            whole.backward()
            net = DataParallel(model, comm, reduction="sum" if reduction == "sum" else "mean")
            shown = net.backward(of(loss, net(part(X)), part(t), part(k)))
            assert worst(gradients(alone), gradients(model)) < 1e-12, f"{name} {reduction}"
            assert abs(shown.item() - whole.item()) < 1e-12, f"{name} {reduction}: its value"


@check
def plain_backward_and_a_loader_by_share():
    """PyTorch's script: a sampler, a batch size for each rank, loss.backward()."""
    X, y = data(31)
    dataset = nn.data.TensorDataset(X, y)
    alone, model = network(), network()
    net = DataParallel(model, comm)
    opt, opt1 = (nn.optim.Adam(m.parameters()) for m in (model, alone))
    sampler = DistributedSampler(dataset, seed=1)
    loader = nn.data.DataLoader(dataset, batch_size=3, sampler=sampler, num_workers=1)
    whole = DistributedSampler(dataset, 1, 0, seed=1)
    batches = nn.data.DataLoader(dataset, batch_size=3 * RANKS, sampler=whole)
    assert len(loader) == len(batches)
    criterion = nn.CrossEntropyLoss()
    seen = 0
    for (x, t), (x1, t1) in zip(loader, batches, strict=True):
        opt.zero_grad()
        opt1.zero_grad()
        criterion(alone(x1), t1).backward()
        if len(x1) >= RANKS:
            criterion(net(x), t).backward()
        else:
            net.backward(criterion(net(x), t) if len(x) else None)
        opt.step()
        opt1.step()
        seen += len(x)
    assert comm.allreduce(seen) == 31
    assert worst(values(alone), values(model)) < 1e-12


@check
def accumulation_over_ragged_parts():
    X, y = data(17)
    criterion = nn.CrossEntropyLoss()
    parts = [slice(0, 7), slice(7, 12), slice(12, 17)]
    for quiet in (0, 1, 2):  # how many passes do not sum over the ranks
        for before in (False, True):
            alone, model = network(), network()
            net = DataParallel(model, comm)
            if before:  # a gradient that is summed already stays
                for m, call, x, t in ((alone, alone, X, y), (model, net, part(X), part(y))):
                    criterion(call(x), t).backward()
                    assert m[0].weight.grad is not None
            for k, rows in enumerate(parts):
                (criterion(alone(X[rows]), y[rows]) / 3).backward()
                x, t = part(X[rows]), part(y[rows])
                loss = criterion(net(x), t) / 3
                if k < quiet:
                    with net.no_sync():
                        loss.backward()
                else:
                    loss.backward()
            if quiet < 3:
                assert worst(gradients(alone), gradients(model)) < 1e-12, (quiet, before)


@check
def penalties_two_calls_and_what_is_in_front():
    """A penalty on the weights counts once; a network in front gets its gradient unweighted; two calls in a pass."""
    X, y = data(13)
    criterion = nn.CrossEntropyLoss()
    for reduction in ("mean", "sum"):
        loss_of = nn.CrossEntropyLoss(reduction=reduction)
        alone, model = network(), network()
        front1, front = (nn.Linear(6, 6).double() for _ in range(2))
        front.load_state_dict(front1.state_dict())
        net = DataParallel(model, comm, reduction=reduction)
        ahead = DataParallel(front, comm, reduction=reduction)

        def total(first, last, x, t, model, loss_of=loss_of):
            penalty = sum((p * p).sum() for p in model.parameters())
            return loss_of(last(first(x)), t) + loss_of(last(-first(x)), t) + 0.1 * penalty

        total(front1, alone, X, y, alone).backward()
        total(ahead, net, part(X), part(y), model).backward()
        assert worst(gradients(alone), gradients(model)) < 1e-12, reduction
        assert worst(gradients(front1), gradients(front)) < 1e-12, reduction
    x = part(X).requires_grad_()
    (g,) = autograd.grad(criterion(net(x), part(y)), x)
    (g1,) = autograd.grad(criterion(model(x), part(y)), x)
    assert worst([g.numpy()], [g1.numpy()]) < 1e-15


@check
def weighted_means():
    X, y = data(19)
    y[0] = 2
    w = autograd.tensor([0.2, 1.0, 3.0], dtype=autograd.float64)
    for criterion, weight in (
        (nn.CrossEntropyLoss(w), lambda t: w[t].sum().item()),
        (nn.CrossEntropyLoss(ignore_index=1), lambda t: (t != 1).sum().item()),
    ):
        alone, model = network(), network()
        criterion(alone(X), y).backward()
        net = DataParallel(model, comm)
        x, t = part(X), part(y)
        loss = criterion(net(x), t) if weight(t) else None
        if loss is not None:
            net.weigh(weight(t))
        shown = net.backward(loss)
        assert worst(gradients(alone), gradients(model)) < 1e-12
        assert abs(shown.item() - criterion(alone(X), y).item()) < 1e-12


class Branches(nn.Module):
    """Unused and frozen parameters, two outputs, keywords, two dtypes."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 3), nn.Linear(6, 3).double()
        self.c.requires_grad_(False)

    def forward(self, x, *, second=False):
        out = self.a(x) + self.c(x)
        return {"out": out, "more": (self.b(x) if second else x, self.d(x.double()))}


@check
def parameters_that_are_unused_frozen_or_used_on_some_ranks_only():
    X, y = data(13, "float32")
    for who in ([], [0], [RANKS - 1], range(RANKS)):
        autograd.manual_seed(0)
        model = Branches()
        net = DataParallel(model, comm)
        out = net(part(X), second=RANK in who)
        loss = nn.functional.cross_entropy(out["out"], part(y)) + out["more"][1].sum() / len(part(X))
        if RANK in who:
            loss = loss + out["more"][0].sum() / len(part(X))
        loss.backward()
        autograd.manual_seed(0)
        alone = Branches()
        out = alone(X, second=True)
        rows = np.isin(np.arange(13) % RANKS, list(who))
        loss = nn.functional.cross_entropy(out["out"], y) + out["more"][1].sum() / 13
        if who:
            loss = loss + out["more"][0][autograd.tensor(rows)].sum() / 13
        loss.backward()
        for (name, p), q in zip(model.named_parameters(), alone.parameters(), strict=True):
            assert (p.grad is None) == (q.grad is None), (name, who)
            assert p.grad is None or worst([p.grad.numpy()], [q.grad.numpy()]) < 1e-6, (name, who)
            assert p.grad is None or p.grad.dtype == p.dtype


@check
def no_two_gradients_share_memory_and_old_ones_stay():
    X, y = data(13)
    model = network()
    net = DataParallel(model, comm)
    nn.functional.cross_entropy(net(part(X)), part(y)).backward()
    old = [p.grad for p in model.parameters()]
    then = [g.numpy().copy() for g in old]
    model.zero_grad()
    nn.functional.cross_entropy(net(part(X) * 2), part(y)).backward()
    assert worst(then, [g.numpy() for g in old]) == 0
    autograd.manual_seed(0)
    branches = Branches()
    net = DataParallel(branches, comm)
    for _ in range(2):  # of what only one rank uses, the others get theirs from the buffer
        branches.zero_grad()
        out = net(part(X).float(), second=RANK == 0)
        (out["out"].sum() + out["more"][0].sum()).backward()
        old += [branches.b.weight.grad, branches.b.bias.grad]
    arrays = [g.numpy() for g in (*old, *(p.grad for p in model.parameters()))]
    assert not any(np.shares_memory(a, b) for k, a in enumerate(arrays) for b in arrays[:k])


@check
def large_gradients_are_summed_where_they_are():
    """One of 1.3 MB among small ones; anew for other parameters, unused at first on all ranks but one."""
    for dtype, within in (("float32", 1e-6), ("float64", 1e-12)):
        autograd.manual_seed(0)
        alone, model = (nn.Sequential(nn.Linear(784, 410), nn.Tanh(), nn.Linear(410, 10)).to(dtype) for _ in range(2))
        model.load_state_dict(alone.state_dict())
        net = DataParallel(model, comm)
        opts = [nn.optim.SGD(m.parameters(), lr=0.01, momentum=0.9) for m in (alone, model)]
        X, y = autograd.rand(10, 784).to(dtype), autograd.randint(0, 10, (10,))
        for step in range(6):
            for opt in opts:
                opt.zero_grad()
            if step == 4:
                for m in (alone, model):
                    m[0].bias.requires_grad_(False)
            loss = nn.functional.cross_entropy(alone(X), y)
            loss.backward()
            shown = net.backward(nn.functional.cross_entropy(net(part(X)), part(y)))
            assert abs(shown.item() - loss.item()) < within
            for p, q in zip(model.parameters(), alone.parameters(), strict=True):
                assert (p.grad is None) == (q.grad is None)
                off = 0 if p.grad is None else worst([p.grad.numpy()], [q.grad.numpy()])
                assert off < within, (dtype, step, p.shape, off)
            for opt in opts:
                opt.step()
        assert worst(values(alone), values(model)) < within
        digest = [hashlib.sha256(p.tobytes()).hexdigest() for p in values(model)]
        assert len(set(map(tuple, comm.allgather(digest)))) == 1
    autograd.manual_seed(0)
    model = nn.Linear(784, 1)
    model.somewhere, model.nowhere = nn.Linear(784, 410, bias=False), nn.Linear(784, 410, bias=False)
    net = DataParallel(model, comm)
    x = autograd.rand(2, 784)
    loss = net(x).sum() + (model.somewhere(x).sum() if RANK == RANKS - 1 else 0)
    loss.backward()
    assert model.nowhere.weight.grad is None
    expected = np.tile(x.numpy().sum(0) / RANKS, (410, 1))
    assert worst([model.somewhere.weight.grad.numpy()], [expected]) < 1e-6


@check
def batch_normalisation_keeps_the_statistics_of_all_data():
    X, y = data(5 * RANKS + 2)  # the first two ranks have a row more
    autograd.manual_seed(3)
    model = nn.Sequential(nn.BatchNorm1d(6), nn.Linear(6, 3)).double()
    model.register_buffer("constant", autograd.tensor([np.inf, 0.1, 1 / 3]))
    net = DataParallel(model, comm)
    norm, shares = model[0], [X[r::RANKS].numpy() for r in range(RANKS)]
    mean, var = np.zeros(6), np.ones(6)
    for step in range(3):
        nn.functional.cross_entropy(net(part(X) + step), part(y)).backward()
        n = len(X)
        mean = 0.9 * mean + 0.1 * (X.numpy() + step).mean(0)
        var = 0.9 * var + 0.1 * sum(s.var(0, ddof=1) * len(s) for s in shares) / n
        assert worst([mean, var], [norm.running_mean.numpy(), norm.running_var.numpy()]) < 1e-12
        assert norm.num_batches_tracked.item() == step + 1
    assert model.constant.tolist() == autograd.tensor([np.inf, 0.1, 1 / 3]).double().tolist()
    every = comm.allgather([b.tolist() for b in model.buffers()])
    assert all(theirs == every[0] for theirs in every)
    if RANKS > 2:  # a rank without samples learns them, too
        loss = nn.functional.cross_entropy(net(part(X)), part(y)) if RANK < 2 else None
        net.backward(loss)
        mean = 0.9 * mean + 0.1 * np.concatenate(shares[:2]).mean(0)
        assert worst([mean], [norm.running_mean.numpy()]) < 1e-12
        assert norm.num_batches_tracked.item() == 4


@check
def ranks_begin_with_rank_0s_values_and_evaluation_needs_nobody():
    model = network(seed=10 + RANK)
    model.register_buffer("steps", autograd.tensor(RANK))
    model.register_buffer("on", autograd.tensor([RANK == 0]))
    net = DataParallel(model, comm)
    assert worst(values(model), values(network(seed=10))) == 0
    assert model.steps.item() == 0 and model.on.tolist() == [True]
    X, _ = data(5)
    for _ in range(RANK):  # as often as each likes
        with autograd.no_grad():
            net(X)
        net.eval()
        net(X[:0])
        net.train()
    assert "module.0.weight" in net.state_dict() and "0.weight" in net.module.state_dict()
    assert net(X).shape == (5, 3)


def refused(function, *words):
    try:
        function()
    except ValueError as error:
        said = str(error)
    else:
        said = "nothing was raised"
    assert all(word in said for word in words), f"expected {words}, found: {said}"


@check
def what_differs_at_the_start_is_named_on_every_rank():
    odd = RANK == RANKS - 1
    last = f"rank {RANKS - 1}"
    others = "rank " + ", ".join(map(str, range(RANKS - 1)))
    refused(lambda: DataParallel(nn.Linear(6, 4 if odd else 3), comm), "parameter 'weight'", "(4, 6)", "(3, 6)", last)
    refused(lambda: DataParallel(nn.Linear(6, 3, bias=not odd), comm), "'bias'", f"not there on {last}", others)
    refused(lambda: DataParallel(network("float32" if odd else "float64"), comm), "float32", "float64", last)
    refused(lambda: DataParallel(nn.Linear(2, 2).requires_grad_(not odd), comm), f"frozen') on {last}")
    buffered = nn.Linear(2, 2)
    buffered.register_buffer("kept", autograd.zeros(3 if odd else 2))
    refused(lambda: DataParallel(buffered, comm), "buffer 'kept'", "(3,)", "(2,)")
    refused(lambda: DataParallel(nn.ReLU() if odd else nn.Tanh(), comm), "ReLU", "Tanh", "part 'the network'")
    refused(lambda: DataParallel(nn.Dropout(0.5 if odd else 0.4), comm), "p=0.5", "p=0.4")
    refused(lambda: DataParallel(network(), comm, reduction="sum" if odd else "mean"), "reduction", "'sum'", last)
    refused(lambda: check_equal(comm, {"lr": RANK, "same": 1}), "lr: 0 on rank 0; 1 on rank 1")
    check_equal(comm, {"lr": 0.1})


@check
def faults_of_a_step_are_errors_on_every_rank_that_meets_them():
    X, y = data(3 * RANKS)
    model = network()
    net = DataParallel(model, comm)
    refused(lambda: net(X[:0]), f"rank {RANK} has no samples", "model.backward(None)")
    refused(lambda: net.weigh(0.0), "weigh", "found 0")
    refused(lambda: net.backward((model[0].weight * model[0].weight).sum()), "does not depend on", "no other rank")
    model.zero_grad()
    one, other = net(part(X)).sum(), net(part(X) * 2).sum()
    sums = [net.backward(loss).item() for loss in (one, other)]  # each pass by itself, whichever call was the last
    alone = [network()(x).sum().item() * len(part(X)) / len(X) for x in (X, X * 2)]
    assert np.allclose(sums, alone, rtol=1e-12), (sums, alone)
    model.zero_grad()
    out = net(part(X)).sum() + net(part(X)[:2]).sum()

    def two_sizes():
        try:
            out.backward()
        except autograd.GraphError as error:
            raise ValueError(str(error)) from error

    refused(two_sizes, "shares of", "call backward() for each")
    loss = nn.functional.cross_entropy(net(part(X)), part(y))
    loss.backward()  # goes on after an error
    if RANK == RANKS - 1:
        model[0].bias.requires_grad_(False)
    model.zero_grad()

    def apart():
        try:
            nn.functional.cross_entropy(net(part(X)), part(y)).backward()
        except autograd.GraphError as error:
            raise ValueError(str(error)) from error

    refused(apart, "do not train the same parameters", f"rank {RANK}")


def main():
    failed = {}
    for name, function in CHECKS.items():
        try:
            function()
            why = None
        except Exception:
            why = traceback.format_exc()
        whys = comm.allgather(why)
        failed[name] = next((f"rank {rank}: {why}" for rank, why in enumerate(whys) if why), None)
        if RANK == 0:
            print(json.dumps({name: failed[name]}), flush=True)
        if failed[name]:  # what the ranks would send next need not match
            break


if __name__ == "__main__":
    CHECKS = {name: CHECKS[name] for name in sys.argv[1:] or CHECKS}
    main()
