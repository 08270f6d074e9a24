"""Quantities: ``100m``, ``1.5Gi``, ``12e6``, held exactly, and written back in upstream's canonical form.

The smallest unit is a nano; what is finer is rounded away from zero. Source: apimachinery
``pkg/api/resource/quantity.go``, ``suffix.go``, ``scale_int.go``.
Differs: an exponent beyond 4096 is refused, so that no text makes the server count that far.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

FORMAT_WRONG = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
NUMERIC_WRONG = "unable to parse numeric part of quantity"
SUFFIX_WRONG = "unable to parse quantity's suffix"

_NANO = 10**9
_BINARY_MAX = (2**63 - 1) * _NANO
_INT64_DIGITS = 18
_SHAPE = re.compile(r"([+-]?)0*([0-9]*)(?:(\.)([0-9]*))?([eEinumkKMGTP]*[+-]?[0-9]*)", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_NAMES = {exponent: name for name, exponent in _DECIMAL.items()}
_EXPONENT = re.compile(r"[eE]([+-]?[0-9]+)", re.ASCII)
_FURTHEST = 4096


class QuantityError(ValueError):
    """A text that is no quantity, in upstream's words."""


@dataclass(frozen=True, slots=True)
class Quantity:
    """``nanos``: the value; ``format``: DecimalSI, BinarySI, DecimalExponent; ``text``: the canonical form if known."""

    nanos: int
    format: str = "DecimalSI"
    text: str = ""

    @staticmethod
    def parse(text: str) -> "Quantity":
        """Raises: QuantityError."""
        return _parse(text)

    @staticmethod
    def of(value: int, format: str = "DecimalSI") -> "Quantity":
        return Quantity(value * _NANO, format)

    @staticmethod
    def of_milli(value: int, format: str = "DecimalSI") -> "Quantity":
        return Quantity(value * 10**6, format)

    def value(self) -> int:
        """In whole units, rounded away from zero."""
        return _away(self.nanos, _NANO)

    def milli_value(self) -> int:
        """In thousandths, rounded away from zero."""
        return _away(self.nanos, 10**6)

    def __add__(self, other: "Quantity") -> "Quantity":
        """Keeps this one's format, unless this one is zero."""
        return Quantity(self.nanos + other.nanos, self.format if self.nanos else other.format)

    def __sub__(self, other: "Quantity") -> "Quantity":
        return Quantity(self.nanos - other.nanos, self.format if self.nanos else other.format)

    def __neg__(self) -> "Quantity":
        return Quantity(-self.nanos, self.format)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Quantity) and self.nanos == other.nanos

    def __hash__(self) -> int:
        return hash(self.nanos)

    def __lt__(self, other: "Quantity") -> bool:
        return self.nanos < other.nanos

    def __le__(self, other: "Quantity") -> bool:
        return self.nanos <= other.nanos

    def __gt__(self, other: "Quantity") -> bool:
        return self.nanos > other.nanos

    def __ge__(self, other: "Quantity") -> bool:
        return self.nanos >= other.nanos

    def __bool__(self) -> bool:
        return self.nanos != 0

    def __str__(self) -> str:
        return self.canonical()

    def rounded_to_milli(self) -> "Quantity":
        """Rounded away from zero to thousandths, as every core ResourceList is."""
        if self.nanos % 10**6 == 0:
            return self
        return Quantity(self.milli_value() * 10**6, self.format)

    def canonical(self) -> str:
        """As it is written: the largest suffix without a fraction, or the text itself where upstream keeps that."""
        return self.text or _canonical(self.nanos, self.format)


@lru_cache(8192)
def canonical_quantity(text: str) -> str:
    """The text as it is written back. Raises: QuantityError."""
    return _parse(text).canonical()


@lru_cache(8192)
def canonical_milli_quantity(text: str) -> str:
    """The same for a value of a core ResourceList, which knows no finer unit than a thousandth."""
    return _parse(text).rounded_to_milli().canonical()


def compare(a: str, b: str) -> int:
    """-1, 0 or 1. Raises: QuantityError."""
    left, right = _parse(a).nanos, _parse(b).nanos
    return (left > right) - (left < right)


@lru_cache(8192)
def _parse(text: str) -> Quantity:
    if not text:
        raise QuantityError(FORMAT_WRONG)
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise QuantityError(FORMAT_WRONG)
    sign, whole, _, part, suffix = match.groups()
    part = part or ""
    exponent, binary, format = _interpret(suffix)
    numerator = whole or "0"
    if binary:
        scaled = int(numerator + part) << exponent
        nanos = _away(scaled * _NANO, 10 ** len(part))
    else:
        scale = exponent - len(part) + 9
        digits = int(numerator + part)
        nanos = digits * 10**scale if scale >= 0 else _away(digits, 10**-scale)
    kept = _kept(numerator, part, exponent, binary)
    if binary:
        nanos = min(nanos, _BINARY_MAX)
        if 0 < nanos < _NANO:
            format = "DecimalSI"
    if not whole and not part:
        kept = False
    return Quantity(-nanos if sign == "-" else nanos, format, text if kept else "")


def _interpret(suffix: str) -> tuple[int, bool, str]:
    """Exponent, is it of two, format."""
    if suffix in _DECIMAL:
        return _DECIMAL[suffix], False, "DecimalSI"
    if suffix in _BINARY:
        return _BINARY[suffix], True, "BinarySI"
    match = _EXPONENT.fullmatch(suffix)
    if match is None or abs(int(match[1])) > _FURTHEST:
        raise QuantityError(SUFFIX_WRONG)
    return int(match[1]), False, "DecimalExponent"


def _kept(numerator: str, part: str, exponent: int, binary: bool) -> bool:
    """Does upstream's fast path take the text itself for the canonical form?"""
    digits = numerator + part
    if binary:
        precision = 15 - len(numerator) - int(exponent * 3 / 10) - 1
        if part or precision < 0 or int(numerator) << exponent >= 2**63:
            return False
        return exponent % 10 == 0 and int(numerator) & 7 != 0
    scale = exponent - len(part)
    if len(digits) > _INT64_DIGITS or scale < -9:
        return False
    return scale % 3 == 0 and not digits.endswith("000") and digits[0] != "0"


def _canonical(nanos: int, format: str) -> str:
    if nanos == 0:
        return "0"
    if format == "BinarySI":
        if abs(nanos) >= 1024 * _NANO and nanos % _NANO == 0:
            return _binary(nanos // _NANO)
        format = "DecimalSI"
    exponent = -9
    while nanos % 1000 == 0:
        nanos //= 1000
        exponent += 3
    if format == "DecimalExponent":
        return f"{nanos}e{exponent}" if exponent else str(nanos)
    name = _DECIMAL_NAMES.get(exponent)
    while name is None:
        nanos *= 1000
        exponent -= 3
        name = _DECIMAL_NAMES.get(exponent)
    return f"{nanos}{name}"


def _binary(value: int) -> str:
    names = iter(_BINARY)
    suffix = ""
    while value % 1024 == 0:
        following = next(names, None)
        if following is None:
            break
        value //= 1024
        suffix = following
    return f"{value}{suffix}"


def _away(value: int, divisor: int) -> int:
    """Divided, rounded away from zero."""
    return -(-value // divisor) if value >= 0 else value // divisor
