"""When schedules are due, held by what upstream's cron library answered, and by example."""

from datetime import datetime
from pathlib import Path

import pytest

from pynetes.controllers.cronjob.times import next_time
from pynetes.kinds.batch.schedules import parse_schedule

RECORDED = (Path(__file__).parent / "recorded" / "next-times.tsv").read_text().splitlines()


def test_schedules_are_due_when_upstreams_library_says_so():
    """Schedules at random, in zones whose clocks are changed at odd hours, around such changes and elsewhere."""
    for line in RECORDED:
        after, text, answer = line.split("\t")
        found = next_time(parse_schedule(text), int(after))
        assert str("never" if found is None else found) == answer, line


@pytest.mark.parametrize(
    ("text", "after", "due"),
    [
        ("*/5 * * * *", "2026-01-01T12:00:00", "2026-01-01T12:05:00"),
        ("0 0 1 1 *", "2026-01-01T00:00:00", "2027-01-01T00:00:00"),
        ("@hourly", "2026-01-01T12:59:59", "2026-01-01T13:00:00"),
        ("@every 90s", "2026-01-01T12:00:00", "2026-01-01T12:01:30"),
        ("0 0 13 * 5", "2026-01-01T00:00:00", "2026-01-02T00:00:00"),  # either day is enough
        ("0 0 13 * *", "2026-01-01T00:00:00", "2026-01-13T00:00:00"),
        ("TZ=Europe/Berlin 0 6 * * *", "2026-07-01T00:00:00", "2026-07-01T04:00:00"),
        (
            "TZ=Europe/Berlin 30 2 * * *",
            "2026-03-28T12:00:00",
            "2026-03-30T00:30:00",
        ),  # 2:30 does not exist on the 29th
    ],
)
def test_by_example(text, after, due):
    moment = datetime.fromisoformat(f"{after}+00:00").timestamp()
    assert next_time(parse_schedule(text), moment) == datetime.fromisoformat(f"{due}+00:00").timestamp()


def test_a_part_of_a_second_is_cut_off():
    assert next_time(parse_schedule("* * * * *"), 1_767_268_799.9) == 1_767_268_800


def test_a_date_that_never_comes_is_never_due():
    assert next_time(parse_schedule("0 0 31 2 *"), 1_767_268_800) is None


def test_a_schedule_without_a_zone_is_in_the_one_of_the_settings():
    six = parse_schedule("0 6 * * *")
    berlin = next_time(parse_schedule("TZ=Europe/Berlin 0 6 * * *"), 1_767_268_800)
    assert next_time(six, 1_767_268_800, "Europe/Berlin") == berlin != next_time(six, 1_767_268_800)
