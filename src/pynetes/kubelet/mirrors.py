"""Runs the static pods of a folder, and keeps a mirror of each in the API, through which it can be seen.

The mirror says what the static pod says of itself; to change or delete it changes nothing: only the file counts. A file
that now says something else is another pod, which begins when the one before is gone.

Source: kubernetes ``pkg/kubelet/config/file.go``, ``pkg/kubelet/pod/mirror_client.go``, ``pkg/kubelet/kubelet.go``.
"""

import asyncio
import copy
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from pynetes.client.client import Client
from pynetes.client.kinds import PODS
from pynetes.kubelet import pods
from pynetes.kubelet.host import Host
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.static import StaticPodError, read
from pynetes.kubelet.statuses import Statuses
from pynetes.kubelet.workers import State, Worker, Workers
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the static pods live among. ``remove`` drops the records of a pod of which nothing runs any more."""

    client: Client
    host: Host
    settings: Settings
    workers: Workers
    statuses: Statuses
    node_uid: Callable[[], str]
    remove: Callable[[Worker], Awaitable[None]]


class StaticPods:
    """``look`` makes what runs and what the API shows agree with the folder; call it as often as anything changed."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._mirrors: dict[tuple[str, str], Object] = {}
        self._turn = asyncio.Lock()
        self._complaints: dict[str, str] = {}

    def seen(self, mirror: Object) -> bool:
        """A mirror came or changed. True: ``look`` has something to do about it."""
        self._mirrors[_name(mirror)] = mirror
        worker = self._worker(_name(mirror))
        if worker is None or pods.is_deleted(mirror) or not _is_mirror_of(mirror, worker.pod):
            return True
        self._around.statuses.mirror(worker.uid, mirror)
        return False

    def gone(self, mirror: Object) -> None:
        known = self._mirrors.get(_name(mirror))
        if known is not None and known["metadata"]["uid"] == mirror["metadata"]["uid"]:
            del self._mirrors[_name(mirror)]

    async def look(self) -> None:
        """Raises: StatusError, OSError, when the API does not take a mirror."""
        async with self._turn:
            around = self._around
            files = await around.host.static_files(around.settings.static_dir)
            wanted = self._read(files)
            for worker in [w for w in around.workers.all() if pods.is_static(w.pod) and w.uid not in wanted]:
                await self._end(worker)
            for uid, pod in wanted.items():
                # one of this name may still be ending
                if around.workers.get(uid) is None and self._worker(_name(pod)) is None:
                    around.workers.add(pod)
            await self._mirror(wanted)

    def _read(self, files: Mapping[str, bytes]) -> dict[str, Object]:
        """By uid; the first of a name counts."""
        found: dict[str, Object] = {}
        names: set[tuple[str, str]] = set()
        for path, data in files.items():
            try:
                made = read(path, data, self._around.settings.node_name)
            except StaticPodError as error:
                if self._complaints.get(path) != str(error):
                    log.error("static pod file %s: %s", path, error)
                self._complaints[path] = str(error)
                continue
            self._complaints.pop(path, None)
            for pod in made:
                if _name(pod) not in names:
                    names.add(_name(pod))
                    found[pod["metadata"]["uid"]] = pod
        return found

    async def _end(self, worker: Worker) -> None:
        around = self._around
        if worker.state is State.SYNC:
            around.workers.terminate(worker)
        elif worker.state is State.FINISHED:
            await around.statuses.written(worker.uid)
            mirror = self._mirrors.get(_name(worker.pod))
            if mirror is not None:
                await self._remove(mirror)
            await around.remove(worker)

    async def _mirror(self, wanted: dict[str, Object]) -> None:
        """One mirror for each pod that is wanted, none besides."""
        by_name = {_name(pod): pod for pod in wanted.values()}
        for name, mirror in list(self._mirrors.items()):
            pod = by_name.get(name)
            ending = pod is None and self._worker(name) is not None
            if not ending and (pod is None or pods.is_deleted(mirror) or not _is_mirror_of(mirror, pod)):
                await self._remove(mirror)
        for name, pod in by_name.items():
            uid = pod["metadata"]["uid"]
            worker = self._around.workers.get(uid)
            if name not in self._mirrors and worker is not None:
                await self._make(worker.pod)
            elif (known := self._mirrors.get(name)) is not None and _is_mirror_of(known, pod):
                self._around.statuses.mirror(uid, known)

    async def _make(self, pod: Object) -> None:
        mirror = copy.deepcopy(pod)
        meta = mirror["metadata"]
        meta.pop("uid")
        mirror.pop("status", None)
        meta["annotations"][pods.MIRROR_HASH] = meta["annotations"][pods.STATIC_HASH]
        node, uid = self._around.settings.node_name, self._around.node_uid()
        owner = {"apiVersion": "v1", "kind": "Node", "name": node, "uid": uid, "controller": True}
        meta["ownerReferences"] = [owner]
        try:
            await self._around.client.create(PODS, mirror, meta["namespace"])
        except StatusError as error:
            if error.code != 409:
                raise

    async def _remove(self, mirror: Object) -> None:
        meta = mirror["metadata"]
        options = {"gracePeriodSeconds": 0, "preconditions": {"uid": meta["uid"]}}
        try:
            await self._around.client.delete(PODS, meta["name"], meta["namespace"], options=options)
        except StatusError as error:
            if error.code not in (404, 409):
                raise

    def _worker(self, name: tuple[str, str]) -> Worker | None:
        static = (w for w in self._around.workers.all() if pods.is_static(w.pod))
        return next((w for w in static if _name(w.pod) == name), None)


def _name(pod: Object) -> tuple[str, str]:
    return pod["metadata"]["namespace"], pod["metadata"]["name"]


def _is_mirror_of(mirror: Object, pod: Object) -> bool:
    """Whether this is the mirror of exactly this static pod, and not of what its file said before."""
    said = (mirror["metadata"].get("annotations") or {}).get(pods.MIRROR_HASH)
    return bool(said == pod["metadata"]["annotations"][pods.STATIC_HASH])
