"""Progress and tables for a person: marks and colour on a terminal, plain lines elsewhere."""

import os
import sys
from collections.abc import Sequence


def colourful() -> bool:
    return sys.stderr.isatty() and "NO_COLOR" not in os.environ


def step(text: str) -> None:
    """One thing is done."""
    mark = "\x1b[32m✓\x1b[0m" if colourful() else "✓"
    print(f" {mark} {text}", file=sys.stderr, flush=True)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns that line up, three spaces apart, as kubectl prints them."""
    widths = [max(len(str(row[i])) for row in (headings, *rows)) for i in range(len(headings))]
    lines = [
        "   ".join(str(cell).ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]
    return "\n".join(lines)
