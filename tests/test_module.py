import copy
import gc
import pickle
from collections import OrderedDict

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd import DtypeError, ShapeError
from autograd.graph import Graph


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


# ---- buffers


def counter():
    net = nn.Module()
    net.register_buffer("total", autograd.zeros(2))
    net.register_buffer("scratch", autograd.ones(1), persistent=False)
    net.register_buffer("nothing", None)
    return net


def test_buffers_go_along_but_are_no_parameters():
    net = nn.Sequential(counter())
    assert list(net.parameters()) == []
    assert [name for name, _ in net.named_buffers()] == ["0.total", "0.scratch"]
    assert list(net.state_dict()) == ["0.total"]
    net[0].total += 3
    net[0].scratch = autograd.zeros(4)
    assert [b.tolist() for b in net.buffers()] == [[3, 3], [0] * 4]
    assert net.state_dict()["0.total"].tolist() == [3, 3]
    net.load_state_dict({"0.total": autograd.ones(2)})
    assert net[0].total.tolist() == [1, 1]
    assert net.get_buffer("0.scratch").tolist() == [0] * 4
    with pytest.raises(TypeError, match="Tensor or None expected"):
        net[0].total = 5
    net[0].total = None
    assert list(net.state_dict()) == []
    del net[0].scratch
    assert not hasattr(net[0], "scratch")


def test_a_buffer_gives_way_to_a_parameter_and_a_part():
    net = counter()
    net.total = nn.Parameter(autograd.ones(1))
    net.scratch = nn.Tanh()
    assert list(net.buffers()) == []
    assert ([name for name, _ in net.named_parameters()], list(net.children())) == (["total"], [net.scratch])


def test_only_a_free_name_can_be_registered():
    net = counter()
    net.rate = 0.5
    for name in ("rate", "training", "total", "forward"):
        for register, value in [(net.register_parameter, nn.Parameter(autograd.ones(1))), (net.add_module, nn.Tanh())]:
            with pytest.raises(KeyError, match="already exists"):
                register(name, value)
    with pytest.raises(KeyError, match="already exists"):
        net.register_buffer("rate", autograd.ones(1))
    with pytest.raises(TypeError, match="Tensor or None, found list"):
        net.register_buffer("b", [1])
    net.register_buffer("total", autograd.ones(3))  # again
    assert net.total.shape == (3,)


# ---- the parts by path, and all of them


def test_parts_parameters_and_buffers_are_found_by_their_path():
    net = nn.Sequential(Net(2, 4, 1), counter())
    assert net.get_submodule("") is net
    assert net.get_submodule("0.Dense1") is net[0].Dense1
    assert net.get_parameter("0.Dense1.weight") is net[0].Dense1.weight
    for call in [
        lambda: net.get_submodule("0.Dense3"), lambda: net.get_submodule("0.Dense1.weight"),
        lambda: net.get_parameter("0.Dense1.scale"), lambda: net.get_buffer("1.nothing"),
    ]:  # fmt: skip
        with pytest.raises(AttributeError, match="has no attribute"):
            call()


def test_apply_goes_from_the_parts_to_the_whole():
    net, seen = nn.Sequential(Net(2, 4, 1)), []
    assert net.apply(seen.append) is net
    assert seen == [net[0].activation, net[0].Dense1, net[0].Dense2, net[0], net]


def test_a_part_may_refuse_to_train():
    class Frozen(nn.Linear):
        def train(self, mode=True):
            return super().train(False)

    net = nn.Sequential(Frozen(1, 1), nn.Linear(1, 1)).train()
    assert [m.training for m in net.modules()] == [True, False, True]


def test_freezing_reaches_all_parameters_and_they_are_counted():
    net = Net(2, 4, 1)
    net.Dense1.requires_grad_(False)
    assert [p.requires_grad for p in net.parameters()] == [False, False, True, True]
    assert nn.utils.count_parameters(net) == 17 == sum(p.numel() for p in net.parameters())
    assert nn.utils.count_parameters(net, trainable=True) == 5
    net.twice = net.Dense2
    assert nn.utils.count_parameters(net) == 17


def test_dir_lists_what_can_be_written_after_a_dot():
    names = dir(nn.Sequential(nn.Tanh()))
    assert "append" in names and "0" not in names


# ---- dtype and device


def test_to_converts_floating_point_and_the_optimizer_keeps_its_parameters():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    net.tied = net[0]
    before = list(net.parameters())
    optimizer = nn.optim.SGD(net.parameters(), lr=0.1)
    net[:2](autograd.randn(4, 2)).sum().backward()
    assert net.to("float64") is net
    assert all(a is b for a, b in zip(before, net.parameters(), strict=True))
    assert {p.dtype for p in net.parameters()} == {p.grad.dtype for p in before} == {np.dtype("float64")}
    assert [str(b.dtype) for b in net.buffers()] == ["float64", "float64", "int64"]
    assert net.tied.weight is net[0].weight
    old = net[0].weight.tolist()
    optimizer.zero_grad()
    (net[:2](autograd.randn(4, 2, dtype="float64")) ** 3).sum().backward()
    optimizer.step()
    assert net[0].weight.tolist() != old
    net.float()
    assert net[0].weight.dtype == np.float32 and net[1].running_mean is net.get_buffer("1.running_mean")
    assert net.double()[0].weight.dtype == net.type("float64")[0].weight.dtype == np.float64
    assert net.to(autograd.ones(1)).to("cpu").cpu()[0].weight.dtype == np.float32


def test_to_refuses_what_parameters_cannot_be_and_changes_nothing():
    net = nn.Linear(2, 3)
    for dtype in ("int64", "bool"):
        with pytest.raises(DtypeError, match="floating point"):
            net.to(dtype)
    for move in (net.cuda, lambda: net.to("cuda"), lambda: net.to(device="cuda:0")):
        with pytest.raises(RuntimeError, match="no device"):
            move()
    assert net.weight.dtype == np.float32


def test_a_conversion_between_forward_and_backward_is_an_error():
    net = Net(2, 4, 1)
    loss = net(autograd.ones(1, 2)).sum()
    net.double()
    with pytest.raises(autograd.GraphError, match="inplace"):
        loss.backward()


# ---- copies


def square(module, args, output):
    return output**2


@pytest.mark.parametrize("clone", [copy.deepcopy, lambda net: pickle.loads(pickle.dumps(net))])
def test_a_copy_is_a_network_of_its_own(clone):
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ModuleDict({"a": nn.Linear(2, 2)}),
                        nn.ParameterDict({"b": autograd.ones(1)}), counter())  # fmt: skip
    net.tied = net[0]
    net[0].register_forward_hook(square)
    other = clone(net)
    assert repr(other) == repr(net)
    mine, others = ({k: v.tolist() for k, v in each.state_dict().items()} for each in (net, other))
    assert mine == others
    assert other.tied is other[0] is not net[0]
    assert other[0]._parameters["weight"] is other[0].weight
    assert not any(np.shares_memory(a.array, b.array) for a in net.parameters() for b in other.parameters())
    x = autograd.ones(1, 2)
    assert other[0](x).tolist() == net[0](x).tolist()
    with autograd.no_grad():
        other[0].weight.zero_()
    assert net[0].weight.abs().sum().item() > 0 == other.state_dict()["tied.weight"].abs().sum().item()


# ---- hooks; their order and arguments are compared with PyTorch in test_parity_nn.py


def test_forward_hooks_may_replace_arguments_and_output_until_they_are_removed():
    net, x = nn.Identity(), autograd.ones(1)
    handles = [
        net.register_forward_pre_hook(lambda module, args: args[0] + 1),
        net.register_forward_hook(lambda module, args, output: output * 10),
        net.register_forward_hook(lambda module, args, output: output + 1, prepend=True),
        net.register_forward_hook(lambda module, args, output: None),
    ]
    assert net(x).item() == 30
    handles[1].remove()
    handles[1].remove()
    assert net(x).item() == 3
    with net.register_forward_hook(lambda module, args, output: output * 100):
        assert net(x).item() == 300
    for handle in handles:
        handle.remove()
    assert net(x) is x
    net.register_forward_pre_hook(lambda module, args, kwargs: args, with_kwargs=True)
    with pytest.raises(RuntimeError, match=r"tuple of \(new_args, new_kwargs\)"):
        net(x)


def test_a_hook_that_must_always_be_called_is_once_even_if_it_fails():
    net, calls = nn.Identity(), []
    net.register_forward_hook(lambda module, args, output: calls.append(output), always_call=True)
    net.register_forward_hook(lambda module, args, output: calls.append("not after an error"))
    net.register_forward_pre_hook(lambda module, args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        net(1)
    assert calls == [None]
    late = nn.Identity()
    late.register_forward_hook(lambda module, args, output: calls.append(output), always_call=True)
    late.register_forward_hook(lambda module, args, output: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        late(5)
    assert calls == [None, 5]  # not once more because of what failed after it
    net.register_forward_hook(lambda module, args, output: output.shape, always_call=True)
    with pytest.warns(UserWarning, match="after another error"), pytest.raises(ZeroDivisionError):
        net(1)


def test_backward_hooks_see_and_replace_gradients():
    net, x = nn.Linear(2, 1), autograd.ones(3, 2, requires_grad=True)
    seen = []
    net.register_full_backward_pre_hook(lambda module, gout: (gout[0] * 2,))
    handle = net.register_full_backward_hook(lambda module, gin, gout: seen.append((gin, gout)) or (gin[0] + 1,))
    net(x).sum().backward()
    weight = net.weight.array
    np.testing.assert_allclose(x.grad.array, np.tile(2 * weight + 1, (3, 1)), rtol=1e-6)
    assert net.bias.grad.item() == 6
    ((gin,), (gout,)), = seen
    np.testing.assert_allclose(gin.array, np.tile(2 * weight, (3, 1)), rtol=1e-6)
    assert gout.tolist() == [[2]] * 3
    handle.remove()
    net.register_full_backward_hook(lambda module, gin, gout: (gin[0], gin[0]))
    with pytest.raises(RuntimeError, match="invalid number of grad_input, got 2, but expected 1"):
        net(x).sum().backward()


def test_a_backward_hook_gives_gradients_that_can_be_differentiated():
    net, x = nn.Identity(), autograd.tensor([2.0, 3.0], dtype="float64", requires_grad=True)
    net.register_full_backward_hook(lambda module, gin, gout: (gin[0] * x,))
    (g,) = autograd.grad((net(x) ** 2).sum(), x, create_graph=True)
    assert g.tolist() == [8, 18]  # 2x · x
    (h,) = autograd.grad(g.sum(), x)
    assert np.isfinite(h.array).all()


def test_looking_at_a_graph_calls_no_backward_hook():
    net, calls = nn.Linear(2, 1), []
    net.register_full_backward_hook(lambda *args: calls.append(args))
    loss = net(autograd.ones(1, 2, requires_grad=True)).sum()
    graph = Graph(loss)
    assert all(graph.gradient(variable) is not None for variable in graph if variable.requires_grad)
    assert viz.draw(loss, "both").source and calls == []
    loss.backward()
    assert len(calls) == 1


def test_an_output_that_is_no_tensor_cannot_be_watched():
    class Named(nn.Module):
        def forward(self, x):
            return {"x": x}

    net = Named()
    net.register_full_backward_hook(lambda *args: None)
    with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors"):
        net(autograd.ones(1, requires_grad=True))


def test_2000_hooked_calls_leave_no_object_behind():
    net, x = nn.Linear(2, 1), autograd.ones(1, 2, requires_grad=True)
    net.register_full_backward_hook(lambda module, gin, gout: None)

    def run(n):
        for _ in range(n):
            net(x).sum().backward()

    run(10)
    gc.collect()
    gc.disable()
    try:
        before = len(gc.get_objects())
        run(200)
        assert len(gc.get_objects()) - before < 50
    finally:
        gc.enable()


# ---- containers


def linear(k):
    return nn.Linear(k, k)


@pytest.mark.parametrize("kind", [nn.Sequential, nn.ModuleList])
def test_a_row_of_modules_is_a_list_whose_parts_are_renumbered(kind):
    a, b, c, d = map(linear, range(1, 5))
    row = kind().append(a).extend([b, c])
    row.insert(1, d)
    assert list(row) == [a, d, b, c] and [name for name, _ in row.named_children()] == ["0", "1", "2", "3"]
    assert row.pop(0) is a and row.pop() is c and list(row) == [d, b]
    row[-1] = c
    assert list(row) == [d, c] and row.get_submodule("1") is c
    row += [a, b]
    assert list(row) == [d, c, a, b]
    del row[1:3]
    assert list(row) == [d, b] and list(row.state_dict())[2] == "1.weight" and not hasattr(row, "2")
    both = row + kind().append(a)
    assert type(both) is kind and list(both) == [d, b, a] and list(row) == [d, b]
    assert type(both[1:]) is kind and list(both[::2]) == [d, a]
    del both[-1]
    assert list(both) == [d, b] and list(both[:0]) == []
    for fails in (lambda: row[2], lambda: row.__setitem__(-3, a), lambda: row.__delitem__(2), lambda: kind().pop()):
        with pytest.raises(IndexError, match="out of range"):
            fails()
    with pytest.raises(TypeError, match="Module or None"):
        row.append(3)


def test_a_sequential_can_be_multiplied_and_keeps_names_where_it_can():
    a, act = nn.Linear(2, 2), nn.Tanh()
    net = nn.Sequential(a, act)
    assert list(net * 2) == list(2 * net) == [a, act, a, act]
    net *= 2
    assert list(net) == [a, act, a, act]
    with pytest.raises(ValueError, match="Non-positive"):
        net * 0
    with pytest.raises(IndexError, match="out of range"):
        net.insert(6, act)
    named = nn.Sequential(OrderedDict(hidden=a, squash=act))
    assert [name for name, _ in named[1:].named_children()] == ["squash"]
    named[0] = nn.Linear(2, 3)
    assert named.hidden.out_features == 3


def test_a_module_dict_is_a_dict_of_parts():
    a, b = linear(1), linear(2)
    net = nn.ModuleDict({"a": a})
    net["b"] = b
    net.update([("c", nn.Tanh())])
    assert list(net) == list(net.keys()) == ["a", "b", "c"] and len(net) == 3 and "a" in net and "z" not in net
    assert list(net.items())[1] == ("b", b) and next(iter(net.values())) is a is net.a is net["a"]
    assert [name for name, _ in net.named_parameters()] == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert net.pop("a") is a and not hasattr(net, "a")
    del net["c"]
    assert list(net.state_dict()) == ["b.weight", "b.bias"]
    with pytest.raises(KeyError):
        net["a"]
    with pytest.raises(KeyError, match="already exists"):
        net["keys"] = a
    net.clear()
    assert len(net) == 0 and list(net.parameters()) == []
    assert net == net and net != nn.ModuleDict() and len({net, nn.ModuleDict()}) == 2


def test_lists_and_dicts_of_parameters_hold_other_things_too():
    w = nn.Parameter(autograd.ones(2))
    row = nn.ParameterList([w, autograd.zeros(3), "text"])
    row.append(autograd.ones(1))
    row += [5]
    assert len(row) == 5 and row[0] is w and row[2] == "text" and row[-1] == 5
    assert [name for name, _ in row.named_parameters()] == ["0", "1", "3"]
    row[1] = autograd.ones(4)
    assert isinstance(row[1], nn.Parameter) and row[1].shape == (4,) and next(iter(row[:2])) is w
    with pytest.raises(IndexError, match="out of range"):
        row[5]
    with pytest.raises(TypeError, match="iterable"):
        row.extend(3)
    table = nn.ParameterDict({"w": w, "n": 3})
    table["v"] = autograd.zeros(2)
    assert list(table) == ["w", "n", "v"] and table["n"] == 3 and table.get("z") is None
    assert [name for name, _ in table.named_parameters()] == ["w", "v"]
    assert list(table | {"u": 1}) == ["w", "n", "v", "u"] and table.copy()["w"] is w
    assert table.pop("w") is w and list(table) == ["n", "v"]
    assert table.fromkeys(["a", "b"], 1).items() == {"a": 1, "b": 1}.items()
    with pytest.raises(TypeError, match="strings"):
        table[3] = w
    with pytest.raises(KeyError, match="already exists"):
        table["training"] = w


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


def test_the_state_may_be_collected_in_parts_and_as_it_is():
    a, b = nn.Linear(1, 1), nn.Linear(1, 1)
    state = a.state_dict(prefix="a.")
    assert b.state_dict(destination=state, prefix="b.", keep_vars=True) is state
    assert list(state) == ["a.weight", "a.bias", "b.weight", "b.bias"]
    assert state["b.weight"] is b.weight and state["a.weight"] is not a.weight


def test_assigned_tensors_become_the_parameters_in_their_dtype():
    net, x = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1)), autograd.ones(1, 1, dtype="float64")
    net[0].bias.requires_grad_(False)
    state = {key: value.double() for key, value in net.state_dict().items()}
    net.load_state_dict(state, assign=True)
    assert net[0].weight.dtype == np.float64 and np.shares_memory(net[0].weight.array, state["0.weight"].array)
    assert (net[0].weight.requires_grad, net[0].bias.requires_grad) == (True, False)
    assert net[1].running_mean is state["1.running_mean"] and net.get_buffer("1.running_mean") is net[1].running_mean
    before = net[0].weight
    with pytest.raises(RuntimeError, match="only floating point can be assigned"):
        net.load_state_dict({**state, "0.weight": x.long()}, assign=True)
    assert net[0].weight is before


class Counted(nn.Linear):
    calls = 0

    def get_extra_state(self):
        return {"calls": self.calls}

    def set_extra_state(self, state):
        self.calls = state["calls"]


def test_extra_state_is_part_of_the_state():
    net = nn.Sequential(Counted(1, 1))
    net[0].calls = 7
    state = net.state_dict()
    assert list(state) == ["0.weight", "0.bias", "0._extra_state"]
    other = nn.Sequential(Counted(1, 1))
    other.load_state_dict(state)
    assert other[0].calls == 7
    with pytest.raises(RuntimeError, match=r"Missing key\(s\) in state_dict: 0._extra_state"):
        other.load_state_dict({key: value for key, value in state.items() if "extra" not in key})
    with pytest.raises(RuntimeError, match=r"Unexpected key\(s\) in state_dict: 0._extra_state"):
        nn.Sequential(nn.Linear(1, 1)).load_state_dict(state)
    before = other.state_dict()["0.weight"].tolist()
    with pytest.raises(KeyError, match="calls"):
        other.load_state_dict({**state, "0.weight": autograd.ones(1, 1) * 9, "0._extra_state": {}})
    assert other[0].weight.tolist() == before


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
