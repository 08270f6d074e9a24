"""The contract of store/types.py where writers and watchers meet; sessions of one are in test_scripts."""

import asyncio
from collections.abc import Sequence

import pytest

from pynetes.store.embedded import EmbeddedStore
from pynetes.store.types import (
    CompareFailed,
    KeyValue,
    StoreEvent,
    prefix_end,
)

A, B, C = b"/registry/pods/a", b"/registry/pods/b", b"/registry/pods/c"
PODS = b"/registry/pods/"
END = prefix_end(PODS)


async def _collect(store: EmbeddedStore, from_revision: int, until: int) -> list[StoreEvent]:
    events: list[StoreEvent] = []
    watch = store.watch(PODS, END, from_revision=from_revision)
    async for batch in watch:
        events.extend(batch)
        if events[-1].revision >= until:
            watch.close()
    return events


def test_of_many_writers_at_once_exactly_one_wins_each_revision(open_store, run):
    async def main():
        async with open_store() as store:

            async def count_up() -> int:
                lost = 0
                for _ in range(5):
                    while True:
                        now = await store.get(A)
                        value = int(now.value) if now else 0
                        try:
                            await store.put(A, b"%d" % (value + 1), expected=now.mod_revision if now else 0)
                            break
                        except CompareFailed:
                            lost += 1
                return lost

            await asyncio.gather(*(count_up() for _ in range(8)))
            assert (await store.get(A)).value == b"40"
            assert store.revision == 41

    run(main())


def test_a_watch_from_a_revision_replays_history_then_goes_live_with_no_gap_and_no_duplicate(open_store, run):
    async def main():
        async with open_store() as store:
            for i in range(3000):
                await store.put(A, b"%d" % i)

            async def write_on() -> None:
                for i in range(500):
                    await store.put(B, b"%d" % i)

            writer = asyncio.create_task(write_on())
            events = await _collect(store, 2, 3501)
            await writer
            assert [e.revision for e in events] == list(range(2, 3502))
            assert events[1].previous == KeyValue(A, b"0", 2, 2, 1)

    run(main())


def test_a_watch_sees_only_its_range_and_a_delete_carries_what_was_there(open_store, run):
    async def main():
        async with open_store() as store:
            task = asyncio.create_task(_collect(store, 0, 4))
            await asyncio.sleep(0)
            await store.put(A, b"1")
            await store.put(b"/registry/nodes/n", b"1")
            await store.delete(A)
            before = KeyValue(A, b"1", 2, 2, 1)
            assert await task == [StoreEvent(A, 2, b"1", None, 2), StoreEvent(A, 4, None, before, 2)]

    run(main())


def test_a_watch_of_the_future_waits_for_it(open_store, run):
    async def main():
        async with open_store() as store:
            task = asyncio.create_task(_collect(store, 3, 3))
            await asyncio.sleep(0)
            await store.put(A, b"1")
            await store.put(A, b"2")
            assert [e.revision for e in await task] == [3]

    run(main())


def test_closing_a_watch_ends_its_iteration(open_store, run):
    async def main():
        async with open_store() as store:
            watch = store.watch(PODS, END)

            async def read() -> list[Sequence[StoreEvent]]:
                return [batch async for batch in watch]

            task = asyncio.create_task(read())
            await asyncio.sleep(0)
            watch.close()
            assert await task == []

    run(main())


def test_a_listener_hears_of_a_write_before_its_writer_goes_on(open_store, run):
    async def main():
        async with open_store() as store:
            heard: list[int] = []
            detach = store.attach(lambda events: heard.extend(e.revision for e in events))
            pair = await store.put(A, b"1")
            assert heard == [pair.mod_revision]
            detach()
            await store.put(A, b"2")
            assert heard == [pair.mod_revision]

    run(main())


def test_a_closed_store_refuses_to_write(open_store, run):
    async def main():
        async with open_store() as store:
            pass
        with pytest.raises(OSError, match="closed"):
            await store.put(A, b"1")

    run(main())
