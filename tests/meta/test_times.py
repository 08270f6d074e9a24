import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta.times import (
    TimeError,
    canonical_micro_time,
    canonical_time,
    format_duration,
    human_duration,
    parse_duration,
    parse_time,
    rfc3339,
    rfc3339_micro,
    short_human_duration,
)

LAYOUT = '"2006-01-02T15:04:05Z07:00"'
MICRO = '"2006-01-02T15:04:05.000000Z07:00"'


def test_times_are_written_in_utc_by_whole_seconds() -> None:
    assert rfc3339(0.9) == "1970-01-01T00:00:00Z"
    assert rfc3339_micro(1.5) == "1970-01-01T00:00:01.500000Z"
    assert canonical_time("1999-01-01T01:00:00+01:00") == "1999-01-01T00:00:00Z"
    assert canonical_time("1999-01-01T00:00:00.9Z") == "1999-01-01T00:00:00Z"
    assert canonical_micro_time("1999-01-01T01:00:00.123456+01:00") == "1999-01-01T00:00:00.123456Z"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("yesterday", f'parsing time "yesterday" as {LAYOUT}: cannot parse "yesterday" as "2006"'),
        ("", f'parsing time "" as {LAYOUT}: cannot parse "" as "2006"'),
        ("1999-01-01", f'parsing time "1999-01-01" as {LAYOUT}: cannot parse "" as "T"'),
        ("1999-13-01T00:00:00Z", 'parsing time "1999-13-01T00:00:00Z": month out of range'),
        ("1999-02-30T00:00:00Z", 'parsing time "1999-02-30T00:00:00Z": day out of range'),
        ("1999-01-01T00:00:00Zx", 'parsing time "1999-01-01T00:00:00Zx": extra text: "x"'),
    ],
)
def test_what_is_no_time_is_told_as_go_tells_it(text: str, why: str) -> None:
    with pytest.raises(TimeError) as error:
        canonical_time(text)
    assert str(error.value) == why


def test_a_micro_time_needs_its_six_digits() -> None:
    with pytest.raises(TimeError) as error:
        canonical_micro_time("1999-01-01T00:00:00.1Z")
    assert str(error.value) == f'parsing time "1999-01-01T00:00:00.1Z" as {MICRO}: cannot parse ".1Z" as ".000000"'


@given(st.integers(0, 253402300799))
def test_a_written_time_is_read_back(seconds: int) -> None:
    assert parse_time(rfc3339(seconds)) == seconds
    assert canonical_time(rfc3339(seconds)) == rfc3339(seconds)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (190, "3m10s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (9 * 3600 + 60, "9h"),
        (48 * 3600, "2d"),
        (50 * 3600, "2d2h"),
        (9 * 86400, "9d"),
        (800 * 86400, "2y70d"),
        (9 * 365 * 86400, "9y"),
    ],
)
def test_ages_are_shown_as_kubectl_shows_them(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_short_ages_have_one_unit() -> None:
    assert short_human_duration(59) == "59s"
    assert short_human_duration(7200) == "2h"


def test_durations_are_gos() -> None:
    assert parse_duration("1h15m30.5s") == 4530.5
    assert parse_duration("-1.5h") == -5400
    assert parse_duration("0") == 0
    assert format_duration(4530.5) == "1h15m30.5s"
    assert format_duration(0.3) == "300ms"
    assert format_duration(3600) == "1h0m0s"
    for text, why in (
        ("", 'time: invalid duration ""'),
        ("3", 'time: missing unit in duration "3"'),
        ("3x", 'time: unknown unit "x" in duration "3x"'),
    ):
        with pytest.raises(ValueError) as error:
            parse_duration(text)
        assert str(error.value) == why


@given(st.integers(0, 10**15))
def test_a_written_duration_is_read_back(microseconds: int) -> None:
    assert abs(parse_duration(format_duration(microseconds / 10**6)) - microseconds / 10**6) < 1e-6
