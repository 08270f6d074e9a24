"""What only the store on disk promises: durability, one owner, plain words when the disk fails."""

import asyncio
import errno
import shutil
import sqlite3
import subprocess
import sys
from contextlib import closing

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.store.sqlite import SQLiteStore
from pynetes.store.types import Compacted, prefix_end

A, B = b"/registry/pods/a", b"/registry/pods/b"
PODS = b"/registry/pods/"
END = prefix_end(PODS)


def _later(main, seed=1):
    return run_virtual(main, VirtualClock(seed))


def test_what_was_acknowledged_is_there_after_opening_again(tmp_path, clock):
    async def first():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        await store.put(A, b"1")
        await store.put(A, b"2")
        await store.put(B, b"1")
        await store.delete(B)
        await store.compact(4)
        await store.close()

    async def second():
        store = SQLiteStore(tmp_path / "s.db", VirtualClock(1))
        await store.open()
        assert (store.revision, store.compacted) == (5, 4)
        pair = await store.get(A)
        assert (pair.value, pair.create_revision, pair.mod_revision, pair.version) == (b"2", 2, 3, 2)
        assert await store.get(B) is None
        events = [e async for e in _until(store.watch(PODS, END, from_revision=5), 5)]
        assert [(e.revision, e.value, e.previous.value) for e in events] == [(5, None, b"1")]
        assert (await store.put(B, b"2")).mod_revision == 6
        await store.close()

    run_virtual(first(), clock)
    _later(second())


async def _until(watch, revision):
    async for batch in watch:
        for event in batch:
            yield event
            if event.revision >= revision:
                watch.close()


def test_the_revision_never_goes_back_even_when_the_last_row_was_a_delete_that_was_compacted(tmp_path, clock):
    async def first():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        await store.put(A, b"1")
        await store.delete(A)
        await store.compact(3)
        await store.close()

    async def second():
        store = SQLiteStore(tmp_path / "s.db", VirtualClock(1))
        await store.open()
        assert store.revision == 3
        await store.close()

    run_virtual(first(), clock)
    _later(second())


def test_a_process_killed_at_any_instant_loses_no_acknowledged_write(tmp_path):
    program = f"""
import asyncio, sys
from pynetes.aio.clock import RealClock
from pynetes.store.sqlite import SQLiteStore
async def main():
    store = SQLiteStore({str(tmp_path / "s.db")!r}, RealClock())
    await store.open()
    async def writer(name):
        for i in range(10**6):
            await store.put(b"/registry/pods/%d" % name, b"%d" % i)
            print(name, i, flush=True)
    await asyncio.gather(*(writer(n) for n in range(4)))
asyncio.run(main())
"""
    child = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    acknowledged: dict[int, int] = {}
    for line in child.stdout:
        name, i = map(int, line.split())
        acknowledged[name] = i
        if sum(acknowledged.values()) > 60:
            break
    child.kill()
    rest, _ = child.communicate()
    for line in rest.splitlines():
        if len(words := line.split()) == 2:
            acknowledged[int(words[0])] = int(words[1])

    async def check():
        store = SQLiteStore(tmp_path / "s.db", VirtualClock(1))
        await store.open()
        for name, i in acknowledged.items():
            # a torn last line may have lost a digit: never more than what was written
            assert int((await store.get(b"/registry/pods/%d" % name)).value) >= i
        await store.close()

    _later(check())


def test_many_writers_share_one_commit(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        batches: list[int] = []
        store.attach(lambda events: batches.append(len(events)))
        await asyncio.gather(*(store.put(b"/registry/pods/%d" % i, b"x") for i in range(100)))
        assert batches == [100]
        await store.close()

    run_virtual(main(), clock)


def test_a_second_owner_is_refused(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        with pytest.raises(OSError, match="open in another process") as refused:
            await SQLiteStore(tmp_path / "s.db", clock).open()
        assert refused.value.errno == errno.EBUSY
        await store.close()

    run_virtual(main(), clock)


def test_a_file_locked_by_another_program_is_refused_in_plain_words(tmp_path, clock):
    async def main():
        other = sqlite3.connect(tmp_path / "s.db", isolation_level=None)
        other.execute("CREATE TABLE t (x)")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OSError, match="locked") as refused:
            await SQLiteStore(tmp_path / "s.db", clock).open()
        assert refused.value.errno == errno.EBUSY
        other.close()

    run_virtual(main(), clock)


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path, clock):
    async def main():
        (tmp_path / "s.db").write_bytes(b"not a database, " * 1000)
        with pytest.raises(OSError, match="not a database"):
            await SQLiteStore(tmp_path / "s.db", clock).open()
        assert (tmp_path / "s.db").read_bytes() == b"not a database, " * 1000

    run_virtual(main(), clock)


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda log: log.unlink(), "was not closed, and its log is gone"),
        (lambda log: log.write_bytes(b"\xff" * 5000), "has a log that is damaged"),
    ],
)
def test_a_log_that_is_gone_or_damaged_is_told_and_not_taken_for_an_older_state(tmp_path, clock, spoil, complaint):
    async def killed():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        await store.put(A, b"1")
        for name in ("s.db", "s.db-wal", "s.db.lock"):
            shutil.copy(tmp_path / name, tmp_path / f"killed-{name}")
        await store.close()
        for name in ("s.db", "s.db-wal", "s.db.lock"):
            shutil.copy(tmp_path / f"killed-{name}", tmp_path / name)

    async def main():
        store = SQLiteStore(tmp_path / "s.db", VirtualClock(1))
        with pytest.raises(OSError, match=complaint) as error:
            await store.open()
        assert error.value.errno == errno.EIO
        (tmp_path / "s.db-wal").unlink(missing_ok=True)
        (tmp_path / "s.db.lock").unlink()
        await store.open()  # who says so gets the older state
        assert await store.get(A) is None
        await store.close()

    run_virtual(killed(), clock)
    spoil(tmp_path / "s.db-wal")
    _later(main())


def test_another_programs_database_is_refused_and_left_alone(tmp_path, clock):
    with closing(sqlite3.connect(tmp_path / "s.db")) as other:
        other.execute("CREATE TABLE t (a)")
        other.commit()
    before = (tmp_path / "s.db").read_bytes()

    async def main():
        with pytest.raises(OSError, match="another program's database"):
            await SQLiteStore(tmp_path / "s.db", clock).open()

    run_virtual(main(), clock)
    assert (tmp_path / "s.db").read_bytes() == before


def test_a_full_disk_fails_the_writes_and_spares_what_was_acknowledged(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        await store.put(A, b"1")
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages + 4}")
        results = await asyncio.gather(
            *(store.put(b"/registry/pods/%d" % i, b"x" * 50_000) for i in range(5)), return_exceptions=True
        )
        assert {type(r) for r in results} == {OSError}
        assert {r.errno for r in results} == {errno.ENOSPC}
        assert store.revision == 2
        assert (await store.range(PODS, END)).count == 1
        # there is room again
        store._connection.execute(f"PRAGMA max_page_count={pages + 4000}")
        assert (await store.put(B, b"x" * 50_000)).mod_revision == 3
        await store.close()

        again = SQLiteStore(tmp_path / "s.db", clock)
        await again.open()
        assert [kv.key for kv in (await again.range(PODS, END)).items] == [A, B]
        await again.close()

    run_virtual(main(), clock)


def test_an_input_output_error_ends_writing_but_not_reading(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        await store.put(A, b"1")
        real = store._connection

        class Failing:
            in_transaction = False

            def execute(self, statement, *args):
                error = sqlite3.OperationalError("disk I/O error")
                error.sqlite_errorcode = sqlite3.SQLITE_IOERR_FSYNC
                raise error

        store._connection = Failing()
        for _ in range(2):
            with pytest.raises(OSError, match="disk I/O error") as failed:
                await store.put(A, b"2")
            assert failed.value.errno == errno.EIO
        assert (await store.get(A)).value == b"1"
        store._connection = real
        await store.close()

    run_virtual(main(), clock)


def test_a_writer_that_waits_for_a_write_which_fails_is_compared_with_what_is_really_there(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        pages = store._connection.execute("PRAGMA page_count").fetchone()[0]
        store._connection.execute(f"PRAGMA max_page_count={pages}")
        too_big = asyncio.create_task(store.put(A, b"x" * 50_000, expected=0))
        await asyncio.sleep(0)
        creates_too = asyncio.create_task(store.put(A, b"small", expected=0))
        with pytest.raises(OSError, match="full"):
            await too_big
        assert (await creates_too).value == b"small"
        await store.close()

    run_virtual(main(), clock)


def test_leases_survive_and_begin_anew_when_the_store_is_opened(tmp_path, clock):
    async def first():
        store = SQLiteStore(tmp_path / "s.db", clock)
        await store.open()
        lease = await store.grant(60)
        await store.put(A, b"1", lease=lease)
        await clock.sleep(30)
        await store.close()

    later = VirtualClock(1)

    async def second():
        store = SQLiteStore(tmp_path / "s.db", later)
        await store.open()
        await later.sleep(59)
        assert await store.get(A) is not None
        await later.sleep(2)
        assert await store.get(A) is None
        await store.close()

    run_virtual(first(), clock)
    run_virtual(second(), later)


def test_history_stays_readable_for_its_time_after_the_api_may_no_longer_read_it(tmp_path, clock):
    async def main():
        store = SQLiteStore(tmp_path / "s.db", clock, keep_seconds=3600)
        await store.open()
        await store.put(A, b"1")
        await clock.sleep(1800)
        await store.put(A, b"2")
        await clock.sleep(100)
        await store.put(A, b"3")
        await store.compact(4)
        assert (store.compacted, store.retained) == (4, 0)
        with pytest.raises(Compacted):
            await store.get(A, revision=2)
        assert [kv.value for kv in (await store.past(PODS, END, 2)).items] == [b"1"]
        await clock.sleep(3000)
        await store.put(B, b"1")
        await store.compact(5)
        assert store.retained == 2
        assert [kv.value for kv in (await store.past(PODS, END, 2)).items] == [b"1"]
        await store.close()

    run_virtual(main(), clock)
