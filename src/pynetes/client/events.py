"""Events about objects, recorded in the background; the same thing said again becomes a count.

Contract: ``event`` returns at once and never raises; events of one recorder are written one after another, in order.
At most ``MAX_QUEUED`` wait; more are dropped, with a log line for the first and one for all. A source may say 25 things
about an object, then one every five minutes. Ten different messages for one reason within ten minutes become one
combined event.

Source: client-go ``tools/record`` (``event.go``, ``events_cache.go``).
"""

import asyncio
import logging
import zlib
from collections import OrderedDict, deque
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Generic, TypeVar

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import STRATEGIC_PATCH, Client
from pynetes.client.kinds import EVENTS
from pynetes.client.workqueue import TokenBucket
from pynetes.meta.names import dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339

log = logging.getLogger(__name__)

MAX_QUEUED = 1000
MAX_REMEMBERED = 4096
SPAM_BURST = 25
SPAM_PER_SECOND = 1 / 300
COMBINE_AFTER = 10
COMBINE_SECONDS = 600.0
TRIES = 12
RETRY_SECONDS = 10.0
COMBINED_PREFIX = "(combined from similar events): "

REFERENCE_FIELDS = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")

V = TypeVar("V")


class _Remembered(Generic[V]):
    """The values of the ``MAX_REMEMBERED`` keys used last."""

    def __init__(self) -> None:
        self._values: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable) -> V | None:
        value = self._values.get(key)
        if value is not None:
            self._values.move_to_end(key)
        return value

    def put(self, key: Hashable, value: V) -> None:
        self._values[key] = value
        self._values.move_to_end(key)
        if len(self._values) > MAX_REMEMBERED:
            self._values.popitem(last=False)


@dataclass(slots=True)
class _Similar:
    """The different messages of one reason about one object."""

    messages: dict[str, None]  # ordered, unlike a set: two runs must be equal
    last: float


@dataclass(frozen=True, slots=True)
class _Observed:
    """What was last written under a key."""

    count: int
    first_timestamp: str
    name: str


class Correlator:
    """Decides what becomes of each event: a new one, one more of a known one, or nothing. Pure but for its memory."""

    def __init__(self) -> None:
        self._similar: _Remembered[_Similar] = _Remembered()
        self._observed: _Remembered[_Observed] = _Remembered()
        self._buckets: _Remembered[TokenBucket] = _Remembered()

    def correlate(self, event: Object, now: float) -> Object | None:
        """The event to write (count above 1: by a patch of the one of that name); None: it is spam."""
        event, key = self._combine(event, now)
        if (known := self._observed.get(key)) is not None:
            metadata = {**event["metadata"], "name": known.name}
            event = {**event, "metadata": metadata, "firstTimestamp": known.first_timestamp, "count": known.count + 1}
        self._remember(key, event)
        source = _source_key(event)
        bucket = self._buckets.get(source) or TokenBucket(SPAM_PER_SECOND, SPAM_BURST, now)
        self._buckets.put(source, bucket)
        return event if bucket.try_take(now) else None

    def written(self, event: Object) -> None:
        """What the server made of it."""
        self._remember(_full_key(event), event)

    def _combine(self, event: Object, now: float) -> tuple[Object, Hashable]:
        group = (*_source_key(event), event["reason"])
        similar = self._similar.get(group)
        if similar is None or now - similar.last > COMBINE_SECONDS:
            similar = _Similar({}, now)
        similar.messages[event["message"]] = None
        similar.last = now
        self._similar.put(group, similar)
        if len(similar.messages) < COMBINE_AFTER:
            return event, _full_key(event)
        del similar.messages[next(iter(similar.messages))]
        message = COMBINED_PREFIX + event["message"]
        # upstream's says by whom it is in its source only
        return {**event, "message": message, "reportingComponent": "", "reportingInstance": ""}, group

    def _remember(self, key: Hashable, event: Object) -> None:
        self._observed.put(key, _Observed(event["count"], event["firstTimestamp"], event["metadata"]["name"]))


class EventRecorder:
    """``component`` and ``host`` name who says it."""

    def __init__(self, client: Client, clock: Clock, component: str, host: str = "") -> None:
        self._client = client
        self._clock = clock
        self._component = component
        self._host = host
        self._correlator = Correlator()
        # names are moments: under virtual time many events share one, in several recorders
        self._shift = zlib.crc32(f"{component}/{host}".encode()) % 100_000
        self._last_nanoseconds = 0
        self._queue: deque[Object] = deque()
        self._dropped = 0
        self._tasks = Tasks()
        self._writing: asyncio.Task[None] | None = None

    def event(self, obj: Object, type: str, reason: str, message: str, field_path: str = "") -> None:
        """Record ``Normal`` or ``Warning``; ``obj`` is an object with its kind, or an ObjectReference."""
        reference = reference_to(obj, field_path)
        if not reference.get("kind"):
            log.error("no event %s: the object has no kind: %s", reason, reference)
            return
        if len(self._queue) >= MAX_QUEUED:
            if not self._dropped:
                log.error("too many events are waiting, dropping %s about %s", reason, reference.get("name"))
            self._dropped += 1
            return
        self._queue.append(self._make(reference, type, reason, message))
        if self._writing is None or self._writing.done():
            self._writing = self._tasks.spawn(self._write_all(), f"events of {self._component}")

    async def flush(self) -> None:
        """Wait until what was recorded so far was written or given up."""
        while self._writing is not None and not self._writing.done():
            await asyncio.wait([self._writing])

    async def close(self) -> None:
        """Forget what was not written yet."""
        self._queue.clear()
        await self._tasks.close()

    def _make(self, reference: Object, type: str, reason: str, message: str) -> Object:
        now = self._clock.now()
        time = rfc3339(now)
        self._last_nanoseconds = max(int(now * 1e9) + self._shift, self._last_nanoseconds + 1)
        name = f"{reference.get('name', '')}.{self._last_nanoseconds:x}"
        if dns1123_subdomain(name):
            name = self._clock.uuid4()
        source = {"component": self._component}
        if self._host:
            source["host"] = self._host
        return {
            "kind": "Event",
            "apiVersion": "v1",
            "metadata": {"name": name, "namespace": reference.get("namespace") or "default"},
            "involvedObject": reference,
            "reason": reason,
            "message": message,
            "source": source,
            "firstTimestamp": time,
            "lastTimestamp": time,
            "count": 1,
            "type": type,
            "eventTime": None,
            "reportingComponent": self._component,
            "reportingInstance": self._host,
        }

    async def _write_all(self) -> None:
        while self._queue:
            event = self._correlator.correlate(self._queue.popleft(), self._clock.now())
            if event is not None:
                await self._write(event)
        if self._dropped:
            log.error("%d events were dropped, for too many were waiting", self._dropped)
            self._dropped = 0

    async def _write(self, event: Object) -> None:
        for attempt in range(TRIES):
            try:
                self._correlator.written(await self._send(event))
                return
            except StatusError as error:
                log.info("event %s was refused: %s", event["metadata"]["name"], error)
                return
            except OSError as error:
                log.warning("event %s was not written: %s", event["metadata"]["name"], error)
            delay = RETRY_SECONDS
            if attempt == 0:
                delay *= self._clock.random.random()  # many sources met the same outage: spread them
            await self._clock.sleep(delay)
        log.error("event %s was given up after %d tries", event["metadata"]["name"], TRIES)

    async def _send(self, event: Object) -> Object:
        metadata = event["metadata"]
        if event["count"] > 1:
            patch = {k: event[k] for k in ("count", "lastTimestamp", "message") if event[k]}
            try:
                return await self._client.patch(
                    EVENTS, metadata["name"], patch, metadata["namespace"], patch_type=STRATEGIC_PATCH
                )
            except StatusError as error:
                if error.code != 404:
                    raise  # it expired: made anew below, with the count that it had reached
        return await self._client.create(EVENTS, event, metadata["namespace"])


def reference_to(obj: Object, field_path: str = "") -> Object:
    """An ObjectReference to an object (or from one), with only the fields that are set."""
    metadata = obj.get("metadata")
    values = {**obj, **metadata, "fieldPath": field_path} if metadata is not None else dict(obj)
    if field_path:
        values["fieldPath"] = field_path
    return {k: values[k] for k in REFERENCE_FIELDS if values.get(k)}


def _source_key(event: Object) -> tuple[str, ...]:
    about = event["involvedObject"]
    source = event.get("source") or {}
    return (
        source.get("component", ""),
        source.get("host", ""),
        *(about.get(k, "") for k in ("kind", "namespace", "name", "uid", "apiVersion")),
        event.get("type", ""),
    )


def _full_key(event: Object) -> tuple[str, ...]:
    field_path = event["involvedObject"].get("fieldPath", "")
    return (*_source_key(event), field_path, event.get("reason", ""), event.get("message", ""))
