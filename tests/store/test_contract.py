"""The contract of store/types.py, held by every embedded store."""

import asyncio
from collections.abc import Sequence

import pytest

from pynetes.store.embedded import EmbeddedStore
from pynetes.store.types import (
    Compacted,
    CompareFailed,
    FutureRevision,
    KeyValue,
    LeaseNotFound,
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


def test_an_empty_store_is_at_revision_1_and_every_write_takes_the_next_one(open_store, run):
    async def main():
        async with open_store() as store:
            assert store.revision == 1
            assert (await store.put(A, b"1")).mod_revision == 2
            assert (await store.put(B, b"1")).mod_revision == 3
            assert (await store.delete(A))[0] == 4
            assert store.revision == 4

    run(main())


def test_a_write_keeps_the_create_revision_and_counts_versions_until_the_key_is_deleted(open_store, run):
    async def main():
        async with open_store() as store:
            await store.put(A, b"1")
            assert await store.put(A, b"2") == KeyValue(A, b"2", 2, 3, 2)
            await store.delete(A)
            assert await store.put(A, b"3") == KeyValue(A, b"3", 5, 5, 1)

    run(main())


def test_compare_and_set_writes_only_at_the_expected_revision_and_shows_what_is_there(open_store, run):
    async def main():
        async with open_store() as store:
            first = await store.put(A, b"1", expected=0)
            with pytest.raises(CompareFailed) as failed:
                await store.put(A, b"2", expected=0)
            assert failed.value.current == first
            with pytest.raises(CompareFailed) as failed:
                await store.put(B, b"2", expected=7)
            assert failed.value.current is None
            await store.put(A, b"2", expected=first.mod_revision)
            with pytest.raises(CompareFailed):
                await store.delete(A, expected=first.mod_revision)
            assert (await store.get(A)).value == b"2"

    run(main())


def test_a_delete_tells_what_was_there_and_a_delete_of_nothing_makes_no_revision(open_store, run):
    async def main():
        async with open_store() as store:
            pair = await store.put(A, b"1")
            assert await store.delete(A) == (3, pair)
            assert await store.delete(A) == (3, None)
            assert store.revision == 3

    run(main())


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


def test_a_range_is_half_open_and_in_key_order_and_counts_beyond_its_limit(open_store, run):
    async def main():
        async with open_store() as store:
            for key in (C, A, B, b"/registry/podz"):
                await store.put(key, key)
            found = await store.range(PODS, END)
            assert [kv.key for kv in found.items] == [A, B, C]
            assert (found.revision, found.count, found.more) == (5, 3, False)
            found = await store.range(PODS, C, limit=1)
            assert ([kv.key for kv in found.items], found.count, found.more) == ([A], 2, True)
            found = await store.range(PODS, END, count_only=True)
            assert (list(found.items), found.count) == ([], 3)

    run(main())


def test_past_revisions_are_read_as_they_were(open_store, run):
    async def main():
        async with open_store() as store:
            await store.put(A, b"1")
            await store.put(B, b"1")
            await store.put(A, b"2")
            await store.delete(B)
            assert (await store.get(A, revision=2)).value == b"1"
            assert await store.get(B, revision=2) is None
            then = await store.range(PODS, END, revision=4)
            assert [(kv.key, kv.value, kv.mod_revision) for kv in then.items] == [(A, b"2", 4), (B, b"1", 3)]
            assert then.revision == 5
            with pytest.raises(FutureRevision) as future:
                await store.get(A, revision=6)
            assert (future.value.requested, future.value.current) == (6, 5)

    run(main())


def test_compaction_ends_the_past_and_keeps_the_present(open_store, run):
    async def main():
        async with open_store() as store:
            await store.put(A, b"1")
            await store.put(A, b"2")
            await store.put(B, b"1")
            await store.delete(B)
            await store.compact(4)
            assert store.compacted == 4
            assert (await store.range(PODS, END, revision=4)).count == 2
            with pytest.raises(Compacted) as gone:
                await store.range(PODS, END, revision=3)
            assert gone.value.revision == 4
            assert (await store.get(A)).value == b"2"
            with pytest.raises(Compacted):
                await store.compact(4)
            with pytest.raises(FutureRevision):
                await store.compact(6)
            assert [e.revision for e in await _collect(store, 5, 5)] == [5]
            with pytest.raises(Compacted):
                await _collect(store, 4, 5)

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


def test_the_keys_of_a_lease_go_when_it_runs_out_and_not_before(open_store, run, clock):
    async def main():
        async with open_store() as store:
            lease = await store.grant(60)
            await store.put(A, b"1", lease=lease)
            await store.put(B, b"1", lease=lease)
            await store.put(C, b"1")
            await store.put(B, b"2")  # written without it: no longer the lease's
            await clock.sleep(59)
            assert await store.get(A) is not None
            assert await store.keep_alive(lease) == 60
            await clock.sleep(59)
            assert await store.get(A) is not None
            events = await _collect(store, store.revision + 1, store.revision + 1)
            assert [(e.key, e.value) for e in events] == [(A, None)]
            assert clock.monotonic() == pytest.approx(119, abs=0.1)
            assert [kv.key for kv in (await store.range(PODS, END)).items] == [B, C]
            await clock.sleep(1)
            with pytest.raises(LeaseNotFound):
                await store.keep_alive(lease)
            with pytest.raises(LeaseNotFound):
                await store.put(A, b"1", lease=lease)

    run(main())


def test_revoking_a_lease_deletes_its_keys(open_store, run):
    async def main():
        async with open_store() as store:
            lease = await store.grant(60)
            await store.put(A, b"1", lease=lease)
            await store.revoke(lease)
            assert await store.get(A) is None
            with pytest.raises(LeaseNotFound):
                await store.revoke(lease)

    run(main())


def test_a_closed_store_refuses_to_write(open_store, run):
    async def main():
        async with open_store() as store:
            pass
        with pytest.raises(OSError, match="closed"):
            await store.put(A, b"1")

    run(main())
