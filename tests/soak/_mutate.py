"""Small faults in a source file, and how to put one into functions that are loaded already."""

from __future__ import annotations

import ast
import copy
import gc
import types
from collections.abc import Iterator
from typing import Any, NamedTuple

SWAPS = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.MatMult: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitAnd, ast.LShift: ast.RShift, ast.RShift: ast.LShift, ast.And: ast.Or, ast.Or: ast.And,
    ast.Eq: ast.NotEq, ast.NotEq: ast.Eq, ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
OPPOSITE = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)  # swapping them negates
# What types say, what only tests read, and what decides only which methods Tensor gets when it is imported.
SKIPPED_FIELDS = {"annotation", "returns", "type_params", "ctx"}
SKIPPED_KEYWORDS = {"samples", "method", "stacklevel", "maxsize", "strict"}
Function = ast.FunctionDef | ast.Lambda


class Mutant(NamedTuple):
    """Put ``new`` where ``field`` (and ``index``) of ``parent`` is, and the fault is there."""

    line: int
    what: str
    parent: Any
    field: str
    index: int | None
    new: Any
    within: bool  # a function's body, so that it can be put into a function that is there already
    owner: Function | None  # the function that has this among its defaults

    def plant(self) -> None:
        if self.index is None:
            setattr(self.parent, self.field, self.new)
        else:
            getattr(self.parent, self.field)[self.index] = self.new


def mutants(tree: ast.Module) -> list[Mutant]:
    """Every fault that can be planted in ``tree``, in the order of the file."""
    return list(_below(tree, False, None))


def _below(node: Any, within: bool, owner: Function | None) -> Iterator[Mutant]:
    if isinstance(node, (ast.Raise, ast.JoinedStr, ast.Import, ast.ImportFrom)):  # no messages
        return
    if isinstance(node, ast.keyword) and node.arg in SKIPPED_KEYWORDS:
        return
    if isinstance(node, ast.Assign) and any(isinstance(x, ast.Name) and _not_run(x.id) for x in node.targets):
        return
    if isinstance(node, Function) and node.args.args and node.args.args[0].arg == "s":  # makes samples for tests
        return
    for field, value in ast.iter_fields(node):
        if field in SKIPPED_FIELDS:
            continue
        inside = within or (isinstance(node, Function) and field == "body")
        of = node if isinstance(node, Function) and field == "args" else owner if field != "body" else None
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(child, ast.AST):
                at = index if isinstance(value, list) else None
                for what, new in _instead(node, field, child):
                    ast.fix_missing_locations(ast.copy_location(new, child))
                    yield Mutant(getattr(child, "lineno", 0), what, node, field, at, new, inside, of)
                yield from _below(child, inside, of)


def _not_run(name: str) -> bool:
    """Whether a name is for imports (``__all__``) or only for samples (``_A``)."""
    return name.startswith("__") or (len(name) == 2 and name[0] == "_" and name.isupper())


def _instead(parent: Any, field: str, x: Any) -> Iterator[tuple[str, Any]]:
    """What may stand where ``x`` is, and what that is called."""

    def like(**changes: Any) -> Any:
        new = copy.copy(x)
        for name, value in changes.items():
            setattr(new, name, value)
        return new

    match x:
        case ast.BinOp(op=op) | ast.BoolOp(op=op) | ast.AugAssign(op=op) if type(op) in SWAPS:
            yield f"{type(op).__name__} becomes {SWAPS[type(op)].__name__}", like(op=SWAPS[type(op)]())
        case ast.Compare(ops=[op]):
            yield f"{type(op).__name__} becomes {SWAPS[type(op)].__name__}", like(ops=[SWAPS[type(op)]()])
        case ast.UnaryOp(op=ast.USub() | ast.Not() | ast.Invert(), operand=inner):
            yield "sign or not dropped", inner
        case ast.Constant(value=bool(value)):
            yield f"{value} becomes {not value}", like(value=not value)
        case ast.Constant(value=int(value) | float(value)):
            yield f"{value} becomes {value + 1}", like(value=value + 1)
        case ast.Call(args=[a, b, *rest]) if not any(isinstance(y, ast.Starred) for y in (a, b)):
            yield "the first two arguments swapped", like(args=[b, a, *rest])
        case ast.Return(value=value) if not isinstance(value, ast.Constant | None):
            yield "returns None", like(value=ast.Constant(None))
        case ast.Lambda():
            yield "returns None", like(body=ast.copy_location(ast.Constant(None), x.body))
        case ast.Break():
            yield "break becomes continue", ast.Continue()
        case ast.Continue():
            yield "continue becomes break", ast.Break()
    match x:
        case ast.Expr(value=ast.Call()) | ast.AugAssign() | ast.Raise() | ast.Delete():
            yield "statement dropped", ast.Pass()
        case ast.Assign(targets=[ast.Attribute() | ast.Subscript()]):
            yield "statement dropped", ast.Pass()
    condition = (field == "test" and isinstance(parent, (ast.If, ast.IfExp, ast.While))) or field == "ifs"
    opposite = isinstance(x, ast.Compare) and isinstance(x.ops[0], OPPOSITE)
    if condition and not opposite and not isinstance(x, (ast.Constant, ast.UnaryOp)):
        yield "condition negated", ast.UnaryOp(ast.Not(), x)


def _pairs(old: types.CodeType, new: types.CodeType) -> Iterator[tuple[types.CodeType, types.CodeType]]:
    """The code of every function of a file, as it was and as it is now."""
    yield old, new
    olds, news = ([c for c in code.co_consts if isinstance(c, types.CodeType)] for code in (old, new))
    for a in olds:
        same = [b for b in news if (a.co_name, a.co_firstlineno) == (b.co_name, b.co_firstlineno)]
        if same:
            news.remove(same[0])
            yield from _pairs(a, same[0])


def functions() -> dict[types.CodeType, list[Any]]:
    """Every function there is, by its code."""
    found: dict[types.CodeType, list[Any]] = {}
    for x in gc.get_objects():
        if type(x) is types.FunctionType:
            found.setdefault(x.__code__, []).append(x)
    return found


def exchange(old: types.CodeType, new: types.CodeType, loaded: dict[types.CodeType, list[Any]]) -> int:
    """Give the loaded functions their new code; how many have changed."""
    count = 0
    for a, b in _pairs(old, new):
        if a != b:
            for function in loaded.get(a, ()):
                function.__code__ = b
                count += 1
    return count


def renew_defaults(owner: ast.FunctionDef, names: dict[str, Any], loaded: dict[types.CodeType, list[Any]]) -> int:
    """Evaluate the defaults of a function that is loaded once more; how many functions that were."""

    def value(x: Any) -> Any:
        return eval(compile(ast.Expression(x), "<default>", "eval"), names)

    lines = {owner.lineno, *(x.lineno for x in owner.decorator_list)}
    count = 0
    for code, found in loaded.items():
        if code.co_name == owner.name and code.co_firstlineno in lines and code.co_filename == names["__file__"]:
            for function in found:
                function.__defaults__ = tuple(map(value, owner.args.defaults)) or None
                keywords = zip(owner.args.kwonlyargs, owner.args.kw_defaults, strict=True)
                function.__kwdefaults__ = {a.arg: value(d) for a, d in keywords if d is not None} or None
                count += 1
    return count


def declare_anew(modules: list[tuple[Any, types.CodeType]], record: Any) -> None:
    """Run modules of ops again, and let the ops and functions that everybody has be as they are declared now."""
    every, numpy = dict(record.registry), dict(record.by_numpy)
    record.registry.clear()
    record.by_numpy.clear()
    for module, code in modules:
        names = {"__name__": module.__name__, "__package__": module.__package__, "__file__": module.__file__}
        exec(code, names)
        for name, value in names.items():
            old = module.__dict__.get(name)
            if isinstance(value, types.FunctionType) and isinstance(old, types.FunctionType):
                if value.__module__ == module.__name__ and value.__code__.co_freevars == old.__code__.co_freevars:
                    old.__code__, old.__defaults__ = value.__code__, value.__defaults__
            elif isinstance(value, (bool, int, float, str, tuple)) and not name.startswith("__"):
                setattr(module, name, value)
        names.update({key: every[op.name] for key, op in names.items() if isinstance(op, record.Op)})
    for name, op in record.registry.items():
        every[name].__dict__.clear()
        every[name].__dict__.update(op.__dict__)
    mine = {op.name for op in record.registry.values()}
    anew = {function: every[op.name] for function, op in record.by_numpy.items()}
    record.registry.clear()
    record.registry.update(every)
    record.by_numpy.clear()
    record.by_numpy.update({f: op for f, op in numpy.items() if op.name not in mine})
    record.by_numpy.update(anew)
