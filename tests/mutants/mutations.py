"""What can be changed in a source file, one change at a time, so that a test should notice.

Law: a mutation is found again by its file and number, which depend on the file's text alone, so
that a run can be repeated; it is known to people by its `key` (file, function, what is changed into
what), which survives that lines move. Texts for people, docstrings, annotations and `__slots__` are
left alone.
"""

from __future__ import annotations

import ast
import copy
from collections import Counter
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
    function: str  # dotted, with its class; empty: of the module itself
    lines: range  # of the statement, or of a compound one's head: who runs one runs the change
    is_run_at_import: bool  # by no function, so that only a new import makes the change
    repeated: int = 1  # which of those that read the same in this function

    @property
    def key(self) -> str:
        """What `explained.txt` knows it by."""
        again = f" #{self.repeated}" if self.repeated > 1 else ""
        return f"{self.file}: {self.function or 'module'}: {self.text}{again}"

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.key.partition(': ')[2]}"


@dataclass(frozen=True)
class _Where:
    """What stands around a node."""

    function: str
    lines: range
    is_run_at_import: bool


def mutations(path: Path, root: Path) -> list[Mutation]:
    """All that can be changed in a file."""
    tree = ast.parse(path.read_text("utf-8"))
    name = path.relative_to(root).as_posix()
    around = dict(_around(tree, _Where("", range(1, 2), is_run_at_import=True)))
    found: list[Mutation] = []
    seen: Counter[tuple[str, str]] = Counter()
    for number, (node, text, _) in enumerate(_points(tree)):
        where = around[id(node)]
        seen[where.function, text] += 1
        found.append(
            Mutation(
                *(name, number, getattr(node, "lineno", 0), text),
                *(where.function, where.lines, where.is_run_at_import),
                seen[where.function, text],
            )
        )
    return found


def _around(node: ast.AST, where: _Where) -> Iterator[tuple[int, _Where]]:
    """For the id of each node in `node`: its function and the lines of its statement."""
    for name, value in ast.iter_fields(node):
        inside = where
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and name == "body":
            inside = _Where(
                f"{where.function}.{node.name}".lstrip("."),
                where.lines,
                where.is_run_at_import and isinstance(node, ast.ClassDef),
            )
        elif isinstance(node, ast.Lambda) and name == "body":
            inside = _Where(where.function, where.lines, is_run_at_import=False)
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                its = inside
                if isinstance(child, ast.stmt):
                    its = _Where(_named(child, inside), _lines(child), inside.is_run_at_import)
                yield id(child), its
                yield from _around(child, its)


def _named(statement: ast.stmt, where: _Where) -> str:
    """A constant of a module or class is named like a function."""
    if where.is_run_at_import and isinstance(statement, ast.Assign | ast.AnnAssign):
        target = statement.target if isinstance(statement, ast.AnnAssign) else statement.targets[0]
        return f"{where.function}.{ast.unparse(target)}".lstrip(".")
    return where.function


def _lines(statement: ast.stmt) -> range:
    """Of a compound statement those of its head."""
    body = getattr(statement, "body", None)
    last = body[0].lineno - 1 if body else statement.end_lineno or statement.lineno
    return range(statement.lineno, max(last, statement.lineno) + 1)


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
        for part in _for_readers(node):
            found |= {id(one) for one in ast.walk(part)}
    return found


def _for_readers(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.arg() | ast.AnnAssign() if node.annotation is not None:
            yield node.annotation
        case ast.FunctionDef(name="__repr__"):
            yield node
        case ast.FunctionDef():
            yield from [*node.decorator_list, *([node.returns] if node.returns else [])]
        case ast.ClassDef():
            yield from node.decorator_list
        case ast.Expr(value=ast.Constant()) | ast.If(test=ast.Name(id="TYPE_CHECKING")):
            yield node
        case ast.Raise() | ast.Assert() | ast.ImportFrom() | ast.Import():
            yield node
        case ast.Assign() if _is_for_readers(node):
            yield node


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
        case ast.Return(value=ast.expr() as value) if ast.unparse(value) != "None":
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
