from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.quantity import (
    FORMAT_WRONG,
    SUFFIX_WRONG,
    Quantity,
    QuantityError,
    canonical_milli_quantity,
    canonical_quantity,
    compare,
)

RECORDED = {
    "0": "0",
    "1000": "1k",
    "1000m": "1",
    "1024Ki": "1Mi",
    "1e3": "1e3",
    "1E3": "1E3",
    "0.5": "500m",
    "1.5k": "1500",
    "1500n": "1m",
    "0.1n": "1m",
    "+5": "+5",
    "5.": "5.",
    ".5": "500m",
    "100e-3": "100e-3",
    "1e-10": "1e-3",
    "1000Mi": "1000Mi",
    "0.5Mi": "512Ki",
    "1023": "1023",
    "1000000": "1M",
    "9223372036854775807": "9223372036854775807",
    "9223372036854775808": "9223372036854775808",
    "1e30": "1e30",
    "10Ei": "9223372036854775807",
    "1E": "1E",
    "12E2": "1200",
    "1e03": "1e03",
    "123456789u": "123457m",
    "1.10": "1100m",
}


@pytest.mark.parametrize("text", RECORDED)
def test_quantities_of_a_resource_list_are_written_as_upstream_recorded_them(text: str) -> None:
    assert canonical_milli_quantity(text) == RECORDED[text]


def test_elsewhere_nanos_are_kept() -> None:
    assert canonical_quantity("1500n") == "1500n"
    assert canonical_quantity("0.1n") == "1n"


@pytest.mark.parametrize("text", ["", "1.2.3", "abc", "1 ", " 1", "1x", "true", "{}", "1²"])
def test_what_has_not_the_shape_of_a_quantity_is_refused_with_the_regular_expression(text: str) -> None:
    with pytest.raises(QuantityError, match="quantities must match") as error:
        Quantity.parse(text)
    assert str(error.value) == FORMAT_WRONG


@pytest.mark.parametrize("text", ["1K", "--1", "1ki", "1e", "1Kim", "1e99999999"])
def test_an_unknown_suffix_is_refused(text: str) -> None:
    with pytest.raises(QuantityError) as error:
        Quantity.parse(text)
    assert str(error.value) == SUFFIX_WRONG


def test_sums_keep_the_format_of_the_first_that_is_not_zero() -> None:
    assert (Quantity.parse("1Gi") + Quantity.parse("512Mi")).canonical() == "1536Mi"
    assert (Quantity.parse("0") + Quantity.parse("1Gi")).canonical() == "1Gi"
    assert (Quantity.parse("1") - Quantity.parse("1")).canonical() == "0"


def test_values_are_rounded_away_from_zero() -> None:
    assert Quantity.parse("100m").value() == 1
    assert Quantity.parse("-100m").value() == -1
    assert Quantity.parse("1.0001").milli_value() == 1001


def test_quantities_compare_by_value_and_not_by_text() -> None:
    assert compare("1000m", "1") == 0
    assert compare("1Ki", "1k") == 1
    assert Quantity.parse("1k") == Quantity.parse("1000")


SUFFIXES = {
    "": Fraction(1),
    "n": Fraction(1, 10**9),
    "u": Fraction(1, 10**6),
    "m": Fraction(1, 1000),
    "k": Fraction(10**3),
    "M": Fraction(10**6),
    "G": Fraction(10**9),
    "Ki": Fraction(2**10),
    "Mi": Fraction(2**20),
    "Gi": Fraction(2**30),
    "e3": Fraction(1000),
    "E-2": Fraction(1, 100),
}
numbers = st.builds(
    lambda whole, part: f"{whole}.{part}" if part else str(whole),
    st.integers(0, 10**9),
    st.from_regex(r"[0-9]{0,6}", fullmatch=True),
)


def twin(number: str, suffix: str) -> Fraction:
    """Exactly, then away from zero to a nano."""
    exact = Fraction(number) * SUFFIXES[suffix] * 10**9
    return Fraction(-((-exact.numerator) // exact.denominator), 10**9)


@given(numbers, st.sampled_from(sorted(SUFFIXES)), st.booleans())
def test_a_quantity_is_worth_what_fractions_say(number: str, suffix: str, negative: bool) -> None:
    expected = twin(number, suffix) * (-1 if negative else 1)
    assert Fraction(Quantity.parse(f"{'-' if negative else ''}{number}{suffix}").nanos, 10**9) == expected


@given(numbers, st.sampled_from(sorted(SUFFIXES)))
def test_the_canonical_form_has_the_same_value_and_is_its_own_canonical_form(number: str, suffix: str) -> None:
    quantity = Quantity.parse(number + suffix)
    written = quantity.canonical()
    assert Quantity.parse(written) == quantity
    assert canonical_quantity(written) == written


@given(numbers, numbers)
def test_order_is_that_of_the_values(a: str, b: str) -> None:
    assert (Quantity.parse(a) < Quantity.parse(b)) == (Fraction(a) < Fraction(b))
