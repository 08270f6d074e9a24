"""Label selectors and field selectors: parsing with upstream's error texts, and matching.

A label selector is a list of requirements that must all hold. Matching is on the hot path of lists, watches and
services: each requirement is one small closure.

Source: apimachinery ``pkg/labels/selector.go``, ``pkg/fields/selector.go``, ``pkg/apis/meta/v1/helpers.go``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from pynetes.meta.gotext import parse_int64, quoted, sorted_map
from pynetes.meta.names import label_value, qualified_name

Labels = Mapping[str, str]
_Test = Callable[[Labels], bool]

_BINARY = ("in", "notin", "=", "==", "!=", "gt", "lt")
_SYMBOLS = frozenset("=!(),><")
_SPACES = frozenset(" \t\r\n")
_END = ""


class SelectorError(ValueError):
    """The selector is malformed; the text is upstream's."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """``operator``: in, notin, =, ==, !=, exists, !, gt, lt (upstream's ``selection.Operator``)."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Labels) -> bool:
        return _test_for(self)(labels)

    def __str__(self) -> str:
        values = self.values[0] if len(self.values) == 1 else ",".join(sorted(self.values))
        match self.operator:
            case "exists":
                return self.key
            case "!":
                return f"!{self.key}"
            case "in" | "notin":
                return f"{self.key} {self.operator} ({values})"
            case "gt":
                return f"{self.key}>{values}"
            case "lt":
                return f"{self.key}<{values}"
        return f"{self.key}{self.operator}{values}"


@dataclass(frozen=True, slots=True)
class LabelSelector:
    """Requirements sorted by key. ``nothing`` matches no object (what an absent ``LabelSelector`` object means)."""

    requirements: tuple[Requirement, ...] = ()
    nothing: bool = False
    _tests: tuple[_Test, ...] = field(default=(), compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_tests", tuple(_test_for(r) for r in self.requirements))

    @property
    def empty(self) -> bool:
        """True if it restricts nothing."""
        return not self.requirements and not self.nothing

    def matches(self, labels: Labels) -> bool:
        if self.nothing:
            return False
        return all(test(labels) for test in self._tests)

    def exact(self, key: str) -> str | None:
        """The one value that the selector demands for ``key``, if it demands one."""
        for requirement in self.requirements:
            if requirement.key == key:
                wanted = requirement.operator in ("=", "==", "in") and len(requirement.values) == 1
                return requirement.values[0] if wanted else None
        return None

    def __str__(self) -> str:
        return ",".join(str(r) for r in self.requirements)


EVERYTHING = LabelSelector()
NOTHING = LabelSelector(nothing=True)


def _test_for(requirement: Requirement) -> _Test:
    key, values = requirement.key, requirement.values
    match requirement.operator:
        case "=" | "==" | "in":
            if len(values) == 1:
                value = values[0]
                return lambda labels: labels.get(key) == value
            wanted = frozenset(values)
            return lambda labels: labels.get(key) in wanted
        case "!=" | "notin":
            unwanted = frozenset(values)
            return lambda labels: labels.get(key) not in unwanted
        case "exists":
            return lambda labels: key in labels
        case "!":
            return lambda labels: key not in labels
        case "gt" | "lt":
            return _comparison(key, requirement.operator, values)
    return lambda labels: False


def _comparison(key: str, operator: str, values: tuple[str, ...]) -> _Test:
    bound = parse_int64(values[0]) if len(values) == 1 else None

    def test(labels: Labels) -> bool:
        number = parse_int64(labels[key]) if key in labels else None
        if number is None or bound is None:
            return False
        return number > bound if operator == "gt" else number < bound

    return test


def requirement(key: str, operator: str, values: Iterable[str]) -> Requirement:
    """A checked requirement. Raises: SelectorError with all faults, as upstream's ``NewRequirement``."""
    values = tuple(values)
    faults: list[str] = []
    if problems := qualified_name(key):
        faults.append(f"key: Invalid value: {quoted(key)}: {'; '.join(problems)}")
    listed = "[" + ",".join(quoted(v) for v in values) + "]"
    if operator in ("in", "notin"):
        if not values:
            faults.append(f"values: Invalid value: {listed}: for 'in', 'notin' operators, values set can't be empty")
    elif operator in ("=", "==", "!="):
        if len(values) != 1:
            faults.append(f"values: Invalid value: {listed}: exact-match compatibility requires one single value")
    elif operator in ("exists", "!"):
        if values:
            faults.append(f"values: Invalid value: {listed}: values set must be empty for exists and does not exist")
    elif operator in ("gt", "lt"):
        if len(values) != 1:
            faults.append(f"values: Invalid value: {listed}: for 'Gt', 'Lt' operators, exactly one value is required")
        for i, value in enumerate(values):
            if parse_int64(value) is None:
                reason = "for 'Gt', 'Lt' operators, the value must be an integer"
                faults.append(f"values[{i}]: Invalid value: {quoted(value)}: {reason}")
    else:
        supported = ", ".join(quoted(o) for o in (*_BINARY, "exists", "!"))
        faults.append(f"operator: Unsupported value: {quoted(operator)}: supported values: {supported}")
    for i, value in enumerate(values):
        if problems := label_value(value):
            faults.append(f"values[{i}][{key}]: Invalid value: {quoted(value)}: {'; '.join(problems)}")
    if faults:
        raise SelectorError(faults[0] if len(faults) == 1 else f"[{', '.join(dict.fromkeys(faults))}]")
    return Requirement(key, operator, values)


# Text form


@lru_cache(maxsize=1024)
def parse_labels(text: str) -> LabelSelector:
    """The selector of a ``labelSelector`` parameter. Raises: SelectorError."""
    if not text:
        return EVERYTHING
    return LabelSelector(tuple(sorted(_Parser(text).parse(), key=lambda r: r.key)))


class _Parser:
    """Tokens are ``(kind, literal)``; kind is a symbol or keyword itself, ``id``, ``error`` or ``""`` at the end."""

    def __init__(self, text: str) -> None:
        self.tokens = _scan(text)
        self.position = 0

    def peek(self) -> tuple[str, str]:
        kind, literal = self.tokens[self.position]
        return ("id", literal) if kind in ("in", "notin") else (kind, literal)

    def take(self, keywords: bool = False) -> tuple[str, str]:
        kind, literal = self.tokens[self.position]
        if self.position < len(self.tokens) - 1:
            self.position += 1
        return ("id", literal) if kind in ("in", "notin") and not keywords else (kind, literal)

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        while True:
            kind, literal = self.peek()
            if kind == _END:
                return requirements
            if kind not in ("id", "!"):
                raise SelectorError(f"found '{literal}', expected: !, identifier, or 'end of string'")
            try:
                requirements.append(self.requirement())
            except SelectorError as error:
                raise SelectorError(f"unable to parse requirement: {error}") from None
            kind, literal = self.take()
            if kind == _END:
                return requirements
            if kind != ",":
                raise SelectorError(f"found '{literal}', expected: ',' or 'end of string'")
            kind, literal = self.peek()
            if kind not in ("id", "!"):
                raise SelectorError(f"found '{literal}', expected: identifier after ','")

    def requirement(self) -> Requirement:
        kind, key = self.take()
        absent = kind == "!"
        if absent:
            kind, key = self.take()
        if kind != "id":
            raise SelectorError(f"found '{key}', expected: identifier")
        if problems := qualified_name(key):
            raise SelectorError(f"<nil>: Invalid value: {quoted(key)}: {'; '.join(problems)}")
        if absent:
            return requirement(key, "!", ())
        if self.peek()[0] in (_END, ","):
            return requirement(key, "exists", ())
        kind, literal = self.take(keywords=True)
        operator = {">": "gt", "<": "lt"}.get(kind, kind)
        if operator not in _BINARY:
            raise SelectorError(f"found '{literal}', expected: {', '.join(_BINARY)}")
        values = self.value_set() if operator in ("in", "notin") else {self.exact_value()}
        return requirement(key, operator, sorted(values))

    def value_set(self) -> set[str]:
        kind, literal = self.take()
        if kind != "(":
            raise SelectorError(f"found '{literal}' expected: '('")
        kind, literal = self.peek()
        if kind in ("id", ","):
            values = self.identifiers()
            if self.take()[0] != ")":
                raise SelectorError(f"found '{literal}', expected: ')'")
            return values
        if kind == ")":
            self.take()
            return {""}
        raise SelectorError(f"found '{literal}', expected: ',', ')' or identifier")

    def identifiers(self) -> set[str]:
        values: set[str] = set()
        while True:
            kind, literal = self.take()
            if kind == "id":
                values.add(literal)
                kind, literal = self.peek()
                if kind == ")":
                    return values
                if kind != ",":
                    raise SelectorError(f"found '{literal}', expected: ',' or ')'")
            elif kind == ",":
                if not values:
                    values.add("")
                following = self.peek()[0]
                if following == ")":
                    values.add("")
                    return values
                if following == ",":
                    values.add("")
            else:
                raise SelectorError(f"found '{literal}', expected: ',', or identifier")

    def exact_value(self) -> str:
        if self.peek()[0] in (_END, ","):
            return ""
        kind, literal = self.take()
        if kind != "id":
            raise SelectorError(f"found '{literal}', expected: identifier")
        return literal


def _scan(text: str) -> list[tuple[str, str]]:
    text, _, _ = text.partition("\0")
    tokens: list[tuple[str, str]] = []
    position = 0
    while True:
        while position < len(text) and text[position] in _SPACES:
            position += 1
        if position == len(text):
            return [*tokens, (_END, "")]
        start = position
        if text[position] in _SYMBOLS:
            if text[position : position + 2] in ("==", "!="):
                position += 2
            else:
                position += 1
            symbol = text[start:position]
            tokens.append((symbol, symbol))
            continue
        while position < len(text) and text[position] not in _SYMBOLS and text[position] not in _SPACES:
            position += 1
        word = text[start:position]
        tokens.append((word if word in ("in", "notin") else "id", word))


# Object form

_OBJECT_OPERATORS = {"In": "in", "NotIn": "notin", "Exists": "exists", "DoesNotExist": "!"}


def from_object(selector: Mapping[str, Any] | None) -> LabelSelector:
    """Of a ``LabelSelector`` object; None selects nothing, ``{}`` everything. Raises: SelectorError."""
    if selector is None:
        return NOTHING
    labels = selector.get("matchLabels") or {}
    expressions = selector.get("matchExpressions") or ()
    if not labels and not expressions:
        return EVERYTHING
    requirements = [requirement(key, "=", (value,)) for key, value in labels.items()]
    for expression in expressions:
        operator = expression.get("operator", "")
        if operator not in _OBJECT_OPERATORS:
            raise SelectorError(f"{quoted(operator)} is not a valid label selector operator")
        values = expression.get("values") or ()
        requirements.append(requirement(expression.get("key", ""), _OBJECT_OPERATORS[operator], values))
    return LabelSelector(tuple(sorted(requirements, key=lambda r: r.key)))


def from_labels(labels: Mapping[str, str] | None) -> LabelSelector:
    """Of a plain map (``spec.selector`` of services): not checked; an empty one selects everything."""
    pairs = sorted((labels or {}).items())
    return LabelSelector(tuple(Requirement(key, "=", (value,)) for key, value in pairs))


def format_object(selector: Mapping[str, Any] | None) -> str:
    """As tables show a ``LabelSelector`` object."""
    try:
        return str(from_object(selector)) or "<none>"
    except SelectorError:
        return "<error>"


def printed(selector: Mapping[str, Any] | None) -> str:
    """A ``LabelSelector`` object as Go prints a pointer to it."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted_map(selector.get("matchLabels") or {}).items())
    expressions = "".join(map(_printed_expression, selector.get("matchExpressions") or ()))
    parts = f"MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},"
    return f"&LabelSelector{{{parts}}}"


def _printed_expression(expression: Mapping[str, Any]) -> str:
    values = " ".join(expression.get("values") or ())
    members = f"Key:{expression['key']},Operator:{expression['operator']},Values:[{values}],"
    return f"LabelSelectorRequirement{{{members}}},"


# Fields


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    field: str
    equal: bool
    value: str

    def __str__(self) -> str:
        value = self.value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
        return f"{self.field}{'=' if self.equal else '!='}{value}"


@dataclass(frozen=True, slots=True)
class FieldSelector:
    requirements: tuple[FieldRequirement, ...] = ()

    @property
    def empty(self) -> bool:
        return not self.requirements

    def matches(self, values: Mapping[str, str]) -> bool:
        """``values`` holds the fields' values as text; an absent one counts as empty."""
        return all((values.get(r.field, "") == r.value) == r.equal for r in self.requirements)

    def exact(self, name: str) -> str | None:
        """The value that the selector demands for a field, if it demands one."""
        return next((r.value for r in self.requirements if r.equal and r.field == name), None)

    def __str__(self) -> str:
        return ",".join(str(r) for r in self.requirements)


EVERY_FIELD = FieldSelector()


@lru_cache(maxsize=1024)
def parse_fields(text: str) -> FieldSelector:
    """The selector of a ``fieldSelector`` parameter. Raises: SelectorError."""
    if not text:
        return EVERY_FIELD
    requirements = []
    for term in sorted(_split_terms(text)):
        if not term:
            continue
        split = _split_term(term)
        if split is None:
            raise SelectorError(f"invalid selector: '{text}'; can't understand '{term}'")
        name, operator, value = split
        value = _unescape(value)
        if name or value:
            requirements.append(FieldRequirement(name, operator != "!=", value))
    return FieldSelector(tuple(requirements))


def _split_terms(text: str) -> list[str]:
    terms, start, escaped = [], 0, False
    for i, character in enumerate(text):
        if escaped:
            escaped = False
        elif character == "\\":
            escaped = True
        elif character == ",":
            terms.append(text[start:i])
            start = i + 1
    return [*terms, text[start:]]


def _split_term(term: str) -> tuple[str, str, str] | None:
    for i in range(len(term)):
        for operator in ("!=", "==", "="):
            if term.startswith(operator, i):
                return term[:i], operator, term[i + len(operator) :]
    return None


def _unescape(value: str) -> str:
    if not any(c in value for c in "\\,="):
        return value
    out, escaped = [], False
    for character in value:
        if escaped:
            if character not in "\\,=":
                raise SelectorError(f"invalid field selector: invalid escape sequence: \\{character}")
            out.append(character)
            escaped = False
        elif character == "\\":
            escaped = True
        elif character in ",=":
            raise SelectorError(f"invalid field selector: unescaped character in value: {ord(character)}")
        else:
            out.append(character)
    if escaped:
        raise SelectorError("invalid field selector: invalid escape sequence: \\")
    return "".join(out)
