"""Values as Go prints them: ``%q``, ``%v``, ``%#v`` of strings, and ``encoding/json``, for messages.

Source: Go ``strconv.Quote``, ``fmt``, ``encoding/json``.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

_PLAIN = re.compile(r"[ !#-\[\]-~]*")
_ESCAPES = {7: "\\a", 8: "\\b", 12: "\\f", 10: "\\n", 13: "\\r", 9: "\\t", 11: "\\v", 92: "\\\\", 34: '\\"'}
_SAFE = "bcdfghjklmnpqrstvwxz2456789"
_INTEGER = re.compile(r"[+-]?[0-9]+")


def quoted(text: str) -> str:
    """``strconv.Quote``."""
    if _PLAIN.fullmatch(text):
        return f'"{text}"'
    return '"' + "".join(map(_escape, text)) + '"'


def _escape(character: str) -> str:
    code = ord(character)
    if code in _ESCAPES:
        return _ESCAPES[code]
    if character.isprintable():
        return character
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def plain(value: Any) -> str:
    """``%v`` of a decoded JSON value: ``map[a:1 b:[x y]]``, keys sorted."""
    if isinstance(value, dict):
        return "map[" + " ".join(f"{k}:{plain(value[k])}" for k in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(map(plain, value)) + "]"
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return go_float(value)
    return str(value)


def syntax(value: Any, maps: str = "map[string]interface {}") -> str:
    """``%#v`` of a decoded JSON value. ``maps``: the type of its maps."""
    if isinstance(value, str):
        return quoted(value)
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, dict):
        return f"{maps}{{{', '.join(f'{quoted(key)}:{syntax(value[key], maps)}' for key in sorted(value))}}}"
    if isinstance(value, list):
        return f"[]interface {{}}{{{', '.join(syntax(item, maps) for item in value)}}}"
    return plain(value)


def go_float(value: float) -> str:
    """``%v`` of a float64: the shortest text; an exponent below 1e-4 and from 1e21 on."""
    if value == 0:
        return "-0" if str(value).startswith("-") else "0"
    mantissa, _, exponent = f"{value!r}".partition("e")
    if exponent:
        power = int(exponent)
        if -5 < power < 21:
            return f"{value:.{max(0, len(mantissa.replace('-', '').replace('.', '')) - 1 - power)}f}"
        return f"{mantissa.removesuffix('.0')}e{'-' if power < 0 else '+'}{abs(power):02d}"
    return mantissa.removesuffix(".0")


def strings(values: Any) -> str:
    """``%#v`` of a ``[]string``."""
    return "[]string{" + ", ".join(map(quoted, values)) + "}"


def json_text(value: Any, *, sort_keys: bool = False) -> str:
    """``json.Marshal``: compact, with ``<``, ``>`` and ``&`` escaped. Keys as of a struct, or sorted as of a map."""
    text = orjson.dumps(value, option=orjson.OPT_SORT_KEYS if sort_keys else None).decode()
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def aggregate(messages: Iterable[str]) -> str:
    """What ``utilerrors.NewAggregate`` says of several errors: each once, in brackets when there are several."""
    texts = list(dict.fromkeys(messages))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"


def sorted_map(values: Mapping[str, Any]) -> dict[str, Any]:
    """As Go writes a map."""
    return dict(sorted(values.items()))


def safe_encode(text: str) -> str:
    """``rand.SafeEncodeString``: without vowels and what looks like them, so that no word comes out."""
    return "".join(_SAFE[ord(character) % len(_SAFE)] for character in text)


def parse_int64(text: str) -> int | None:
    """``strconv.ParseInt(text, 10, 64)``; None for an error."""
    if not _INTEGER.fullmatch(text):
        return None
    number = int(text)
    return number if -(1 << 63) <= number < 1 << 63 else None
