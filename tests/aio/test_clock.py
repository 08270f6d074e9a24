"""Virtual time is exact, ordered and seeded; the timeout behaves as asyncio's does."""

import asyncio
import uuid

import pytest

from pynetes.aio.clock import VIRTUAL_EPOCH, RealClock, VirtualClock, run_virtual


def test_an_hour_of_sleep_takes_no_time_and_is_exact():
    clock = VirtualClock()

    async def main():
        await clock.sleep(3600)
        return clock.now()

    assert run_virtual(main(), clock) == VIRTUAL_EPOCH + 3600


def test_sleepers_wake_in_order_of_time_then_of_making():
    clock = VirtualClock()
    woken = []

    async def sleeper(name, delay):
        await clock.sleep(delay)
        woken.append((name, clock.monotonic()))

    async def main():
        await asyncio.gather(sleeper("b", 2), sleeper("c", 2), sleeper("a", 1))

    run_virtual(main(), clock)
    assert woken == [("a", 1.0), ("b", 2.0), ("c", 2.0)]


def test_time_stands_still_while_a_thread_is_outstanding():
    clock = VirtualClock()
    gate = asyncio.Event()

    async def main():
        loop = asyncio.get_running_loop()
        ticked = []
        clock.call_later(1, ticked.append, "tick")

        def work():
            loop.call_soon_threadsafe(gate.set)
            return list(ticked)

        before = await clock.in_thread(work)
        await clock.sleep(2)
        return before, ticked

    assert run_virtual(main(), clock) == ([], ["tick"])


def test_a_timeout_raises_at_its_time_and_only_then():
    clock = VirtualClock()

    async def main():
        with pytest.raises(TimeoutError):
            async with clock.timeout(5):
                await clock.sleep(10)
        at = clock.monotonic()
        async with clock.timeout(5):
            await clock.sleep(4)
        async with clock.timeout(None):
            await clock.sleep(1)
        return at, clock.monotonic()

    assert run_virtual(main(), clock) == (5.0, 10.0)


def test_a_cancellation_from_outside_is_not_a_timeout():
    clock = VirtualClock()

    async def main():
        async def body():
            async with clock.timeout(50):
                await clock.sleep(100)

        task = asyncio.ensure_future(body())
        await clock.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    run_virtual(main(), clock)


def test_two_clocks_of_one_seed_draw_the_same():
    def draw(seed):
        clock = VirtualClock(seed)
        return clock.uuid4(), clock.token_bytes(8), clock.random.random()

    assert draw(7) == draw(7)
    assert draw(7) != draw(8)


def test_time_does_not_pass_the_limit_until_it_is_moved():
    clock = VirtualClock(limit=VIRTUAL_EPOCH)
    seen = []

    async def main():
        loop = asyncio.get_running_loop()
        clock.call_later(10, seen.append, "late")
        # another thread moves the limit, as a test does with a cluster in the background
        await loop.run_in_executor(None, lambda: None)
        before = list(seen), clock.monotonic()
        clock.advance_to(VIRTUAL_EPOCH + 15)
        await asyncio.sleep(0)
        while clock.monotonic() < 15:
            await loop.run_in_executor(None, lambda: None)
        return before

    assert run_virtual(main(), clock) == ([], 0.0)
    assert seen == ["late"]
    assert clock.monotonic() == 15.0


def test_a_cancelled_timer_does_not_fire():
    clock = VirtualClock()
    seen = []

    async def main():
        clock.call_later(1, seen.append, "no").cancel()
        await clock.sleep(2)

    run_virtual(main(), clock)
    assert seen == []


def test_real_time_moves_and_real_uuids_differ():
    clock = RealClock()
    drawn = {clock.uuid4() for _ in range(100)}
    assert len(drawn) == 100
    for text in drawn:
        parsed = uuid.UUID(text)
        assert (str(parsed), parsed.version, parsed.variant) == (text, 4, uuid.RFC_4122)

    async def main():
        before = clock.monotonic()
        await clock.sleep(0.001)
        return clock.monotonic() > before

    assert asyncio.run(main())
