"""Replay: a step is recorded once, as straight-line code over arrays, and then run again without its Python.

The first call of a replayed function runs it as it is, while a :class:`Tape` notes which array was computed from which,
by what: the forwards, the rules of the backward pass, and what changes parameters (an optimizer). What it notes is a
program: one line a call, and nothing of graph, tensors and modules left. ``replayed.source`` shows it.

Where a call has a plan (:mod:`autograd.kernels.plans`), its line is the call of the kernel itself. What that computes
goes to memory that the program keeps, unless somebody else gets to see the array: a gradient, a result, an argument of
a line that has no plan.
"""

from __future__ import annotations

import functools
import re
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from threading import Lock, get_ident
from typing import Any

import numpy as np

from . import engine
from .kernels.plans import Plan
from .kernels.quiet import quietly
from .node import NUMBERS, Node, mode, writes
from .ops import Op, promote

__all__ = ["effect", "replay"]

KEPT = 16  # programs of one function, for as many shapes


class replay:
    """Run ``step`` faster: recorded at its first call, replayed at every other one.

    A training step of a small network spends most of its time in Python: modules, tensors, the graph, its order. In a
    replayed step only the computation is left. Its results are the same, to the bit.

    What varies from call to call must be an argument: tensors, numbers, strings, or tuples, lists and dicts of them.
    Other tensors that the function uses (parameters, say) are read anew in every call. Its own Python code runs only
    when it is recorded: for new shapes, dtypes and numbers, and after ``model.train()`` or ``eval()``.

    A function that cannot be replayed is run as it is, with a warning that says why: one that looks at a value
    (``loss.item()``, ``if``), draws random numbers, writes in place (other than by an optimizer), or has hooks.

    Parameters
    ----------
    step : callable
        Usually the forward pass, ``optimizer.zero_grad()``, ``backward()`` and ``optimizer.step()``.

    Returns
    -------
    replay
        To be called as ``step``. The tensors it returns are without a graph: the step has been back already.

    Examples
    --------
    >>> import autograd
    >>> w = autograd.tensor([1.0, 2.0], requires_grad=True)
    >>> @autograd.replay
    ... def step(x):
    ...     w.grad = None
    ...     loss = (w * x).sum()
    ...     loss.backward()
    ...     return loss
    >>> step(autograd.tensor([1.0, 1.0])).item(), step(autograd.tensor([3.0, 1.0])).item()
    (3.0, 5.0)
    """

    def __init__(self, step: Callable[..., Any]) -> None:
        functools.update_wrapper(self, step)
        self._step = step
        self._programs: OrderedDict[Any, Program | None] = OrderedDict()
        self._warned = False

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """What the step returns."""
        tensors: list[Any] = []
        parts: list[Any] = [mode.here.grad]
        _describe(args, parts, tensors)
        if kwargs:
            _describe((kwargs,), parts, tensors)
        key = tuple(parts)
        try:
            program = self._programs[key]
        except TypeError:  # an argument that cannot be compared
            return self._record(key, tensors, args, kwargs)
        except KeyError:
            key += _twins(tensors)
            if key not in self._programs:
                return self._record(key, tensors, args, kwargs)
            program = self._programs[key]
        if program is None or engine.tape is not None or engine.watch is not None:
            return self._step(*args, **kwargs)
        if not program.fits(tensors):
            return self._record(key, tensors, args, kwargs)
        if not program.free.acquire(False):  # another thread is in its memory
            return self._step(*args, **kwargs)
        try:
            return program.run(*tensors)
        finally:
            program.free.release()

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_programs": OrderedDict()}  # a copy records its own

    @property
    def source(self) -> str:
        """The programs recorded so far, as Python."""
        return "\n".join(program.source for program in self._programs.values() if program is not None)

    def _record(self, key: Any, tensors: list[Any], args: Any, kwargs: Any) -> Any:
        if engine.tape is not None or engine.watch is not None:
            return self._step(*args, **kwargs)
        tape = engine.tape = Tape(tensors)
        try:
            result = self._step(*args, **kwargs)
        finally:
            engine.tape = None
        program = tape.program(result, self.__name__)
        try:
            self._programs[key] = program
        except TypeError:
            tape.refuse("it has an argument that is no tensor, number or string")
        if len(self._programs) > KEPT:
            self._programs.popitem(last=False)
        if tape.reason and not self._warned:
            self._warned = True
            warnings.warn(f"replay: {self.__name__}() runs as it is, because {tape.reason}", stacklevel=3)
        return result

    __name__: str


def effect(method: Callable[..., Any]) -> Any:
    """Decorate what changes parameters or other state in place: a replayed step calls it again as it is.

    Examples
    --------
    >>> import autograd
    >>> class Halve:
    ...     def __init__(self, w):
    ...         self.w = w
    ...     @autograd.effect
    ...     def step(self):
    ...         self.w.data *= 0.5
    """

    @functools.wraps(method)
    def run(*args: Any, **kwargs: Any) -> Any:
        tape = engine.tape
        return method(*args, **kwargs) if tape is None else tape.effect(method, args, kwargs)

    return run


class Name(str):
    """A variable of a program."""


@dataclass
class Line:
    """A call in a program; its arguments are names, constants, and sequences and dicts of them."""

    function: Callable[..., Any]
    args: Sequence[Any] = ()
    targets: Sequence[Name | None] = ()
    unpacked: bool = False  # it returns a sequence, of the targets
    scalar: bool = False  # it may return a scalar of NumPy's
    planner: Callable[..., Plan | None] | None = None


def _names(x: Any) -> set[str]:
    """The variables among the arguments of a line."""
    if isinstance(x, Name):
        return {x}
    parts = x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ()
    return set().union(*map(_names, parts))


def _filled(x: Any, arrays: dict[str, Any]) -> Any:
    """Arguments with arrays in the place of names."""
    if isinstance(x, (list, tuple)):
        return [_filled(y, arrays) for y in x]
    return arrays[x] if isinstance(x, Name) else x


def _mixed(op: Op, arrays: list[Any], params: tuple[Any, ...]) -> Any:
    return op.compute(promote(op, arrays), params)


class Tape:
    """What a step computes, noted by the engine while the step runs."""

    def __init__(self, tensors: list[Any]) -> None:
        self.reason = ""
        self.warns = False
        self.thread = get_ident()
        self.alive: list[Any] = [tensors]  # so that an id means one object
        self.names: dict[int, Name] = {}  # array → variable
        self.arrays: dict[str, Any] = {}  # variable → what it was
        self.born: set[int] = set()
        self.globals: dict[str, Any] = {"leaf": engine.leaf, "asarray": np.asarray, "empty": np.empty}
        self.constants: dict[int, str] = {}
        self.vectors: dict[int, Any] = {}  # constant array → it as a vector
        self.flat: set[str] = set()  # variables that are others as vectors
        self.fixed: set[str] = set()  # variables that are the same array in every run
        self.lines: list[Line] = []
        self.captured: dict[Any, Name] = {}
        self.leaves: set[int] = set()  # arguments that get a gradient
        self.owners: dict[int, Any] = {}
        self.written = writes.latest
        self.given = [Name(f"t{k}") for k in range(len(tensors))]
        self.arguments = dict(zip(map(id, tensors), self.given, strict=True))
        for k, x in enumerate(tensors):
            self._name(x._array, f"x{k}")
            if x._op is not None:
                self.refuse("an argument has a graph of its own")

    def refuse(self, why: str) -> None:
        """The step cannot be replayed."""
        if self.thread == get_ident():
            self.reason = self.reason or why

    # -- what the engine tells

    def made(self, x: Any) -> None:
        """A leaf was made."""
        if self.thread == get_ident():
            self.alive.append(x)
            self.born.add(id(x))

    def looked(self, x: Any) -> None:
        """Python saw the values of a tensor: what it does then may depend on them."""
        self.refuse("it looks at the values of a tensor (item(), bool(), numpy(), print …)")

    def applied(self, op: Op, inputs: Any, params: Any, made: Any, array: Any, mixed: bool) -> None:
        """An op was run: its forward gave ``made``, which ``array`` is or holds; ``mixed`` inputs were promoted."""
        if self.reason or self.thread != get_ident():
            return
        values = [self._input(x) for x in inputs]
        rest = [self._value(x) for x in params]
        if mixed:
            line = Line(_mixed, (op, values, rest))
        else:  # numbers as the engine gives them to an op
            dtype = next((x._array.dtype for x in inputs if isinstance(x, Node)), None)
            values = [
                engine.constant(x, dtype) if type(x) in NUMBERS and x else value
                for x, value in zip(inputs, values, strict=True)
            ]
            line = Line(op.forward, (*values, *rest), planner=op.plan)
        line.targets, line.scalar = (self._name(array),), made is not array
        self.lines.append(line)
        scope = mode.here.scope
        while scope is not None:
            self.owners[id(scope[0])] = scope[0]
            scope = scope[1]

    def note(self, result: Any, function: Callable[..., Any], *args: Any) -> None:
        """The backward pass called ``function``."""
        if self.reason or self.thread != get_ident():
            return
        line = Line(function, [self._value(x) for x in args], planner=getattr(function, "plan", None))
        line.unpacked = isinstance(result, (tuple, list))
        parts = result if line.unpacked else (result,)
        line.targets = [None if part is None else self._name(part) for part in parts]
        self.warns = self.warns or not line.unpacked  # a rule in NumPy, not a kernel: it may divide by 0
        self.lines.append(line)

    def seeded(self, seed: Any) -> None:
        """A backward pass starts from ``seed``."""
        if id(seed) not in self.names and seed.size == 1 and seed.item() == 1:
            self.fixed.add(self._name(seed))

    def accumulated(self, found: dict[Any, Any], shared: Any) -> None:
        """The gradients will be added to the leaves' ``.grad`` now; :meth:`settled` when they have been."""
        if self.reason or self.thread != get_ident():
            return
        self._check_writes()
        gradients = {self._leaf(x): self._value(g) for x, g in found.items()}
        self.lines.append(Line(engine.accumulate, (gradients, self._value(tuple(shared)))))

    def settled(self) -> None:
        """Whatever was written since :meth:`accumulated` is what a replay writes, too."""
        if self.thread == get_ident():
            self._allow()

    def hooked(self) -> None:
        """A hook ran, or a gradient was retained."""
        self.refuse("a tensor has a hook")

    def effect(self, method: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        """Something that is called again as it is."""
        if self.thread != get_ident():
            return method(*args, **kwargs)
        args = tuple(list(x) if isinstance(x, Iterator) else x for x in args)  # it is needed more than once
        engine.tape = None
        self._check_writes()
        try:
            result = method(*args, **kwargs)
        finally:
            engine.tape = self
        if any(isinstance(x, Node) and self._is_new(x) for x in (*args, *kwargs.values())):
            self.refuse(f"{method.__qualname__}() is given a tensor that the step made")
        self.lines.append(Line(functools.partial(method, *args, **kwargs) if args or kwargs else method))
        self._allow()
        return result

    # -- names and constants

    def _is_new(self, x: Any) -> bool:
        """Whether the step made tensor ``x``."""
        computed = id(x._array) in self.names and x not in self.captured and id(x) not in self.arguments
        return id(x) in self.born or x._op is not None or computed

    def _check_writes(self) -> None:
        if writes.latest != self.written:
            self.refuse("it writes into a tensor in place")

    def _allow(self) -> None:
        self.written = writes.latest

    def _name(self, array: Any, name: str = "") -> Name:
        self.alive.append(array)
        found = self.names.setdefault(id(array), Name(name or f"v{len(self.names)}"))
        self.arrays[found] = array
        return found

    def _constant(self, x: Any) -> str:
        if id(x) not in self.constants:
            name = getattr(x, "__name__", "")
            name = f"{name if name.isidentifier() else 'k'}_{len(self.constants)}"
            self.constants[id(x)] = name
            self.globals[name] = x
            self.alive.append(x)
        return self.constants[id(x)]

    def _input(self, x: Any) -> Any:
        return self._array(x._array, x) if isinstance(x, Node) else x

    def _array(self, array: Any, owner: Any = None) -> Name | None:
        known = self.names.get(id(array))
        if known is not None:
            return known
        if owner is None or id(owner) in self.born or owner._op is not None:
            self.refuse("it uses values from outside the recorded computation (random numbers, or an array made in it)")
            return None
        name = self.captured[owner] = self._name(array, f"w{len(self.captured)}")
        self.fixed.add(name)
        return name

    def _leaf(self, x: Any) -> Any:
        if id(x) in self.arguments:
            self.leaves.add(id(x))
            return self.arguments[id(x)]
        if id(x) in self.born or x._op is not None:
            self.refuse("it gives a gradient to a tensor that it made")
        return x

    def _value(self, x: Any) -> Any:
        """An argument of a call."""
        if isinstance(x, np.ndarray) or (isinstance(x, np.generic) and id(x) in self.names):
            return self._array(x)
        if isinstance(x, (list, tuple)):
            return tuple(self._value(y) for y in x)
        if isinstance(x, Node):
            self.refuse("an operation has a tensor as a parameter")
        return x

    # -- writing it down

    def program(self, result: Any, name: str) -> Program | None:
        """What was noted, to be run; None if that cannot be."""
        shown: set[str] = set()  # what more than planned lines get to see
        returned = self._result(result, shown)
        self._check_writes()
        if self.reason:
            return None
        own: set[Name | None] = set()
        for line in self.lines:
            if self._plan(line) is not None:
                own |= {*line.targets}
                continue
            line.planner = None
            shown |= _names(line.args)
            if line.function is engine.accumulate and {*line.args[0].values()} <= own:
                gradients = line.args[0]
                if len({*gradients.values()}) == len(gradients):  # each its own memory: nothing to check
                    line.function, line.args = engine.store, (gradients,)
        body = [text for line in self.lines for text in self._written(line, shown)]
        body.append(f"return {returned}")
        used = "\n".join(body)
        head = [(f"x{k}", f"{x}._array") for k, x in enumerate(self.given)]
        head += [(w, f"{self._constant(x)}._array") for x, w in self.captured.items()]
        head += [(v, self._constant(self.arrays[v])) for v in self.fixed - {*self.captured.values()} if v in shown]
        body = [f"{target} = {value}" for target, value in head if re.search(rf"\b{target}\b", used)] + body
        name = name if name.isidentifier() else "step"
        arguments = ", ".join(self.given)
        source = f"def {name}({arguments}):\n" + "".join(f"    {line}\n" for line in body)
        program = Program(source, self.globals, name, list(self.captured), list(self.owners.values()))
        program.apart = len(self.leaves) > 1
        if self.warns:
            program.run = quietly(program.run)
        return program

    def _plan(self, line: Line) -> Plan | None:
        return None if line.planner is None else line.planner(*_filled(line.args, self.arrays))

    def _written(self, line: Line, shown: set[str]) -> Iterator[str]:
        """The line as text."""
        plan = self._plan(line)
        if plan is None:
            call = f"{self._constant(line.function)}({', '.join(map(self._text, line.args))})"
            targets = ", ".join(x or "_" for x in line.targets) + (", " if line.unpacked else "")
            yield (f"{targets} = " if targets else "") + (f"asarray({call})" if line.scalar else call)
            return
        results = plan.result if line.unpacked else (plan.result,)
        for target, array in zip(line.targets, results, strict=True):
            if target is not None:
                self.names[id(array)] = target
                self.arrays[target] = array
                self.alive.append(array)
                if target in shown:
                    yield f"{target} = empty({array.shape}, {self._constant(array.dtype)})"
                else:
                    self.fixed.add(target)
        arguments = ", ".join(self._planned(x, plan.vectors) for x in plan.arguments)
        yield f"{self._constant(plan.kernel)}({arguments})"

    def _planned(self, x: Any, vectors: bool) -> str:
        """An argument of a kernel; ``vectors``: as a vector."""
        if not isinstance(x, np.ndarray):
            return self._text(x)
        name = self.names.get(id(x))
        if name is None or name in self.fixed:
            return self._constant(self.vectors.setdefault(id(x), x.ravel()) if vectors else x)
        if not vectors:
            return name
        flat = f"{name}_"
        if flat in self.flat:
            return flat
        self.flat.add(flat)
        return f"({flat} := {name}.ravel())"

    def _text(self, x: Any) -> str:
        """An argument of a call."""
        if isinstance(x, Name):
            return str(x)
        if isinstance(x, dict):
            return "{" + "".join(f"{self._text(k)}: {self._text(v)}, " for k, v in x.items()) + "}"
        if isinstance(x, (list, tuple)):
            return f"({''.join(self._text(y) + ', ' for y in x)})"
        return repr(x) if x is None or isinstance(x, (bool, int, str)) else self._constant(x)

    def _result(self, x: Any, shown: set[str]) -> str:
        if isinstance(x, Node):
            if id(x._array) not in self.names or x in self.captured or id(x) in self.arguments:
                return self._text(self._leaf(x))
            shown.add(self.names[id(x._array)])
            return f"leaf({self.names[id(x._array)]})"
        if isinstance(x, (list, tuple)) and type(x) in (list, tuple):
            inner = "".join(self._result(y, shown) + ", " for y in x)
            return f"({inner})" if isinstance(x, tuple) else f"[{inner}]"
        if isinstance(x, dict):
            return "{" + "".join(f"{self._constant(k)}: {self._result(v, shown)}, " for k, v in x.items()) + "}"
        if isinstance(x, np.ndarray):
            self.refuse("it returns an array")
        return self._constant(x)


class Program:
    """A recorded step, and what must still be as it was."""

    def __init__(self, source: str, names: dict[str, Any], name: str, captured: list[Any], owners: list[Any]) -> None:
        self.source = source
        self.free = Lock()  # held while it runs: it keeps memory from run to run
        exec(compile(source, f"<replay of {name}>", "exec"), names)
        self.run = names[name]
        self.apart = False  # no argument may be given twice
        self._checked = -1  # when the captured tensors last were as they had been
        self._captured = [(x, x._array, x._requires_grad) for x in captured]
        self._owners = [(m, m.training) for m in owners if hasattr(m, "training")]

    def fits(self, tensors: list[Any]) -> bool:
        """Whether the tensors from outside have the same memory still, and the modules the same mode."""
        if self._checked != writes.changed:
            now = writes.changed
            for x, array, wanted in self._captured:
                extra = x._extra
                if x._array is not array or x._requires_grad is not wanted or (extra and not _HOOKS.isdisjoint(extra)):
                    return False
            self._checked = now
        for module, training in self._owners:  # all() takes twice as long
            if module.training is not training:
                return False
        return not self.apart or not _twins(tensors)


_HOOKS = frozenset(("hooks", "after"))


def _twins(tensors: list[Any]) -> tuple[int, ...]:
    """For each of the tensors which one is the first with its array; empty if no two share one.

    A program in which two arguments were one would serve only for such.
    """
    ids = [id(x._array) for x in tensors]
    return () if len({*ids}) == len(ids) else tuple(map(ids.index, ids))


def _describe(values: Iterable[Any], parts: list[Any], tensors: list[Any]) -> None:
    """Add to ``parts`` what must be the same for a program to serve again, and the tensors to ``tensors``."""
    for x in values:
        if isinstance(x, Node):
            array = x._array
            tensors.append(x)
            parts += array.shape, array.dtype.char, x._requires_grad, array.flags.c_contiguous
        elif isinstance(x, (tuple, list)):
            parts += type(x), len(x)
            _describe(x, parts, tensors)
        elif isinstance(x, dict):
            parts += dict, *x
            _describe(x.values(), parts, tensors)
        else:
            parts += type(x), x
