"""JSON as Go reads it: the error texts of its scanner, and its leniency about Unicode. Only for what orjson refuses.

Source: Go ``encoding/json`` ``scanner.go``, ``decode.go`` (``unquote``).
"""

import json
from typing import Any

MAX_DEPTH = 10000
_SPACE = frozenset(" \t\r\n")
_DIGITS = frozenset("0123456789")
_HEX = frozenset("0123456789abcdefABCDEF")
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_END = "unexpected end of JSON input"


class JSONError(ValueError):
    """Why a text is not JSON, in Go's words."""


def loads(body: bytes) -> Any:
    """The value; bytes that are no UTF-8, and lone surrogates, become U+FFFD. Raises: JSONError."""
    check(body)
    try:
        value = json.loads(body.decode("utf-8", "replace"), strict=False)
    except RecursionError:
        raise JSONError("exceeded max depth") from None
    return _without_surrogates(value)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def check(body: bytes) -> None:
    """Raises: JSONError at the first byte that Go's scanner does not take."""
    _Scanner(body.decode("latin-1")).document()


class _Scanner:
    """One byte a character; ``at`` is the next one."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def document(self) -> None:
        depth: list[str] = []
        self.begin("looking for beginning of value")
        while True:
            opened = self.value()
            if opened:
                depth.append(opened)
                if len(depth) > MAX_DEPTH:
                    raise JSONError("exceeded max depth")
                if self.first_in(opened):
                    continue
                depth.pop()
            while depth:
                if self.following(depth[-1]):
                    break
                depth.pop()
            if not depth:
                break
        self.space()
        if self.at < len(self.text):
            raise self.invalid("after top-level value")

    def first_in(self, opened: str) -> bool:
        """Behind an opening bracket: False when it is closed at once."""
        self.space()
        if self.peek() == ("}" if opened == "{" else "]"):
            self.at += 1
            return False
        if opened == "{":
            self.key()
        self.begin("looking for beginning of value")
        return True

    def following(self, opened: str) -> bool:
        """Behind a value: True when another follows, False when the bracket is closed."""
        self.space()
        character = self.need()
        if character == ("}" if opened == "{" else "]"):
            self.at += 1
            return False
        if character != ",":
            raise self.invalid("after object key:value pair" if opened == "{" else "after array element")
        self.at += 1
        if opened == "{":
            self.key()
        self.begin("looking for beginning of value")
        return True

    def key(self) -> None:
        self.begin("looking for beginning of object key string")
        if self.text[self.at] != '"':
            raise self.invalid("looking for beginning of object key string")
        self.string()
        self.space()
        if self.need() != ":":
            raise self.invalid("after object key")
        self.at += 1

    def begin(self, where: str) -> None:
        self.space()
        if self.at >= len(self.text):
            raise JSONError(_END)

    def value(self) -> str:
        """Pass over a scalar; an opening bracket is returned."""
        character = self.text[self.at]
        if character in "{[":
            self.at += 1
            return character
        if character == '"':
            self.string()
        elif character == "-" or character in _DIGITS:
            self.number()
        elif character in _LITERALS:
            self.literal(_LITERALS[character])
        else:
            raise self.invalid("looking for beginning of value")
        return ""

    def string(self) -> None:
        self.at += 1
        while (character := self.need()) != '"':
            if character < " ":
                raise self.invalid("in string literal")
            self.at += 1
            if character == "\\":
                self.escape()
        self.at += 1

    def escape(self) -> None:
        character = self.need()
        if character not in 'bfnrt\\/"u':
            raise self.invalid("in string escape code")
        self.at += 1
        if character == "u":
            for _ in range(4):
                if self.need() not in _HEX:
                    raise self.invalid("in \\u hexadecimal character escape")
                self.at += 1

    def number(self) -> None:
        if self.text[self.at] == "-":
            self.at += 1
            if self.need() not in _DIGITS:
                raise self.invalid("in numeric literal")
        if self.text[self.at] == "0":
            self.at += 1
        else:
            self.digits()
        if self.peek() == ".":
            self.at += 1
            if self.need() not in _DIGITS:
                raise self.invalid("after decimal point in numeric literal")
            self.digits()
        if self.peek() in ("e", "E"):
            self.at += 1
            if self.need() in "+-":
                self.at += 1
            if self.need() not in _DIGITS:
                raise self.invalid("in exponent of numeric literal")
            self.digits()

    def digits(self) -> None:
        while self.peek() in _DIGITS:
            self.at += 1

    def literal(self, word: str) -> None:
        for expected in word:
            if self.need() != expected:
                raise self.invalid(f"in literal {word} (expecting {_quoted(expected)})")
            self.at += 1

    def space(self) -> None:
        while self.peek() in _SPACE:
            self.at += 1

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def need(self) -> str:
        if self.at >= len(self.text):
            raise JSONError(_END)
        return self.text[self.at]

    def invalid(self, where: str) -> JSONError:
        return JSONError(f"invalid character {_quoted(self.text[self.at])} {where}")


def _quoted(character: str) -> str:
    if character == "'":
        return "'\\''"
    if character == '"':
        return "'\"'"
    from pynetes.meta.gotext import quoted

    return f"'{quoted(character)[1:-1]}'"
