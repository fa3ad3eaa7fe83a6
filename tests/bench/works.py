"""What is measured, and against whom."""

from __future__ import annotations

from dataclasses import dataclass

TORCH = ("torch", "torch fused", "torch compiled")


@dataclass(frozen=True)
class Work:
    """A row of the table, or the rows of a program that has several."""

    title: str
    program: str
    rivals: tuple[str, ...]  # the fastest of them is what a ratio refers to
    others: tuple[str, ...] = ()  # only shown
    ours: tuple[str, ...] = ("ours",)
    whole: bool = False  # time the process, not what it says
    script: bool = False  # ours runs the program by nn.as_torch
    cold: bool = False
    memory: bool = False
    reference: bool = False  # NumPy in float64 says what the losses are
    within: tuple[float, ...] = (0.0,)  # relative, of the losses in turn; the last is for all that follow


def step(title: str) -> Work:
    # float32 rounds to 6e-8 of a value. Adam steps as far for a gradient that is nothing but rounding as for any other,
    # so what differs grows by ten in a step, and in the relu network it does. Another rule is 1e-3 off at the second.
    ours = ("ours", "ours replayed")
    within = (1e-6, 1e-5, 1e-4, 1e-3)
    return Work(title, "step", (*TORCH, "jax"), ("numpy", "hips"), ours, memory=True, reference=True, within=within)


def recipe(title: str, program: str, how: str, within: tuple[float, ...]) -> Work:
    ours = (f"ours{how}", f"ours replayed{how}")
    return Work(title, program, (f"torch{how}",), (), ours, whole=True, script=True, memory=True, within=within)


# Every library shuffles in its own order: losses and accuracies of two trainings agree as those of two seeds do.
TWO_LAYER = MNIST = (0.1, 0.02)

WORKS = {
    "tiny": step("2-4-1 sigmoid, BCE, batch 100: a step with Adam"),
    "mnist": step("784-100-10 sigmoid, CE, batch 100: a step with Adam"),
    "large": step("784-1024-1024-10 relu, CE, batch 256: a step with Adam"),
    "chain": Work("x + 1, 100,000 times, forward and backward: an operation", "chain", ("torch",), ("hips",)),
    "start": Work("import and first training step, warm", "start", ("torch",), whole=True, memory=True),
    "cold": Work("the same with an empty kernel cache", "start", ("torch",), whole=True, cold=True),
    "two_layer": recipe("the two_layer recipe, 2,000 epochs, whole process", "two_layer", "", TWO_LAYER),
    "two_layer_permuted": recipe("the same without DataLoader, by index", "two_layer", " permuted", TWO_LAYER),
    "epochs": recipe("the mnist recipe, 20 epochs of 50,000, whole process", "mnist", "", MNIST),
    "epochs_permuted": recipe("the same without DataLoader, by index", "mnist", " permuted", MNIST),
    "matmul": Work("matrix products", "matmul", ("torch", "numpy")),
    "elementwise": Work("elementwise functions and reductions", "elementwise", ("torch", "numpy")),
    "parallel": Work("training on several ranks", "parallel", ("torch",), within=(1e-5, 1e-4, 1e-3) * 3),  # 3 jobs
    "pictures": Work("pictures of large graphs, and the levels", "pictures", ()),
}
