"""The contract of store/types.py as sessions in ``testdata/``, played on every embedded store."""

from pathlib import Path

import pytest

from pynetes.store.types import (
    Compacted,
    CompareFailed,
    FutureRevision,
    KeyValue,
    LeaseNotFound,
    StoreEvent,
)

SCRIPTS = sorted((Path(__file__).parent / "testdata").glob("*.txt"))


def shown(pair: KeyValue | None) -> str:
    if pair is None:
        return "nothing"
    lease = " leased" if pair.lease else ""
    return (
        f"{pair.key.decode()}={pair.value.decode()} "
        f"created {pair.create_revision} modified {pair.mod_revision} version {pair.version}{lease}"
    )


def told(event: StoreEvent) -> str:
    what = "deleted" if event.value is None else f"= {event.value.decode()}"
    before = f" was {event.previous.value.decode()}" if event.previous else ""
    return f"{event.revision} {event.key.decode()} {what}{before} (created {event.create_revision})"


class Session:
    """One store; commands are methods. Leases are called by the order in which they were granted."""

    def __init__(self, store, clock) -> None:
        self.store = store
        self.clock = clock
        self.leases: list[int] = []

    async def act(self, step) -> None:
        try:
            await getattr(self, step.name)(step, *step.words, **step.options)
        except CompareFailed as error:
            step.answer(f"not at that revision: {shown(error.current)}")
        except Compacted as error:
            step.answer(f"compacted: the oldest is {error.revision}")
        except FutureRevision as error:
            step.answer(f"future: {error.requested} is beyond {error.current}")
        except LeaseNotFound:
            step.answer("no such lease")

    async def put(self, step, key, value, at=None, lease=None) -> None:
        expected = int(at) if at is not None else None
        held = self.leases[int(lease) - 1] if lease else 0
        step.answer(shown(await self.store.put(key.encode(), value.encode(), expected=expected, lease=held)))

    async def delete(self, step, key, at=None) -> None:
        revision, was = await self.store.delete(key.encode(), expected=int(at) if at is not None else None)
        step.answer(f"revision {revision}: was {shown(was)}")

    async def get(self, step, key, revision="0") -> None:
        step.answer(shown(await self.store.get(key.encode(), int(revision))))

    async def range(self, step, start, end, revision="0", limit="0", count_only="") -> None:
        found = await self.store.range(
            start.encode(), end.encode(), revision=int(revision), limit=int(limit), count_only=bool(count_only)
        )
        step.answer(*map(shown, found.items))
        more = ", and more" if found.more and not count_only else ""
        step.answer(f"{found.count} in all{more} at revision {found.revision}")

    async def revision(self, step) -> None:
        step.answer(f"revision {self.store.revision}, compacted {self.store.compacted}")

    async def compact(self, step, revision) -> None:
        await self.store.compact(int(revision))
        step.answer(f"compacted {self.store.compacted}")

    async def events(self, step, start, end, since) -> None:
        """What a watch from that revision tells up to now."""
        watch = self.store.watch(start.encode(), end.encode(), from_revision=int(since))
        last = self.store.revision
        async with self.clock.timeout(1):
            async for batch in watch:
                step.answer(*map(told, batch))
                if batch[-1].revision >= last:
                    watch.close()

    async def grant(self, step, seconds) -> None:
        self.leases.append(await self.store.grant(int(seconds)))
        step.answer(f"lease {len(self.leases)}")

    async def keep_alive(self, step, lease) -> None:
        step.answer(f"{await self.store.keep_alive(self.leases[int(lease) - 1])} s")

    async def revoke(self, step, lease) -> None:
        await self.store.revoke(self.leases[int(lease) - 1])

    async def sleep(self, step, seconds) -> None:
        await self.clock.sleep(float(seconds))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_session_with_a_store(path, golden, open_store, run, clock):
    async def main():
        async with open_store() as store:
            session = Session(store, clock)
            with golden(path) as steps:
                for step in steps:
                    await session.act(step)

    run(main())
