"""Sets of indexes as intervals, against plain sets."""

from hypothesis import given
from hypothesis import strategies as st

from pynetes.controllers.job.indexes import Indexes

SETS = st.frozensets(st.integers(0, 40))


def test_texts_are_as_short_as_upstream_writes_them():
    assert str(Indexes.of([5, 1, 3, 4, 2, 7, 9, 10])) == "1-5,7,9,10"
    assert str(Indexes()) == ""


def test_a_text_is_read_up_to_the_completions_and_what_cannot_be_read_is_passed_over():
    assert Indexes.parse("0,2-5,7,x,9-y", 100).intervals == ((0, 0), (2, 5), (7, 7))
    assert Indexes.parse("0,2-5,7", 4).intervals == ((0, 0), (2, 3))
    assert Indexes.parse("0,1,2-3", 9).intervals == ((0, 3),)


@given(SETS, SETS)
def test_they_do_what_sets_do(a, b):
    left, right = Indexes.of(a), Indexes.of(b)
    assert left | right == Indexes.of(a | b)
    assert len(left) == len(a)
    assert {index for index in range(50) if index in left} == a
    assert left.shared_with(right) == len(a & b)
    assert Indexes.parse(str(left), 50) == left


@given(SETS, st.integers(0, 45), st.integers(0, 45))
def test_the_first_missing_ones_are_those_of_a_walk(a, count, below):
    assert Indexes.of(a).first_missing(count, below) == [i for i in range(below) if i not in a][:count]
