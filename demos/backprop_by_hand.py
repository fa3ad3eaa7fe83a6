"""Back-propagation by hand: the formulas of the slides in plain NumPy, beside what autograd computes.

Slides "Simple case 1", "Simple case 2", "Practical case: Matrix/vector formulation", "Summary of forward and backward
passes" and "Examples of loss derivative". The loss is summed over the batch, as there, and all numbers are float64.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from tqdm import tqdm

import autograd
import nn
import viz
from demos.common import parser, table

Value = Any  # a number or an array
Arrays = dict[str, np.ndarray]


def sigma(z: Value) -> Value:
    return 1 / (1 + np.exp(-z))


def case_1(x: Value, y: Value, w_H: Value, b_H: Value, w_O: Value, b_O: Value) -> Arrays:
    """Scalar variables, batch size B = 1; binary cross-entropy."""
    # Forward pass
    z_H = w_H * x + b_H
    u_H = sigma(z_H)
    z_O = w_O * u_H + b_O
    # Backward pass: each line reuses the one before
    dz_O = np.exp(z_O) / (1 + np.exp(z_O)) - y
    du_H = dz_O * w_O
    dz_H = du_H * u_H * (1 - u_H)  # g' = u (1 - u) of the sigmoid
    return {"b_O": dz_O, "w_O": dz_O * u_H, "b_H": dz_H, "w_H": dz_H * x}


def case_2(x: Value, y: Value, w_H: Value, b_H: Value, w_O: Value, b_O: Value) -> Arrays:
    """Scalar variables, batch size B > 1: the parameters collect a sum over the samples i."""
    z_H = w_H * x + b_H
    u_H = sigma(z_H)
    z_O = w_O * u_H + b_O
    dz_O = np.exp(z_O) / (1 + np.exp(z_O)) - y
    du_H = dz_O * w_O
    dz_H = du_H * u_H * (1 - u_H)
    return {"b_O": np.sum(dz_O), "w_O": np.sum(dz_O * u_H), "b_H": np.sum(dz_H), "w_H": np.sum(dz_H * x)}


def case_3(X: Value, Y: Value, W_H: Value, b_H: Value, W_O: Value, b_O: Value) -> Arrays:
    """Matrices: rows of X and Y are samples; Y of one column is 0 or 1, of K columns one-hot."""
    one_B = np.ones(len(X))
    # Forward pass
    Z_H = (W_H @ X.T + np.outer(b_H, one_B)).T
    U_H = sigma(Z_H)
    Z_O = (W_O @ U_H.T + np.outer(b_O, one_B)).T
    # Backward pass
    if Y.shape[1] == 1:
        dZ_O = np.exp(Z_O) / (1 + np.exp(Z_O)) - Y
    else:
        dZ_O = np.exp(Z_O) / np.exp(Z_O).sum(axis=1, keepdims=True) - Y
    dZ_H = (dZ_O @ W_O) * (U_H * (1 - U_H))
    return {"b_O": one_B @ dZ_O, "W_O": dZ_O.T @ U_H, "b_H": one_B @ dZ_H, "W_H": dZ_H.T @ X}


def tensors(arrays: Arrays) -> dict[str, autograd.Tensor]:
    return {name: autograd.tensor(array, requires_grad=True) for name, array in arrays.items()}


def scalar_loss(x: autograd.Tensor, y: autograd.Tensor, p: dict[str, autograd.Tensor]) -> autograd.Tensor:
    u_H = autograd.sigmoid(p["w_H"] * x + p["b_H"])
    z_O = p["w_O"] * u_H + p["b_O"]
    loss: autograd.Tensor = nn.BCEWithLogitsLoss(reduction="sum")(z_O, y)
    return loss


def matrix_loss(
    X: autograd.Tensor, Y: autograd.Tensor, p: dict[str, autograd.Tensor], criterion: nn.Module
) -> autograd.Tensor:
    U_H = autograd.sigmoid(nn.functional.linear(X, p["W_H"], p["b_H"]))
    loss: autograd.Tensor = criterion(nn.functional.linear(U_H, p["W_O"], p["b_O"]), Y)
    return loss


def main() -> None:
    args = parser(__doc__, out="out/backprop_by_hand").parse_args()
    d, d_H, B = (2, 4, 5) if args.quick else (8, 16, 100)
    random = np.random.default_rng(args.seed)

    scalars: Arrays = {name: random.standard_normal(()) for name in ("w_H", "b_H", "w_O", "b_O")}
    x, y = random.standard_normal(B), random.integers(0, 2, B).astype(float)
    X = random.standard_normal((B, d))
    cases = []

    p = tensors(scalars)
    loss_1 = scalar_loss(autograd.tensor(x[0]), autograd.tensor(y[0]), p)
    cases.append(("1: scalars, B = 1", loss_1, p, case_1(x[0], y[0], **scalars)))

    p = tensors(scalars)
    loss_2 = scalar_loss(autograd.tensor(x), autograd.tensor(y), p)
    cases.append((f"2: scalars, B = {B}", loss_2, p, case_2(x, y, **scalars)))

    for K, criterion in (1, nn.BCEWithLogitsLoss(reduction="sum")), (3, nn.CrossEntropyLoss(reduction="sum")):
        matrices = {
            "W_H": random.standard_normal((d_H, d)),
            "b_H": random.standard_normal(d_H),
            "W_O": random.standard_normal((K, d_H)),
            "b_O": random.standard_normal(K),
        }
        Y = y[:, None] if K == 1 else np.eye(K)[random.integers(0, K, B)]
        p = tensors(matrices)
        loss_3 = matrix_loss(autograd.tensor(X), autograd.tensor(Y), p, criterion)
        what = "binary" if K == 1 else f"{K}-ary"
        cases.append((f"3: matrices, B = {B}, {what} cross-entropy", loss_3, p, case_3(X, Y, **matrices)))

    import matplotlib.pyplot as plt  # here as in the other demos: for the picture in the end

    rows, differences = [], []
    for k, (case, loss, parameters, by_hand) in enumerate(tqdm(cases, unit="case")):
        sheet = viz.sheet(loss, names=parameters, values=not args.quick)
        (args.out / f"case_{k + 1}.html").write_text(sheet.html, "utf-8")
        viz.draw(loss, show="both", names=parameters).save(args.out / f"case_{k + 1}.svg")
        loss.backward()
        for name, gradient in by_hand.items():
            found = np.asarray(parameters[name].grad)
            differences.append(float(np.abs(found - gradient).max()))
            shape = " × ".join(map(str, found.shape)) or "scalar"
            rows.append((case, f"∂J/∂{name}", shape, f"{np.linalg.norm(found):.6f}", f"{differences[-1]:.1e}"))
    table(("case", "gradient", "shape", "norm", "largest difference"), rows)
    print(f"\nby hand and by autograd: at most {max(differences):.1e} apart, and no more than 1e-12 is wanted")

    figure, ax = plt.subplots(figsize=(9, 5), layout="constrained")
    ax.bar([f"{k + 1}: {name}" for k, case in enumerate(cases) for name in case[3]], differences)
    ax.axhline(1e-12, color="black", linestyle="--", label="1e-12")
    ax.set(yscale="log", ylim=(1e-18, 1e-10), ylabel="largest difference", title="by hand against autograd")
    ax.tick_params(axis="x", rotation=60)
    ax.legend()
    figure.savefig(args.out / "differences.png")
    print(f"saved in {args.out}: differences.png; case_1 to case_{len(cases)}, .html (equations), .svg (graph)")


if __name__ == "__main__":
    main()
