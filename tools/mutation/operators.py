"""The small mistakes that can be made in Python code, found in its syntax tree.

Functions under decorators, the decorators themselves, defaults, and what modules and classes define count as
much as plain functions. Annotations, docstrings, log lines and texts do not; SQL and Lua in texts do
(`tools.mutation.code_in_text`).
"""

import ast
import re
from collections.abc import Iterator
from itertools import pairwise

from tools.mutation.code_in_text import mistakes_in_text
from tools.mutation.mutants import Mistake

COMPARISONS: dict[type[ast.cmpop], tuple[str, str]] = {
    ast.Lt: ("<", "<="),
    ast.LtE: ("<=", "<"),
    ast.Gt: (">", ">="),
    ast.GtE: (">=", ">"),
    ast.Eq: ("==", "!="),
    ast.NotEq: ("!=", "=="),
    ast.Is: ("is", "is not"),
    ast.IsNot: (r"is\s+not", "is"),
    ast.In: ("in", "not in"),
    ast.NotIn: (r"not\s+in", "in"),
}
NEGATIONS = (ast.Eq, ast.NotEq, ast.Is, ast.IsNot, ast.In, ast.NotIn)
ARITHMETIC: dict[type[ast.operator], tuple[str, str]] = {
    ast.Add: ("+", "-"),
    ast.Sub: ("-", "+"),
    ast.Mult: ("*", "/"),
    ast.Div: ("/", "*"),
    ast.FloorDiv: ("//", "*"),
    ast.Mod: ("%", "*"),
    ast.Pow: ("**", "*"),
    ast.LShift: ("<<", ">>"),
    ast.RShift: (">>", "<<"),
    ast.BitAnd: ("&", "|"),
    ast.BitOr: ("|", "&"),
    ast.BitXor: ("^", "|"),
}
OPPOSITES = {"min": "max", "any": "all", "filter": "exclude", "first": "last", "earliest": "latest"}
OPPOSITES |= {opposite: name for name, opposite in OPPOSITES.items()}
BOUNDARIES = {"__lte": "__lt", "__lt": "__lte", "__gte": "__gt", "__gt": "__gte"}
# Each of their conditions, or of the columns they write, may be missing.
CONDITIONS = {"filter", "exclude", "get", "update", "Q"}
# Without one of these nothing works at all, which says nothing about tests.
STRUCTURAL = {"property", "cached_property", "staticmethod", "classmethod", "overload", "dataclass"}
UNTOLD = {"logger", "logging", "warnings"}
TRANSLATIONS = {"_", "gettext", "gettext_lazy", "ngettext", "ngettext_lazy", "pgettext", "pgettext_lazy"}


def mistakes_of(source: bytes) -> Iterator[Mistake]:
    """Every mistake in a module that Python still understands, in the order of its text."""
    finder = _Finder(source)
    finder.visit(ast.parse(source))
    found = dict.fromkeys(sorted(finder.found, key=lambda mistake: (mistake[1], mistake[2], mistake[3])))
    for mistake in found:
        _, start, end, replacement = mistake
        if _is_python(source[:start] + replacement + source[end:]):
            yield mistake


def function_spans(source: bytes) -> dict[str, tuple[int, int]]:
    """First and last line of every function's body by qualified name; those inside others belong to them."""
    spans: dict[str, tuple[int, int]] = {}

    def walk(nodes: list[ast.stmt], prefix: str) -> None:
        for node in nodes:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                spans.setdefault(prefix + node.name, (node.body[0].lineno, node.end_lineno or node.lineno))
            elif isinstance(node, ast.ClassDef):
                walk(node.body, f"{prefix}{node.name}.")
            elif isinstance(node, ast.If | ast.Try | ast.With):
                walk(node.body, prefix)

    walk(ast.parse(source).body, "")
    return spans


def _is_python(source: bytes) -> bool:
    try:
        ast.parse(source)
    except SyntaxError:
        return False
    return True


class _Finder(ast.NodeVisitor):
    def __init__(self, source: bytes) -> None:
        self.found: list[Mistake] = []
        self._source = source
        self._lines = [0, *(match.end() for match in re.finditer(rb"\n", source))]
        self._classes: list[str] = []
        self._owner = ""
        self._gives_bool = False

    # Where things are

    def _place(self, node: ast.expr | ast.stmt | ast.keyword) -> tuple[int, int]:
        end_line, end_column = node.end_lineno or node.lineno, node.end_col_offset or node.col_offset
        return self._lines[node.lineno - 1] + node.col_offset, self._lines[end_line - 1] + end_column

    def _text(self, node: ast.expr | ast.stmt) -> bytes:
        return self._source[slice(*self._place(node))]

    def _add(self, place: tuple[int, int], replacement: str | bytes) -> None:
        text = replacement.encode() if isinstance(replacement, str) else replacement
        self.found.append((self._owner or "<module>", *place, text))

    def _swap_between(self, left: ast.expr, right: ast.expr, pattern: str, replacement: str) -> None:
        """Replace the operator between two operands, where a comment may stand as well."""
        start, end = self._place(left)[1], self._place(right)[0]
        gap = re.sub(rb"#[^\n]*", lambda match: b" " * len(match[0]), self._source[start:end])
        wanted = pattern if "\\" in pattern else re.escape(pattern)
        found = re.search(wanted.encode(), gap)
        if found:
            self._add((start + found.start(), start + found.end()), replacement)

    # What holds the mistakes

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        outer = self._owner
        self._owner = ".".join([*self._classes, node.name])
        self._drop_decorators(node.decorator_list)
        self._classes.append(node.name)
        for statement in node.body:
            self._owner = ".".join([*self._classes, _assigned(statement)]).rstrip(".")
            self.visit(statement)
        self._classes.pop()
        self._owner = outer

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        outer, outer_bool = self._owner, self._gives_bool
        is_inner = bool(outer) and outer != ".".join(self._classes)
        if not is_inner:
            self._owner = ".".join([*self._classes, node.name])
        self._gives_bool = isinstance(node.returns, ast.Name) and node.returns.id == "bool"
        self._drop_decorators(node.decorator_list)
        for default in [*node.args.defaults, *node.args.kw_defaults]:
            if default is not None:
                self.visit(default)
        for statement in node.body:
            self.visit(statement)
        self._owner, self._gives_bool = outer, outer_bool

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> None:
        self.visit_FunctionDef(node)

    def visit_Module(self, node: ast.Module) -> None:
        for statement in node.body:
            self._owner = _assigned(statement)
            self.visit(statement)

    def visit_Lambda(self, node: ast.Lambda) -> None:
        self.visit(node.body)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)

    def _drop_decorators(self, decorators: list[ast.expr]) -> None:
        for decorator in decorators:
            if _called(decorator) not in STRUCTURAL:
                start, end = self._place(decorator)
                self._add((self._source.rindex(b"@", 0, start), end), b"")
                self.visit(decorator)

    # Statements

    def visit_If(self, node: ast.If) -> None:
        if not (isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"):
            self._negate(node.test)
            self.generic_visit(node)

    def visit_While(self, node: ast.While) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:
        self._negate(node.test)
        self.generic_visit(node)

    def visit_comprehension(self, node: ast.comprehension) -> None:
        for condition in node.ifs:
            self._negate(condition)
        self.generic_visit(node)

    def _negate(self, condition: ast.expr) -> None:
        if not _is_swapped_anyway(condition):
            self._add(self._place(condition), b"(not (" + self._text(condition) + b"))")

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or _root(node.value) in UNTOLD:
            return
        if isinstance(node.value, ast.Call | ast.Await):
            self._add(self._place(node), "pass")
        self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> None:
        self._add(self._place(node), "pass")
        self.generic_visit(node)

    def visit_Continue(self, node: ast.Continue) -> None:
        self._add(self._place(node), "break")

    def visit_Break(self, node: ast.Break) -> None:
        self._add(self._place(node), "continue")

    def visit_Assign(self, node: ast.Assign) -> None:
        names = [each for target in node.targets for each in _flat(target)]
        if not any(isinstance(each, ast.Name | ast.Starred) for each in names):
            self._add(self._place(node), "pass")
        self.visit(node.value)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        if type(node.op) in ARITHMETIC:
            before, after = ARITHMETIC[type(node.op)]
            self._swap_between(node.target, node.value, f"{before}=", f"{after}=")
        self._add(self._place(node), "pass")
        self.visit(node.value)

    def visit_Return(self, node: ast.Return) -> None:
        if node.value is None:
            return
        if self._gives_bool:
            self._negate(node.value)
        elif not _is_nothing(node.value):
            self._add(self._place(node.value), "None")
        self.visit(node.value)

    # Expressions

    def visit_Compare(self, node: ast.Compare) -> None:
        operands = [node.left, *node.comparators]
        for (left, right), operator in zip(pairwise(operands), node.ops, strict=True):
            self._swap_between(left, right, *COMPARISONS[type(operator)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:
        before, after = ("and", "or") if isinstance(node.op, ast.And) else ("or", "and")
        for left, right in pairwise(node.values):
            self._swap_between(left, right, before, after)
        self.generic_visit(node)

    def visit_UnaryOp(self, node: ast.UnaryOp) -> None:
        if isinstance(node.op, ast.Not | ast.USub | ast.Invert):
            self._add(self._place(node), self._text(node.operand))
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:
        if type(node.op) in ARITHMETIC and not (_is_text(node.left) or _is_text(node.right)):
            self._swap_between(node.left, node.right, *ARITHMETIC[type(node.op)])
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:
        place = self._place(node)
        match node.value:
            case bool():
                self._add(place, str(not node.value))
            case int():
                self._add(place, str(node.value + 1))
            case float():
                self._add(place, repr(node.value * 2 or 1.0))
            case str():
                self._add_text(place)

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:
        self._add_text(self._place(node))

    def _add_text(self, place: tuple[int, int]) -> None:
        text = self._source[slice(*place)]
        for start, end, replacement in mistakes_in_text(text):
            self._add((place[0] + start, place[0] + end), replacement)
        boundary = re.search(rb"__(lte?|gte?)(?=[\"']$)", text)
        if boundary:
            opposite = BOUNDARIES[boundary[0].decode()]
            self._add((place[0] + boundary.start(), place[0] + boundary.end()), opposite)

    def visit_Call(self, node: ast.Call) -> None:
        name = _called(node)
        if name in TRANSLATIONS:
            return
        if name in OPPOSITES:
            end = self._place(node.func)[1]
            self._add((end - len(name), end), OPPOSITES[name])
        if name in CONDITIONS:
            self._drop_arguments(node)
        if name == "order_by":
            self._turn_orders(node)
        for keyword in node.keywords:
            boundary = re.search(r"__(lte?|gte?)$", keyword.arg or "")
            if keyword.arg and boundary:
                start = self._place(keyword)[0] + boundary.start()
                self._add((start, start + len(boundary[0])), BOUNDARIES[boundary[0]])
        self.generic_visit(node)

    def _drop_arguments(self, node: ast.Call) -> None:
        parts: list[ast.expr | ast.keyword] = [*node.args, *node.keywords]
        arguments = sorted(map(self._place, parts))
        for place, following in pairwise(arguments):
            self._add((place[0], following[0]), b"")
        if arguments:
            before = arguments[-2][1] if len(arguments) > 1 else arguments[0][0]
            self._add((before, self._place(node)[1] - 1), b"")

    def _turn_orders(self, node: ast.Call) -> None:
        for argument in node.args:
            if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
                column = argument.value
                turned = column.removeprefix("-") if column.startswith("-") else f"-{column}"
                self._add(self._place(argument), f'"{turned}"')


def _assigned(statement: ast.stmt) -> str:
    """What a statement of a module or class defines by assignment."""
    targets: list[ast.expr] = []
    if isinstance(statement, ast.Assign):
        targets = statement.targets
    elif isinstance(statement, ast.AnnAssign | ast.AugAssign):
        targets = [statement.target]
    names = [each.id for target in targets for each in _flat(target) if isinstance(each, ast.Name)]
    return names[0] if names else ""


def _flat(target: ast.expr) -> list[ast.expr]:
    if isinstance(target, ast.Tuple | ast.List):
        return [each for element in target.elts for each in _flat(element)]
    return [target]


def _called(node: ast.expr) -> str:
    """The last name of what is called, or of a decorator."""
    match node:
        case ast.Call():
            return _called(node.func)
        case ast.Attribute():
            return node.attr
        case ast.Name():
            return node.id
    return ""


def _root(node: ast.expr) -> str:
    """The first name of a call such as `logger.warning(…)`."""
    match node:
        case ast.Call():
            return _root(node.func)
        case ast.Attribute():
            return _root(node.value)
        case ast.Name():
            return node.id
    return ""


def _is_swapped_anyway(condition: ast.expr) -> bool:
    """Whether another mutant of the condition negates it."""
    match condition:
        case ast.Compare(ops=[operator]):
            return isinstance(operator, NEGATIONS)
        case ast.UnaryOp(op=ast.Not()) | ast.Constant():
            return True
    return False


def _is_nothing(value: ast.expr) -> bool:
    """Whether a result is told from None by hardly anybody."""
    match value:
        case ast.Constant():
            return not value.value
        case ast.List(elts=[]) | ast.Tuple(elts=[]) | ast.Dict(keys=[]):
            return True
    return False


def _is_text(node: ast.expr) -> bool:
    match node:
        case ast.Constant():
            return isinstance(node.value, str | bytes)
        case ast.JoinedStr():
            return True
        case ast.BinOp():
            return _is_text(node.left) or _is_text(node.right)
        case ast.Call():
            return _called(node) in TRANSLATIONS | {"str", "join"}
    return False
