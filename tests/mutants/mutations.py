"""What can be changed in a source file, one change at a time, so that a test should notice.

Law: a mutation is named by its file and number, which depend on the file's text alone, so that a
run can be repeated. Texts for people, docstrings, annotations and `__slots__` are left alone.
"""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Add,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.FloorDiv: ast.Mult,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}

Change = Callable[[ast.AST], ast.AST | None]


@dataclass(frozen=True)
class Mutation:
    """One change of one file: where it is, and what it says."""

    file: str
    number: int
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


def mutations(path: Path, root: Path) -> list[Mutation]:
    """All that can be changed in a file."""
    source = path.read_text("utf-8")
    name = path.relative_to(root).as_posix()
    return [
        Mutation(name, number, getattr(node, "lineno", 0), text)
        for number, (node, text, _) in enumerate(_points(ast.parse(source)))
    ]


def mutated(source: str, number: int) -> ast.Module:
    """The tree of a source with its change `number` made."""
    tree = ast.parse(source)
    for position, (node, _, change) in enumerate(_points(tree)):
        if position == number:
            _put(tree, node, change(copy.deepcopy(node)))
            return ast.fix_missing_locations(tree)
    raise IndexError(number)


def _put(tree: ast.Module, old: ast.AST, new: ast.AST | None) -> None:
    """Put `new` where `old` stands; None: a statement goes."""
    for parent in ast.walk(tree):
        for field, value in ast.iter_fields(parent):
            if value is old:
                setattr(parent, field, new)
                return
            if isinstance(value, list) and any(one is old for one in value):
                at = next(i for i, one in enumerate(value) if one is old)
                value[at] = new if new is not None else ast.Pass()
                return
    raise LookupError


def _points(tree: ast.Module) -> Iterator[tuple[ast.AST, str, Change]]:
    skipped = _skipped(tree)
    for node in ast.walk(tree):
        if id(node) not in skipped:
            for text, change in _changes(node):
                yield node, text, change


def _skipped(tree: ast.Module) -> set[int]:
    """Nodes whose change nobody could notice, or only a reader."""
    found: set[int] = set()
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.arg | ast.AnnAssign):
            parts.append(node.annotation)
        if isinstance(node, ast.FunctionDef):
            parts.append(node.returns)
            parts += node.decorator_list
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            parts.append(node)
        if isinstance(node, ast.Assign) and _is_for_readers(node):
            parts.append(node)
        if isinstance(node, ast.Raise | ast.Assert | ast.ImportFrom | ast.Import):
            parts.append(node)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name):
            parts += [node] if node.test.id == "TYPE_CHECKING" else []
        for part in parts:
            if part is not None:
                found |= {id(one) for one in ast.walk(part)}
    return found


def _is_for_readers(node: ast.Assign) -> bool:
    names = {target.id for target in node.targets if isinstance(target, ast.Name)}
    return bool(names & {"__slots__", "__all__", "TEXTS"}) or isinstance(node.value, ast.Subscript)


def _changes(node: ast.AST) -> Iterator[tuple[str, Change]]:
    if isinstance(node, ast.expr):
        yield from _of_expression(node, ast.unparse(node).split("\n")[0][:60])
    elif isinstance(node, ast.stmt):
        yield from _of_statement(node, ast.unparse(node).split("\n")[0][:60])
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield f"not `{ast.unparse(node.test)[:60]}`", _negated


def _of_expression(node: ast.expr, shown: str) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARED:
            yield f"`{shown}` with {_COMPARED[type(operator)].__name__}", _compared
        case ast.BoolOp(op=joint):
            yield f"`{shown}` with `{'or' if isinstance(joint, ast.And) else 'and'}`", _joined
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"`{shown}` without `not`", _always(operand)
        case ast.BinOp(op=calculation) if type(calculation) in _CALCULATED:
            yield f"`{shown}` with {_CALCULATED[type(calculation)].__name__}", _calculated
        case ast.Constant(value=bool() as flag):
            yield f"`{shown}` the other way", _always(ast.Constant(not flag))
        case ast.Constant(value=int() as number):
            yield f"`{shown}` plus one", _always(ast.Constant(number + 1))
        case ast.Constant(value=bytes() as value) if value:
            yield f"`{shown}` as b'?'", _always(ast.Constant(b"?"))
        case ast.Set(elts=[_, _, *_]) | ast.Tuple(elts=[_, _, *_], ctx=ast.Load()):
            yield f"`{shown}` less its last", _shortened


def _of_statement(node: ast.stmt, shown: str) -> Iterator[tuple[str, Change]]:
    match node:
        case ast.Return(value=ast.expr()):
            yield f"`{shown}` gives None", _always(ast.Return(ast.Constant(None)))
        case ast.Continue():
            yield f"`{shown}` as `break`", _always(ast.Break())
        case ast.Break():
            yield f"`{shown}` as `continue`", _always(ast.Continue())
        case ast.Expr(value=ast.Call()) | ast.AugAssign():
            yield f"without `{shown}`", _always(None)


def _always(new: ast.AST | None) -> Change:
    return lambda _: copy.deepcopy(new)


def _compared(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Compare)
    node.ops = [_COMPARED[type(node.ops[0])]()]
    return node


def _joined(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.BoolOp)
    node.op = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    return node


def _calculated(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.BinOp)
    node.op = _CALCULATED[type(node.op)]()
    return node


def _negated(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.If | ast.IfExp | ast.While)
    node.test = ast.UnaryOp(ast.Not(), node.test)
    return node


def _shortened(node: ast.AST) -> ast.AST:
    assert isinstance(node, ast.Set | ast.Tuple)
    node.elts = node.elts[:-1]
    return node
