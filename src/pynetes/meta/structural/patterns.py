"""Regular expressions of strangers, matched in time linear in the text: RE2's, as Go's are.

Python's own would let one pattern stop the server. Source: https://github.com/google/re2/wiki/Syntax
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Any


class PatternError(ValueError):
    """The expression is none."""


@lru_cache(4096)
def pattern(expression: str) -> Callable[[str], bool]:
    """Whether the expression is found anywhere in a text. Raises: PatternError."""
    import re2

    options: Any = re2.Options()
    options.log_errors = False
    try:
        compiled = re2.compile(expression, options)
    except re2.error as error:
        text = error.args[0]
        raise PatternError(_in_go(text.decode() if isinstance(text, bytes) else str(text))) from None
    return lambda text: compiled.search(text) is not None


_WORDS = {
    "bad repetition operator": "invalid nested repetition operator",
    "invalid perl operator": "invalid or unsupported Perl syntax",
    "missing )": "missing closing )",
    "missing ]": "missing closing ]",
    "no argument for repetition operator": "missing argument to repetition operator",
}


def _in_go(text: str) -> str:
    """RE2's error as Go's package of the same syntax words it."""
    what, _, where = text.partition(": ")
    what = _WORDS.get(what, what)
    return f"error parsing regexp: {what}: `{where}`" if where else f"error parsing regexp: {what}"
