"""The store of one server: SQLite, with group commit and the state in memory.

Exactly one connection, hence no second one that could meet the WAL-reset fault of SQLite before 3.51.3. The loop's
thread puts the rows of a batch into an open transaction (tens of microseconds a row); the writer thread commits it,
which is where the disk is waited for. While it does, the next batch collects. So the interpreter lock changes hands
once a batch, and every write of a batch shares one fsync. At any time either the loop or the writer has the connection.

The table is a log with one row a revision, each naming the revision it superseded: past states are the present with
later changes undone, a key's history is a chain, and compaction needs no index but the row id.

Durable: WAL with ``synchronous=FULL``. A write that fails (disk full, locked) fails with every write decided after it,
and leaves no trace; an input/output error or a damaged file ends all further writing, reads go on from memory.

A log that is gone or spoilt would be an older state to SQLite, without a word. The lock file therefore says whether the
store was closed: what was not is opened only with its log.
"""

import asyncio
import errno
import fcntl
import logging
import os
import queue
import sqlite3
import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from pynetes.aio.clock import Clock
from pynetes.store.embedded import EmbeddedStore, Write
from pynetes.store.types import KeyValue, StoreEvent

log = logging.getLogger(__name__)
T = TypeVar("T")

FORMAT = 1
_APPLICATION_ID = 0x50594E45  # "PYNE"
_BATCH_WRITES = 256
_SWEEP_REVISIONS = 500
_CHECKPOINT_WRITES = 2000
_LOG_EVENTS = 1024
_LOG_MAGIC = (0x377F0682).to_bytes(4, "big")
_OPEN, _CLOSED = b"open  ", b"closed"

_PRAGMAS = (
    # exclusive: a sqlite3 program beside us would be the second connection
    "PRAGMA locking_mode=EXCLUSIVE",
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA wal_autocheckpoint=0",
    f"PRAGMA application_id={_APPLICATION_ID}",
    f"PRAGMA user_version={FORMAT}",
)
_SCHEMA = """
CREATE TABLE IF NOT EXISTS history (
  revision INTEGER PRIMARY KEY,
  previous INTEGER NOT NULL,
  created INTEGER NOT NULL,
  version INTEGER NOT NULL,
  lease INTEGER NOT NULL,
  at REAL NOT NULL,
  key BLOB NOT NULL,
  value BLOB
);
CREATE TABLE IF NOT EXISTS leases (id INTEGER PRIMARY KEY, seconds INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS numbers (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO numbers VALUES ('compacted', 0), ('retained', 0), ('revision', 1);
"""
_INSERT = "INSERT INTO history VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
_EVENTS = """
SELECT h.key, h.revision, h.value, h.created,
       p.revision, p.value, p.created, p.version, p.lease
FROM history h LEFT JOIN history p ON p.revision = h.previous
WHERE h.revision > ? AND h.revision <= ? AND h.key >= ? AND h.key < ? ORDER BY h.revision
"""


class SQLiteStore(EmbeddedStore):
    """``open`` before use. ``keep_seconds``: how long ``past`` and ``changes`` reach back, beyond the API."""

    def __init__(self, path: str | os.PathLike[str], clock: Clock, *, keep_seconds: float = 0.0) -> None:
        super().__init__(clock, _LOG_EVENTS)
        self._path = Path(path)
        self._keep_seconds = keep_seconds
        self._lock_file = -1
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        # somebody has the connection, or is about to: nobody else may touch it
        self._busy = False
        self._idle: asyncio.Future[None] | None = None
        self._waiting: deque[_Waiting] = deque()
        self._others: deque[tuple[Callable[[sqlite3.Connection], object], asyncio.Future[object]]] = deque()
        self._others_turn = False
        self._unchecked_writes = 0

    # -- opening and closing

    async def open(self) -> None:
        """Lock the file, load the state. Raises: OSError (in use, not a store, damaged ...)."""
        self._loop = asyncio.get_running_loop()
        self._lock()
        try:
            leases = await self._clock.in_thread(self._load)
        except sqlite3.Error as error:
            await self._unlock()
            raise _os_error(error, self._path) from error
        except BaseException:
            await self._unlock()
            raise
        for lease, seconds in leases:
            # begun anew, as etcd does: nobody could keep it alive while we were away
            self._add_lease(lease, seconds)
        for key, pair in self._current.items():
            self._move_lease(key, 0, pair.lease)
        self._thread = threading.Thread(target=self._work, name=f"store {self._path.name}", daemon=True)
        self._thread.start()

    def _lock(self) -> None:
        self._lock_file = os.open(f"{self._path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock_file)
            raise OSError(errno.EBUSY, "the store is open in another process", str(self._path)) from error

    def _mark(self, state: bytes) -> None:
        """Say in the lock file whether there are writes that are in the log only."""
        with suppress(OSError):  # no room: then nobody will miss a log
            os.pwrite(self._lock_file, state, 0)

    async def _unlock(self) -> None:
        connection: sqlite3.Connection | None = getattr(self, "_connection", None)
        if connection is not None:
            await self._clock.in_thread(self._shut, connection)
        os.close(self._lock_file)

    def _shut(self, connection: sqlite3.Connection) -> None:
        connection.close()
        if not Path(f"{self._path}-wal").exists():  # folded into the database, as the last to close does
            self._mark(_CLOSED)

    def _check_log(self) -> None:
        """Raises: OSError when the log that holds the last writes is not there any more, or is no log."""
        log_file = Path(f"{self._path}-wal")
        try:
            with log_file.open("rb") as file:
                head = file.read(len(_LOG_MAGIC))
        except FileNotFoundError:
            if os.pread(self._lock_file, len(_OPEN), 0) != _OPEN:
                return
            trouble = "was not closed, and its log is gone"
        else:
            if not head or head[:-1] == _LOG_MAGIC[:-1]:  # the last bit of the magic number tells the byte order
                return
            trouble = "has a log that is damaged"
        raise OSError(
            errno.EIO,
            f"the store {trouble}, and what was written last with it. Bring back {log_file}, "
            f"or remove it and {self._path}.lock to go on with an older state",
            str(self._path),
        )

    def _load(self) -> list[tuple[int, int]]:
        """Open the file and read the whole state; returns the leases. In a thread."""
        self._check_log()
        connection = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        self._connection = connection
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        found = connection.execute("PRAGMA user_version").fetchone()[0]
        if application not in (0, _APPLICATION_ID) or found > FORMAT:
            raise OSError(errno.EINVAL, f"not a store that this version can read (format {found})", str(self._path))
        if application == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise OSError(errno.EINVAL, "another program's database", str(self._path))
        for statement in _PRAGMAS:
            connection.execute(statement)
        connection.executescript(_SCHEMA)
        self._mark(_OPEN)
        numbers: dict[str, int] = dict(connection.execute("SELECT name, value FROM numbers"))
        self._compacted, self._retained = numbers["compacted"], numbers["retained"]
        last = numbers["revision"]
        latest: dict[bytes, int] = {}
        for revision, key, gone in connection.execute(
            "SELECT revision, key, value IS NULL FROM history ORDER BY revision"
        ):
            last = max(last, revision)
            if gone:
                latest.pop(key, None)
            else:
                latest[key] = revision
        self._keys = sorted(latest)
        for key in self._keys:
            row = connection.execute(
                "SELECT value, created, revision, version, lease FROM history WHERE revision = ?", (latest[key],)
            ).fetchone()
            self._current[key] = KeyValue(key, *row)
        self._revision = self._staged_revision = self._log_start = last
        return list(connection.execute("SELECT id, seconds FROM leases"))

    async def close(self) -> None:
        """Waits for what was begun; later writes are refused."""
        await super().close()
        while self._busy:
            self._idle = self._loop.create_future()
            await self._idle
        if self._thread is not None:
            self._jobs.put(None)
            await self._clock.in_thread(self._thread.join)
            self._thread = None
            await self._unlock()

    # -- who has the connection

    def _work(self) -> None:
        """The writer thread."""
        while (job := self._jobs.get()) is not None:
            job()

    def _hand(self, work: Callable[[], T], done: Callable[[T | None, Exception | None], None]) -> None:
        """Let the writer thread do it, then call ``done`` on the loop."""
        outstanding = self._clock.external()

        def returned(result: T | None, error: Exception | None) -> None:
            outstanding.__exit__(None, None, None)
            done(result, error)

        def job() -> None:
            result, error = None, None
            try:
                result = work()
            except Exception as raised:  # whatever it is belongs to who asked, not to this thread
                error = raised
            self._loop.call_soon_threadsafe(returned, result, error)

        outstanding.__enter__()
        self._jobs.put(job)

    def _kick(self) -> None:
        if not self._busy and (self._waiting or self._others):
            self._busy = True
            # not at once: what else is written in this turn of the loop joins the batch
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        if self._others and (self._others_turn or not self._waiting):
            self._others_turn = False
            work, future = self._others.popleft()
            self._hand(lambda: work(self._connection), lambda result, error: self._other_done(future, result, error))
        else:
            self._others_turn = True
            self._begin([self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH_WRITES))])

    def _free(self) -> None:
        self._busy = False
        self._kick()
        if not self._busy and self._idle is not None and not self._idle.done():
            self._idle.set_result(None)

    def _other_done(self, future: asyncio.Future[object], result: object, error: Exception | None) -> None:
        if not future.done():
            if error is None:
                future.set_result(result)
            else:
                future.set_exception(_os_error(error, self._path) if isinstance(error, sqlite3.Error) else error)
        self._free()

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do it with the connection, in the writer thread. Raises: OSError."""
        if self._thread is None:
            raise OSError(errno.EBADF, "the store is not open", str(self._path))
        future: asyncio.Future[Any] = self._loop.create_future()
        self._others.append((work, future))
        self._kick()
        result: T = await future
        return result

    # -- writing

    async def _durable(self, write: Write) -> None:
        future: asyncio.Future[None] = self._loop.create_future()
        write.future = future
        self._waiting.append(_Waiting(write, future, self._clock.now()))
        self._kick()
        await future

    async def _settled(self, key: bytes) -> None:
        future = self._staged[key].future
        assert future is not None
        await asyncio.wait((future,))

    def _begin(self, batch: "list[_Waiting]") -> None:
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.executemany(_INSERT, map(_row, batch))
        except sqlite3.Error as error:
            self._fail(batch, error)
            return
        self._hand(
            lambda: self._connection.execute("COMMIT"),
            lambda _, error: self._commit_done(batch, error),
        )

    def _commit_done(self, batch: "list[_Waiting]", error: Exception | None) -> None:
        if error is not None:
            self._fail(batch, error)
            return
        self._publish([waiting.write for waiting in batch])
        for waiting in batch:
            if not waiting.future.done():
                waiting.future.set_result(None)
        self._unchecked_writes += len(batch)
        if self._unchecked_writes >= _CHECKPOINT_WRITES:
            self._unchecked_writes = 0
            # only one connection: a passive checkpoint reaches the end of the log
            checkpoint = "PRAGMA wal_checkpoint(PASSIVE)"
            self._hand(lambda: self._connection.execute(checkpoint).fetchone(), self._checkpointed)
        else:
            self._free()

    def _checkpointed(self, result: object, error: Exception | None) -> None:
        if error is not None:
            log.warning("the store's log could not be folded into %s: %s", self._path, error)
        self._free()

    def _fail(self, batch: "list[_Waiting]", error: Exception) -> None:
        """The batch did not happen, nor did what was decided after it: all of it may build on the batch."""
        failure = _os_error(error, self._path)
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except sqlite3.Error as second:
            failure = _os_error(second, self._path)
            self._broken = failure
        if failure.errno == errno.EIO:
            self._broken = failure
        lost = [*batch, *self._waiting]
        self._waiting.clear()
        self._staged.clear()
        self._staged_revision = self._revision
        log.error("%d writes failed: %s", len(lost), failure)
        for waiting in lost:
            if not waiting.future.done():
                waiting.future.set_exception(OSError(failure.errno, failure.strerror, failure.filename))
        self._free()

    async def _keep_lease(self, lease: int, seconds: int) -> None:
        await self._run(lambda c: c.execute("INSERT INTO leases VALUES (?, ?)", (lease, seconds)))

    async def _drop_lease(self, lease: int) -> None:
        await self._run(lambda c: c.execute("DELETE FROM leases WHERE id = ?", (lease,)))

    # -- history and compaction

    async def _history(self, start: bytes, end: bytes, after: int, upto: int) -> Sequence[StoreEvent]:
        return await self._run(
            lambda c: [_event(row) for row in c.execute(_EVENTS, (after, upto, start, end))],
        )

    async def compact(self, revision: int) -> None:
        self._check_compaction(revision)
        await self._run(lambda c: c.execute("UPDATE numbers SET value = ? WHERE name = 'compacted'", (revision,)))
        self._compacted = max(self._compacted, revision)
        target = self._compacted
        if self._keep_seconds:
            before = self._clock.now() - self._keep_seconds
            target = await self._run(lambda c: _last_before(c, target, before))
        while self._retained < target:
            low = self._retained
            # at once, so that no reader trusts what the step takes away
            high = self._retained = min(low + _SWEEP_REVISIONS, target)
            await self._run(partial(_sweep, low=low, high=high, revision=self._revision))


@dataclass(slots=True)
class _Waiting:
    write: Write
    future: asyncio.Future[None]
    at: float


def _row(waiting: _Waiting) -> tuple[object, ...]:
    event, pair = waiting.write.event, waiting.write.pair
    previous = event.previous.mod_revision if event.previous else 0
    version, lease = (pair.version, pair.lease) if pair else (0, 0)
    return event.revision, previous, event.create_revision, version, lease, waiting.at, event.key, event.value


def _event(row: tuple[Any, ...]) -> StoreEvent:
    key, revision, value, created, p_revision, p_value, p_created, p_version, p_lease = row
    previous = KeyValue(key, p_value, p_created, p_revision, p_version, p_lease) if p_revision is not None else None
    return StoreEvent(key, revision, value, previous, created)


def _last_before(connection: sqlite3.Connection, limit: int, at: float) -> int:
    """The last revision up to ``limit`` that was written before a time; 0 when there is none."""
    row = connection.execute(
        "SELECT revision FROM history WHERE revision <= ? AND at < ? ORDER BY revision DESC LIMIT 1", (limit, at)
    ).fetchone()
    return int(row[0]) if row else 0


def _sweep(connection: sqlite3.Connection, low: int, high: int, revision: int) -> None:
    """Forget what the revisions in ``(low, high]`` superseded, and their deletes."""
    with closing(connection.cursor()) as cursor:
        cursor.execute("BEGIN IMMEDIATE")
        try:
            cursor.execute(
                "DELETE FROM history WHERE revision IN"
                " (SELECT previous FROM history WHERE revision > ? AND revision <= ? AND previous > 0)",
                (low, high),
            )
            cursor.execute("DELETE FROM history WHERE revision > ? AND revision <= ? AND value IS NULL", (low, high))
            cursor.execute("UPDATE numbers SET value = ? WHERE name = 'retained'", (high,))
            # the newest row may be a delete that was just forgotten: its revision must not be given away again
            cursor.execute("UPDATE numbers SET value = ? WHERE name = 'revision'", (revision,))
            cursor.execute("COMMIT")
        except BaseException:
            cursor.execute("ROLLBACK")
            raise


_ERRNO = {
    sqlite3.SQLITE_FULL: errno.ENOSPC,
    sqlite3.SQLITE_BUSY: errno.EBUSY,
    sqlite3.SQLITE_LOCKED: errno.EBUSY,
    sqlite3.SQLITE_READONLY: errno.EROFS,
    sqlite3.SQLITE_CANTOPEN: errno.ENOENT,
    sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_AUTH: errno.EACCES,
}


def _os_error(error: Exception, path: Path) -> OSError:
    """The disk's trouble in the operating system's words; damage and everything unknown is EIO."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return OSError(_ERRNO.get(code, errno.EIO), f"the store cannot go on: {error}", str(path))
