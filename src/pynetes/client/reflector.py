"""Keeps a sink equal to a part of the API: one list, then one watch, again and again.

Contract: the sink first gets ``replace`` with everything, then ``apply`` for each change in the API's order. A watch
that ends is resumed from the last revision seen (bookmarks count); a revision that is gone (410) leads to a new
``replace``, the first time at once: a server that was restarted has forgotten its events, and whoever hears so has
waited for it already. Failures wait 0.8 s, doubling up to 30 s, with jitter; a run of quiet successes starts anew.

Differs: client-go waits before it lists again, too, as long as the server was away.

Source: client-go ``tools/cache/reflector.go``; KEP-3157 (watch-list).
"""

import logging
from collections.abc import Iterable
from contextlib import aclosing
from typing import Protocol

import orjson

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.types import Kind
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)

FIRST_DELAY_SECONDS = 0.8
LONGEST_DELAY_SECONDS = 30.0
QUIET_SECONDS = 120.0
"""After this long without a failure the delays begin anew."""

WATCH_SECONDS = 300
"""A watch is asked to end after one to two times this, so that watchers spread over servers."""

LATE_SECONDS = 30.0
"""How long after that we break a watch that did not end."""

BUSY = frozenset({410, 429, 503, 504})
"""What passes; any other refusal of a watch-list means that this server has none (as upstream's with an old etcd)."""

INITIAL_EVENTS_END = "k8s.io/initial-events-end"


class Sink(Protocol):
    """``value`` is the object's bytes with kind, apiVersion and resourceVersion; ``obj`` the same, decoded."""

    def replace(self, items: Iterable[tuple[bytes, Object]]) -> None: ...

    def apply(self, type: str, value: bytes, obj: Object) -> None: ...


class Reflector:
    """One kind, optionally of one namespace and narrowed by selectors. ``watch_list`` asks for the initial state as a
    watch; a server that refuses this is asked for a list."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        kind: Kind,
        sink: Sink,
        *,
        namespace: str = "",
        labels: str = "",
        fields: str = "",
        watch_list: bool = False,
    ) -> None:
        self._client = client
        self._clock = clock
        self._kind = kind
        self._sink = sink
        self._path = kind.path(namespace)
        self._selectors = {k: v for k, v in (("labelSelector", labels), ("fieldSelector", fields)) if v}
        self._watch_list = watch_list
        self._delay = FIRST_DELAY_SECONDS
        self._failed_at = 0.0
        self._gone = False  # the last that a watch told was a 410
        self._from = "0"  # what a list is asked to be not older than: "0" any state, "" the newest
        self.revision = ""
        """The last revision seen; empty: the sink needs everything."""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            try:
                if not self.revision and not self._watch_list:
                    await self._list()
                await self._watch()
                continue
            except StatusError as error:
                if error.code == 410 or _too_large(error.status):
                    self.revision, self._from = "", ""
                if not self.revision and self._watch_list and error.code not in BUSY:
                    self._watch_list = False
                    continue
                if error.code == 410 and not self._gone:
                    self._gone = True
                    log.info("%s: %s; starting from the newest state", self._path, error)
                    continue
                await self._wait(error)
            except (OSError, EOFError, ValueError, TimeoutError) as error:
                # ValueError: what came was no JSON (a proxy's error page, a line cut off)
                await self._wait(error)

    async def _list(self) -> None:
        query = dict(self._selectors)
        if self._from:
            query |= {"resourceVersion": self._from}
            if self._from != "0":
                query["resourceVersionMatch"] = "NotOlderThan"
        page = orjson.loads(await self._client.request("GET", self._path, query))
        items = page.get("items") or []
        head = {"kind": self._kind.kind, "apiVersion": self._kind.api_version}
        typed = ({**head, **item} for item in items)
        revision: str = page["metadata"]["resourceVersion"]
        self._sink.replace((orjson.dumps(item), item) for item in typed)
        self.revision = self._from = revision

    async def _watch(self) -> None:
        initial: dict[str, tuple[bytes, Object]] | None = {} if not self.revision else None
        seconds = int(WATCH_SECONDS * (1.0 + self._clock.random.random()))
        query = {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(seconds),
            "resourceVersion": self.revision or (self._from if self._from != "0" else ""),
            **self._selectors,
        }
        if initial is not None:
            query |= {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
        begun = self._clock.monotonic()
        seen = 0
        try:
            async with (
                self._clock.timeout(seconds + LATE_SECONDS),
                aclosing(self._client.lines(self._path, query)) as lines,
            ):
                async for line in lines:
                    seen += 1
                    initial = self._take(line, initial)
        finally:
            if self._clock.monotonic() - begun > QUIET_SECONDS:
                self._delay = FIRST_DELAY_SECONDS
        if initial is not None:
            raise ConnectionResetError("the watch ended before the initial state was complete")
        if not seen and self._clock.monotonic() - begun < 1.0:
            raise ConnectionResetError("very short watch: it ended within a second and with no event")

    def _take(
        self, line: bytes, initial: dict[str, tuple[bytes, Object]] | None
    ) -> dict[str, tuple[bytes, Object]] | None:
        """Apply one event; returns what was collected of the initial state, None once it is complete."""
        type_, value, obj = split_event(line)
        if type_ == "ERROR":
            raise StatusError({"code": 500, **obj})
        self._gone = False
        metadata = obj["metadata"]
        revision = metadata["resourceVersion"]
        if type_ == "BOOKMARK":
            self.revision = self._from = revision
            if initial is not None and (metadata.get("annotations") or {}).get(INITIAL_EVENTS_END) == "true":
                self._sink.replace(initial.values())
                return None
            if initial is not None:
                self.revision = ""
            return initial
        if initial is not None:
            key = f"{metadata.get('namespace', '')}/{metadata['name']}"
            if type_ == "DELETED":
                initial.pop(key, None)
            else:
                initial[key] = (value, obj)
            return initial
        self._sink.apply(type_, value, obj)
        self.revision = self._from = revision
        return None

    async def _wait(self, error: BaseException) -> None:
        now = self._clock.monotonic()
        if now - self._failed_at > QUIET_SECONDS:
            self._delay = FIRST_DELAY_SECONDS
        self._failed_at = now
        delay = self._delay * (1.0 + self._clock.random.random())
        self._delay = min(self._delay * 2, LONGEST_DELAY_SECONDS)
        log.warning("%s: %s; trying again in %.1f s", self._path, str(error) or type(error).__name__, delay)
        await self._clock.sleep(delay)


def split_event(line: bytes) -> tuple[str, bytes, Object]:
    """A watch line's type, its object's bytes as they came, and the object decoded."""
    event = orjson.loads(line)
    type_: str = event["type"]
    obj: Object = event["object"]
    start = len(type_) + 20  # {"type":"…","object":
    if line[start - 11 : start] == b'","object":' and line.endswith(b"}}") and len(event) == 2:
        return type_, line[start:-1], obj
    return type_, orjson.dumps(obj), obj


def _too_large(status: Object) -> bool:
    """The server has not reached our revision yet and gave up waiting."""
    causes = (status.get("details") or {}).get("causes") or ()
    return any(cause.get("reason") == "ResourceVersionTooLarge" for cause in causes)
