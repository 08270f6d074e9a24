"""Back-off doubles up to its limit and forgets after a quiet time."""

from pynetes.aio.backoff import Backoff


def test_the_delay_doubles_up_to_the_limit():
    backoff = Backoff(10, 300)
    assert [backoff.next("pod", now) for now in range(7)] == [10, 20, 40, 80, 160, 300, 300]


def test_a_key_that_was_quiet_for_twice_the_limit_starts_anew():
    backoff = Backoff(10, 300)
    backoff.next("pod", 0)
    assert backoff.next("pod", 600) == 20
    assert backoff.next("pod", 1201) == 10


def test_keys_are_apart_and_can_be_forgotten():
    backoff = Backoff(1, 60)
    backoff.next("a", 0)
    assert backoff.delay("b", 0) == 0
    backoff.reset("a")
    assert backoff.delay("a", 0) == 0
    backoff.next("a", 0)
    backoff.collect(1000)
    assert backoff.delay("a", 0) == 0
