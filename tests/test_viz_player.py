"""The step player and its pages: their structure, their numbers, and the page in a real browser where there is one."""

import base64
import hashlib
import json
import os
import re
import shutil
import time
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

import autograd
import nn
import viz
from autograd.graph import Graph
from viz import cells
from viz.stage import Stage


@pytest.fixture(autouse=True)
def seeded():
    autograd.manual_seed(4)


class Net(nn.Module):
    """The network of the slides."""

    def __init__(self):
        super().__init__()
        self.activation = nn.Sigmoid()
        self.Dense1 = nn.Linear(2, 4)
        self.Dense2 = nn.Linear(4, 1)

    def forward(self, x):
        return self.activation(self.Dense2(self.activation(self.Dense1(x))))


def slides_loss():
    X, y = autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float()
    return nn.BCELoss()(Net()(X), y)


def fan_out():
    """x is used three times: twice by one operation."""
    x = autograd.tensor(3.0, requires_grad=True)
    x.name = "x"
    return x * x + x


def broken():
    """Numbers that JSON does not have."""
    x = autograd.tensor([0.0, -1.0, 4.0], requires_grad=True)
    return x.log().sum()


def of_all_kinds():
    """Leaves that hold truth values, indices and nothing."""
    x = autograd.rand(20, 3, requires_grad=True)
    nothing = autograd.zeros(0, 3, requires_grad=True)
    chosen = autograd.where(x > 0.5, x, 0.0)[autograd.tensor([0, 0, 2])]
    return chosen.sum() + nothing.sum()


LOSSES = [slides_loss, fan_out, broken, of_all_kinds]
VOID = {"meta", "input", "link", "br", "hr", "img"}


class Read(HTMLParser):
    """The elements of a page, each with its attributes and its own text."""

    def __init__(self, path):
        super().__init__()
        self.elements, self.open = [], []
        self.source = Path(path).read_text("utf-8")
        self.feed(self.source)
        self.close()
        assert self.open == []  # every element was closed

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))
        if tag not in VOID:
            self.open.append((tag, len(self.elements) - 1))

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes), []))

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if self.open:
            self.elements[self.open[-1][1]][2].append(text)

    def all(self, tag, **wanted):
        return [(a, "".join(t)) for x, a, t in self.elements if x == tag and wanted.items() <= a.items()]

    @property
    def ids(self):
        return [a["id"] for _, a, _ in self.elements if "id" in a]

    @property
    def classes(self):
        return {c for _, a, _ in self.elements for c in a.get("class", "").split()}

    @property
    def data(self):
        ((_, text),) = self.all("script", id="data")
        return json.loads(text)


def played(loss, tmp_path, **options):
    return Read(viz.player(loss, tmp_path / "page.html", **options))


def numbers(packed):
    """An array of the page."""
    read = {"nan": np.nan, "∞": np.inf, "−∞": -np.inf}
    flat = [read[x] if isinstance(x, str) else x for x in packed["cells"]]
    return np.array(flat).reshape(packed["rows"], packed["columns"])


# ---- the page


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_every_steps_numbers_are_those_of_the_graph(make, tmp_path):
    loss = make()
    graph, data = Graph(loss), played(loss, tmp_path).data
    known = {}
    for page in data["pages"]:
        for which, v, array in page["known"]:
            known[which, v] = data["arrays"][array]
    for v in graph:
        for which, expected in enumerate((v.value, graph.gradient(v))):
            if expected is not None and expected.size:
                grid = expected.reshape(-1, expected.shape[-1]) if expected.ndim > 1 else expected.reshape(1, -1)
                np.testing.assert_allclose(numbers(known[which, v.index]), grid, rtol=1e-3)
                assert known[which, v.index]["shape"] == cells.shape_text(v.shape)
    assert set(known) == {(0, v.index) for v in graph} | {(1, v.index) for v in graph if v.requires_grad}


def test_a_step_shows_incoming_gradient_local_factor_and_product(tmp_path):
    data = played(slides_loss(), tmp_path).data
    sigmoid = next(p for p in data["pages"] if p["said"].endswith("∂𝒥/∂Z_H = ∂𝒥/∂U_H ⊙ U_H ⊙ (1 − U_H)"))
    incoming, local, product = sigmoid["parts"]
    assert [part["kind"] for part in sigmoid["parts"]] == ["incoming", "local", "product"]
    g, factor, made = (numbers(data["arrays"][part["array"]]) for part in (incoming, local, product))
    np.testing.assert_allclose(g * factor, made, rtol=5e-3)
    names = [v["name"] for v in data["variables"]]
    u = numbers(data["arrays"][next(a for p in data["pages"] for which, v, a in p["known"]
                                    if (which, names[v]) == (0, "U_H"))])  # fmt: skip
    np.testing.assert_allclose(factor, u * (1 - u), rtol=5e-3)


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_the_largest_number_of_an_array_has_the_full_colour(make, tmp_path):
    data = played(make(), tmp_path).data
    largest = {}
    for page in data["pages"]:
        for which, v, array in page["known"]:
            found = np.abs(numbers(data["arrays"][array]))
            largest.setdefault((v, which), []).append(found[np.isfinite(found)].max(initial=0))
    for v, variable in enumerate(data["variables"]):
        for which, scale in enumerate(variable["scales"]):
            assert scale == pytest.approx(max(largest.get((v, which), [0])), rel=1e-3)


def test_fan_out_is_seen_to_accumulate(tmp_path):
    data = played(fan_out(), tmp_path).data
    x = next(k for k, v in enumerate(data["variables"]) if v["name"] == "x")
    grown = [a for p in data["pages"] for which, v, a in p["known"] if (which, v) == (1, x)]
    totals = [numbers(data["arrays"][a]).item() for a in grown]
    assert totals == [1, 4, 7]
    arriving = [p for p in data["pages"] if "∂𝒥/∂x gets" in p["said"]]
    contributions = [numbers(data["arrays"][p["parts"][-2]["array"]]).item() for p in arriving]
    assert contributions == [1, 3, 3]
    counted = [p["said"].rpartition("contribution ")[2] for p in arriving]
    assert counted == ["1 of 3", "2 of 3", "3 of 3, and is complete"]


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_what_the_script_refers_to_is_on_the_page(make, tmp_path):
    page = played(make(), tmp_path)
    data, ids = page.data, page.ids
    assert len(ids) == len(set(ids))
    marked = page.classes | {i.removeprefix("a_") for i in ids}
    marks = {m for p in data["pages"] for m in (*p["new"], *p["now"])}
    for mark in marks:  # a sum is drawn only where there is one, and shows its numbers only if they are scalars
        assert mark in marked or mark[0] in "nste", mark
    for k, v in enumerate(data["variables"]):
        empty = next(not data["arrays"][a]["cells"] for p in data["pages"] for which, at, a in p["known"] if at == k)
        pulled = any((which, at) == (1, k) for p in data["pages"] for which, at, _ in p["known"])
        assert (f"a_n{k}" in ids) != empty and (f"a_h{k}" in ids) == (pulled and not empty)
        assert (f"a_g{k}" in ids) == pulled
        lines = {int(a["data-equation"]) for a, _ in page.all("tr") if "data-equation" in a}
        assert set(v["equations"]) <= lines
    asked = set(re.findall(r'byId\("(\w+)"\)', page.source)) | {"first", "back", "next", "last"}
    assert asked <= set(ids)
    labels = max(part["label"] for p in data["pages"] for part in p["parts"])
    assert page.source.partition('<div id="labels" hidden>')[2].partition("</div>")[0].count("<span>") == labels + 1


def test_what_comes_later_is_not_known_yet(tmp_path):
    data = played(slides_loss(), tmp_path).data
    new = [set(p["new"]) for p in data["pages"]]
    for k, page in enumerate(new):
        for earlier in new[:k]:
            assert not {m for m in page & earlier if m[0] in "nob"}  # each is computed once
    first = next(k for k, p in enumerate(data["pages"]) if p["title"] == "Backward pass")
    assert all(p["title"] == "Forward pass" for p in data["pages"][1:first])
    assert not any(m[0] in "gbh" for page in new[:first] for m in page)


def test_each_step_marks_its_line_of_the_sheet_and_a_variable_knows_all_its_lines(tmp_path):
    loss = slides_loss()
    data = played(loss, tmp_path).data
    lines = {e.number: f"{e.left.text} = {e.right.text}" for e in viz.sheet(loss).equations}
    for page in data["pages"]:
        if page["title"] == "Forward pass":
            assert lines[page["equation"]] == page["said"].removeprefix("Forward pass: ")
    by_name = {v["name"]: v["equations"] for v in data["variables"]}
    for name, found in by_name.items():
        mentions = [n for n, text in lines.items() if re.search(rf"(?<!\w){name}(?!\w)", text.replace("ᵀ", " "))]
        assert set(mentions) <= set(found), name


def test_the_steps_are_a_table_in_words(tmp_path):
    loss = slides_loss()
    page = played(loss, tmp_path)
    rows = page.source.partition('<details id="steps">')[2].partition("</details>")[0].split("<tr>")[2:]
    assert len(rows) == len(page.data["pages"]) == len(Stage(loss).pages)
    for row, step in zip(rows, page.data["pages"], strict=True):
        assert step["said"] in row and 'scope="row"' in row
    heads = [text for a, text in page.all("th", scope="col") if text]
    assert heads[-6:] == ["step", "what happens", "equation", "incoming", "local", "result"]


# ---- safe, small, quick


NAMES = [
    "</script><script>alert(1)</script>", "<img src=x onerror=alert(1)>", "javascript:alert(1)", '"&\'<b>', "\\G{|}",
    "]]>", "<!--", "a\u2028b", "var(--paper)", '"#00a0b0"',
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_what_users_write_is_text(name, tmp_path):
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    x.name = name
    recorder = viz.Recorder(nn.Linear(1, 1))
    recorder.record(1.0)
    page = played((x * x).sum(), tmp_path, title=name, history=recorder)
    assert [a.get("type") for a, _ in page.all("script")] == ["application/json", None]
    assert not page.all("img") and not page.all("b")
    attributes = {k for _, a, _ in page.elements for k in a}
    assert not [k for k in attributes if k.startswith("on") or k in ("href", "src", "xlink:href")]
    assert page.all("h1")[0][1] == name
    assert page.data["variables"][0]["name"] == "".join(c if c.isprintable() else " " for c in name)
    assert page.data["training"]["parameters"][0]["name"] == "weight"


def test_the_page_asks_for_nothing_and_runs_one_script_only(tmp_path):
    page = played(slides_loss(), tmp_path)
    assert not re.search("https?:", page.source.replace("http://www.w3.org/2000/svg", ""))
    reaching = r"url\(|@import|innerHTML|outerHTML|insertAdjacent|document\.write|\beval\b|fetch\("
    assert not re.search(reaching, page.source)
    ((policy, _),) = page.all("meta", **{"http-equiv": "Content-Security-Policy"})
    script = page.all("script")[-1][1]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert policy["content"] == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_the_page_of_the_slides_network_has_less_than_300_kb_also_with_its_training(tmp_path):
    model, (X, y) = Net(), (autograd.rand(100, 2), (autograd.rand(100, 1) > 0.5).float())
    opt, recorder = nn.optim.SGD(model.parameters(), lr=0.1), viz.Recorder(model, X, y)
    for _ in range(150):
        opt.zero_grad()
        loss = nn.BCELoss()(model(X), y)
        loss.backward()
        recorder.record(loss)
        opt.step()
    page = viz.player(loss, tmp_path / "a.html", history=recorder)
    assert page.stat().st_size < 300_000


def test_the_page_of_a_large_network_is_quick_and_says_what_is_left_out(tmp_path):
    model = nn.Sequential(nn.Linear(784, 100), nn.Sigmoid(), nn.Linear(100, 10))
    loss = nn.CrossEntropyLoss()(model(autograd.rand(100, 784)), autograd.randint(0, 10, (100,)))
    viz.draw(loss).svg()  # whatever is loaded at first
    seconds = []
    for _ in range(3):
        begun = time.perf_counter()
        path = viz.player(loss, tmp_path / "a.html")
        seconds.append(time.perf_counter() - begun)
    assert min(seconds) < 2
    packed = next(a for a in Read(path).data["arrays"] if a["shape"] == "100×784")
    assert (packed["rows"], packed["columns"]) == (28, 28)
    assert packed["note"] == "28×28 blocks, of each the most extreme of its numbers"


def test_a_long_computation_shows_its_beginning_and_its_end(tmp_path):
    x = autograd.tensor([0.1, 0.2], requires_grad=True)
    h = x
    for _ in range(400):
        h = h.sin()
    page = played(h.sum(), tmp_path)
    said = [p["said"] for p in page.data["pages"]]
    assert len(said) < 150 and sum(s.endswith("in the middle are not shown") for s in said) == 2


@pytest.mark.parametrize("make", LOSSES)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_playing_changes_nothing(make, tmp_path):
    loss = make()
    leaves = [v.tensor for v in Graph(loss) if v.op is None]
    before = [(x.detach().numpy().copy(), x.grad) for x in leaves]
    viz.player(loss, tmp_path / "a.html")
    for x, (value, grad) in zip(leaves, before, strict=True):
        np.testing.assert_array_equal(x.detach().numpy(), value)
        assert x.grad is grad
    loss.backward()


def test_the_same_program_gives_the_same_page(tmp_path):
    loss = slides_loss()
    assert viz.player(loss, tmp_path / "a.html").read_bytes() == viz.player(loss, tmp_path / "b.html").read_bytes()


def test_without_a_gradient_only_the_forward_pass_is_played(tmp_path):
    page = played((autograd.ones(3) * 2).sum(), tmp_path)  # records nothing
    assert [p["title"] for p in page.data["pages"]] == ["Given"]
    assert page.all("h1")[0][1] == "Forward pass of 𝒥"


def test_after_a_step_of_the_optimizer_the_page_says_so(tmp_path):
    model, X = nn.Linear(2, 1), autograd.rand(5, 2)
    loss = model(X).square().mean()
    assert "overwritten" not in played(loss, tmp_path).source
    loss.backward()
    nn.optim.SGD(model.parameters(), lr=0.5).step()
    page = played(loss, tmp_path)
    assert "A leaf has been overwritten" in page.source
    last = [a for p in page.data["pages"] for which, v, a in p["known"] if which == 0][-1]
    np.testing.assert_allclose(numbers(page.data["arrays"][last]).item(), model(X).square().mean().item(), rtol=1e-3)


def test_a_users_function_is_played(tmp_path):
    class Cube(autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x**2

    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    data = played(Cube.apply(x).sum(), tmp_path).data
    last = data["pages"][-1]["known"][0]
    np.testing.assert_allclose(numbers(data["arrays"][last[2]]), [[3, 12]])


def test_wrong_arguments_are_refused_and_nothing_is_written(tmp_path):
    loss = fan_out()
    for path, options, said in (
        ("a.pdf", {}, "must end in .html"), ("a.html", {"theme": "blue"}, "auto, light, dark"),
        ("a.html", {"rankdir": "up"}, "LR, RL, TB, BT"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=re.escape(said)):
            viz.player(loss, tmp_path / path, **options)
    with pytest.raises(ValueError, match="play each alone"):
        viz.player([loss, fan_out()], tmp_path / "a.html")
    with pytest.raises(autograd.GraphError, match="a graph starts from a Tensor"):
        viz.player(3.0, tmp_path / "a.html")
    assert list(tmp_path.iterdir()) == []


# ---- training


def trained(steps, **options):
    model, X = Net(), autograd.rand(30, 2)
    y = (X[:, :1] > 0.5).float()
    opt, recorder = nn.optim.SGD(model.parameters(), lr=0.5), viz.Recorder(model, X, y, **options)
    kept = []
    for _ in range(steps):
        opt.zero_grad()
        loss = nn.BCELoss()(model(X), y)
        loss.backward()
        kept.append((loss.item(), model.Dense1.weight.detach().numpy().copy(),
                     model.Dense1.weight.grad.numpy().copy()))
        recorder.record(loss)
        opt.step()
    return recorder, kept, loss, model


def test_a_recorder_keeps_losses_parameters_and_gradients(tmp_path):
    recorder, kept, loss, _ = trained(5)
    data = played(loss, tmp_path, history=recorder).data["training"]
    assert data["at"] == [1, 2, 3, 4, 5]
    np.testing.assert_allclose(data["loss"], [k[0] for k in kept], rtol=1e-2)
    weight = data["parameters"][0]
    assert (weight["name"], weight["shape"]) == ("W_H", "4×2")
    for which, k in (("values", 1), ("gradients", 2)):
        np.testing.assert_allclose(weight[which], [x[k].ravel() for x in kept], rtol=1e-2)


def test_of_a_long_training_evenly_spaced_steps_are_kept():
    recorder, *_ = trained(50, most=8)
    data = recorder.summary({})
    assert len(recorder) <= 8
    assert data["at"] == [1, 9, 17, 25, 33, 41, 49]


def test_the_region_is_the_models_output(tmp_path):
    recorder, _, loss, model = trained(3, resolution=6)
    recorder.record(loss)  # of the model as it is now
    region = recorder.summary({})["region"]
    left, right, bottom, top = region["extent"]
    at = (np.arange(6) + 0.5) / 6
    for row, column in ((0, 0), (5, 2), (3, 4)):
        point = autograd.tensor([[left + (right - left) * at[column], bottom + (top - bottom) * at[row]]]).float()
        letter = region["grids"][-1][row * 6 + column]
        code = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".index(letter)
        assert abs(code / 63 - model(point).item()) < 0.02
    assert {label for *_, label in region["points"]} == {0, 1}


def test_recording_uses_no_random_numbers_and_keeps_the_modes():
    class Noise(nn.Module):
        def forward(self, x):
            return x + autograd.rand(*x.shape) if self.training else x

    model = nn.Sequential(nn.Linear(2, 3), Noise(), nn.Linear(3, 2))
    model[0].eval()
    recorder = viz.Recorder(model, autograd.rand(4, 2), [0, 1, 1, 0])
    autograd.manual_seed(1)
    expected = autograd.rand(3).numpy()
    autograd.manual_seed(1)
    recorder.record(0.5)
    np.testing.assert_array_equal(autograd.rand(3).numpy(), expected)
    assert [m.training for m in model] == [False, True, True]
    assert recorder.summary({})["region"]["classes"] == 2


def test_a_recorder_refuses_what_it_cannot_draw():
    model = nn.Linear(3, 1)
    with pytest.raises(autograd.ShapeError, match=r"shape \(n, 2\), found \(5, 3\)"):
        viz.Recorder(model, autograd.rand(5, 3))
    with pytest.raises(autograd.ShapeError, match="each of 5 samples, found 4"):
        viz.Recorder(model, autograd.rand(5, 2), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="classes 0, 1"):
        viz.Recorder(model, autograd.rand(2, 2), [0.5, 1])
    with pytest.raises(ValueError, match="most >= 2"):
        viz.Recorder(model, most=1)


# ---- pages


def drawn_at(svg):
    """Where things are: of every shape and text the position, by the node that it belongs to."""
    places = {}
    for group in re.findall(r'<g id="([^"]+)" class="(?:node|edge)[^"]*">(.*?)</g>', svg, re.DOTALL):
        outline = re.search(r'(?:points|d)="([^"]+)"', group[1])
        if outline:
            places[group[0]] = outline[1]
    return places


@pytest.mark.parametrize("make", [slides_loss, fan_out, of_all_kinds])
def test_the_pages_have_one_layout_and_fill_up(make, tmp_path):
    loss = make()
    paths = viz.frames(loss, tmp_path, "svg")
    stage = Stage(loss)
    digits = len(str(len(stage.pages)))
    assert [p.name for p in paths] == [f"step-{n:0{digits}d}.svg" for n in range(1, len(stage.pages) + 1)]
    pages = [p.read_text("utf-8") for p in paths]
    whole = drawn_at(pages[-1])
    assert len({re.search(r'viewBox="([^"]+)"', page)[1] for page in pages}) == 1
    for page in pages:
        places = drawn_at(page)
        nodes = [k for k in places if not k.startswith("edge")]
        assert nodes and {k: places[k] for k in nodes} == {k: whole[k] for k in nodes}
    shown = [len(re.findall(r"<(?:path|polygon|text|ellipse)", page)) for page in pages]
    assert shown[-1] > shown[0] and all(f"{n}/{len(pages)}" in page for n, page in enumerate(pages, 1))


def test_a_page_shows_numbers_only_when_they_are_known(tmp_path):
    pages = [p.read_text("utf-8") for p in viz.frames(fan_out(), tmp_path, "svg")]
    said = [page.said for page in Stage(fan_out()).pages]
    first = next(k for k, s in enumerate(said) if "contribution 1 of 3" in s)
    for k, number in ((first, 1), (first + 1, 4), (first + 2, 7)):  # the sum grows
        grown = re.search(r'id="x" class="node parameter">.*?</g>', pages[k], re.DOTALL)[0]
        assert re.findall(r">([−\d.]+)</text>", grown) == ["3", str(number)]
    before = re.search(r'id="x" class="node parameter">.*?</g>', pages[first - 1], re.DOTALL)[0]
    assert re.findall(r">([−\d.]+)</text>", before) == ["3"]


@pytest.mark.parametrize("format, magic", [("pdf", b"%PDF"), ("png", b"\x89PNG"), ("svg", b"<svg")])
def test_the_formats_of_pages(format, magic, tmp_path):
    x = autograd.tensor(2.0, requires_grad=True)
    paths = viz.frames(x.exp(), tmp_path / "new", format)
    assert len(paths) == 4 and all(p.read_bytes().startswith(magic) for p in paths)


def test_one_pdf_holds_all_pages(tmp_path):
    pypdf = pytest.importorskip("pypdf")
    x = autograd.tensor(2.0, requires_grad=True)
    (path,) = viz.frames(x.exp(), tmp_path / "all.pdf")
    book = pypdf.PdfReader(path)
    assert len(book.pages) == 4 and len({tuple(page.mediabox) for page in book.pages}) == 1


def test_a_gif_plays_all_pages(tmp_path):
    image = pytest.importorskip("PIL.Image")
    x = autograd.tensor(2.0, requires_grad=True)
    (path,) = viz.frames(x.exp(), tmp_path / "all.gif")
    with image.open(path) as played:
        assert played.n_frames == 4


def test_pages_of_what_does_not_work(tmp_path, monkeypatch):
    x = autograd.tensor(2.0, requires_grad=True)
    for options, said in (({"format": "jpg"}, "pdf, svg, png"), ({"theme": "x"}, "light, dark, print"),
                          ({"rankdir": "x"}, "LR, RL, TB, BT")):  # fmt: skip
        with pytest.raises(ValueError, match=said):
            viz.frames(x.exp(), tmp_path / "a", **options)
    h = x
    for _ in range(200):
        h = h + x.exp()
    monkeypatch.setitem(viz.frames.__globals__, "MOST", 50)
    with pytest.raises(ValueError, match="more than 50 pages"):
        viz.frames(h, tmp_path / "a")
    monkeypatch.setitem(__import__("sys").modules, "pypdf", None)
    with pytest.raises(ImportError, match=r"pypdf: pip install 'chalkgrad\[slides\]'"):
        viz.frames(x.exp(), tmp_path / "a.pdf")
    assert list(tmp_path.iterdir()) == []


# ---- in a browser


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the extra `browser` is not installed")
    names = (os.environ.get("CHALKGRAD_CHROMIUM"), "chromium-headless-shell", "chromium", "google-chrome")
    program = next((p for name in names if name and (p := shutil.which(name))), None)
    if program is None:
        pytest.skip("there is no Chromium: apt install chromium-headless-shell, or set CHALKGRAD_CHROMIUM")
    with playwright.sync_playwright() as running:
        opened = running.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


@pytest.fixture
def opened(browser, tmp_path):
    """Open the page of a loss; in the end nothing but the page itself was asked for, and nothing went wrong."""
    troubles, asked, contexts = [], [], []

    def show(loss, scheme="light", **options):
        context = browser.new_context(color_scheme=scheme, viewport={"width": 1400, "height": 900})
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: troubles.append(dialog.message))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(viz.player(loss, tmp_path / "page.html", **options).as_uri())
        return page

    yield show
    for context in contexts:
        context.close()
    assert troubles == []
    assert set(asked) <= {(tmp_path / "page.html").as_uri()}


def test_keys_buttons_and_the_slider_walk_the_steps(opened):
    loss = slides_loss()
    page, total = opened(loss), len(Stage(loss).pages)

    def at():
        return int(page.text_content("#count").split(" / ")[0])

    assert at() == 1
    for key, expected in (("ArrowRight", 2), ("ArrowRight", 3), ("ArrowLeft", 2), ("End", total), ("ArrowRight", total),
                          ("Home", 1), ("ArrowLeft", 1)):  # fmt: skip
        page.keyboard.press(key)
        assert at() == expected
    page.click("#next")
    assert at() == 2
    page.keyboard.press("ArrowRight")  # with the focus on a button
    assert at() == 3
    page.focus("#slider")
    page.keyboard.press("ArrowRight")  # the slider's own: one step, not two
    assert at() == 4
    page.click("#last")
    page.click("#back")
    assert at() == total - 1
    assert page.get_attribute("#slider", "aria-valuetext").startswith(f"{total - 1} of {total}: Backward pass")
    page.click("summary")
    page.click("#steps tbody tr:nth-child(5) button")
    assert at() == 5 and page.get_attribute("#steps tbody tr:nth-child(5)", "aria-current") == "step"
    page.click("#play")
    page.get_by_text(f"6 / {total}").wait_for()
    page.click("#play")


def test_a_step_is_marked_and_what_comes_later_is_hidden(opened):
    loss = slides_loss()
    page = opened(loss)
    index = {n.name: k for k, n in enumerate(Stage(loss).names)}
    z, w = index["Z_H"], index["W_H"]

    def classes(selector):
        return page.get_attribute(selector, "class").split()

    assert "pale" in classes(f".node.v{z}") and "pale" not in classes(f".node.v{w}")
    assert page.locator(f"#a_n{w} .cells text").count() == 8 and not page.locator(f"#a_n{z} .cells").count()
    page.keyboard.press("ArrowRight")
    assert "now" in classes(f".node.v{z}") and page.locator(f"#a_n{z} .cells rect").count() > 4
    assert page.locator("#sheet tr.now").get_attribute("data-equation") == "1"
    assert not page.is_visible(f"#a_g{w}")
    page.keyboard.press("End")
    assert page.is_visible(f"#a_g{w}") and not page.locator(".absent").count() and not page.locator(".pale").count()
    shown = page.locator(f"#a_h{w} .cells text").all_text_contents()
    found = [float(x.replace("−", "-")) for x in shown]
    graph = Graph(loss)
    np.testing.assert_allclose(found, graph.gradient(graph.variables[w]).ravel(), rtol=0.06)


def test_the_panel_shows_the_factors_and_fan_out_grows(opened):
    page = opened(fan_out())
    seen = []
    for _ in range(len(Stage(fan_out()).pages)):
        captions = page.locator("#arrays .role").all_text_contents()
        if "sum so far" in captions or "sum, complete" in captions:
            assert captions[0] == "incoming gradient"
            seen.append(page.locator("#arrays figure").last.locator("svg text").text_content())
        page.keyboard.press("ArrowRight")
    assert seen == ["1", "4", "7"]


def test_pointing_shows_arrays_and_a_click_all_equations(opened):
    loss = slides_loss()
    page = opened(loss)
    index = {n.name: k for k, n in enumerate(Stage(loss).names)}
    page.keyboard.press("End")
    assert page.is_hidden("#tip")
    page.hover(f".node.v{index['U_H']}")
    assert page.text_content("#tip").startswith("U_H result, 100×4") and page.locator("#tip td").count() > 60
    page.keyboard.press("Escape")
    assert page.is_hidden("#tip")
    page.focus(f".node.v{index['U_H']}")
    page.keyboard.press("Enter")
    numbers_ = page.locator("#detail table.chalkgrad-sheet td.n").all_text_contents()
    assert numbers_ == [f"({n})" for n in (2, 3, 8, 9)]
    assert page.locator("#detail .numbers").first.locator("tr").count() == 100
    page.click("#detail button")
    assert page.is_hidden("#detail")
    assert page.evaluate("document.activeElement.classList.contains('node')")


def test_light_and_dark(opened):
    loss = fan_out()
    colour = "getComputedStyle(document.body).backgroundColor"
    light, dark = opened(loss), opened(loss, "dark")
    assert (light.evaluate(colour), dark.evaluate(colour)) == ("rgb(255, 255, 255)", "rgb(22, 25, 29)")
    light.select_option("#theme", "dark")
    assert light.evaluate(colour) == "rgb(22, 25, 29)"
    light.emulate_media(media="print")
    assert light.evaluate(colour) == "rgb(255, 255, 255)" and light.is_hidden("#play")
    assert light.evaluate("document.documentElement.dataset.theme") == "dark"  # as it is on the screen
    drawn = "getComputedStyle(document.querySelector('#picture svg .node polygon, #picture svg .node path')).stroke"
    assert dark.evaluate(drawn) == "rgb(86, 180, 233)"


def test_training_is_replayed(opened):
    recorder, kept, loss, _ = trained(6)
    page = opened(loss, history=recorder)
    assert page.text_content("#trained").startswith("step 6")
    page.focus("#when")
    page.keyboard.press("Home")
    assert page.text_content("#trained") == f"step 1: loss {kept[0][0]:.3g}"
    assert page.text_content("#count").startswith("1 /")  # the other slider stays
    assert page.locator("#parameters tr").count() == 4 and page.locator(".plane .sample").count() == 30
    cell = page.locator("#parameters tr").first.locator("td").first
    shown = [float(x.replace("−", "-")) for x in cell.locator("text").all_text_contents()]
    np.testing.assert_allclose(shown, kept[0][1].ravel(), rtol=0.06)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_inert_in_the_browser(opened, name):
    x = autograd.tensor([1.0, 2.0], requires_grad=True)
    x.name = name
    page = opened((x * x).sum(), title=name)
    page.keyboard.press("End")
    page.hover(".node.v0")
    page.locator(".node.v0").press("Enter")
    assert page.locator("img, b img, #tip b, script").count() == 2
    assert page.text_content("#detail h2") == "".join(c if c.isprintable() else " " for c in name)
