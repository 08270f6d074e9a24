"""Durable writes a second of the SQLite store at 1, 16 and 100 writers, its reads, and a watch's events a second.

usage: python bench/store.py [--seconds 3] [--value-bytes 3000] [--directory DIR]

Every put is on disk before it returns (WAL, synchronous=FULL); concurrent ones share a commit. The disk's own fdatasync is
measured beside it, since it decides the first line.
"""

import argparse
import asyncio
import os
import tempfile
from pathlib import Path

import uvloop

from pynetes.aio.clock import RealClock
from pynetes.store.embedded import EmbeddedStore
from pynetes.store.memory import MemoryStore
from pynetes.store.sqlite import SQLiteStore
from pynetes.store.types import prefix_end

PREFIX = b"/registry/pods/default/"
KEYS = 1000


def fdatasync_milliseconds(directory: Path, clock: RealClock) -> float:
    path = directory / "probe"
    with path.open("wb") as file:
        begun = clock.monotonic()
        for _ in range(200):
            os.pwrite(file.fileno(), b"x" * 4096, 0)
            os.fdatasync(file.fileno())
        return (clock.monotonic() - begun) * 1000 / 200


async def puts(
    store: EmbeddedStore, clock: RealClock, writers: int, seconds: float, value: bytes
) -> tuple[float, float]:
    """Writes a second, and the slowest hundredth's milliseconds."""
    until = clock.monotonic() + seconds
    waits: list[float] = []

    async def write(number: int) -> None:
        i = number
        while (begun := clock.monotonic()) < until:
            await store.put(PREFIX + b"pod-%d" % (i % KEYS), value)
            waits.append(clock.monotonic() - begun)
            i += writers

    await asyncio.gather(*(write(n) for n in range(writers)))
    waits.sort()
    return len(waits) / seconds, waits[int(len(waits) * 0.99)] * 1000


async def gets(store: EmbeddedStore, clock: RealClock, seconds: float) -> float:
    begun, count = clock.monotonic(), 0
    while clock.monotonic() - begun < seconds:
        for i in range(100):
            await store.get(PREFIX + b"pod-%d" % i)
        count += 100
    return count / (clock.monotonic() - begun)


async def replayed(store: EmbeddedStore, clock: RealClock) -> float:
    """Events a second of a watch from the oldest revision that can be read."""
    watch = store.watch(PREFIX, prefix_end(PREFIX), from_revision=store.compacted + 1)
    begun, count, until = clock.monotonic(), 0, store.revision
    async for batch in watch:
        count += len(batch)
        if batch[-1].revision >= until:
            watch.close()
    return count / (clock.monotonic() - begun)


async def main(seconds: float, value_bytes: int, directory: str | None) -> None:
    clock = RealClock()
    value = b"x" * value_bytes
    with tempfile.TemporaryDirectory(dir=directory) as folder:
        print(
            f"fdatasync of 4 KiB: {fdatasync_milliseconds(Path(folder), clock):.2f} ms; values of {value_bytes} bytes"
        )
        print(f"{'store':8}{'writers':>8}{'puts/s':>10}{'p99 ms':>10}")
        sqlite = SQLiteStore(Path(folder) / "state.db", clock)
        await sqlite.open()
        for store in (sqlite, MemoryStore(clock)):
            name = "sqlite" if store is sqlite else "memory"
            for writers in (1, 16, 100) if store is sqlite else (1,):
                rate, slowest = await puts(store, clock, writers, seconds, value)
                print(f"{name:8}{writers:8}{rate:10.0f}{slowest:10.2f}")
            print(f"{name:8} {await gets(store, clock, min(seconds, 1)):.0f} gets/s")
            print(f"{name:8} {await replayed(store, clock):.0f} events/s replayed by a watch from the oldest revision")
            if store is sqlite:
                begun = clock.monotonic()
                revision = store.revision
                await store.compact(revision)
                print(f"{name:8} compaction of {revision} revisions: {clock.monotonic() - begun:.2f} s")
            await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--value-bytes", type=int, default=3000)
    parser.add_argument("--directory", help="on the disk that is to be measured")
    options = parser.parse_args()
    uvloop.run(main(options.seconds, options.value_bytes, options.directory))
