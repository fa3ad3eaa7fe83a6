"""The sheet itself: what it shows, its numbers, and the page in text, LaTeX, HTML and Markdown."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from autograd import ops
from autograd.graph import Graph, Variable

from ..notation import Latex, MathML, Size, Symbol, Text, plain
from .equations import LEVELS, Equation, Equations
from .evaluate import Evaluator

__all__ = ["Sheet", "sheet"]

Array = np.ndarray[Any, Any]
MOST = 200  # lines of each pass; of a longer one the first and the last are shown
WIDEST = 130  # characters: where the two passes still stand side by side
TITLES = ("Forward pass", "Backward pass")
STYLE = """
.chalkgrad-sheet{display:flex;flex-wrap:wrap;gap:0 3em;color:inherit}
.chalkgrad-sheet table{border-collapse:collapse;align-self:flex-start}
.chalkgrad-sheet caption{text-align:left;font-weight:bold;padding:.3em .4em}
.chalkgrad-sheet p{flex-basis:100%;margin:.3em .4em}
.chalkgrad-sheet td{padding:.3em .4em;text-align:left;vertical-align:middle;background:none}
.chalkgrad-sheet td.n,.chalkgrad-sheet td.s{opacity:.7;white-space:nowrap}
""".strip()


def sheet(
    loss: Any,
    level: str = "matrix",
    names: Mapping[str, Any] | None = None,
    values: bool = False,
    hide: Iterable[str | int] | str | int = (),
) -> Sheet:
    """The forward and the backward pass of ``loss``, written out: the slides' summary, for any recorded graph.

    The gradients are typeset by the chain rules of the operations themselves. What has no name of its own is put into
    the formula that uses it, and so is ∂𝒥/∂U of an activation, as on the slides.

    Parameters
    ----------
    loss : Tensor
        Of another tensor than a scalar, the gradients are those of the sum of its elements.
    level : {"matrix", "batch", "scalar"}
        As on the slides: whole matrices, Z_H = X W_Hᵀ + 1 b_Hᵀ; one sample, z_{H,i} = W_H x_i + b_H, with sums over the
        batch; one element, z_{H,il} = Σ_j w_{H,lj} x_{ij} + b_{H,l}. What has a single element has no index.
    names : mapping, optional
        name → tensor, for those that have no ``.name`` of their own; ``locals()`` will do.
    values : bool
        Whether to add what each line comes to: a scalar's value, else the norm; and a ✓ for each gradient that agrees
        with finite differences of the recorded computation.
    hide : iterable of str or int, optional
        Right sides to leave blank, as an exercise: a variable's name, "dJ/dNAME" or "∂𝒥/∂NAME" for its gradient, an
        equation's number, or "forward", "backward" or "all".

    Returns
    -------
    Sheet

    Raises
    ------
    ValueError
        For another level; for something to hide that is not on the sheet.
    GraphError
        If ``loss`` is not a tensor.

    Examples
    --------
    >>> import autograd, viz
    >>> x = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> w = autograd.tensor([3.0, 4.0], requires_grad=True)
    >>> print(viz.sheet((w * x).sum(), names={"x": x, "w": w}).text)
    Forward pass                      Backward pass
    (1)  𝒥 = Σ(w ⊙ x)  sum over 2     (2)  ∂𝒥/∂x = w  2
                                      (3)  ∂𝒥/∂w = x  2
    """
    if level not in LEVELS:
        raise ValueError(f"sheet: level={level!r} is not one of {', '.join(LEVELS)}")
    derived = Equations(Graph(loss), names)
    lines = derived.all(level)
    hidden = _hidden(lines, (hide,) if isinstance(hide, (str, int)) else tuple(hide))
    lines = [replace(line, hidden=line.number in hidden) for line in lines]
    return Sheet(lines, level, derived, _Numbers(derived).notes() if values else {})


def _hidden(lines: Sequence[Equation], wanted: tuple[str | int, ...]) -> set[int]:
    """The numbers of the lines whose right side is asked to be left out."""
    found: set[int] = set()
    for what in wanted:
        said = str(what).replace("∂", "d").replace("𝒥", "J").strip()
        matches = {
            line.number
            for line in lines
            if what == line.number
            or said in ("all", "backward" if line.backward else "forward")
            or said == ("dJ/d" if line.backward else "") + line.name.replace("𝒥", "J")
        }
        if not matches:
            known = ", ".join(("dJ/d" if line.backward else "") + plain(line.name) for line in lines[:20])
            said = plain(str(what))
            raise ValueError(f"sheet: hide={said!r} is on no line; there are forward, backward, all, {known}")
        found |= matches
    return found


class Sheet:
    """Equations of a forward and a backward pass; shown by a notebook as they are. Made by :func:`sheet`.

    Attributes
    ----------
    equations : list of Equation
        The lines, in the order of computation. Each has its number, the variable's name, both sides and notes.
    level : str

    Examples
    --------
    >>> import autograd, viz
    >>> x = autograd.tensor(2.0, requires_grad=True)
    >>> exercise = viz.sheet(x**3, names={"x": x}, hide=["dJ/dx"])
    >>> print(exercise.text)
    Forward pass     Backward pass
    (1)  𝒥 = x³      (2)  ∂𝒥/∂x = ……………
    >>> print(exercise.answers.text)
    Backward pass
    (2)  ∂𝒥/∂x = 3 x²
    """

    def __init__(
        self,
        equations: Sequence[Equation],
        level: str,
        derived: Equations,
        numbers: Mapping[tuple[str, bool], str] | None = None,
    ) -> None:
        self.equations = list(equations)
        self.level = level
        self._derived = derived
        self._numbers = dict(numbers or {})

    @property
    def answers(self) -> Sheet:
        """The lines that this sheet hides, with their right sides: the key to the exercise."""
        lines = [replace(line, hidden=False) for line in self.equations if line.hidden]
        return Sheet(lines, self.level, self._derived, self._numbers)

    def evaluate(self) -> dict[str, Array]:
        """What the right sides come to, each computed from the ones before it: the left side's text → an array.

        The leaves have their recorded values; everything else follows from the formulas as they are written, in
        float64. In index notation this is a loop over the indices: for small networks only. A Function of the user's,
        whose code is not to be run again, has what was recorded.
        """
        values = _leaves(self._derived)
        gradients: dict[str, Array] = {}
        out = {}
        for line in self._derived.all(self.level):
            run = Evaluator(values, gradients)
            if self._derived.opaque(line):
                found = self._derived.recorded(line)
            else:
                found = run.each(line.right, line.free) if line.free else run(line.right)
            kind = gradients if line.backward else values
            kind[line.name] = found.reshape(line.shape)
            left = Symbol.gradient(self._derived.loss, Symbol(line.name)) if line.backward else Symbol(line.name)
            out[left.text] = kind[line.name]
        return out

    # -- the page

    @property
    def text(self) -> str:
        """In Unicode, aligned; both passes side by side where they fit."""
        columns = [[f"{title}", *_aligned(self._rows(lines, Text()))] for title, lines in self._passes()]
        legend = [", ".join(self._legend(Text()))] if self._legend(Text()) else []
        widths = [max(map(_width, column)) for column in columns]
        if len(columns) == 2 and sum(widths) + 5 <= WIDEST:
            height = max(map(len, columns))
            first, second = (column + [""] * (height - len(column)) for column in columns)
            rows = [f"{_padded(a, widths[0])}     {b}".rstrip() for a, b in zip(first, second, strict=True)]
            return "\n".join([*rows, *legend])
        return "\n".join([line for column in columns for line in (*column, "")] + legend).rstrip("\n")

    @property
    def align(self) -> str:
        """In LaTeX: an ``align*`` for each pass, to be put into a document that uses amsmath and amssymb."""
        parts = []
        for title, lines in self._passes():
            parts += [f"\\paragraph{{{title}}}", r"\begin{align*}", self._latex(lines), r"\end{align*}"]
        if legend := self._legend(Latex()):
            parts.append("\\noindent $" + r",\quad ".join(legend) + "$")
        return "\n".join(parts) + "\n"

    @property
    def latex(self) -> str:
        """A LaTeX document that compiles as it is; :attr:`align` is what stands in it."""
        return (
            "\\documentclass[fleqn]{article}\n\\usepackage{amsmath,amssymb}\n\\usepackage[landscape,margin=15mm]{geometry}\n"
            f"\\allowdisplaybreaks\n\\setlength{{\\parindent}}{{0pt}}\n\\begin{{document}}\n{self.align}\\end{{document}}\n"
        )

    @property
    def markdown(self) -> str:
        """In Markdown with LaTeX mathematics, as notebooks, GitHub and most wikis show it."""
        parts = []
        for title, lines in self._passes():
            parts.append(f"**{title}**\n\n$$\n\\begin{{aligned}}\n{self._latex(lines)}\n\\end{{aligned}}\n$$\n")
        if legend := self._legend(Latex()):
            parts.append("$" + r",\quad ".join(legend) + "$\n")
        # Markdown would take a < for the beginning of a tag.
        return "\n".join(parts).replace("<", r"\lt ").replace(">", r"\gt ")

    @property
    def html(self) -> str:
        """In HTML with MathML, which browsers set themselves: nothing is loaded, nothing runs."""
        tables = []
        for title, lines in self._passes():
            rows = []
            for number, left, right, shape, notes in self._rows(lines, MathML(), escape=html.escape):
                equation = f'<math displaystyle="true"><mrow>{left}<mo>=</mo>{right}</mrow></math>' if left else right
                label = number.strip("()")
                rows.append(
                    f'<tr data-equation="{label}"><td class="n">{number}</td><td>{equation}</td>'
                    f'<td class="s">{shape}</td><td class="s">{notes}</td></tr>'
                )
            tables.append(f"<table><caption>{title}</caption><tbody>\n" + "\n".join(rows) + "\n</tbody></table>")
        if legend := self._legend(MathML()):
            tables.append("<p>" + ", ".join(f"<math><mrow>{part}</mrow></math>" for part in legend) + "</p>")
        return f'<div class="chalkgrad-sheet"><style>{STYLE}</style>\n' + "\n".join(tables) + "\n</div>"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        count = len(self.equations)
        return f"<Sheet: {self.level} level, {count} equation{'' if count == 1 else 's'}>"

    # -- what all pages share

    def _passes(self) -> list[tuple[str, list[Equation]]]:
        both = ([e for e in self.equations if e.backward is backward] for backward in (False, True))
        return [(title, lines) for title, lines in zip(TITLES, both, strict=True) if lines] or [(TITLES[0], [])]

    def _rows(
        self, lines: list[Equation], renderer: Any, escape: Callable[[str], str] = str
    ) -> Iterable[tuple[str, str, str, str, str]]:
        """Number, left side, right side, shape and notes of each line that is shown."""
        for k, line in _shown(lines):
            if line is None:
                yield "", "", f"… {k} more", "", ""
                continue
            right = renderer.render(Symbol.made("blank", ()) if line.hidden else line.right)
            if isinstance(renderer, MathML) and len(line.terms) > 1 and not line.hidden:
                right = "<mo>+</mo>".join(
                    f"<munder><munder>{renderer.render(Symbol.made('grouped', (t,)))}<mo>⏟</mo></munder>"
                    f"{renderer.label(name)}</munder>"
                    for name, t in line.terms
                )
            notes = "" if line.hidden else escape("; ".join(self._notes(line)))
            yield f"({line.number})", renderer.render(line.left), right, escape(_size(line.shape)), notes

    def _latex(self, lines: list[Equation]) -> str:
        rows = []
        renderer = Latex()
        for k, line in _shown(lines):
            if line is None:
                rows.append(rf"& \vdots && \text{{{k} more}}")
                continue
            right = renderer.render(Symbol.made("blank", ()) if line.hidden else line.right)
            if len(line.terms) > 1 and not line.hidden:
                right = " + ".join(rf"\underbrace{{{t.latex}}}_{{{renderer.label(name)}}}" for name, t in line.terms)
            notes = [] if line.hidden else self._notes(line)
            shape = [renderer.render(_shape_symbol(line.shape))] if line.shape else []
            aside = r",\ ".join([*shape, *(_said(note, renderer) for note in notes)])
            rows.append(f"{renderer.render(line.left)} &= {right}" + (f" && {aside}" if aside else ""))
        return " \\\\\n".join(rows)

    def _notes(self, line: Equation) -> list[str]:
        number = self._numbers.get((line.name, line.backward))
        return [*(plain(note, 80) for note in line.notes), *([number] if number else [])]

    def _legend(self, renderer: Any) -> list[str]:
        """What the letters stand for."""
        found: dict[str, str] = {}
        if self._derived.batch:
            found["B"] = str(self._derived.batch)
        stack: list[Any] = [part for line in self.equations for part in (line.left, line.right)]
        indices: dict[str, Any] = {}
        for line in self.equations:
            indices.update({k.letter: k.size for k in line.free})
        while stack:
            x = stack.pop()
            if x.head == "total":
                indices.setdefault(x.args[0].letter, x.args[0].size)
            stack += [a for a in x.args if isinstance(a, Symbol)]
        for letter in sorted(indices, key=lambda k: ("ijk".find(k) % 99, k)):
            n = indices[letter]
            found[letter] = f"1 … {n.letter if isinstance(n, Size) else n}"
        out = []
        for letter, said in found.items():
            name = renderer.label(letter)
            if isinstance(renderer, Text):
                out.append(f"{letter} = {said}")
            elif isinstance(renderer, Latex):
                out.append(f"{name} = {said.replace('…', chr(92) + 'ldots')}")
            else:
                out.append(f"{name}<mo>=</mo><mtext>{said}</mtext>")
        return out


def _shown(lines: list[Equation]) -> Iterable[tuple[int, Equation | None]]:
    """The lines; of too many the first and the last, with a count for those between."""
    if len(lines) <= MOST:
        yield from enumerate(lines)
        return
    half = MOST // 2
    yield from enumerate(lines[:half])
    yield len(lines) - 2 * half, None
    yield from enumerate(lines[-half:])


def _size(shape: Sequence[int]) -> str:
    return "×".join(n.letter if isinstance(n, Size) else str(n) for n in shape)


def _shape_symbol(shape: Sequence[int]) -> Symbol:
    """A shape as LaTeX is to show it."""
    return Symbol(_size(shape))


def _said(note: str, renderer: Latex) -> str:
    r"""A note in words: letters and digits in \text, all else as the renderer has it."""
    made = []
    for word in note.split(" "):
        core = word.rstrip(",")
        plain_word = core.isascii() and core.isalpha() and len(core) > 1
        said = rf"\text{{{core}}}" if plain_word else MARKS.get(core) or renderer.label(core)
        made.append(said + word[len(core) :])
    return r"\ ".join(made)


MARKS = {"✓": r"\checkmark", "✗": r"\times"}


def _width(line: str) -> int:
    return len(line)


def _padded(line: str, width: int) -> str:
    return line + " " * (width - _width(line))


def _aligned(rows: Iterable[tuple[str, str, str, str, str]]) -> list[str]:
    """Rows as lines whose equals signs, shapes and notes stand below each other."""
    table = list(rows)
    wide = [max((len(row[k]) for row in table), default=0) for k in range(4)]
    lines = []
    for number, left, right, shape, notes in table:
        if not number:
            lines.append(f"{'':{wide[0]}}  {right}")
            continue
        line = f"{number:{wide[0]}}  {left:{wide[1]}} = {right:{wide[2]}}"
        line += f"  {shape:{wide[3]}}" if wide[3] else ""
        lines.append(f"{line}  {notes}".rstrip())
    return lines


# -- numbers


def _leaves(derived: Equations) -> dict[str, Array]:
    """The leaves' values, in float64 where they are real numbers."""
    return {derived.names[v.index]: _wide(v.value) for v in derived.graph if v.op is None}


def _wide(x: Any) -> Array:
    array = np.asarray(x)
    return array.astype(np.float64) if array.dtype.kind == "f" else array


class _Numbers:
    """What the lines come to, and whether finite differences of the recorded computation agree."""

    STEP = 1e-6

    def __init__(self, derived: Equations) -> None:
        self.derived = derived
        self.found = Sheet(derived.all(), "matrix", derived).evaluate()
        self.values: dict[int, Any] = {}
        opaque = [v for v in derived.graph if v.op is not None and v.op.joint is not None]
        # What a Function depends on cannot be stepped: the Function does not follow.
        self.known = max((v.index - 1 for v in opaque), default=-1)  # a Function's own output can be stepped
        for v in derived.graph:
            self.values[v.index] = _wide(v.value) if v.op is None else self.rerun(v, self.values)

    def rerun(self, v: Variable, values: Mapping[int, Any]) -> Any:
        """The recorded operation that made ``v``, on other values, in float64."""
        inputs = [values[x.index] if isinstance(x, Variable) else x for x in v.inputs]
        if v.op is ops.cast and v.value.dtype.kind == "f":
            return inputs[0]
        assert v.op is not None
        return v.op(*inputs, **v.params) if v.op.joint is None else _wide(v.value)

    def agrees(self, v: Variable, gradient: Array) -> bool:
        """Whether a step in a random direction changes the loss by as much as the gradient says."""
        direction = np.random.default_rng(v.index).standard_normal(v.shape)
        ends = []
        for sign in (1, -1):
            values = {**self.values, v.index: self.values[v.index] + sign * self.STEP * direction}
            changed = {v.index}
            for w in self.derived.graph.variables[v.index + 1 :]:
                if any(isinstance(x, Variable) and x.index in changed for x in w.inputs):
                    values[w.index] = self.rerun(w, values)
                    changed.add(w.index)
            ends.append(float(np.sum(values[self.derived.graph.output.index])))
        slope = (ends[0] - ends[1]) / (2 * self.STEP)
        expected = float(np.sum(gradient * direction))
        return abs(slope - expected) <= 1e-5 * max(1.0, abs(slope), abs(expected), abs(ends[0]))

    def notes(self) -> dict[tuple[str, bool], str]:
        """What is written beside each line."""
        notes = {}
        for line in self.derived.all():
            value = self.found[line.left.text]
            said = f"= {value.item():.4g}" if value.size == 1 else f"‖·‖ = {np.linalg.norm(value):.4g}"
            said = said.replace("-", "−")
            v = self.derived.graph.variables[line.variable]
            if line.backward and v.index > self.known:
                said += " ✓" if self.agrees(v, value) else " ✗"
            notes[line.name, line.backward] = said
        return notes
