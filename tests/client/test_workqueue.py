"""The work queue keeps its contract (its module's docstring)."""

import asyncio

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.workqueue import TokenBucket, WorkQueue


def run(scenario):
    clock = VirtualClock()
    return run_virtual(scenario(clock, WorkQueue(clock)), clock)


def test_keys_come_in_order_and_merged():
    async def scenario(clock, queue):
        for key in "abac":
            queue.add(key)
        assert len(queue) == 3
        return [await queue.get() for _ in range(3)]

    assert run(scenario) == ["a", "b", "c"]


def test_a_key_is_never_processed_twice_at_once():
    async def scenario(clock, queue):
        queue.add("a")
        assert await queue.get() == "a"
        queue.add("a")
        queue.add("a")
        assert len(queue) == 0
        queue.done("a")
        assert len(queue) == 1
        assert await queue.get() == "a"
        queue.done("a")
        assert len(queue) == 0

    run(scenario)


def test_waiting_getters_are_woken_one_for_one():
    async def scenario(clock, queue):
        getters = [asyncio.ensure_future(queue.get()) for _ in range(3)]
        await clock.sleep(1)
        queue.add("a")
        queue.add("b")
        await clock.sleep(1)
        assert [g.done() for g in getters] == [True, True, False]
        getters[2].cancel()
        await clock.sleep(1)
        queue.add("c")
        assert await queue.get() == "c"

    run(scenario)


def test_a_getter_cancelled_as_it_is_woken_passes_the_key_on():
    async def scenario(clock, queue):
        first, second = asyncio.ensure_future(queue.get()), asyncio.ensure_future(queue.get())
        await clock.sleep(1)
        queue.add("a")
        first.cancel()
        assert await second == "a"

    run(scenario)


def test_the_earliest_of_several_delays_wins():
    async def scenario(clock, queue):
        queue.add_after("a", 10)
        queue.add_after("a", 3)
        queue.add_after("a", 7)
        await queue.get()
        assert clock.monotonic() == 3
        queue.done("a")
        getter = asyncio.ensure_future(queue.get())
        await clock.sleep(60)
        assert not getter.done()
        getter.cancel()

    run(scenario)


def test_failures_double_the_delay_up_to_the_limit_until_forgotten():
    async def scenario(clock, queue):
        delays = []
        for _ in range(20):
            begun = clock.monotonic()
            queue.add_rate_limited("a")
            queue.done(await queue.get())
            delays.append(round(clock.monotonic() - begun, 6))
        assert queue.failures("a") == 20
        queue.forget("a")
        assert queue.failures("a") == 0
        return delays

    assert run(scenario) == [min(0.005 * 2**n, 1000) for n in range(20)]


def test_a_hundred_failures_at_once_empty_the_bucket_and_the_rest_come_ten_a_second():
    async def scenario(clock, queue):
        for i in range(120):
            queue.add_rate_limited(i)
        await clock.sleep(0.01)
        assert len(queue) == 100
        await clock.sleep(1.0)
        assert len(queue) == 110

    run(scenario)


def test_shut_down_hands_out_what_waits_then_none():
    async def scenario(clock, queue):
        blocked = asyncio.ensure_future(WorkQueue(clock).get())
        queue.add("a")
        queue.add_after("late", 5)
        queue.shut_down()
        queue.add("b")
        assert await queue.get() == "a"
        assert await queue.get() is None
        other = WorkQueue(clock)
        getters = [asyncio.ensure_future(other.get()) for _ in range(3)]
        await clock.sleep(1)
        other.shut_down()
        assert await asyncio.gather(*getters) == [None, None, None]
        blocked.cancel()

    run(scenario)


def test_a_bucket_refills_up_to_its_burst():
    bucket = TokenBucket(2, 4, now=0)
    assert [bucket.try_take(0) for _ in range(5)] == [True] * 4 + [False]
    assert bucket.try_take(0.5) and not bucket.try_take(0.5)
    assert [bucket.try_take(1000) for _ in range(5)] == [True] * 4 + [False]
