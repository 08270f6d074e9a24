"""Writes pod statuses: only what changed, one write a pod at a time, the last word wins. Also a pod's final deletion.

A status that nobody has seen yet is replaced by the next one, unless the pod passes through it from one phase or
readiness to another: watchers are shown each of these steps, as far as ``MAX_STEPS``.

Source: kubernetes ``pkg/kubelet/status/status_manager.go``, ``pkg/util/pod/pod.go`` (PatchPodStatus).
"""

import asyncio
import logging
from dataclasses import dataclass, field

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import Client
from pynetes.client.kinds import PODS
from pynetes.kubelet import pods
from pynetes.kubelet.status import merged, terminated
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)

STRATEGIC = "application/strategic-merge-patch+json"
RETRY_SECONDS = 1.0
RETRY_LIMIT_SECONDS = 30.0
MAX_STEPS = 4


@dataclass(slots=True)
class _Entry:
    """``pod`` is the newest known state of the API, ``status`` what the kubelet wants it to say, ``steps`` what it
    wants to have said before. ``saying``: phase and readiness of what is being written just now."""

    pod: Object
    status: Object
    may_run: bool = True
    finished: bool = False
    steps: list[tuple[Object, bool]] = field(default_factory=list)
    saying: tuple[object, object] | None = None
    dirty: bool = False
    task: asyncio.Task[None] | None = None


class Statuses:
    """What the kubelet says of its pods. ``writes`` patches are under way at most."""

    def __init__(self, client: Client, clock: Clock, tasks: Tasks, writes: int) -> None:
        self._client = client
        self._clock = clock
        self._tasks = tasks
        self._slots = asyncio.Semaphore(writes)
        self._entries: dict[str, _Entry] = {}
        self._mirrors: dict[str, Object] = {}

    def get(self, uid: str) -> Object | None:
        """The last status that was set; READ-ONLY."""
        entry = self._entries.get(uid)
        return entry.status if entry is not None else None

    def seen(self, pod: Object) -> None:
        """A newer state of the API's pod came in."""
        entry = self._entries.get(pod["metadata"]["uid"])
        if entry is not None and _revision(pod) >= _revision(entry.pod):
            entry.pod = pod

    def mirror(self, uid: str, mirror: Object) -> None:
        """The API's pod that a static pod's status is written to, or a newer state of it."""
        self._mirrors[uid] = mirror
        entry = self._entries.get(uid)
        if entry is None:
            return
        if entry.pod["metadata"]["uid"] != mirror["metadata"]["uid"]:
            entry.pod = mirror
            self._wake(uid, entry)
        elif _revision(mirror) >= _revision(entry.pod):
            entry.pod = mirror

    async def written(self, uid: str) -> None:
        """Return when what was set so far has been written, or is refused for now."""
        entry = self._entries.get(uid)
        if entry is not None and entry.task is not None:
            await asyncio.wait((entry.task,))

    def set(self, pod: Object, status: Object, *, may_run: bool = True) -> None:
        """Say this. ``may_run``: containers may still run, so that no terminal phase is told yet."""
        uid = pod["metadata"]["uid"]
        if pods.is_static(pod):
            may_run = False  # nobody is to wait for the end of a mirror: it may be told as soon as it is known
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(self._mirrors.get(uid, pod), status)
        elif entry.status == status and entry.may_run == may_run:
            return
        self.seen(pod)
        self._keep_step(entry, status, may_run)
        entry.status, entry.may_run = status, may_run
        self._wake(uid, entry)

    def finish(self, pod: Object, before: Object | None = None) -> None:
        """Nothing of the pod is left on the node: say so for the last time, and let a deleted pod go. ``before``: the
        API's status when its end began."""
        uid = pod["metadata"]["uid"]
        entry = self._entries.get(uid)
        if entry is None:
            entry = self._entries[uid] = _Entry(pod, dict(pod.get("status") or {"phase": "Pending"}))
        self.seen(pod)
        last = terminated(entry.pod if before is None else {**pod, "status": before}, entry.status)
        self._keep_step(entry, last, False)
        entry.status = last
        entry.may_run, entry.finished = False, True
        self._wake(uid, entry)

    def forget(self, uid: str) -> None:
        self._entries.pop(uid, None)
        self._mirrors.pop(uid, None)

    def _keep_step(self, entry: _Entry, following: Object, may_run: bool) -> None:
        """What is about to be replaced unwritten is kept when it is a step of its own."""
        if not entry.dirty:
            return
        before = entry.saying or _said(entry.pod)
        for status, could_run in entry.steps:
            before = _step(status, could_run, before[0])
        step = _step(entry.status, entry.may_run, before[0])
        # an end that is not told yet says the phase of what was said before it: of the API's, if this is dropped
        if step == _step(following, may_run, before[0]) or step == before or len(entry.steps) == MAX_STEPS:
            return
        entry.steps.append((entry.status, entry.may_run))

    def _wake(self, uid: str, entry: _Entry) -> None:
        entry.dirty = True
        if entry.task is None:
            entry.task = self._tasks.spawn(self._write(uid, entry), f"status of pod {uid}")

    async def _write(self, uid: str, entry: _Entry) -> None:
        delay = RETRY_SECONDS
        try:
            while entry.dirty and self._entries.get(uid) is entry:
                entry.dirty = False
                try:
                    async with self._slots:
                        await self._once(entry)
                    delay = RETRY_SECONDS
                except StatusError as error:
                    if error.code in (404, 409):
                        # deleted, or made anew under the same name: the informer tells
                        log.debug("status of pod %s is not wanted: %s", uid, error)
                        continue
                    log.warning("status of pod %s was refused: %s", uid, error)
                    await self._clock.sleep(delay)
                    delay, entry.dirty = min(delay * 2, RETRY_LIMIT_SECONDS), True
                except OSError as error:
                    log.warning("status of pod %s was not written: %s", uid, error)
                    await self._clock.sleep(delay)
                    delay, entry.dirty = min(delay * 2, RETRY_LIMIT_SECONDS), True
        finally:
            entry.task = None

    async def _once(self, entry: _Entry) -> None:
        if pods.is_static(entry.pod) and not pods.is_mirror(entry.pod):
            return  # the API has no pod to say it of: ``mirror`` brings it
        # taken together, with no await: what is set from now on is dirty, and said in the next round
        said = [*entry.steps, (entry.status, entry.may_run)]
        entry.steps = []
        entry.saying = _said(entry.pod)
        for status, may_run in said:
            entry.saying = _step(status, may_run, entry.saying[0])
        try:
            for status, may_run in said:
                await self._say(entry, status, may_run)
        finally:
            entry.saying = None
        pod = entry.pod
        if entry.finished and pods.is_deleted(pod) and pods.phase(pod) in pods.TERMINAL_PHASES:
            meta = pod["metadata"]
            options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
            await self._client.delete(PODS, meta["name"], meta["namespace"], options=options)

    async def _say(self, entry: _Entry, status: Object, may_run: bool) -> None:
        pod = entry.pod
        wanted = merged(pod, status, self._clock.now(), may_run=may_run)
        patch = status_patch(pod.get("status") or {}, wanted)
        meta = pod["metadata"]
        if patch:
            body = {"metadata": {"uid": meta["uid"]}, "status": patch}
            answer = await self._client.patch(
                PODS, meta["name"], body, meta["namespace"], subresource="status", patch_type=STRATEGIC
            )
            if _revision(answer) >= _revision(entry.pod):
                entry.pod = answer


def _step(status: Object, may_run: bool, said: object) -> tuple[object, object]:
    """Phase and readiness, as they will be written after the phase ``said``: an end is not told while containers may
    run."""
    phase = status.get("phase")
    return said if may_run and phase in pods.TERMINAL_PHASES else phase, _readiness(status)


def _said(pod: Object) -> tuple[object, object]:
    status = pod.get("status") or {}
    return status.get("phase"), _readiness(status)


def _readiness(status: Object) -> object:
    ready = pods.condition(status, "Ready")
    return ready["status"] if ready is not None else None


def _revision(pod: Object) -> int:
    text = pod["metadata"].get("resourceVersion") or "0"
    return int(text) if text.isdigit() else 0


def status_patch(old: Object, new: Object) -> Object:
    """The strategic merge patch that turns one status into the other; empty when they say the same."""
    patch: Object = {}
    for key in old:
        if key not in new and key not in UNOWNED:
            patch[key] = None
    for key, value in new.items():
        before = old.get(key)
        if key == "conditions":
            patch.update(_conditions(before or [], value))
        elif key in ("podIPs", "hostIPs"):
            patch.update(_addresses(key, before or [], value))
        elif _plain(before) != _plain(value):
            patch[key] = {"$patch": "replace", **value} if isinstance(value, dict) and before else value
    return patch


UNOWNED = frozenset(
    {"resourceClaimStatuses", "extendedResourceClaimStatus", "nodeAllocatableResourceClaimStatuses", "resize"}
)
"""Fields of a pod's status that others write."""


def _plain(value: object) -> object:
    """Without what the API writes for empty fields (``lastProbeTime: null``)."""
    if isinstance(value, dict):
        return {k: _plain(v) for k, v in value.items() if v is not None}
    if isinstance(value, list):
        return [_plain(v) for v in value]
    return value


def _conditions(old: list[Object], new: list[Object]) -> Object:
    before = {c["type"]: c for c in old}
    items: list[Object] = []
    for condition in new:
        known = before.get(condition["type"])
        if known is None or _plain(known) != _plain(condition):
            gone = {k: None for k in (known or {}) if k not in condition and known and known[k] is not None}
            items.append({**condition, **gone})
    kept = [c["type"] for c in new]
    items += [{"$patch": "delete", "type": t} for t in before if t not in kept]
    if not items and [c["type"] for c in old] == kept:
        return {}
    return {"$setElementOrder/conditions": [{"type": t} for t in kept], "conditions": items}


def _addresses(key: str, old: list[Object], new: list[Object]) -> Object:
    if old == new:
        return {}
    kept = {a["ip"] for a in new}
    items = [*new, *({"$patch": "delete", "ip": a["ip"]} for a in old if a["ip"] not in kept)]
    return {f"$setElementOrder/{key}": [{"ip": a["ip"]} for a in new], key: items}
