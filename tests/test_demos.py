"""The demos as a user runs them, and the plots they save."""

import contextlib
import functools
import io
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn

ROOT = Path(__file__).resolve().parent.parent
GRAPHS = {"forward.svg", "forward.png", "backward.svg", "backward.png"}
OFFLINE = {"HTTPS_PROXY": "http://127.0.0.1:9", "https_proxy": "http://127.0.0.1:9", "NO_PROXY": "", "no_proxy": ""}

plt = pytest.importorskip("matplotlib.pyplot")
pytest.importorskip("tqdm")
pytest.importorskip("sklearn")

from sklearn.svm import SVC  # noqa: E402

from demos import (  # noqa: E402
    activations,
    backprop_by_hand,
    convnet,
    errata,
    gradient_descent,
    losses,
    mnist,
    multiclass,
    optimizers,
    regression,
    regularization,
    two_layer,
    why_hidden,
)
from demos.__main__ import demos  # noqa: E402
from demos.two_layer import make_data  # noqa: E402
from viz import plots  # noqa: E402

# Threads that wait for each other make products of small matrices a hundred times slower when other tests run beside.
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1"}


def run(*arguments, environment=None):
    return subprocess.run(
        [sys.executable, "-m", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | ONE_THREAD | (environment or {}),
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
    )


@pytest.fixture
def call(monkeypatch, capsys):
    """Runs a demo in this process, which is quicker, and returns what it prints."""

    def call(demo, *arguments):
        monkeypatch.setattr(sys, "argv", [demo.__name__, *map(str, arguments)])
        demo.main()
        return capsys.readouterr().out

    return call


def saved(folder):
    """The pictures in a folder."""
    files = [file for file in folder.iterdir() if file.suffix in (".png", ".svg")]
    for file in files:
        start = file.read_bytes()[:400]
        assert start.startswith(b"\x89PNG") if file.suffix == ".png" else b"<svg" in start, file
    return {file.name for file in files}


@pytest.fixture(autouse=True)
def figures_closed():
    yield
    plt.close("all")


# ---- two_layer


def test_two_layer_trains_prints_its_figures_saves_its_pictures_and_repeats_itself(tmp_path, call):
    out, again = tmp_path / "new" / "folder", tmp_path / "again"
    done = run("demos.two_layer", "--quick", "--noisy", "--seed", 3, "--out", out)
    assert done.returncode == 0, done.stderr
    assert re.match(r"after 20 epochs: loss 0\.\d{4}, training accuracy \d\d\.\d\d %\n", done.stdout)
    assert str(out) in done.stdout
    assert saved(out) == GRAPHS | {"history.png", "decision_region.png", "hidden_units.png"}
    assert "20/20" in done.stderr and "accuracy" in done.stderr  # the progress bar
    assert "Warning" not in done.stderr
    assert "Dense1.weight" in (out / "forward.svg").read_text("utf-8")
    page = (out / "sheet.html").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>") and page.count("data-equation") == 11
    assert done.stdout.count("✓") == 6 and "✗" not in done.stdout  # finite differences confirm every gradient

    printed = call(two_layer, "--quick", "--noisy", "--seed", 3, "--out", again)
    assert printed.splitlines()[0] == done.stdout.splitlines()[0]
    for name in ("history.png", "decision_region.png", "hidden_units.png", "forward.svg"):
        assert (again / name).read_bytes() == (out / name).read_bytes()


def test_two_layer_separates_the_noise_free_classes(tmp_path):
    done = run("demos.two_layer", "--out", tmp_path)  # seed 0, as the README runs it
    assert done.returncode == 0, done.stderr
    assert float(re.match(r"after 2,000 epochs: loss [\d.]+, training accuracy ([\d.]+) %", done.stdout)[1]) >= 98


def test_the_classes_are_those_of_the_disc_and_cannot_be_separated_by_a_line():
    autograd.manual_seed(0)
    X, y = make_data(4000)
    assert X.shape == (4000, 2) and y.shape == (4000,)
    assert X.min() >= 0 and X.max() <= 1
    radius = np.sqrt(np.log(2) / 8)  # e^(-8 r²) = ½
    assert np.array_equal(y == 1, np.hypot(*(X - 0.5).T) < radius)
    assert y.mean() == pytest.approx(np.pi * radius**2, abs=0.025)  # the area of the disc: 0.272

    line = nn.Linear(2, 1)
    opt = nn.optim.Adam(line.parameters(), lr=0.1)
    for _ in range(300):
        loss = nn.BCEWithLogitsLoss()(line(autograd.Tensor(X)), autograd.Tensor(y).view(-1, 1))
        opt.zero_grad()
        loss.backward()
        opt.step()
    guess = line(autograd.Tensor(X)).detach().numpy()[:, 0] > 0
    assert np.mean(guess == y) == pytest.approx(1 - y.mean(), abs=0.01)  # no better than class 0 everywhere


def test_noisy_labels_have_the_stated_probability():
    autograd.manual_seed(0)
    X, y = make_data(40_000, noisy=True)
    r2 = np.sum((X - 0.5) ** 2, axis=1)
    p = 1 / (1 + np.exp(-10 * (np.exp(-8 * r2) - 0.5)))
    for low, high in ((0, 0.1), (0.1, 0.3), (0.3, 0.7), (0.7, 0.9), (0.9, 1)):
        inside = (low <= p) & (p < high)
        assert y[inside].mean() == pytest.approx(p[inside].mean(), abs=5 * 0.5 / np.sqrt(inside.sum()))


def test_the_same_seed_gives_the_same_data():
    first, again = (autograd.manual_seed(7) and make_data(50) for _ in range(2))
    assert np.array_equal(first[0], again[0]) and np.array_equal(first[1], again[1])


# ---- mnist


def write_mnist(folder, train, test):
    """Files of MNIST's format: a bright square at a place that says the class."""
    for part, n in (("train", train), ("t10k", test)):
        labels = np.arange(n, dtype=np.uint8) % 10
        images = np.zeros((n, 28, 28), np.uint8)
        for k, label in enumerate(labels):
            images[k, 2 * label : 2 * label + 6, 10:16] = 255
        header = struct.pack(">4I", 0x803, n, 28, 28)
        (folder / f"{part}-images-idx3-ubyte").write_bytes(header + images.tobytes())
        (folder / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 0x801, n) + labels.tobytes())


def test_mnist_trains_on_the_files_of_a_folder(tmp_path, call):
    write_mnist(tmp_path, 600, 100)
    out = tmp_path / "out"
    lines = call(mnist, "--data-dir", tmp_path, "--quick", "--base", "--out", out).splitlines()
    for k in (1, 2):
        assert re.match(rf"epoch +{k}: loss .*training accuracy .* validation accuracy .* test accuracy", lines[k])
    assert re.match(r"training took \d+\.\d s", lines[3])
    assert re.match(r"test accuracy \d+\.\d\d %: \d+ of 100 test images misread", lines[4])
    assert str(out) in lines[5] and len(lines) == 6
    assert saved(out) >= GRAPHS | {"learning_curve.png", "hidden_weights.png"}


def test_mnist_is_compared_with_two_svms_on_the_same_images_and_tuned(tmp_path, call):
    write_mnist(tmp_path, 600, 100)
    out = tmp_path / "out"
    printed = call(mnist, "--data-dir", tmp_path, "--epochs", 3, "--svm", 200, "--out", out)
    rows = re.findall(r"^(network of the slides|linear SVM|RBF SVM) +([\d,]+) +([\d.]+) %", printed, re.M)
    assert [row[:2] for row in rows] == [(name, "200") for name in ("network of the slides", "linear SVM", "RBF SVM")]
    # What the table says of the linear machine is what scikit-learn says of these files.
    (X, y), _, (X_test, y_test) = mnist.load_mnist(str(tmp_path))
    machine = SVC(kernel="linear", C=0.1).fit(X[:200].reshape(200, -1), y[:200])
    assert float(rows[1][2]) == pytest.approx(100 * machine.score(X_test.reshape(100, -1), y_test))
    assert len(re.findall(r"^test accuracy", printed, re.M)) == 2
    assert "learning_curve.png" in saved(out / "tuned")


def test_mnist_keeps_the_last_sixth_of_the_training_file_for_validation(tmp_path):
    write_mnist(tmp_path, 60, 20)
    train, validation, test = mnist.load_mnist(str(tmp_path))
    assert [X.shape for X, _ in (train, validation, test)] == [(50, 28, 28), (10, 28, 28), (20, 28, 28)]
    assert [y.tolist() for _, y in (train, validation, test)] == [[*range(10)] * 5, [*range(10)], [*range(10)] * 2]
    assert train[0].dtype == np.float32 and train[0].max() == 1 and train[0].min() == 0


def test_the_tuned_network_does_not_look_at_all_pixels_while_it_learns_and_then_does(tmp_path):
    write_mnist(tmp_path, 120, 20)
    parts, seen = mnist.load_mnist(str(tmp_path)), []

    class Watched(mnist.Net):
        def forward(self, x):
            seen.append((self.training, len(x)))
            return super().forward(x)

    model = Watched(784, 4, 10)
    history = mnist.train(model, parts, 2, nn.optim.Adam(model.parameters()), max_lr=1e-3)
    # Of 100 images to train, 20 to validate and 20 to test: a step, then three measurements.
    assert seen == [(True, 100), (False, 100), (False, 20), (False, 20)] * 2
    assert [len(values) for values in history.values()] == [2] * 4


@pytest.mark.parametrize("demo", [["demos.digits"], ["demos.mnist", "--digits"]])
def test_scikit_learns_digits_are_learned_without_a_network(tmp_path, demo):
    done = run(*demo, "--epochs", 50, "--out", tmp_path, environment=OFFLINE)
    assert done.returncode == 0, done.stderr
    found = re.findall(r"^test accuracy ([\d.]+) %: (\d+) of 300 ", done.stdout, re.M)
    assert len(found) == 2  # the network of the slides, and the tuned one
    for accuracy, misread in found:
        assert float(accuracy) > 93
        assert float(accuracy) == pytest.approx(100 * (1 - int(misread) / 300), abs=0.01)
    assert saved(tmp_path) == GRAPHS | {"learning_curve.png", "misread.png", "hidden_weights.png"}
    assert re.search(r"^RBF SVM +1,197 +9[5-9]\.", done.stdout, re.M)
    assert "600/600" in done.stderr  # 1,197 images: 12 batches in each of 50 epochs
    assert "Warning" not in done.stderr


@pytest.mark.parametrize(
    ("options", "environment", "reason"),
    [
        ([], {"MNIST_DIR": ""}, "neither data nor network"),
        (["--data-dir", "no such folder"], {}, "no such folder"),
        ([], {"MNIST_DIR": "no such folder"}, "no such folder"),
    ],
)
def test_mnist_without_data_says_so_and_offers_the_digits(tmp_path, options, environment, reason):
    environment = OFFLINE | {"XDG_CACHE_HOME": str(tmp_path), "LOCALAPPDATA": str(tmp_path)} | environment
    done = run("demos.mnist", "--out", tmp_path / "out", *options, environment=environment)
    assert done.returncode == 1
    assert reason in done.stderr
    assert "python -m demos.mnist --digits" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


# ---- the other demos of the slides


def rows(printed, first):
    """The cells of the table whose header begins with ``first``, keyed by the first cell of each row."""
    lines = printed.splitlines()
    start = next(k for k, line in enumerate(lines) if re.match(rf"{first}\s\s", line))
    found = {}
    for line in lines[start + 2 :]:
        if not re.search(r"\S\s\s+\S", line):
            break
        key, *cells = re.split(r"\s\s+", line.strip())
        found.setdefault(key, []).append(cells)
    return {key: cells[0] if len(cells) == 1 else cells for key, cells in found.items()}


@pytest.fixture(scope="module")
def quick(tmp_path_factory):
    """Runs a demo with --quick, once for all tests: its folder, what it prints and its progress."""

    @functools.cache
    def quick(demo):
        out, printed, progress = tmp_path_factory.mktemp("quick"), io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", [demo.__name__, "--quick", "--out", str(out)])
            with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(progress):
                demo.main()
        return out, printed.getvalue(), progress.getvalue()

    return quick


def percent(cell):
    return float(cell.removesuffix(" %"))


@pytest.mark.parametrize(
    ("demo", "pictures"),
    [
        (why_hidden, {"decision_regions.png", "hidden_units.png"}),
        (activations, {"activations.png", "twenty_layers.png"}),
        (losses, {"losses.png"}),
        (gradient_descent, {"trajectories.png", "step_size.png"}),
        (optimizers, {"losses.png", "paths.png"}),
        (backprop_by_hand, {"differences.png", *(f"case_{k}.{kind}" for k in range(1, 5) for kind in ("html", "svg"))}),
        (errata, {"errata.png"}),
    ],
)
def test_a_demo_runs_quickly_shows_its_progress_and_saves_its_pictures(demo, pictures, quick):
    out, printed, progress = quick(demo)
    assert {path.name for path in out.iterdir()} == pictures
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in out.glob("*.png"))
    assert printed.splitlines()[-1].startswith(f"saved in {out}: ")
    assert "%|" in progress
    assert re.search(r'Slides? "', demo.__doc__) or all('Slide' in slip.__doc__ for slip in demo.SLIPS)


def test_a_demo_repeats_itself_with_its_seed_and_not_with_another(quick, call):
    out, printed, _ = quick(gradient_descent)
    assert call(gradient_descent, "--quick", "--out", out) == printed
    assert call(gradient_descent, "--quick", "--out", out, "--seed", 1) != printed


def test_why_hidden_a_line_is_no_better_than_the_larger_class_and_hidden_units_are(tmp_path, call):
    found = rows(call(why_hidden, "--epochs", 800, "--out", tmp_path), "network")
    majority = percent(found["always the larger class"][2])
    assert percent(found["linear"][2]) == pytest.approx(majority, abs=1)
    assert percent(found["1 hidden unit"][2]) == pytest.approx(majority, abs=1)
    assert percent(found["4 hidden units"][2]) > 95 and percent(found["4 hidden units"][3]) > 95
    assert [int(cells[0]) for name, cells in found.items() if "unit" in name] == [5, 9, 13, 17, 33]


def test_activations_selu_keeps_mean_and_variance_through_twenty_layers_and_others_do_not(quick):
    _, printed, _ = quick(activations)
    means, variances, sizes = (
        np.array([list(map(float, cells)) for cells in rows(printed[printed.index(title) :], "layer").values()])
        for title in ("mean of", "variance of", "size of")
    )
    assert means.shape == variances.shape == (21, 5)
    assert np.abs(means[:, 4]).max() < 0.05 and np.abs(variances[:, 4] - 1).max() < 0.2
    assert np.all(np.abs(variances[20, [0, 1, 3]] - 1) > 0.5) and np.all(means[1:, 0] > 0.4)
    assert sizes[-1, 0] < 1e-9 and 0.3 < sizes[-1, 4] < 3  # the sigmoid's gradient is gone, SELU's is not
    slopes = rows(printed, "activation")
    assert float(slopes["Sigmoid"][3]) == 0.25 and float(slopes["Sigmoid"][0]) == pytest.approx(np.exp(-10), rel=1e-3)
    assert slopes["ReLU"] == ["0", "0", "0", "0", "1", "1", "1"]


def test_losses_are_likelihoods_and_the_naive_forms_overflow(quick):
    _, printed, _ = quick(losses)
    compared = rows(printed, "loss")
    assert len(compared) == 4
    for cells in compared.values():
        assert float(cells[1]) == float(cells[2]) and float(cells[3]) < 1e-12
    for name, (_, found, expected) in rows(printed[printed.index("what one constant") :], "loss").items():
        np.testing.assert_allclose(*(np.array(v.split(), float) for v in (found, expected)), atol=0.02, err_msg=name)
    binary = rows(printed, "form")
    multiclass = rows(printed[printed.index("cross-entropy of the scores") :], "form")
    at_1000 = {name: cells[3] for name, cells in (binary | multiclass).items()}
    assert [name for name, cell in at_1000.items() if cell.startswith("inf")] == [n for n in at_1000 if "naive" in n]
    right = ("BCEWithLogitsLoss(z)", "NLLLoss(log_softmax(z))", "CrossEntropyLoss(z)")
    assert [name for name, cell in at_1000.items() if cell == "1000, 1"] == list(right)
    assert at_1000["BCELoss(u)"] == "100, 0"


def test_gradient_descent_the_mini_batch_gradient_is_right_on_average_and_its_noise_falls_with_its_size(quick):
    _, printed, _ = quick(gradient_descent)
    for full, mean, error, apart in (map(float, cells) for cells in rows(printed, "parameter").values()):
        assert apart <= 3
        assert apart == pytest.approx(abs(mean - full) / error, abs=0.2)
        assert 0 < error < abs(full)
    even, uneven, weighted = (float(cells[0]) for cells in rows(printed, "batches").values())
    assert even < 1e-14 and weighted < 1e-14 and uneven > 1e-3
    for B, (measured, theory) in rows(printed, "B").items():
        assert float(measured) == pytest.approx(float(theory), rel=0.3, abs=1e-14), B
    found = rows(printed, "step size α")
    assert float(found["1.05"][0]) > float(found["0.02"][0]) > float(found["0.6"][0])  # diverges, slow, quick
    assert float(found["0.6"][1]) > float(found["0.1"][1])  # a large step keeps the noise


def test_optimizers_are_all_seven_and_reach_less_loss_than_they_began_with(tmp_path, call):
    found = rows(call(optimizers, "--epochs", 200, "--out", tmp_path), "optimizer")
    assert list(found) == ["SGD", "momentum 0.9", "Rprop", "RMSprop", "Adadelta", "Adagrad", "Adam"]
    end = {name: float(cells[-2]) for name, cells in found.items()}
    assert all(loss < 0.6 for loss in end.values()) and end["Adam"] < 0.2 and end["Adam"] < end["SGD"]


def test_backprop_by_hand_agrees_to_1e_12_and_a_wrong_formula_would_not(tmp_path, call, monkeypatch):
    printed = call(backprop_by_hand, "--out", tmp_path)
    assert float(re.search(r"at most (\S+) apart", printed)[1]) <= 1e-12
    cases = rows(printed, "case")
    assert [len(case) for case in cases.values()] == [4] * 4  # the gradients of four parameters in each of four cases
    by_hand = backprop_by_hand.case_3
    monkeypatch.setattr(backprop_by_hand, "case_3", lambda *a, **k: {n: 2 * g for n, g in by_hand(*a, **k).items()})
    printed = call(backprop_by_hand, "--quick", "--out", tmp_path)
    assert float(re.search(r"at most (\S+) apart", printed)[1]) > 0.01


def test_errata_shows_every_correction_and_would_say_if_it_could_not(tmp_path, quick, call, monkeypatch):
    _, printed, _ = quick(errata)
    assert printed.count("printed: ") == printed.count("correct: ") == len(errata.SLIPS) == 15
    assert "15 of 15 corrections shown" in printed and "NOT SHOWN" not in printed
    monkeypatch.setattr(autograd, "sigmoid", lambda z: autograd.tanh(z))
    printed = call(errata, "--out", tmp_path)
    assert "14 of 15 corrections shown" in printed and printed.count("NOT SHOWN") == 1


# ---- the other demos


def cells_of(printed):
    """Of each line of a table: its cells, as they are printed."""
    return [re.split(r"  +", line.strip()) for line in printed.splitlines()]


def figures(cells):
    return [float(cell.rstrip(" %")) for cell in cells]


def test_the_list_has_every_demo_with_the_first_line_of_what_it_says_of_itself():
    done = run("demos")
    assert done.returncode == 0, done.stderr
    scripts = {file.stem for file in (ROOT / "demos").glob("[!_]*.py")} - {"common"}
    assert {command for command, _ in demos()} == {f"python -m demos.{name}" for name in scripts}
    for command, line in demos():
        assert re.search(rf"^{re.escape(command)} +{re.escape(line)}$", done.stdout, re.M)
        assert line[-1] in ".:" and len(line) > 20


def test_regression_comes_near_the_noise_and_its_loss_is_the_likelihood(tmp_path, call):
    printed = call(regression, "--epochs", 1000, "--out", tmp_path)
    for K, line in ("1", cells_of(printed)[2]), ("2", cells_of(printed)[3]):
        training, test, ratio, off = figures(line[2:6])
        assert line[0] == K and ratio == pytest.approx(test / regression.SIGMA, rel=1e-3)
        assert 0.85 < training / regression.SIGMA < 1.25 and 0.95 < ratio < 1.25
        # The error of the network and the noise are independent.
        assert off**2 == pytest.approx(test**2 - regression.SIGMA**2, abs=0.002)
    assert float(re.search(r"differ by (\S+) of it", printed)[1]) < 1e-6
    assert saved(tmp_path) == {"targets_1.png", "targets_2.png"}


def test_regression_draws_targets_with_noise_of_the_stated_size():
    x, y = regression.make_data(20_000, 2)
    noise = (y - regression.truth(x, 2)).numpy()
    assert noise.std(axis=0) == pytest.approx([regression.SIGMA] * 2, rel=0.03)
    assert abs(np.corrcoef(noise.T)[0, 1]) < 0.03
    quarter = regression.truth(autograd.tensor([[0.25]]), 2).numpy()
    np.testing.assert_allclose(quarter, [[1, 0]], atol=1e-6)


def test_multiclass_separates_what_lines_cannot(tmp_path, call):
    printed = call(multiclass, "--quick", "--epochs", 100, "--out", tmp_path)
    for K, line in zip((3, 4, 5), cells_of(printed)[2:5], strict=True):
        _, linear, training, test, sure = figures(line[1:6])
        assert int(line[0]) == K
        assert linear < 80 and training >= 95 and test >= 95
        assert 80 < sure <= 100
    assert saved(tmp_path) == {f"{what}_{K}.png" for what in ("classes", "soft") for K in (3, 4, 5)}


def test_soft_decisions_of_all_classes_sum_to_one():
    model, X = nn.Linear(2, 3), autograd.rand(10, 2)
    parts = [multiclass.soft(model, k)(X).detach().numpy() for k in range(3)]
    np.testing.assert_allclose(sum(parts), 1, rtol=1e-6)
    assert np.array_equal(np.argmax(parts, axis=0), model(X).detach().numpy().argmax(axis=1))


def test_regularization_tells_penalties_apart_and_cross_validation_chooses_the_best(tmp_path, call):
    printed = call(regularization, "--quick", "--out", tmp_path)
    steps = re.findall(r"^(all parameters|weights only) +(\S+) +(\S+)$", printed, re.M)
    assert len(steps) == 2
    assert all(float(half) < 1e-12 and float(whole) > 1e-3 for _, half, whole in steps)

    zeros = dict(re.findall(r"^(.*\S) +(\d+) of 17 ", printed, re.M))
    off = {line[0]: float(line[-1]) for line in cells_of(printed) if len(line) == 5 and " of 17" in line[1]}
    assert list(zeros.values()) == ["0", "0", "17", "17"]  # least squares, with L1Loss, with λ Σ|w|, scikit-learn's
    assert off["MSELoss + λ Σ|w|"] < 0.005 < 0.05 < off["MSELoss + λ L1Loss(z, y)"]

    grid = {int(size): figures(re.findall(r"[\d.]+ %", cells)) for size, cells in
            re.findall(r"^(\d+) hidden units +(.*)$", printed, re.M)}  # fmt: skip
    chosen = re.search(r"chosen by cross-validation: (\d+) units, λ = (\S+) ", printed)
    assert max(map(max, grid.values())) == grid[int(chosen[1])][[0, 1e-3].index(float(chosen[2]))]
    assert saved(tmp_path) == {"decision_regions.png", "cross_validation.png"}


def test_weights_only_decays_no_bias():
    model = nn.Linear(3, 2)
    for p in model.parameters():
        p.grad = autograd.zeros_like(p)
    before = [p.detach().clone() for p in model.parameters()]
    regularization.weights_only(model.parameters(), lr=0.1, weight_decay=0.5).step()
    # The first step of Adam has the size α, against the sign of λw.
    assert autograd.allclose(model.weight, before[0] - 0.1 * before[0].sign(), atol=1e-6)
    assert autograd.equal(model.bias, before[1])


def test_convnet_has_fewer_parameters_than_the_slides_network_and_learns_the_files_of_a_folder(tmp_path, call):
    write_mnist(tmp_path, 600, 100)
    out = tmp_path / "out"
    printed = call(convnet, "--data-dir", tmp_path, "--epochs", 1, "--out", out)
    sizes = [int(size.replace(",", "")) for size in re.findall(r": ([\d,]+) parameters", printed)]
    assert sizes == [8 * 26 + 16 * (8 * 25 + 1) + 64 * 257 + 10 * 65, 100 * 785 + 10 * 101]
    assert re.search(r"^test accuracy \d+\.\d\d %: \d+ of 100 test images misread$", printed, re.M)
    assert saved(out) >= {"forward.svg", "backward.svg", "learning_curve.png", "filters.png", "features.png"}


@pytest.mark.skipif(not os.environ.get("MNIST_DIR"), reason="needs MNIST: set MNIST_DIR to the folder of its files")
def test_convnet_reads_real_digits_after_a_quick_run(tmp_path, call):
    printed = call(convnet, "--quick", "--epochs", 5, "--out", tmp_path)
    assert float(re.search(r"^test accuracy ([\d.]+) %", printed, re.M)[1]) > 85


# ---- options


@pytest.mark.parametrize("demo", ["demos.two_layer", "demos.mnist", "demos.digits"])
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--epochs", "0"], "expected an integer from 1 up, found 0"),
        (["--seed", "-1"], "expected an integer from 0 up, found -1"),
        (["--out", "setup.cfg"], "cannot make the folder setup.cfg"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_runs(demo, options, reason):
    done = run(demo, *options)
    assert done.returncode == 2
    assert reason in done.stderr
    assert "Traceback" not in done.stderr


def test_a_demo_without_its_packages_says_what_to_install():
    code = "import sys; sys.modules['tqdm'] = None; import demos.two_layer"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == "the demos need tqdm: pip install '.[demos]'\n"


# ---- plots


def network(*layers):
    autograd.manual_seed(0)
    return nn.Sequential(*layers)


def test_decision_region_shows_what_the_network_puts_out(monkeypatch):
    def right_half(points):
        return 0.9 * (points[:, :1] > 0.5).float()

    X, y = np.array([[0.1, 0.2], [0.9, 0.8], [0.7, 0.1]]), [0, 1, 1]
    ax = plots.decision_region(right_half, X, y, extent=(0, 1, 0, 2), resolution=10)
    shown = ax.images[0].get_array()
    assert np.array_equal(shown, np.tile([0.0] * 5 + [0.9] * 5, (10, 1)).astype(np.float32))
    assert ax.images[0].origin == "lower" and list(ax.images[0].get_extent()) == [0, 1, 0, 2]
    zeros, ones = (s.get_offsets() for s in ax.collections if len(s.get_offsets()) and s.get_label().startswith("$y"))
    assert np.array_equal(zeros, X[:1]) and np.array_equal(ones, X[1:])
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("$x_0$", "$x_1$")


def test_decision_region_has_x1_upwards():
    ax = plots.decision_region(lambda points: (points[:, 1:] > 0).float(), [[-1, -1], [1, 1]], [0, 1], resolution=4)
    assert list(ax.images[0].get_array()[:, 0]) == [0, 0, 1, 1]


def test_decision_region_of_scores_and_of_several_classes():
    X, y = autograd.rand(9, 2), autograd.arange(9)
    scores = plots.decision_region(lambda points: points[:, 0] * 2000 - 1000, X, y > 4, logits=True, resolution=5)
    assert set(np.round(scores.images[0].get_array()[0], 3)) <= {0, 0.5, 1}
    classes = plots.decision_region(network(nn.Linear(2, 3)), X, [0, 1, 2] * 3, resolution=5)
    assert set(classes.images[0].get_array().ravel()) <= {0, 1, 2}
    with pytest.raises(ValueError, match="logits=True"):
        plots.decision_region(lambda points: points[:, :1] * 10, X, y > 4)
    with pytest.raises(autograd.ShapeError, match="one class for each sample"):
        plots.decision_region(network(nn.Linear(2, 3)), X, [0, 1])
    with pytest.raises(autograd.ShapeError, match=r"\(n, 2\)"):
        plots.decision_region(network(nn.Linear(3, 1)), np.ones((4, 3)), [0, 1, 0, 1])


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("frozen", [True, False])
def test_hidden_units_show_the_features_that_the_output_reads_with_its_weights(bias, frozen):
    model = network(nn.Linear(2, 3), nn.Sigmoid(), nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 1, bias=bias), nn.Sigmoid())
    for parameter in model.parameters():
        parameter.requires_grad = not frozen
    axes = plots.hidden_units(model, extent=(0, 2, 0, 2), resolution=2)
    centres = autograd.Tensor([[0.5, 0.5], [1.5, 0.5], [0.5, 1.5], [1.5, 1.5]])
    U = model[:4](centres).detach().numpy()
    weights = model[4].weight.detach().numpy()[0]
    assert len(axes) == 5
    for l, ax in enumerate(axes):
        np.testing.assert_allclose(ax.images[0].get_array().ravel(), U[:, l], rtol=1e-5)
        assert ax.get_title() == f"$u_{{H,{l}}}$,  $w_{{O,{l}}} = {weights[l]:.2f}$"
        assert ax.images[0].get_clim() == axes[0].images[0].get_clim()  # the colour bar is for all
    assert all(parameter.grad is None for parameter in model.parameters())


def test_hidden_units_of_a_network_without_any_are_refused():
    with pytest.raises(ValueError, match="no hidden layer"):
        plots.hidden_units(network(nn.Linear(2, 1), nn.Sigmoid()))


def test_plots_draw_on_given_axes():
    figure, axes = plt.subplots(2, 2)
    (a, b), (c, d) = axes
    model = network(nn.Linear(2, 2), nn.Sigmoid(), nn.Linear(2, 1), nn.Sigmoid())
    assert plots.decision_region(model, [[0, 0], [1, 1]], [0, 1], a, resolution=3) is a
    assert plots.hidden_units(model, axes=[b, c], resolution=3) == [b, c]
    assert plots.learning_curve({"loss": [2.0, 1.0]}, [d]) == [d]
    assert plt.get_fignums() == [figure.number]
    with pytest.raises(autograd.ShapeError, match="2 hidden units, found 1"):
        plots.hidden_units(model, axes=[b], resolution=3)


def test_learning_curve_counts_epochs_from_one_and_keeps_losses_and_accuracies_apart():
    history = {"loss": [3.0, 2.0], "test accuracy": np.array([50, 75]), "training accuracy": [60, 90]}
    losses, accuracies = plots.learning_curve(history)
    assert [list(losses.lines[0].get_xdata()), list(losses.lines[0].get_ydata())] == [[1, 2], [3, 2]]
    assert [line.get_label() for line in accuracies.lines] == ["test", "training"]
    with pytest.raises(ValueError, match="empty"):
        plots.learning_curve({})


def test_images_are_drawn_one_by_one_and_signed_ones_with_a_colour_bar():
    digits = plots.images(np.ones((3, 8, 8)), ["a", "b", "c"], columns=2)
    assert [ax.get_title() for ax in digits] == ["a", "b", "c"] and len(digits[0].figure.axes) == 3
    weights = plots.images(np.linspace(-2, 1, 32).reshape(2, 4, 4))
    low, high = weights[0].images[0].get_clim()
    assert low == -high and len(weights[0].figure.axes) == 3
    with pytest.raises(autograd.ShapeError, match="one image or more"):
        plots.images(np.ones((0, 8, 8)))


def test_importing_viz_does_not_import_matplotlib_and_its_absence_is_explained():
    code = (
        "import sys, viz.plots; assert 'matplotlib' not in sys.modules; sys.modules['matplotlib'] = None\n"
        "viz.plots.learning_curve({'loss': [1.0]})"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "ImportError: plots need matplotlib: pip install 'chalkgrad[demos]'" in done.stderr
