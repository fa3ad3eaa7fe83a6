"""The notation: an op's own formula and rule typeset themselves."""

import numpy as np
import pytest

import autograd
from autograd.ops import primitive, registry
from autograd.ops.samples import Sampler
from tests.opcheck import cases
from viz import Symbol
from viz.notation import Size, plain
from viz.sheet.algebra import simplified
from viz.sheet.evaluate import Evaluator
from viz.sheet.indices import Indices

J = Symbol("𝒥")
X, W, b = Symbol("X", (100, 2)), Symbol("W_H", (4, 2)), Symbol("b_H", (4,))
Z, U = Symbol("Z_H", (100, 4)), Symbol("U_H", (100, 4))


def d(x):
    return Symbol.gradient(J, x)


def rule(name, k, g, u, inputs, params=()):
    return registry[name].pull(k)(g, u, inputs, params, k)


def test_the_three_rules_of_the_linear_layer_read_as_on_the_slides():
    texts = [rule("linear", k, d(Z), Z, (X, W, b)).text for k in range(3)]
    assert texts == ["∂𝒥/∂Z_H W_H", "(∂𝒥/∂Z_H)ᵀ X", "1ᵀ ∂𝒥/∂Z_H"]


def test_the_linear_layer_itself_reads_as_on_the_slides():
    assert autograd.linear(X, W, b).text == "X W_Hᵀ + 1 b_Hᵀ"


def test_the_loss_itself_reads_as_on_the_slides():
    z, y = Symbol("Z_O", (100, 1)), Symbol("y", (100, 1))
    assert autograd.bce_with_logits(z, y).html == "mean(ln(1 + e<SUP>Z<SUB>O</SUB></SUP>) − y ⊙ Z<SUB>O</SUB>)"


def test_what_a_sum_spreads_reads_as_linear_algebra():
    u = Symbol("u", (3,))
    assert np.broadcast_to(np.expand_dims(u, 1), (3, 4)).text == "u 1ᵀ"
    assert np.broadcast_to(np.expand_dims(u, 0), (4, 3)).text == "1 uᵀ"
    assert np.broadcast_to(np.expand_dims(Symbol("s"), (0, 1)), (3, 4)).text == "s"


def test_the_rule_of_the_sigmoid():
    assert rule("sigmoid", 0, d(U), U, (Z,)).text == "∂𝒥/∂U_H ⊙ U_H ⊙ (1 − U_H)"


@pytest.mark.parametrize(("batch", "text"), [(100, "(σ(Z_O) − y)/100"), (Size(100, "B"), "(σ(Z_O) − y)/B")])
def test_the_gradient_of_bce_at_the_root_with_the_batch_as_a_number_or_a_letter(batch, text):
    z, y = Symbol("Z_O", (batch, 1)), Symbol("y", (batch, 1))
    one = Symbol.number(1)
    assert rule("bce_with_logits", 0, one, J, (z, y), ("mean",)).text == text


def test_html_has_real_subscripts_and_superscripts():
    assert rule("linear", 1, d(Z), Z, (X, W, b)).html == "(∂𝒥/∂Z<SUB>H</SUB>)<SUP>T</SUP> X"


A, B, v, s, t = Symbol("A", (3, 3)), Symbol("B", (3, 3)), Symbol("v", (3,)), Symbol("s"), Symbol("t")


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A * B, "A ⊙ B"), (s * A, "s A"), (A * 2, "2 A"), (A * B * 2, "2 A ⊙ B"),
        (s * t, "s t"), (s * s, "s · s"), (A @ B, "A B"),
        ((A + B) * A, "(A + B) ⊙ A"), (A - (B - A), "A − (B − A)"), (A - (B + A), "A − (B + A)"),
        (A + B + A, "A + B + A"),
        ((A @ B) * A, "(A B) ⊙ A"), ((A * B) @ A, "(A ⊙ B) A"), ((A @ B).mT, "(A B)ᵀ"), (A.mT.mT, "A"),
        (-A * B, "−A ⊙ B"), (A * -B, "−A ⊙ B"), (-A * -B, "A ⊙ B"), (A - -B, "A + B"), (-(A + B), "−(A + B)"),
        (A / B / s, "A/(s B)"), (A / (B * A), "A/(B ⊙ A)"), (d(A) / B, "∂𝒥/∂A / B"), ((s / t) * A, "(s/t) A"),
        (s**2, "s²"), ((s + t) ** 2, "(s + t)²"), (s**-1, "s⁻¹"), (d(s) ** 2, "(∂𝒥/∂s)²"), (s ** (t - 1), "s^(t − 1)"),
        (1 * A, "A"), (A / 1, "A"), (s**1, "s"), (A + 0, "A"), (0 + A, "A"), (0 - A, "−A"), (A * 0, "0"),
        (d(s) * (2 * t), "∂𝒥/∂s · 2 t"), (A > 0, "A > 0"), (B * (A > 0), "B ⊙ [A > 0]"),
        (((A > 0) & (B > 0)), "[A > 0] ∧ [B > 0]"), (A / 1e-12, "A/10⁻¹²"), (A * 0.5, "0.5 A"),
        (A * np.float64(3), "3 A"),
        (A.sum(0), "1ᵀ A"), (A.sum(1), "A 1"), (A.sum(), "Σ(A)"), (v.sum(0), "Σ(v)"), (s.sum(), "s"),
        (A.mean(), "mean(A)"),
        (A + v, "A + 1 vᵀ"), (v[:, None] * v[None, :], "v vᵀ"), (v @ A, "vᵀ A"), (A @ v, "A v"), (A[1:, 0], "A[1:, 0]"),
        (np.exp(A), "e^A"), (np.cos(A), "cos(A)"), (np.e**s, "e^s"),
        (np.add(A, B), "A + B"), (np.arctan(s), "arctan(s)"),
    ],
)  # fmt: skip
def test_an_expression_reads(expression, text):
    assert expression.text == text


def test_a_guard_reads_as_what_it_guards():
    assert autograd.guard(A == 0, A * B).text == "A ⊙ B"


@pytest.mark.parametrize(
    ("symbol", "text"),
    [("σ", "σ(A + B)"), ("|·|", "|A + B|"), ("1[·>0]", "1[(A + B)>0]"), ("(·)³", "(A + B)³"), ("1[·]", "1[A + B]")],
)
def test_a_dot_in_a_symbol_shows_where_the_argument_goes(symbol, text):
    op = type("Op", (), {"formula": None, "symbol": symbol, "params": ()})()
    assert Symbol.__op__(A, op, (A + B,), ()).text == text


def test_symbols_are_immutable_and_have_no_truth_value():
    with pytest.raises(AttributeError):
        A.shape = ()
    with pytest.raises(TypeError, match="truth value"):
        bool(A == B)


@pytest.mark.parametrize("name", registry)
def test_every_op_typesets_its_formula_and_rules(name):
    op = registry[name]
    for sample in op.samples(Sampler("float64")) if op.samples else []:
        args, kwargs = (sample[:-1], sample[-1]) if isinstance(sample[-1], dict) else (sample, {})
        inputs, params = op.bind(args, kwargs)
        u = np.asarray(op(*args, **kwargs))
        symbols = tuple(
            Symbol(f"x_{k}", x.shape) if isinstance(x, np.ndarray) else Symbol.number(x) for k, x in enumerate(inputs)
        )
        expression = op(*symbols, **dict(zip(op.params, params, strict=True)))
        assert expression.text
        assert expression.html
        for k, x in enumerate(inputs):
            if op.pull(k) is not None:
                out = Symbol("u", u.shape)
                gradient = op.pull(k)(d(out), out, symbols, params, k)
                assert gradient.text
                assert gradient.shrink(np.shape(x)).shape == np.shape(x)


@pytest.mark.parametrize("name", ["<b>", "</SUB>", "a&b", '"', "\\G", "\x00\x1b[31m", "a\nb", "\ud800", "x" * 1000])
def test_a_name_is_one_line_of_escaped_text(name):
    shown = Symbol(name).html
    assert "<" not in shown
    assert '"' not in shown
    assert "\\" not in shown
    assert len(plain(name)) <= 40
    shown.encode()
    assert plain(name).isprintable()


def test_only_a_short_name_has_a_subscript():
    assert [Symbol(n).html for n in ("w_batch", "learning_rate", "_x", "x_")] == [
        "w<SUB>batch</SUB>", "learning_rate", "_x", "x_",
    ]  # fmt: skip


def test_a_users_op_typesets_itself(monkeypatch):
    monkeypatch.setattr("autograd.ops.record.registry", dict(registry))  # forgotten after the test

    @primitive("softsign", formula=lambda x: x / (1 + abs(x)), x=lambda g, u: g * (1 - abs(u)) ** 2, method=False)
    def softsign_of_the_notation_test(x):
        return x / (1 + np.abs(x))

    assert softsign_of_the_notation_test(Z).text == "Z_H/(1 + |Z_H|)"
    assert softsign_of_the_notation_test.pull(0)(d(U), U, (Z,), (), 0).text == "∂𝒥/∂U_H ⊙ (1 − |U_H|)²"


# ---- what is read is what is computed


def symbols_of(inputs):
    return tuple(
        Symbol(f"x_{k}", x.shape) if isinstance(x, np.ndarray) else Symbol.number(x) for k, x in enumerate(inputs)
    )


def close(got, expected):
    np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-11)


OPS = [name for name, op in registry.items() if op.samples]


@pytest.mark.parametrize("name", OPS)
def test_the_tree_of_every_op_and_rule_evaluates_to_what_the_op_and_the_rule_compute(name):
    op = registry[name]
    for inputs, params in cases(op):
        check_trees(op, inputs, params)


def check_trees(op, inputs, params):
    with np.errstate(all="ignore"):
        symbols = symbols_of(inputs)
        values = {f"x_{k}": x for k, x in enumerate(inputs) if isinstance(x, np.ndarray)}
        u = np.asarray(op.forward(*inputs, *params))
        formula = op(*symbols, **dict(zip(op.params, params, strict=True)))
        for tree in (formula, simplified(formula)):
            close(Evaluator(values)(tree.shaped(u.shape)), u)
        g, out = Sampler("float64", 1)(*u.shape), Symbol("u", u.shape)
        for k, x in enumerate(inputs):
            if op.pull(k) is not None and isinstance(x, np.ndarray):
                expected = np.asarray(op.pull(k)(g, u, inputs, params, k))
                extra = expected.ndim - x.ndim
                repeated = tuple(j + extra for j, n in enumerate(x.shape) if n == 1 != expected.shape[extra + j])
                expected = expected.sum((*range(extra), *repeated), keepdims=True).reshape(x.shape)
                tree = op.pull(k)(d(out), out, symbols, params, k).shrink(x.shape)
                evaluate = Evaluator(values | {"u": u}, {"u": g})
                for each in (tree, simplified(tree)):
                    close(evaluate(each.shaped(x.shape)), expected)
                if x.size:
                    indices = Indices(["x_0"])
                    where = indices.free(tree)
                    free = tuple(i for i in where if i)
                    element = indices.at(tree, where)
                    close(Evaluator(values | {"u": u}, {"u": g}).each(element, free).reshape(x.shape), expected)


@pytest.mark.parametrize(
    ("expression", "text"),
    [
        (A / -2, "−A/2"), (2 * (3 * A), "6 A"), (A / 2 / 3, "A/6"), (6 * A / 2, "3 A"), (A * B / A, "B"),
        (A * 0.1 * 3, "0.3 A"),
        (-A / -B, "A/B"), (2 * A / 4, "A/2"), ((A.mT @ B).mT, "Bᵀ A"), (A + 2 * (2 * B), "A + 4 B"),
        (np.cos(A) / np.cos(A) * B, "B"),
        (A[[0, 1, 2]] / A[[2, 1, 0]], "A[·]/A[·]"),
    ],
)  # fmt: skip
def test_a_line_is_tidied_as_a_lecturer_would(expression, text):
    tidy = simplified(expression)
    assert tidy.text == text
    values = {"A": np.array([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]), "B": np.full((3, 3), 2.0)}
    close(Evaluator(values)(tidy), Evaluator(values)(expression))
