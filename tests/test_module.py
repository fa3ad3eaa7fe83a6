from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn
from autograd import DtypeError, ShapeError


class Net(nn.Module):
    """The slides' network."""

    def __init__(self, nin, nh, nout):
        super(Net, self).__init__()  # noqa: UP008 - as printed
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(nin, nh)
        self.Dense2 = nn.Linear(nh, nout)

    def forward(self, x):
        x = self.activation(self.Dense1(x))
        return self.activation(self.Dense2(x))


NAMES = ["Dense1.weight", "Dense1.bias", "Dense2.weight", "Dense2.bias"]


# ---- registration


def test_parameters_and_parts_are_found_in_the_order_of_their_assignment():
    net = Net(2, 4, 1)
    assert [name for name, _ in net.named_parameters()] == NAMES
    assert [name for name, _ in net.named_modules()] == ["", "activation", "Dense1", "Dense2"]
    assert list(net.children()) == [net.activation, net.Dense1, net.Dense2]
    assert next(net.modules()) is net
    assert [p.shape for p in net.parameters()] == [(4, 2), (4,), (1, 4), (1,)]
    assert list(net.parameters(recurse=False)) == []
    assert [name for name, _ in net.Dense1.named_parameters("top", recurse=False)] == ["top.weight", "top.bias"]


def test_what_is_used_twice_is_one_parameter_with_two_names():
    net = nn.Module()
    net.a = net.b = nn.Linear(2, 2)
    net.c = nn.Linear(2, 2, bias=False)
    net.c.weight = net.a.weight
    assert [name for name, _ in net.named_parameters()] == ["a.weight", "a.bias"]
    assert [name for name, _ in net.named_modules()] == ["", "a", "c"]
    assert [name for name, _ in net.named_children()] == ["a", "c"]
    assert list(net.state_dict()) == ["a.weight", "a.bias", "b.weight", "b.bias", "c.weight"]


def test_a_plain_attribute_and_a_tensor_are_no_parameters():
    net = nn.Module()
    net.rate, net.mean = 0.5, autograd.ones(2)
    assert list(net.parameters()) == []
    assert (net.rate, net.mean.tolist()) == (0.5, [1, 1])


def test_a_part_can_be_replaced_removed_and_set_to_none():
    net = Net(2, 4, 1)
    net.Dense1 = nn.Linear(2, 4, bias=False)
    assert [name for name, _ in net.named_parameters()] == ["Dense1.weight", *NAMES[2:]]
    net.Dense1.weight = None
    assert [name for name, _ in net.named_parameters()] == NAMES[2:]
    net.Dense1.weight = nn.Parameter(autograd.zeros(4, 2))
    assert [name for name, _ in net.named_parameters()] == ["Dense1.weight", *NAMES[2:]]
    del net.Dense1.weight
    assert [name for name, _ in net.named_parameters()] == NAMES[2:]
    net.Dense1 = None
    del net.Dense2
    assert list(net.parameters()) == []
    assert not hasattr(net, "Dense2")
    net.activation = nn.Parameter(autograd.ones(1))
    assert [name for name, _ in net.named_parameters()] == ["activation"]
    assert list(net.children()) == []


@pytest.mark.parametrize("part", [nn.Linear(1, 1), nn.Parameter(autograd.ones(1))])
def test_an_assignment_before_super_init_is_an_error_that_says_so(part):
    class Forgetful(nn.Module):
        def __init__(self):
            self.part = part

    with pytest.raises(AttributeError, match=r"super\(\).__init__\(\) first in Forgetful"):
        Forgetful()


@pytest.mark.parametrize("value", [1.0, autograd.ones(2), nn.Sigmoid(), [1]])
def test_a_parameter_or_part_is_not_replaced_by_anything_else(value):
    net = Net(2, 4, 1)
    with pytest.raises(TypeError, match="weight"):
        net.Dense1.weight = value
    if not isinstance(value, nn.Module):
        with pytest.raises(TypeError, match="Dense1"):
            net.Dense1 = value
    assert [name for name, _ in net.named_parameters()] == NAMES


@pytest.mark.parametrize("name", ["", "a.b", "forward", "parameters"])
def test_a_name_that_would_break_the_module_is_an_error(name):
    net = nn.Module()
    with pytest.raises(KeyError, match="empty or contain|already exists"):
        net.add_module(name, nn.Sigmoid())
    with pytest.raises(KeyError, match="empty or contain|already exists"):
        net.register_parameter(name, nn.Parameter(autograd.ones(1)))


def test_only_modules_and_parameters_are_registered():
    with pytest.raises(TypeError, match="Module or None, found function"):
        nn.Sequential(nn.Linear(1, 1), lambda x: x)
    with pytest.raises(TypeError, match="Parameter or None, found Tensor"):
        nn.Module().register_parameter("w", autograd.ones(1))


def test_a_parameter_needs_a_floating_point_dtype_and_shares_memory():
    with pytest.raises(DtypeError, match="floating point"):
        nn.Parameter(autograd.tensor([1, 2]))
    x = autograd.ones(2)
    w = nn.Parameter(x)
    assert (w.requires_grad, w.is_leaf, np.shares_memory(w.array, x.array)) == (True, True, True)
    assert not nn.Parameter(x, requires_grad=False).requires_grad
    assert repr(w) == "Parameter containing:\ntensor([1., 1.], requires_grad=True)"
    assert type(w * 2) is autograd.Tensor


def test_train_and_eval_reach_every_part():
    net = nn.Sequential(Net(2, 4, 1), nn.Sigmoid())
    assert net.training
    assert net.eval() is net
    assert not any(m.training for m in net.modules())
    assert all(m.training for m in net.train().modules())
    with pytest.raises(ValueError, match="boolean"):
        net.train("yes")


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match="Module does not define forward"):
        nn.Module()(1)


def test_a_call_passes_all_arguments_and_puts_the_scope_back_after_an_exception():
    class Fails(nn.Module):
        def forward(self, x, *, fail):
            if fail:
                raise KeyError("inside")
            return x * 2

    x, net = autograd.ones(1, requires_grad=True), Fails()
    assert net(x, fail=False).item() == 2
    with pytest.raises(KeyError, match="inside"):
        net(x, fail=True)
    before = autograd.enter_scope(None)
    autograd.leave_scope(before)
    assert before is None


# ---- Sequential


def test_sequential_applies_its_modules_one_after_the_other():
    act = nn.Sigmoid()
    net = nn.Sequential(nn.Linear(2, 3), act, nn.Linear(3, 1), act)
    x = autograd.rand(5, 2)
    assert net(x).tolist() == act(net[2](act(net[0](x)))).tolist()
    assert len(net) == len(list(net)) == 4  # though one module is there twice
    assert net[-1] is act
    assert [name for name, _ in net.named_parameters()] == ["0.weight", "0.bias", "2.weight", "2.bias"]
    assert net[:2](x).tolist() == act(net[0](x)).tolist()
    assert nn.Sequential()(x) is x
    for k in (4, -5):
        with pytest.raises(IndexError, match=f"{k} is out of range"):
            net[k]


def test_sequential_takes_names():
    net = nn.Sequential(OrderedDict(hidden=nn.Linear(2, 3), squash=nn.Sigmoid()))
    assert list(net.state_dict()) == ["hidden.weight", "hidden.bias"]
    assert net.squash is net[1]


def test_repr_is_the_indented_tree():
    assert repr(nn.Sequential(Net(2, 4, 1), nn.ReLU())) == (
        "Sequential(\n"
        "  (0): Net(\n"
        "    (activation): Sigmoid()\n"
        "    (Dense1): Linear(in_features=2, out_features=4, bias=True)\n"
        "    (Dense2): Linear(in_features=4, out_features=1, bias=True)\n"
        "  )\n"
        "  (1): ReLU()\n"
        ")"
    )


# ---- layers


def test_linear_is_x_w_transposed_plus_b_for_any_leading_axes():
    layer = nn.Linear(3, 2)
    W, b = layer.weight.detach().numpy(), layer.bias.detach().numpy()
    for shape in [(3,), (5, 3), (1, 3), (2, 4, 3), (0, 3), (2, 0, 3)]:
        x = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
        z = layer(autograd.tensor(x))
        assert z.shape == (*shape[:-1], 2)
        np.testing.assert_allclose(z.detach().numpy(), x @ W.T + b, rtol=1e-5, atol=1e-6)
    bare = nn.Linear(3, 2, bias=False)
    assert bare.bias is None
    assert list(bare.state_dict()) == ["weight"]
    assert bare(autograd.ones(5, 3)).shape == (5, 2)


@pytest.mark.parametrize("shape", [(5, 4), (4,), (2, 5, 4)])
def test_linear_names_the_expected_last_dimension(shape):
    with pytest.raises(ShapeError, match="last dimension 3"):
        nn.Linear(3, 2)(autograd.ones(*shape))


@pytest.mark.parametrize("nin", [4, 100])
def test_linear_starts_uniform_on_one_over_root_in(nin):
    layer = nn.Linear(nin, 20_000 // nin * 10)
    bound = 1 / np.sqrt(nin)
    for values in (layer.weight.detach().numpy().ravel(), layer.bias.detach().numpy()):
        n, u = values.size, np.sort(values.astype(float) / bound)
        assert np.abs(u).max() <= 1
        assert np.abs(u).max() > 1 - 20 / n
        distance = np.abs((u + 1) / 2 - np.arange(1, n + 1) / n).max()  # Kolmogorov and Smirnov's
        assert distance < 2 / np.sqrt(n)
    assert layer.weight.requires_grad
    assert layer.weight.dtype == np.float32


def test_the_same_seed_gives_the_same_network_and_another_call_another_one():
    def draw():
        return [p.tolist() for p in Net(2, 4, 1).parameters()]

    autograd.manual_seed(3)
    first, second = draw(), draw()
    autograd.manual_seed(3)
    assert draw() == first != second


def test_uniform_fills_in_place_within_its_bounds_and_can_have_its_own_generator():
    x = autograd.zeros(1000, dtype="float64", requires_grad=True)
    assert nn.init.uniform_(x, 2, 5, generator=autograd.Generator().manual_seed(1)) is x
    assert 2 <= x.array.min() < 2.05
    assert 4.95 < x.array.max() < 5
    y = nn.init.uniform_(autograd.zeros(1000, dtype="float64"), 2, 5, generator=autograd.Generator().manual_seed(1))
    assert y.tolist() == x.tolist()


@pytest.mark.parametrize(
    ("layer", "function"),
    [(nn.Sigmoid(), lambda z: 1 / (1 + np.exp(-z))), (nn.Tanh(), np.tanh), (nn.ReLU(), lambda z: np.maximum(z, 0))],
)
def test_activations_are_elementwise(layer, function):
    z = np.random.default_rng(0).standard_normal((2, 3, 4))
    np.testing.assert_allclose(layer(autograd.tensor(z)).numpy(), function(z), rtol=1e-14)


# ---- saving and loading


def test_state_dict_has_the_values_by_path_and_shares_their_memory():
    net = Net(2, 4, 1)
    state = net.state_dict()
    assert list(state) == NAMES
    Wo = state["Dense2.weight"]
    assert not Wo.requires_grad
    assert np.shares_memory(Wo.array, net.Dense2.weight.array)


def test_a_loaded_network_computes_the_same_from_memory_of_its_own():
    a, b, x = Net(2, 4, 1), Net(2, 4, 1), autograd.rand(3, 2)
    keys = b.load_state_dict(a.state_dict())
    assert (keys.missing_keys, keys.unexpected_keys) == ([], [])
    assert a(x).tolist() == b(x).tolist()
    assert not np.shares_memory(a.Dense1.weight.array, b.Dense1.weight.array)


def test_loading_converts_to_the_parameters_dtype_and_keeps_the_object():
    layer = nn.Linear(1, 1)
    weight = layer.weight
    layer.load_state_dict({"weight": np.full((1, 1), 0.1), "bias": [2]})
    assert layer.weight is weight
    assert weight.dtype == np.float32
    assert (weight.item(), layer.bias.item()) == (np.float32(0.1), 2)


def test_one_error_lists_all_that_does_not_fit_and_nothing_is_loaded():
    net = Net(2, 4, 1)
    before = {k: v.tolist() for k, v in net.state_dict().items()}
    state = {
        "Dense1.weight": autograd.zeros(4, 2), "Dense1.bias": autograd.zeros(5), "Dense2.weight": "text",
        "Dense3.weight": autograd.zeros(1),
    }  # fmt: skip
    with pytest.raises(RuntimeError) as caught:
        net.load_state_dict(state)
    message = str(caught.value)
    for part in ("size mismatch for Dense1.bias", "(4,)", "(5,)", "Dense2.weight", "Missing key(s)", "Dense2.bias",
                 "Unexpected key(s)", "Dense3.weight"):  # fmt: skip
        assert part in message
    assert {k: v.tolist() for k, v in net.state_dict().items()} == before


def test_loading_may_be_lenient_about_keys_but_not_about_shapes():
    net = Net(2, 4, 1)
    keys = net.load_state_dict({"Dense1.bias": autograd.ones(4), "other": autograd.ones(1)}, strict=False)
    assert keys.missing_keys == ["Dense1.weight", "Dense2.weight", "Dense2.bias"]
    assert keys.unexpected_keys == ["other"]
    assert net.Dense1.bias.tolist() == [1] * 4
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({"Dense1.bias": autograd.ones(3)}, strict=False)
    with pytest.raises(RuntimeError, match="size mismatch"):
        net.load_state_dict({"Dense1.weight": autograd.ones(2, 4)}, strict=False)  # the size, but not the shape
    with pytest.raises(TypeError, match="dict-like"):
        net.load_state_dict([1])


def test_loading_between_forward_and_backward_is_an_error():
    net = Net(2, 4, 1)
    loss = net(autograd.ones(1, 2)).sum()
    net.load_state_dict({k: v * 2 for k, v in net.state_dict().items()})
    with pytest.raises(autograd.GraphError, match="inplace"):
        loss.backward()


# ---- everything together


def disc(n=400, seed=0):
    X = np.random.default_rng(seed).random((n, 2))
    return X, (((X - 0.5) ** 2).sum(1) < 0.12).astype(float)


LISTINGS = """
import autograd as torch
X_torch = torch.Tensor(X)
y_torch = torch.Tensor(y)
dataset = nn.data.TensorDataset(X_torch, y_torch)
loader = nn.data.DataLoader(dataset, batch_size=100, shuffle=True)
model = Net(nin=2, nh=4, nout=1)
opt = optim.Adam(model.parameters(), lr=0.05)
criterion = nn.BCELoss()
num_epoch = 500
a_loss, a_accuracy = np.zeros([num_epoch]), np.zeros([num_epoch])
for epoch in range(num_epoch):
    error = 0
    total = 0
    batch_loss = []
    for batch, data in enumerate(loader):
        x_batch, y_batch = data
        y_batch = y_batch.view(-1,1)
        out = model(x_batch)
        loss = criterion(out, y_batch)
        batch_loss.append(loss.item())
        opt.zero_grad()
        loss.backward()
        opt.step()
        guess = out.detach().round()
        error += torch.sum(torch.abs(guess - y_batch)).item()
        total += len(y_batch)
    a_accuracy[epoch] = 100*(1-error/total)
    a_loss[epoch] = np.mean(batch_loss)
Xplot_tensor = torch.Tensor(X)
u0plot = model(Xplot_tensor).detach().numpy()
uhid = model.activation(model.Dense1(Xplot_tensor))
uhid_plot = uhid.detach().numpy().reshape((20, 20, 4))
state_dict = model.state_dict()
Wo, bo = state_dict['Dense2.weight'], state_dict['Dense2.bias']
"""


def test_the_slides_listings_learn_a_disc():
    X, y = disc()
    space = {"X": X, "y": y, "Net": Net, "nn": nn, "optim": nn.optim, "np": np}
    exec(LISTINGS, space)
    loss, accuracy = space["a_loss"], space["a_accuracy"]
    assert accuracy[-1] >= 95
    assert loss[-1] < 0.25 * loss[0]
    assert ((space["u0plot"][:, 0] > 0.5) == y).mean() >= 0.95
    assert (space["Wo"].shape, space["bo"].shape) == ((1, 4), (1,))


def test_regression_finds_the_least_squares_solution():
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((50, 3)), rng.standard_normal((50, 1))
    layer = nn.Linear(3, 1, dtype="float64")
    optimizer = nn.optim.SGD(layer.parameters(), lr=0.2, momentum=0.5)
    for _ in range(300):
        optimizer.zero_grad()
        nn.MSELoss()(layer(autograd.tensor(X)), autograd.tensor(y)).backward()
        optimizer.step()
    solution = np.linalg.lstsq(np.column_stack([X, np.ones(50)]), y, rcond=None)[0][:, 0]
    np.testing.assert_allclose([*layer.weight.tolist()[0], layer.bias.item()], solution, rtol=1e-9)
