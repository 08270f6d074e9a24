"""Every store against a deliberately simple twin: a list of whole states, over random writes, compactions and reopenings."""

import asyncio

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.store.compaction import compact_forever
from pynetes.store.memory import MemoryStore
from pynetes.store.sqlite import SQLiteStore
from pynetes.store.types import Compacted, CompareFailed, prefix_end

ROOT = b"/registry/"
END = prefix_end(ROOT)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("seed", range(5))
def test_every_past_state_and_every_watch_agrees_with_the_twin(kind, seed, tmp_path):
    clock = VirtualClock(seed)
    chance = clock.random

    async def opened():
        if kind == "memory":
            return MemoryStore(clock)
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        return store

    async def main():
        store = await opened()
        states: dict[int, dict[bytes, tuple[bytes, int]]] = {1: {}}
        for step in range(300):
            key = ROOT + b"%d" % chance.randrange(10)
            state = dict(states[store.revision])
            action = chance.random()
            if action < 0.6:
                expected = chance.choice([None, 0, state.get(key, (b"", 0))[1]])
                try:
                    pair = await store.put(key, b"%d" % step, expected=expected)
                except CompareFailed:
                    assert expected != state.get(key, (b"", 0))[1]
                    continue
                state[key] = (b"%d" % step, pair.mod_revision)
                states[pair.mod_revision] = state
            elif action < 0.85:
                revision, there = await store.delete(key)
                assert (there is not None) == (key in state)
                if there is not None:
                    del state[key]
                    states[revision] = state
            elif action < 0.9 and store.revision > store.compacted + 2:
                await store.compact(chance.randrange(store.compacted + 1, store.revision))
            elif action < 0.92 and kind == "sqlite":
                await store.close()
                store = await opened()
            revision = chance.randrange(1, store.revision + 1)
            try:
                found = await store.range(ROOT, END, revision=revision)
            except Compacted:
                assert revision < store.compacted
                continue
            assert {p.key: (p.value, p.mod_revision) for p in found.items} == states[revision]
            if chance.random() < 0.1:
                await watch_rebuilds(store, dict(states[revision]), revision, states[store.revision])
        await store.close()

    async def watch_rebuilds(store, state, after, expected):
        if after == store.revision:
            return
        watch, until = store.watch(ROOT, END, from_revision=after + 1), store.revision
        async for batch in watch:
            for event in batch:
                before = event.previous and (event.previous.value, event.previous.mod_revision)
                assert before == state.get(event.key)
                if event.value is None:
                    del state[event.key]
                else:
                    state[event.key] = (event.value, event.revision)
            if batch[-1].revision >= until:
                watch.close()
        assert state == expected

    run_virtual(main(), clock)


def test_the_compactor_keeps_between_one_and_two_intervals():
    clock = VirtualClock()

    async def main():
        store = MemoryStore(clock)
        task = asyncio.create_task(compact_forever(store, clock, 300))
        written = {}
        for minute in range(20):
            pair = await store.put(ROOT + b"a", b"%d" % minute)
            written[minute] = pair.mod_revision
            await clock.sleep(60)
        # at minute 20: what was the present at minute 15 can be read, nothing before
        assert store.compacted == written[14]
        task.cancel()

    run_virtual(main(), clock)
