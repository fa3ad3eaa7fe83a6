"""Every public function, layer, loss, optimizer and scheduler is given what it cannot take: an error of ours, by name.

The functions are found, not listed: a call that succeeds is made from the names of their arguments.
"""

import copy
import inspect
import math
import re

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError, Tensor, tensor

F = nn.functional
OURS = TypeError, ValueError, IndexError  # ShapeError and DtypeError are among them


def words(text):
    return text.split()


# -- functions

SQUARE, ROW, LABELS = tensor([[0.1, 0.2], [0.3, 0.4]]), tensor([0.1, 0.2]), tensor([0, 1])
STACK, IMAGE, CELLS = autograd.full((2, 2, 2), 0.1), autograd.full((1, 2, 4, 4), 0.1), tensor([[0, 1]])
MASK = tensor([[True, False], [False, True]])
BY_NAME = {  # what an argument of this name is in a call that succeeds
    **dict.fromkeys(
        words(
            "input other x y z a b p A X W end exponent x1 x2 input1 input2 target mat1 mat2 mat tensor1 tensor2 "
            "like min max values condition var"
        ),
        SQUARE,
    ),
    **dict.fromkeys(["vec", "vec1", "vec2", "running_mean", "running_var"], ROW),
    **dict.fromkeys(["batch1", "batch2"], STACK),
    "tensors": [SQUARE, SQUARE],
    "index": LABELS,
    "indices": (LABELS,),
    "domain": MASK,
    "mask": MASK,
    "value": 0.5,
    "dim": 0,
    "dim0": 0,
    "dim1": 1,
    "source": 0,
    "destination": 1,
    "chunks": 1,
    "start": 0,
    "length": 1,
    "k": 1,
    "repeats": 1,
    "shifts": 1,
    "sizes": (1, 2),
    "low": 3,
    "split_size_or_sections": 1,
    "indices_or_sections": 1,
    "num_samples": 1,
    "kernel_size": 1,
    "output_size": 1,
    "threshold": 0.1,
    "pad": (1, 1),
    "size": (4,),
    "dims": (),
    "fill_value": 1.0,
}
OWN = {  # where it is something else
    **{name: {"input": STACK} for name in ["baddbmm", "avg_pool1d", "max_pool1d", "adaptive_avg_pool1d", "dropout1d"]},
    **{name: {"input": IMAGE} for name in ["avg_pool2d", "max_pool2d", "adaptive_avg_pool2d", "dropout2d", "unfold"]},
    **{name: {"input": ROW, "tensor": ROW} for name in ["dot", "vdot", "ger", "outer"]},
    **{name: {"target": LABELS} for name in ["nll_loss", "multi_margin_loss"]},
    **{name: {"index": CELLS, "src": SQUARE} for name in ["gather", "scatter", "scatter_add"]},
    **{name: {"source": SQUARE} for name in ["index_add", "index_copy"]},
    **{f"bitwise_{name}": {"x": LABELS, "y": LABELS} for name in ("and", "or", "xor", "not")},
    "bmm": {"input": STACK, "mat2": STACK},
    "addmv": {"input": ROW},
    "cross_entropy": {"target": LABELS, "y": LABELS},
    "linear": {"b": ROW, "weight": SQUARE},
    "lerp": {"weight": SQUARE},
    "bilinear": {"weight": STACK},
    "conv1d": {"input": STACK, "weight": STACK},
    "conv2d": {"input": IMAGE, "weight": IMAGE},
    "embedding": {"input": LABELS, "weight": SQUARE},
    "prelu": {"weight": ROW},
    "layer_norm": {"normalized_shape": (2,)},
    "take_along_dim": {"indices": CELLS},
    "one_hot": {"y": LABELS, "tensor": LABELS},
    "select": {"index": 1},
    "cosine_embedding_loss": {"target": ROW},
    "meshgrid": {"tensors": [ROW, ROW]},
    "repeat": {"repeats": [1, 2]},
    "tile": {"repeats": [1, 2]},
    "reshape": {"size": [4]},
    "clamp": {"max": 1.0},
    "clip": {"max": 1.0},
    "flip": {"along": [0]},
    "broadcast_to": {"shape": (2, 2)},
    "full_like": {"args": [1.0]},
}
NOT_OF_TENSORS = words(
    "arange as_tensor tensor check_dtype empty eye from_dlpack from_numpy full grad gradcheck "
    "gradgradcheck is_tensor linspace logspace manual_seed on_backward once_differentiable ones primitive "
    "printoptions rand randint randn randperm set_default_device set_default_dtype set_num_threads "
    "set_printoptions set_rng_state zeros effect seed enter_scope leave_scope einsum contract normal cast "
    "permute initial_seed get_rng_state numel is_floating_point check_floating check_number check_tensors "
    "axes p_norm svd_packed spread put diagonal_put assign guard inside"
)


def calls():
    """(name, function, arguments of a call) of all public functions that take a tensor."""
    for space in (autograd, autograd.linalg, F):
        for name, function in sorted(vars(space).items()):
            private = name.startswith("_") or name.endswith("_") or name in NOT_OF_TENSORS
            if private or inspect.isclass(function) or inspect.ismodule(function) or not callable(function):
                continue
            own, args = OWN.get(name, {}), []
            table = {**BY_NAME, **own}
            for a in inspect.signature(function).parameters.values():
                if a.kind is a.VAR_POSITIONAL:
                    args += table[a.name] if a.name in own or a.name == "tensors" else []
                elif a.kind is a.POSITIONAL_OR_KEYWORD and (a.default is a.empty or a.name in own):
                    args.append(table[a.name])
            if args:
                yield f"{space.__name__}.{name}", function, args


CALLS = {name: (function, args) for name, function, args in calls()}

STRANGE = {"NoneType": None, "str": "abc", "object": object(), "dict": {}}


def refused(call, *words, errors=OURS):
    """The call ends in an error of ours that names an operation and has these words; what it says."""
    with pytest.raises(errors) as caught:
        call()
    said = str(caught.value)
    assert not type(caught.value).__module__.startswith(("numpy", "numba"))
    assert re.match(r"\w+: |.*\(\): ", said) and all(word in said for word in words), said
    return said


@pytest.mark.filterwarnings("ignore:.*implicit dimension|.*reduction='mean' divides")
@pytest.mark.parametrize("name", CALLS)
def test_a_function_says_what_it_found_instead_of_a_tensor(name):
    function, args = CALLS[name]
    function(*args)  # it succeeds
    arguments = [str(a.annotation) for a in inspect.signature(function).parameters.values()]
    for k, x in enumerate(args):
        optional = k < len(arguments) and "None" in arguments[k]
        for kind, strange in STRANGE.items():
            if not isinstance(x, Tensor) or (strange is None and optional):
                continue
            refused(lambda k=k, strange=strange: function(*args[:k], strange, *args[k + 1 :]), kind, errors=TypeError)


@pytest.mark.parametrize(
    "strange", [None, "abc", 1j, object(), [1, 2], np.ones(2), np.longdouble(1)], ids=lambda x: type(x).__name__
)
@pytest.mark.parametrize(
    "name, make",
    [
        ("arange", lambda x: autograd.arange(x)),
        ("arange", lambda x: autograd.arange(0, 3, x)),
        ("linspace", lambda x: autograd.linspace(x, 1, 3)),
        ("linspace", lambda x: autograd.linspace(0, x, 3)),
        ("logspace", lambda x: autograd.logspace(0, x, 3)),
        ("logspace", lambda x: autograd.logspace(0, 1, 3, base=x)),
        ("full", lambda x: autograd.full((2,), x)),
        ("randint", lambda x: autograd.randint(0, x, (2,))),
        ("normal", lambda x: autograd.normal(x, 1.0, (2,))),
        ("normal", lambda x: autograd.normal(0.0, x, (2,))),
        ("uniform_", lambda x: autograd.ones(2).uniform_(0, x)),
        ("float_power", lambda x: autograd.float_power(ROW, x)),
        ("std", lambda x: ROW.std(correction=x) if x is not None else autograd.std(x)),
        ("vector_norm", lambda x: autograd.linalg.vector_norm(ROW, x)),
        ("dropout", lambda x: F.dropout(ROW, x)),
        ("hardtanh", lambda x: F.hardtanh(ROW, x)),
        ("softshrink", lambda x: F.softshrink(ROW, x)),
        ("huber_loss", lambda x: F.huber_loss(ROW, ROW, delta=x)),
        ("cross_entropy", lambda x: F.cross_entropy(SQUARE, LABELS, label_smoothing=x)),
    ],
)
def test_a_number_that_is_none_is_named(name, make, strange):
    refused(lambda: make(strange), name)


@pytest.mark.parametrize(
    "name, call",
    [
        ("topk", lambda x: ROW.topk(x)),
        ("narrow", lambda x: ROW.narrow(0, 0, x)),
        ("roll", lambda x: ROW.roll(x)),
        ("select", lambda x: ROW.select(0, x)),
        ("split", lambda x: ROW.split(x)),
        ("chunk", lambda x: ROW.chunk(x)),
        ("tril", lambda x: SQUARE.tril(x)),
        ("triu", lambda x: SQUARE.triu(x)),
        ("unflatten", lambda x: ROW.unflatten(0, x)),
        ("diag_embed", lambda x: ROW.diag_embed(x)),
        ("diagonal", lambda x: SQUARE.diagonal(x)),
        ("repeat_interleave", lambda x: ROW.repeat_interleave(x)),
        ("randint", lambda x: autograd.randint(0, x, (2,))),
        ("sum", lambda x: ROW.sum(x)),
        ("var", lambda x: ROW.var(x)),
        ("std", lambda x: ROW.std(dim=x)),
        ("multinomial", lambda x: ROW.multinomial(x)),
        ("round", lambda x: ROW.round(x)),
    ],
)
@pytest.mark.parametrize("strange", ["abc", 0.5, object(), 1j], ids=lambda x: type(x).__name__)
def test_an_integer_that_is_none_is_named(name, call, strange):
    refused(lambda: call(strange), name)


def test_what_numpy_and_numba_cannot_say_is_said():
    complex_, wide = np.ones(2, complex), np.ones(2, np.longdouble)
    for function in (autograd.tanh, F.gelu, F.tanhshrink, autograd.exp2, autograd.asinh, F.softsign):
        compiled = function in (autograd.tanh, F.gelu, F.tanhshrink)  # what NumPy computes may be complex: an oracle
        for array in (*([complex_, wide] if compiled else []), np.array(["a", "b"]), np.array([None, 1])):
            said = refused(lambda f=function, array=array: f(array), str(array.dtype), errors=DtypeError)
            assert "nopython" not in said
    refused(lambda: autograd.isclose(ROW, complex_), "would lose precision", errors=DtypeError)
    refused(lambda: ROW + None, "add", "NoneType", errors=DtypeError)
    refused(lambda: ROW * complex_, "mul", "would lose precision", errors=DtypeError)
    refused(lambda: ROW.round(2**70), "round", errors=ValueError)


# -- values


@pytest.mark.filterwarnings("ignore:.*elements less the correction")
@pytest.mark.parametrize("name", ["var", "std"])
def test_the_variance_of_nothing_is_nan_and_without_a_degree_of_freedom_that_of_pytorch(name):
    of = getattr(Tensor, name)
    for x, options in ((autograd.ones(0), {}), (autograd.ones(1), {}), (autograd.ones(1, 0, 2), {"dim": 1})):
        x.requires_grad_()
        y = of(x, **options)
        assert y.isnan().all()
        y.sum().backward()
        assert x.grad.shape == x.shape and x.grad.isnan().all()
    assert of(ROW, correction=2).item() == of(ROW, correction=9).item() == math.inf


def test_a_bound_that_is_nan_makes_nan():
    nan, x = math.nan, tensor([-1.0, 0.5, 3.0], requires_grad=True)
    for y in (
        x.clamp(min=nan),
        x.clamp(max=nan),
        x.clamp(nan, 1.0),
        x.clamp_min(tensor(nan)),
        x.clamp(max=ROW[:1] * nan),
    ):
        assert y.isnan().all()
    mixed = x.clamp(tensor([0.0, nan, nan]), 2.0)
    assert mixed[0].item() == 0 and mixed[1:].isnan().all()
    x.clamp(0.0, 2.0).sum().backward()
    assert x.grad.tolist() == [0, 1, 0]


# -- layers and losses

LAYERS = {
    "Linear": ((2, 3), SQUARE),
    "Bilinear": ((2, 2, 1), SQUARE),
    "LayerNorm": ((2,), SQUARE),
    "BatchNorm1d": ((2,), SQUARE),
    "BatchNorm2d": ((2,), IMAGE),
    "Conv1d": ((2, 1, 1), STACK),
    "Conv2d": ((2, 1, 1), IMAGE),
    "MaxPool1d": ((1,), STACK),
    "MaxPool2d": ((1,), IMAGE),
    "AvgPool1d": ((1,), STACK),
    "AvgPool2d": ((1,), IMAGE),
    "AdaptiveAvgPool1d": ((1,), STACK),
    "AdaptiveAvgPool2d": ((1,), IMAGE),
    "Embedding": ((2, 3), LABELS),
    "Dropout1d": ((), STACK),
    "Dropout2d": ((), IMAGE),
    "Unflatten": ((1, (1, 2)), SQUARE),
    "Threshold": ((0.1, 2.0), SQUARE),
    "Softmax": ((1,), SQUARE),
    "LogSoftmax": ((1,), SQUARE),
    "Softmin": ((1,), SQUARE),
}
NO_LAYERS = words(
    "Module ModuleDict ModuleList Sequential Parameter ParameterDict ParameterList CheckpointError Identity"
)
CLASSES = [name for name, c in vars(nn).items() if inspect.isclass(c) and name[:1].isupper() and name not in NO_LAYERS]
LOSSES = [name for name in CLASSES if name.endswith("Loss")]


@pytest.mark.parametrize("name", [name for name in CLASSES if name not in LOSSES])
def test_a_layer_says_what_it_found_instead_of_a_tensor(name):
    args, x = LAYERS.get(name, ((), SQUARE))
    layer = getattr(nn, name)(*args)
    others = (SQUARE,) if name == "Bilinear" else ()
    layer(x, *others)
    for kind, strange in STRANGE.items():
        refused(lambda strange=strange: layer(strange, *others), kind, errors=TypeError)
    state = {key: value.tolist() for key, value in layer.state_dict().items()}
    layer.eval()
    layer(x, *others)
    assert {key: value.tolist() for key, value in layer.state_dict().items()} == state  # no refused call counted


@pytest.mark.parametrize("name", words("Linear Bilinear LayerNorm BatchNorm1d BatchNorm2d Conv1d Conv2d"))
def test_a_layer_says_which_size_it_expects(name):
    args, x = LAYERS[name]
    layer, axis = getattr(nn, name)(*args), -1 if name in ("Linear", "Bilinear", "LayerNorm") else 1
    shape = list(x.shape)
    shape[axis] = 7
    others = (SQUARE,) if name == "Bilinear" else ()
    said = refused(lambda: layer(autograd.ones(*shape), *others), "2", errors=ShapeError)
    assert str(tuple(shape)) in said


SAME_SHAPE = set(LOSSES) - {"CrossEntropyLoss", "NLLLoss", "MultiMarginLoss", "CosineEmbeddingLoss"}


def loss_call(name, *shapes, **options):
    """A loss of ones of these shapes; a third input where there is one."""
    inputs = [autograd.ones(*shape) for shape in shapes]
    if name in ("CrossEntropyLoss", "NLLLoss", "MultiMarginLoss"):
        inputs[1] = inputs[1].long()
    if name in ("MarginRankingLoss", "GaussianNLLLoss"):
        inputs.append(autograd.ones(*shapes[0]))
    if name == "CosineEmbeddingLoss":
        inputs = [inputs[0], inputs[0], inputs[1]]
    return getattr(nn, name)(**options)(*inputs)


@pytest.mark.filterwarnings("ignore:.*reduction='mean' divides")
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_refuses_other_shapes_an_empty_batch_and_an_unknown_reduction(name):
    fits = ((4, 2), (4, 2)) if name in SAME_SHAPE else ((4, 2), (4,))
    loss_call(name, *fits)
    for reduction in ("mean", "sum", "none"):
        if name in SAME_SHAPE:
            for shapes in (((4, 1), (4,)), ((4,), (4, 1))):
                refused(
                    lambda s=shapes, r=reduction: loss_call(name, *s, reduction=r),
                    "would broadcast to (4,4)",
                    errors=ShapeError,
                )
            empty = ((0, 2), (0, 2))
        else:
            refused(lambda r=reduction: loss_call(name, (4, 2), (3,), reduction=r), "(4, 2)", "(3,)", errors=ShapeError)
            empty = ((0, 2), (0,))
        refused(lambda e=empty, r=reduction: loss_call(name, *e, reduction=r), "empty", errors=ValueError)
    for reduction in ("avg", None, 1, ["mean"], np.ones(2)):
        refused(lambda r=reduction: loss_call(name, *fits, reduction=r), "reduction", errors=ValueError)


# -- the state of optimizers and schedulers

OPTIMIZERS = {
    "SGD": {"lr": 0.1, "momentum": 0.9},
    "Adam": {"amsgrad": True},
    "AdamW": {},
    "NAdam": {},
    "Rprop": {},
    "Adagrad": {},
    "RMSprop": {"momentum": 0.1, "centered": True},
    "Adadelta": {},
    "LBFGS": {"history_size": 3},
}
SCHEDULERS = {
    "StepLR": {"step_size": 2},
    "MultiStepLR": {"milestones": [1, 3]},
    "ConstantLR": {},
    "LinearLR": {},
    "ExponentialLR": {"gamma": 0.9},
    "CosineAnnealingLR": {"T_max": 3},
    "LambdaLR": {"lr_lambda": lambda epoch: 0.9**epoch},
    "OneCycleLR": {"max_lr": 0.1, "total_steps": 50},
    "ReduceLROnPlateau": {},
}
JUNK = [None, "abc", object(), 1j, [], [None], {}, {"a": 1}, np.ones(2, complex), autograd.zeros(3), float, "deleted"]


def trained(name):
    """An optimizer after two steps, and its closure."""
    params = [nn.Parameter(tensor([1.0, 2.0])), nn.Parameter(tensor([[3.0]]))]
    optimizer = getattr(nn.optim, name)(params, **OPTIMIZERS[name])

    def closure():
        optimizer.zero_grad()
        loss = sum((p**2).sum() for p in params)
        loss.backward()
        return loss

    for _ in range(2):
        optimizer.step(closure)
    return optimizer, closure


def places(tree, at=()):
    """Where in a nest of dicts and lists there is something."""
    yield at
    for key in tree if isinstance(tree, dict) else range(len(tree)) if isinstance(tree, list) else ():
        yield from places(tree[key], (*at, key))


def changed(tree, at, value):
    """A copy of the tree with ``value`` there."""
    if not at:
        return value
    tree = copy.copy(tree)
    if len(at) == 1 and isinstance(value, str) and value == "deleted":
        del tree[at[0]]
    else:
        tree[at[0]] = changed(tree[at[0]], at[1:], value)
    return tree


def spelled(x):
    """A tree of tensors, arrays and numbers in words, to compare; without the parameters themselves."""
    if isinstance(x, dict):
        return {str(k): spelled(v) for k, v in x.items() if k != "optimizer"}
    return [*map(spelled, x)] if isinstance(x, (list, tuple)) else repr(x)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_an_optimizer_takes_no_state_that_it_cannot_go_on_from(name):
    good = trained(name)[0].state_dict()
    refusals = 0
    for at in places(good):
        for junk in JUNK:
            optimizer, closure = trained(name)
            before = spelled(optimizer.state_dict())
            try:
                optimizer.load_state_dict(changed(good, at, junk))
            except ValueError as error:
                refusals += 1
                assert len(str(error)) > 20, (at, junk)
                assert spelled(optimizer.state_dict()) == before, (at, junk)
            else:
                optimizer.step(closure)
                optimizer.state_dict()
    assert refusals > 50


@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_scheduler_takes_no_state_of_another_kind(name):
    def made():
        optimizer, _ = trained("SGD")
        scheduler = getattr(nn.optim.lr_scheduler, name)(optimizer, **SCHEDULERS[name])
        step = (lambda: scheduler.step(1.0)) if name == "ReduceLROnPlateau" else scheduler.step
        step()
        return scheduler, step

    good, refusals = made()[0].state_dict(), 0
    for at in places(good):
        for junk in JUNK:
            scheduler, step = made()
            before = spelled(scheduler.state_dict())
            try:
                scheduler.load_state_dict(copy.deepcopy(changed(good, at, junk)))
            except (ValueError, TypeError) as error:
                refusals += 1
                assert "state_dict" in str(error), (at, junk)
                assert spelled(scheduler.state_dict()) == before, (at, junk)
            else:
                step()
    assert refusals > 30
    with pytest.raises(ValueError, match=r"(?s)last_epoch: expects a number.*Missing.*_last_lr.*Unexpected.*step"):
        made()[0].load_state_dict({**{k: v for k, v in good.items() if k != "_last_lr"}, "last_epoch": "x", "step": 1})


@pytest.mark.parametrize(
    "make",
    [
        lambda p: nn.optim.Adam(p, betas=None),
        lambda p: nn.optim.Adam(p, betas=(0.9,)),
        lambda p: nn.optim.Rprop(p, etas=1),
        lambda p: nn.optim.SGD(p, lr=0.1, dampening="much"),
        lambda p: nn.optim.SGD(p, lr=np.ones(2)),
        lambda p: nn.optim.RMSprop(p, lr=1j),
        lambda p: nn.optim.Adam([{"params": p, "lr": "fast"}]),
    ],
)
def test_an_option_that_is_no_number_is_refused_when_the_optimizer_is_made(make):
    with pytest.raises(ValueError, match="Invalid|no number"):
        make([nn.Parameter(autograd.ones(2))])
