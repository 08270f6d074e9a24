"""Expectations: announced, observed, expired."""

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.controllers.expectations import TIMEOUT_SECONDS, Expectations


def test_creates_are_satisfied_when_all_were_observed_and_surplus_counts_nothing():
    expectations = Expectations(VirtualClock())
    expectations.expect_creations("k", 2)
    assert not expectations.satisfied("k")
    for _ in range(3):
        expectations.creation_observed("k")
    assert expectations.satisfied("k")
    expectations.expect_creations("k", 1)
    assert not expectations.satisfied("k")


def test_a_deletion_seen_twice_counts_once():
    expectations = Expectations(VirtualClock())
    expectations.expect_deletions("k", ["a", "b"])
    expectations.deletion_observed("k", "a")
    expectations.deletion_observed("k", "a")
    assert not expectations.satisfied("k")
    expectations.deletion_observed("k", "b")
    assert expectations.satisfied("k")


def test_after_five_minutes_nothing_is_expected_any_more():
    clock = VirtualClock()

    async def main():
        expectations = Expectations(clock)
        expectations.expect_creations("k", 1)
        await clock.sleep(TIMEOUT_SECONDS)
        assert not expectations.satisfied("k")
        await clock.sleep(1)
        assert expectations.satisfied("k")

    run_virtual(main(), clock)
