"""The kubelet: runs the pods that are bound to its node, and tells the API what became of them.

Watches its own pods (a field selector), its Node and all Services. Everything else happens per pod in ``workers``,
driven by events of the API, of the runtime and of probes; a re-list now and then is the safety net.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.client.client import Client
from pynetes.client.events import EventRecorder
from pynetes.client.informer import Change, Informer, Informers
from pynetes.client.kinds import NODES, PODS, SERVICES
from pynetes.kubelet import pods
from pynetes.kubelet.conditions import OWNED
from pynetes.kubelet.container import log_directory
from pynetes.kubelet.environment import service_variables
from pynetes.kubelet.eviction import DiskLimits
from pynetes.kubelet.hooks import Hooks
from pynetes.kubelet.host import Host
from pynetes.kubelet.images import Images
from pynetes.kubelet.killing import Killer
from pynetes.kubelet.mirrors import StaticPods
from pynetes.kubelet.mirrors import Surroundings as MirrorSurroundings
from pynetes.kubelet.node import NodeReporter, RuntimeInfo
from pynetes.kubelet.objects import ObjectReader
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.observer import Observer
from pynetes.kubelet.probes import Probes
from pynetes.kubelet.pulled import PullRecords
from pynetes.kubelet.resources import whole
from pynetes.kubelet.server import KubeletServer
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.starting import NodeFacts, Starter
from pynetes.kubelet.statuses import Statuses
from pynetes.kubelet.sync import Parts, PodSync
from pynetes.kubelet.userns import UserRanges
from pynetes.kubelet.volumes.content import Context
from pynetes.kubelet.volumes.manager import VolumeManager
from pynetes.kubelet.volumes.tokens import TokenManager
from pynetes.kubelet.workers import Eviction, State, Worker, Workers
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.runtime.types import Container, Runtime, RuntimeFailure

log = logging.getLogger(__name__)

RESTART_SECONDS = 1.0
"""Before something that broke is begun again: registration, the stream of runtime events."""


@runtime_checkable
class TakesPodCIDRs(Protocol):
    """A runtime that hands out addresses itself (CRI's UpdateRuntimeConfig)."""

    async def update_pod_cidrs(self, cidrs: Sequence[str]) -> None: ...


class Kubelet:
    """One node's agent. ``run`` returns when ``close`` was called; containers go on without it.

    ``runtime`` has been started by whoever made it, and is closed by them.
    """

    def __init__(
        self,
        client: Client,
        informers: Informers,
        clock: Clock,
        runtime: Runtime,
        settings: Settings,
        host: Host | None = None,
    ) -> None:
        self.settings = settings
        self.ready = asyncio.Event()
        """Set when the node is registered and its pods are known."""
        self._client = client
        self._clock = clock
        self._runtime = runtime
        self._host = host if host is not None else _linux(settings, runtime, clock)
        self._informers = informers
        self._tasks = Tasks()
        self._closed = asyncio.Event()
        self._events = EventRecorder(client, clock, "kubelet", settings.node_name)
        self._facts = NodeFacts(host_ips=settings.addresses, services=self._service_variables)
        self._observer = Observer(runtime, self._host)
        self._workers = Workers(clock, self._tasks, settings.retry_seconds)
        self._statuses = Statuses(client, clock, self._tasks, settings.status_writes)
        told = RuntimeInfo(f"{runtime.name}://{runtime.version}", runtime.handlers, runtime.features)
        self._node = NodeReporter(client, clock, settings, self._events, told, self._on_node_status)
        self._sync = self._assemble()
        self._static = StaticPods(
            MirrorSurroundings(
                client=client, host=self._host, settings=settings, workers=self._workers, statuses=self._statuses,
                node_uid=lambda: str(self._node.node["metadata"]["uid"]), remove=self._sync.remove,
            )
        )  # fmt: skip
        self._pods: Informer | None = None
        self._services: Informer | None = None
        self._cidrs: tuple[str, ...] = ()
        self._stop: list[Callable[[], None]] = []
        self.server = KubeletServer(self, runtime, self._host, clock)

    @property
    def port(self) -> int:
        """The port of the kubelet's own server."""
        return self._node.port

    def _assemble(self) -> PodSync:
        client, clock, runtime, host, settings = self._client, self._clock, self._runtime, self._host, self.settings
        sources = ObjectReader(client, clock)
        tokens = TokenManager(client, clock)
        volumes = VolumeManager(host.volumes, settings.root_dir)
        hooks = Hooks(runtime, host, clock)
        records = PullRecords(Path(settings.pulled_dir) if settings.pulled_dir else None)
        backoff, limit = settings.crash_backoff_seconds, settings.crash_backoff_limit_seconds
        images = Images(runtime, clock, records, backoff, limit)
        self._probes = Probes(host, clock, self._tasks, self._tell_container, self._look_again)
        self._images, self._volumes = images, volumes
        self._users = UserRanges(settings.first_user_id, settings.max_pods)
        self._limits = DiskLimits(runtime, host.volumes, volumes, settings)

        def context(pod_ips: tuple[str, ...]) -> Context:
            asked = tokens if host.volumes.needs_tokens else None
            return Context(sources, asked, self._facts.allocatable, pod_ips, self._facts.host_ips)

        starter = Starter(
            runtime, host, clock, settings, images=images, volumes=volumes, sources=sources, hooks=hooks,
            facts=self._facts, tell=self._tell_container, tell_pod=self._tell,
        )  # fmt: skip
        return PodSync(
            Parts(
                runtime=runtime,
                host=host,
                clock=clock,
                settings=settings,
                observer=self._observer,
                workers=self._workers,
                statuses=self._statuses,
                probes=self._probes,
                starter=starter,
                killer=Killer(runtime, hooks, clock, self._tasks, self._tell_container),
                images=images,
                volumes=volumes,
                tokens=tokens,
                users=self._users,
                context=context,
                sources=sources,
                facts=self._facts,
                node=lambda: self._node.node,
                tell=self._tell,
                static_ended=self._look_at_static,
            )
        )

    async def run(self) -> None:
        """Serve until ``close``. Raises: what makes the node impossible (the runtime does not start)."""
        settings = self.settings
        await self._host.start()
        await self._images.start()
        machine = await self._host.machine()
        self._facts.apparmor, self._facts.selinux = machine.apparmor, machine.selinux
        if settings.port is not None and settings.serving_certificate:
            self._node.port = await self.server.listen(settings.listen_host, settings.port)
        for uid in await self._observer.relist():
            self._users.recover(self._observer.of(uid))
        await self._register()
        self._node.tell("Normal", "Starting", "Starting kubelet.")
        self._tasks.spawn(self._runtime_events(), f"runtime events of {settings.node_name}")
        selector = f"spec.nodeName={settings.node_name}"
        self._services = self._informers.get(SERVICES)
        self._pods = self._informers.get(PODS, fields=selector)
        nodes = self._informers.get(NODES, fields=f"metadata.name={settings.node_name}")
        self._informers.start()
        await self._services.synced()
        self._stop += [self._pods.add_handler(self._on_pod), nodes.add_handler(self._on_node)]
        await self._pods.synced()
        await self._begin_static()
        await self._remove_orphans()
        for period, action, name in self._periodic():
            self._tasks.spawn(self._repeat(period, action), f"{name} of {settings.node_name}")
        self.ready.set()
        await self._closed.wait()

    async def close(self) -> None:
        """Stop working. No container is stopped, no pod is touched."""
        self._closed.set()
        for stop in self._stop:
            stop()
        self._workers.close()
        await self.server.close()
        await self._tasks.close()
        await self._events.flush()
        await self._events.close()
        await self._host.close()

    def pods(self) -> list[Object]:
        found = []
        for worker in self._workers.all():
            status = self._statuses.get(worker.uid)
            found.append({**worker.pod, "status": status} if status is not None else worker.pod)
        return found

    def worker(self, namespace: str, name: str) -> Worker | None:
        for worker in reversed(self._workers.all()):
            meta = worker.pod["metadata"]
            if meta["name"] == name and meta["namespace"] == namespace:
                return worker
        return None

    def observed(self, uid: str) -> PodRuntime:
        return self._observer.of(uid)

    def _periodic(self) -> list[tuple[float, Callable[[], Awaitable[None]], str]]:
        s = self.settings
        return [
            (s.lease_renew_seconds, self._node.heartbeat, "lease"),
            (s.status_check_seconds, self._report, "node status"),
            (s.relist_seconds, self._relist, "re-list"),
            (s.resync_seconds, self._resync, "re-sync"),
            (s.eviction_check_seconds, self._evict, "eviction"),
            *([(s.static_seconds, self._static.look, "static pods")] if s.static_dir else []),
        ]

    async def _begin_static(self) -> None:
        """The static pods run whether or not the API takes their mirrors."""
        folder = self.settings.static_dir
        if not folder:
            return
        try:
            self._stop.append(self._host.watch_folder(folder, self._look_at_static))
        except OSError as error:
            log.warning(
                "node %s: %s: looked at every %g s", self.settings.node_name, error, self.settings.static_seconds
            )
        try:
            await self._static.look()
        except (StatusError, OSError) as error:
            log.warning("node %s: mirrors of static pods: %s", self.settings.node_name, error)

    def _look_at_static(self) -> None:
        self._tasks.spawn(self._static.look(), f"static pods of {self.settings.node_name}")

    async def _repeat(self, period: float, action: Callable[[], Awaitable[None]]) -> None:
        """Do it now and every ``period`` seconds; what goes wrong is logged and tried again in its time."""
        while True:
            try:
                await action()
            except (StatusError, OSError, RuntimeFailure) as error:
                log.warning("node %s: %s: %s", self.settings.node_name, getattr(action, "__name__", action), error)
            await self._clock.sleep(period)

    async def _register(self) -> None:
        while True:
            try:
                await self._node.register(await self._host.machine(), await self._runtime.list_images())
                return
            except (StatusError, OSError) as error:
                log.warning("node %s was not registered: %s", self.settings.node_name, error)
                await self._clock.sleep(RESTART_SECONDS)

    async def _report(self) -> None:
        await self._node.report(await self._host.machine(), await self._runtime.list_images())

    def _on_node_status(self, node: Object) -> None:
        status = node.get("status") or {}
        self._facts.allocatable = status.get("allocatable") or {}
        self._facts.memory_capacity = whole(status.get("capacity") or {}, "memory") or 1
        self._take_cidrs(node)

    def _on_node(self, change: Change) -> None:
        if change.new is not None:
            node = change.new.object
            # the newest spec and labels with the status that this kubelet wrote itself
            self._node.node = {**node, "status": self._node.node.get("status") or node.get("status") or {}}
            self._take_cidrs(node)

    def _take_cidrs(self, node: Object) -> None:
        cidrs = tuple(node["spec"].get("podCIDRs") or ()) if node.get("spec") else ()
        if cidrs and cidrs != self._cidrs and isinstance(self._runtime, TakesPodCIDRs):
            self._cidrs = cidrs
            self._tasks.spawn(self._runtime.update_pod_cidrs(cidrs), f"pod CIDRs of {self.settings.node_name}")

    def _on_mirror(self, mirror: Object, *, gone: bool) -> None:
        if not self.settings.static_dir:
            return
        if gone:
            self._static.gone(mirror)
            self._look_at_static()
        elif self._static.seen(mirror) and self.ready.is_set():
            self._look_at_static()

    def _on_pod(self, change: Change) -> None:
        latest = change.new or change.old
        assert latest is not None, "a change has a state before or after it"
        if pods.is_mirror(latest.object):
            self._on_mirror(latest.object, gone=change.new is None)
            return
        if change.new is None:
            self._gone(latest.object)
            return
        pod = change.new.object
        if change.old is not None and change.old.object["metadata"]["uid"] != pod["metadata"]["uid"]:
            self._gone(change.old.object)  # deleted and made anew while nobody looked
        self._statuses.seen(pod)
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            worker = self._workers.add(pod)
            if pods.is_deleted(pod):
                worker.admitted = True
                self._workers.terminate(worker)
            return
        before = worker.asked
        worker.take(pod)
        self._updated(worker, before)

    def _updated(self, worker: Worker, before: Object) -> None:
        pod = worker.asked
        if worker.state is State.FINISHED:
            if pods.is_deleted(pod):
                self._statuses.finish(pod, worker.status_at_end)
            return
        if pods.is_deleted(pod):
            # as upstream's: a second deletion with a shorter grace does not shorten a stop that is under way
            if worker.state is State.SYNC:
                self._workers.terminate(worker)
            return
        if _concerns_kubelet(before, pod):
            self._workers.wake(worker)

    def _gone(self, pod: Object) -> None:
        """The pod is no longer in the API: by force, or because the kubelet itself has let it go."""
        worker = self._workers.get(pod["metadata"]["uid"])
        if worker is None:
            return
        worker.gone = True
        if worker.state is State.FINISHED:
            self._tasks.spawn(self._sync.remove(worker), f"records of pod {worker.uid}")
        else:
            worker.grace_override = min(worker.grace_seconds(), pods.grace_seconds(pod))
            self._workers.terminate(worker)

    def _look_again(self, uid: str) -> None:
        worker = self._workers.get(uid)
        if worker is not None and worker.state is State.SYNC:
            self._workers.wake(worker)

    async def _runtime_events(self) -> None:
        while not self._closed.is_set():
            try:
                async for event in self._runtime.events():
                    await self._happened(event.pod_uid, event.container_id in ("", event.sandbox_id))
            except (RuntimeFailure, OSError) as error:
                log.warning("runtime events of node %s broke: %s", self.settings.node_name, error)
            await self._clock.sleep(RESTART_SECONDS)
            await self._relist()

    async def _happened(self, uid: str, to_sandbox: bool) -> None:
        worker = self._workers.get(uid)
        if worker is None or worker.state is not State.SYNC:
            return
        before = self._observer.of(uid)
        after = await (self._observer.refresh_sandboxes(uid) if to_sandbox else self._observer.refresh(uid))
        if after != before:
            self._workers.wake(worker)

    async def _relist(self) -> None:
        for uid in await self._observer.relist():
            worker = self._workers.get(uid)
            if worker is not None and worker.state is State.SYNC:
                self._workers.wake(worker)

    async def _resync(self) -> None:
        """Volumes follow their objects, and the memory of back-offs is cleared."""
        for worker in self._workers.all():
            volumes = worker.pod["spec"].get("volumes") or ()
            if worker.state is State.SYNC and any("hostPath" not in v and "emptyDir" not in v for v in volumes):
                if self._host.volumes.needs_tokens:
                    self._workers.wake(worker)

    async def _evict(self) -> None:
        """End the pods that fill more disk than they may; rotate the logs."""
        for worker in self._workers.all():
            if worker.state is State.SYNC and worker.eviction is None:
                message = await self._limits.exceeded(worker.pod, self._observer.of(worker.uid))
                if message is not None:
                    worker.eviction = Eviction("Evicted", message)
                    worker.grace_override = 1
                    self._tell(worker.pod, "Warning", "Evicted", message)
                    self._workers.wake(worker)
            for container in self._observer.of(worker.uid).running:
                await self._rotate(worker, container)

    async def _rotate(self, worker: Worker, container: Container) -> None:
        s = self.settings
        path = f"{log_directory(worker.pod, s)}/{container.config.log_path}"
        await self._host.rotate_logs(path, s.container_log_max_bytes, s.container_log_max_files)

    async def _remove_orphans(self) -> None:
        """What a predecessor left of pods that are gone: containers, sandboxes, folders, cgroups."""
        assert self._pods is not None, "pods are known"
        known = {worker.uid for worker in self._workers.all()}
        for uid in [u for u in self._observer.uids() if u not in known]:
            await self._sync.remove_records(uid)
        for uid in await self._host.remaining_pods():
            if uid not in known:
                await self._host.remove_cgroup(uid)
                await self._volumes.tear_down(uid)

    def _service_variables(self, namespace: str, links: bool) -> Mapping[str, str]:
        if self._services is None:
            return {}
        services = self._services.list(namespace) if links else []
        kubernetes = self._services.get("default/kubernetes")
        return service_variables([*services, *([kubernetes] if kubernetes else [])], namespace, links)

    def _tell(self, pod: Object, type_: str, reason: str, message: str) -> None:
        self._events.event(pod, type_, reason, message)

    def _tell_container(
        self, pod: Object, where: str, container: Object, type_: str, reason: str, message: str
    ) -> None:
        self._events.event(pod, type_, reason, message, pods.field_path(where, container["name"]))


def _concerns_kubelet(before: Object, pod: Object) -> bool:
    """Not the echo of the kubelet's own status writes."""
    old, new = before["metadata"], pod["metadata"]
    if any(old.get(k) != new.get(k) for k in ("generation", "deletionTimestamp", "labels", "annotations")):
        return True
    if before["spec"] != pod["spec"]:
        return True
    return _others(before) != _others(pod)


def _others(pod: Object) -> list[Object]:
    """The conditions that others write: readiness gates."""
    return [c for c in (pod.get("status") or {}).get("conditions") or () if c["type"] not in OWNED]


def _linux(settings: Settings, runtime: Runtime, clock: Clock) -> Host:
    from pynetes.kubelet.linux import LinuxHost  # only where there is a real machine to look at

    return LinuxHost(settings, runtime, clock)
