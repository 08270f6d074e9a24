"""Lines come whole, however the bytes were cut."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.client.frames import Lines


@given(st.lists(st.binary(max_size=30)))
def test_any_cut_gives_the_same_lines(pieces):
    lines = Lines()
    got = [line for piece in pieces for line in lines.feed(piece)]
    whole, _, rest = b"".join(pieces).rpartition(b"\n")
    assert got == [line for line in whole.split(b"\n") if line]
    assert lines.rest() == rest


def test_a_line_without_end_is_bounded():
    lines = Lines(limit=10)
    assert lines.feed(b"12345") == []
    with pytest.raises(ValueError, match="longer than 10"):
        lines.feed(b"678901")
