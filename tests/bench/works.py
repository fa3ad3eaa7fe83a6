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
    # A loss sums some hundreds of products, each rounded to 2⁻²⁴ of itself. Adam makes steps of one size of gradients
    # of any size, those that are nothing but rounding too, which moves the next losses by more than their own rounding.
    # Of five steps this is at most 2e-6; a wrong rule, or another optimizer, is off by more than 1e-3 at the second.
    ours = ("ours", "ours replayed")
    others = ("numpy", "hips")
    return Work(title, "step", (*TORCH, "jax"), others, ours, memory=True, reference=True, within=(1e-4,))


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
    "pictures": Work("pictures of large graphs, and the levels", "pictures", ()),
}
