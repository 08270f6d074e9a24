"""What a pod's worker does in each state: reads, asks the plan, acts, says what came of it.

Source: kubernetes ``pkg/kubelet/kubelet.go`` (SyncPod, SyncTerminatingPod, SyncTerminatedPod),
``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (SyncPod).
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pynetes.aio.clock import Clock
from pynetes.kubelet import pods, resize
from pynetes.kubelet.admission import Ground, Shortfall, Taken, has_room, refusal
from pynetes.kubelet.cgroups import pod_limits_of
from pynetes.kubelet.container import log_directory, sandbox_config
from pynetes.kubelet.host import Host
from pynetes.kubelet.images import Images
from pynetes.kubelet.killing import Killer
from pynetes.kubelet.names import HostNameError, dns
from pynetes.kubelet.objects import ObjectReader
from pynetes.kubelet.observed import PodRuntime, restarts_all
from pynetes.kubelet.observer import Observer
from pynetes.kubelet.plan import Actions, Kill, plan
from pynetes.kubelet.preemption import CONDITION, MESSAGE, REASON, NoRoom, victims
from pynetes.kubelet.probes import Probes
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.starting import HookKills, NodeFacts, Starter, StartFailed
from pynetes.kubelet.status import Around, rejected, status
from pynetes.kubelet.statuses import Statuses
from pynetes.kubelet.userns import UserNamespaceError, UserRanges
from pynetes.kubelet.volumes.content import Context
from pynetes.kubelet.volumes.manager import VolumeFailure, VolumeManager
from pynetes.kubelet.volumes.tokens import TokenManager
from pynetes.kubelet.workers import Eviction, State, Worker, Workers
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time
from pynetes.runtime.types import ContainerState, DNSConfig, Runtime, RuntimeFailure, SandboxState

log = logging.getLogger(__name__)

NOTICE_SECONDS = 1.0
SHOW_END_SECONDS = 5.0
RESIZE_RETRY_SECONDS = 180.0
MOUNT_RETRY_SECONDS = 0.5
MOUNT_RETRY_LIMIT_SECONDS = 122.0
DEADLINE = ("DeadlineExceeded", "Pod was active on the node longer than the specified deadline")

PREEMPTED = Eviction(REASON, MESSAGE, CONDITION)

Tell = Callable[[Object, str, str, str], None]
"""Record an event about a pod: type, reason, message."""


@dataclass(slots=True)
class Parts:
    """The collaborators of a sync."""

    runtime: Runtime
    host: Host
    clock: Clock
    settings: Settings
    observer: Observer
    workers: Workers
    statuses: Statuses
    probes: Probes
    starter: Starter
    killer: Killer
    images: Images
    volumes: VolumeManager
    tokens: TokenManager
    users: UserRanges
    context: Callable[[tuple[str, ...]], Context]
    sources: ObjectReader
    facts: NodeFacts
    node: Callable[[], Object]
    tell: Tell
    static_ended: Callable[[], None]


class PodSync:
    """The steps of the pod workers."""

    def __init__(self, parts: Parts) -> None:
        self._p = parts
        self._taken = Taken()
        parts.workers.steps = {
            State.SYNC: self.sync,
            State.TERMINATING: self.terminating,
            State.TERMINATED: self.terminated,
        }

    async def sync(self, worker: Worker) -> None:
        p = self._p
        pod = worker.pod
        if not worker.admitted and not self._admit(worker):
            return
        observed = p.observer.of(worker.uid)
        if worker.eviction is not None:
            p.workers.move(worker, State.TERMINATING)  # what is said of it is said there, once
            return
        self._deadline(worker)
        self._allocate(worker)
        pod = worker.pod
        self._conclude(worker, observed)
        found = self._status(worker, observed)
        p.statuses.set(pod, found)
        if found["phase"] in pods.TERMINAL_PHASES:
            p.workers.move(worker, State.TERMINATING)
            return
        if worker.prepared is None:
            try:
                worker.prepared = await self._apply(worker)
            except OSError as error:
                message = f"unable to ensure pod container exists: {error}"
                p.tell(pod, "Warning", "FailedCreatePodContainer", message)
                p.workers.wake_at(worker, p.clock.now() + p.settings.retry_seconds)
                return
        if not await self._volumes(worker, observed):
            return
        self._watch(worker, observed)
        restarting = restarts_all(pod, observed, found)
        verdicts = p.probes.verdicts(worker.uid)
        actions = plan(pod, observed, verdicts, worker.memory_requests, restarting_all=restarting)
        if actions.nothing and not _is_stale(worker):
            worker.waiting.clear()
            return
        # a kill and a start of the same container end this sync in a state that only a new one can judge
        await self._act(worker, actions, observed)

    async def terminating(self, worker: Worker) -> None:
        p = self._p
        observed = p.observer.of(worker.uid)
        if not worker.gone:
            p.statuses.set(worker.pod, self._status(worker, observed))
        p.probes.quiet(worker.uid)
        try:
            worker.interruptible = True
            await p.killer.kill_all(worker, observed, worker.grace_seconds())
        finally:
            worker.interruptible = False
        await self._stop_sandboxes(worker)
        observed = await p.observer.refresh(worker.uid)
        if observed.running:
            raise RuntimeError(f"containers still run after they were stopped: {[c.id for c in observed.running]}")
        if not worker.gone:
            p.statuses.set(worker.pod, self._status(worker, observed, terminal=True), may_run=False)
        p.probes.forget(worker.uid)
        p.workers.move(worker, State.TERMINATED)

    async def terminated(self, worker: Worker) -> None:
        p = self._p
        # the folder last: it is what a successor finds when this one is killed in between
        await p.host.remove_cgroup(worker.uid)
        await p.volumes.tear_down(worker.uid)
        self._taken.remove(worker.uid)
        self._room_made()
        p.users.release(worker.uid)
        p.tokens.forget(worker.uid)
        p.images.forget(worker.uid)
        p.workers.move(worker, State.FINISHED)
        worker.dirty = False
        if worker.gone:
            await self.remove(worker)
        else:
            p.statuses.finish(worker.pod, worker.status_at_end)
            if pods.is_static(worker.pod):
                p.static_ended()

    async def remove(self, worker: Worker) -> None:
        """The API has forgotten the pod and nothing of it runs: drop the records too."""
        p = self._p
        await self.remove_records(worker.uid)
        await p.host.remove_logs(log_directory(worker.pod, p.settings))
        p.statuses.forget(worker.uid)
        p.workers.drop(worker)

    async def remove_records(self, uid: str) -> None:
        """The containers and sandboxes of a pod, with what they may still run."""
        p = self._p
        observed = p.observer.of(uid)
        for container in observed.containers:
            await p.runtime.remove_container(container.id)
        for sandbox in observed.sandboxes:
            await p.runtime.stop_sandbox(sandbox.id)
            await p.runtime.remove_sandbox(sandbox.id)
        p.observer.forget(uid)

    def _admit(self, worker: Worker) -> bool:
        """Ask once; what already runs is never asked again."""
        p, pod = self._p, worker.pod
        known = p.observer.of(worker.uid).sandboxes or pods.phase(pod) in pods.TERMINAL_PHASES
        ground = Ground(p.node(), self._taken, p.facts.apparmor, p.facts.selinux, p.settings.unsafe_sysctls)
        refused = None if known else refusal(pod, ground)
        if isinstance(refused, list):
            refused = self._make_way(worker, refused)
            if refused is None:
                return False
        if refused is None:
            worker.admitted = True
            self._taken.add(pod)
            return True
        reason, message = refused
        p.tell(pod, "Warning", reason, message)
        p.statuses.set(pod, rejected(pod, reason, message, p.clock.now()), may_run=False)
        p.workers.move(worker, State.FINISHED)
        worker.dirty = False
        p.statuses.finish(pod)
        return False

    def _make_way(self, worker: Worker, short: list[Shortfall]) -> tuple[str, str] | None:
        """End others for the sake of a critical pod, which is asked again when they are gone; or why that is no use."""
        p = self._p
        others = [w for w in p.workers.all() if w is not worker and w.admitted and w.state is not State.FINISHED]
        if any(w.eviction is not None and w.eviction.reason == PREEMPTED.reason for w in others):
            return None
        candidates = {w.uid: w for w in others if w.state is State.SYNC}
        try:
            chosen = victims(worker.pod, [w.pod for w in candidates.values()], short)
        except NoRoom as error:
            why = f"preemption: error finding a set of pods to preempt: {error}"
            text = f"Unexpected error while attempting to recover from admission failure: {why}"
            return "UnexpectedAdmissionError", text
        for pod in chosen:
            victim = candidates[pod["metadata"]["uid"]]
            p.tell(pod, "Warning", PREEMPTED.reason, PREEMPTED.message)
            victim.eviction = PREEMPTED
            p.workers.wake(victim)
        return None

    def _allocate(self, worker: Worker) -> None:
        """Grant what the pod asks for by now, when the node has room; else say that it waits."""
        p, asked = self._p, worker.asked
        wanted = resize.resources_of(asked)
        if wanted == worker.allocated or pods.is_static(asked):
            worker.pending = None
            return
        generation = asked["metadata"].get("generation") or 0
        short = has_room(asked, p.node(), self._taken)
        if short is not None:
            reason, message = short
            if worker.pending is None or worker.pending.get("observedGeneration") != generation:
                text = resize.told(reason, asked, generation, message)
                p.tell(asked, "Warning", "ResizeDeferred", text)
            worker.pending = resize.condition(resize.PENDING, generation, "Deferred", message)
            p.workers.wake_at(worker, p.clock.now() + RESIZE_RETRY_SECONDS)
            return
        worker.allocated, worker.pending = wanted, None
        worker.take(asked)
        self._taken.remove(worker.uid)
        self._taken.add(worker.pod)
        worker.resizing = resize.condition(resize.IN_PROGRESS, generation)
        p.tell(asked, "Normal", "ResizeStarted", resize.told("started", asked, generation))
        self._room_made()

    def _conclude(self, worker: Worker, observed: PodRuntime) -> None:
        """A resize whose condition has been shown is done when the runtime has taken it."""
        if worker.resizing is None or resize.is_under_way(worker.pod, observed, worker.memory_requests):
            return
        shown = self._p.statuses.get(worker.uid) or {}
        if pods.condition(shown, resize.IN_PROGRESS) is None:
            worker.dirty = True
            return
        generation = int(worker.resizing.get("observedGeneration") or 0)
        worker.resizing = None
        self._p.tell(worker.pod, "Normal", "ResizeCompleted", resize.told("completed", worker.pod, generation))

    def _room_made(self) -> None:
        """Pods that wait for room, to come or to grow, may have it now."""
        for worker in self._p.workers.all():
            if (worker.pending is not None or not worker.admitted) and worker.state is State.SYNC:
                self._p.workers.wake(worker)

    async def _update(self, worker: Worker, actions: Actions, observed: PodRuntime) -> bool:
        """Change the limits of running containers, and of the pod around them: more first there, less last."""
        p, pod = self._p, worker.pod
        try:
            error = await self._too_small(worker, actions)
            if not error:
                await self._apply(worker)
                for change in actions.update:
                    if change.wanted != change.container.config.resources:
                        await p.runtime.update_resources(change.container.id, change.wanted)
                    worker.memory_requests[change.container.id] = resize.memory_request(change.spec)
                await self._apply(worker)
                await p.observer.refresh(worker.uid)
        except (RuntimeFailure, OSError) as failure:
            error = str(failure)
        if not error:
            worker.dirty = True
            return True
        before = worker.resizing or resize.condition(resize.IN_PROGRESS, pod["metadata"].get("generation") or 0)
        generation = int(before.get("observedGeneration") or 0)
        worker.resizing = resize.condition(resize.IN_PROGRESS, generation, "Error", error)
        if worker.resizing != before:
            p.tell(pod, "Warning", "ResizeError", resize.told("error", pod, generation, error))
        self._publish(worker, observed)
        p.workers.wake_at(worker, p.clock.now() + p.settings.retry_seconds)
        return False

    async def _apply(self, worker: Worker) -> str:
        """Tell the kernel of the pod as a whole. Raises: OSError."""
        path = await self._p.host.ensure_cgroup(worker.pod)
        worker.applied = pod_limits_of(worker.pod)
        return path

    async def _too_small(self, worker: Worker, actions: Actions) -> str:
        """Why memory limits cannot go down, if so: more than that is in use."""
        p = self._p
        wanted = {}
        for change in actions.update:
            has, limit = change.container.config.resources.memory_limit, change.wanted.memory_limit
            if limit and (not has or limit < has):
                wanted[change.spec["name"]] = limit
        whole_pod, before = pod_limits_of(worker.pod).memory, worker.applied.memory if worker.applied else 0
        if not whole_pod or (before and whole_pod >= before):
            whole_pod = 0
        if not wanted and not whole_pod:
            return ""
        running = p.observer.of(worker.uid).running
        used = {c.config.name: (await p.runtime.usage(c.id)).memory_usage for c in running}
        return resize.too_small(used, wanted, whole_pod)

    def _deadline(self, worker: Worker) -> None:
        seconds = worker.pod["spec"].get("activeDeadlineSeconds")
        known = self._p.statuses.get(worker.uid) or worker.pod.get("status") or {}
        begun = known.get("startTime")
        if seconds is None or worker.overdue:
            return
        now = self._p.clock.now()
        ends = (parse_time(begun) if begun else now) + float(seconds)
        if now >= ends:
            worker.overdue = True
            self._p.tell(worker.pod, "Normal", *DEADLINE)
        else:
            self._p.workers.wake_at(worker, ends)

    def _status(self, worker: Worker, observed: PodRuntime, *, terminal: bool = False) -> Object:
        p = self._p
        around = Around(
            old=p.statuses.get(worker.uid) or worker.pod.get("status") or {},
            readiness=p.probes,
            now=p.clock.now(),
            waiting=_shown(worker, p.clock.now()),
            host_ips=p.facts.host_ips,
            id_scheme=p.settings.container_id_scheme,
            features=p.runtime.features,
            eviction=worker.eviction,
            overdue=DEADLINE if worker.overdue else None,
            applied=worker.applied,
            memory_requests=worker.memory_requests,
            resizing=tuple(c for c in (worker.pending, worker.resizing) if c is not None),
        )
        return status(worker.pod, observed, around, terminal=terminal)

    def _publish(self, worker: Worker, observed: PodRuntime) -> None:
        if worker.state is State.SYNC:
            self._p.statuses.set(worker.pod, self._status(worker, observed))

    def _watch(self, worker: Worker, observed: PodRuntime) -> None:
        ips = observed.ips or self._p.facts.host_ips
        self._p.probes.watch(worker.pod, observed, ips[0] if ips else "")

    async def _volumes(self, worker: Worker, observed: PodRuntime) -> bool:
        """Make the volumes, later refresh them; False: some are missing, and it will be tried again."""
        p = self._p
        now = p.clock.now()
        if worker.volumes_ready and now - worker.volumes_checked < p.settings.resync_seconds:
            return True
        worker.volumes_checked = now
        refreshing = worker.volumes_ready
        try:
            worker.interruptible = True
            await p.volumes.set_up(worker.pod, p.context(observed.ips))
        except VolumeFailure as failed:
            for failure in failed.failures:
                message = f'MountVolume.SetUp failed for volume "{failure.volume}" : {failure.message}'
                p.tell(worker.pod, "Warning", "FailedMount", message)
            worker.mount_delay = min(max(worker.mount_delay * 2, MOUNT_RETRY_SECONDS), MOUNT_RETRY_LIMIT_SECONDS)
            worker.volumes_checked = 0.0
            p.workers.wake_at(worker, p.clock.now() + worker.mount_delay)
            return refreshing
        finally:
            worker.interruptible = False
        worker.volumes_ready, worker.mount_delay = True, 0.0
        return True

    async def _act(self, worker: Worker, actions: Actions, observed: PodRuntime) -> None:
        p, planned_on = self._p, observed
        if actions.create_sandbox and actions.sandbox_id:
            message = "Pod sandbox changed, it will be killed and re-created."
            p.tell(worker.pod, "Normal", "SandboxChanged", message)
        if actions.kill_pod:
            await p.killer.kill_all(worker, observed, worker.grace_seconds())
            await self._stop_sandboxes(worker)
            observed = await p.observer.refresh(worker.uid)
            if not actions.create_sandbox:
                worker.dirty = True
        elif actions.kill:
            await asyncio.gather(*(p.killer.kill(worker, k, observed) for k in actions.kill))
            observed = await p.observer.refresh(worker.uid)
        if (actions.update or _is_stale(worker)) and not await self._update(worker, actions, observed):
            return
        if actions.reset:
            await self._reset(worker, actions.reset, observed)
            return
        if actions.create_sandbox:
            if not await self._make_sandbox(worker, actions.attempt):
                return
            observed = p.observer.of(worker.uid)
            self._publish(worker, observed)
        await self._start(worker, actions, observed, planned_on)

    async def _reset(self, worker: Worker, kills: Iterable[Kill], observed: PodRuntime) -> None:
        """Remove all containers of a pod that restarts in place."""
        p = self._p
        for kill in kills:
            if kill.container.state is ContainerState.RUNNING:
                await p.killer.kill(worker, kill, observed, grace_seconds=0)
            await p.runtime.remove_container(kill.container.id)
        self._publish(worker, await p.observer.refresh(worker.uid))
        worker.dirty = True

    async def _make_sandbox(self, worker: Worker, attempt: int) -> bool:
        p = self._p
        pod = worker.pod
        try:
            servers, searches, options = await p.host.resolv_conf(p.settings.resolv_conf)
            names = dns(pod, DNSConfig(servers, searches, options), p.settings.cluster_dns, p.settings.cluster_domain)
            handler = await self._handler(pod)
            users = p.users.of(pod, p.runtime.features, handler)
            config = sandbox_config(pod, attempt, p.settings, names, worker.prepared or "", handler, users)
            await p.host.volumes.directory(config.log_directory, mode=0o755)
            sandbox = await p.runtime.run_sandbox(config)
        except (RuntimeFailure, HostNameError, UserNamespaceError, OSError, StatusError) as error:
            if worker.state is State.SYNC:
                why = f"rpc error: code = Unknown desc = {error}" if isinstance(error, RuntimeFailure) else str(error)
                p.tell(pod, "Warning", "FailedCreatePodSandBox", f"Failed to create pod sandbox: {why}")
                p.workers.wake_at(worker, p.clock.now() + p.settings.retry_seconds)
            return False
        await p.observer.add(sandbox)
        return True

    async def _handler(self, pod: Object) -> str:
        """Raises: StatusError."""
        name = pod["spec"].get("runtimeClassName")
        return await self._p.sources.runtime_handler(name) if name else ""

    async def _start(self, worker: Worker, actions: Actions, observed: PodRuntime, planned_on: PodRuntime) -> None:
        """Start what the plan names, one after another; an init container that fails holds the rest back."""
        starts = [("ephemeralContainers", n) for n in actions.start_ephemeral]
        starts += [("initContainers", n) for n in actions.start_init]
        starts += [("containers", n) for n in actions.start]
        if starts:
            worker.pull_secrets = await self._pull_secrets(worker.pod)
            await self._p.starter.pull_volumes(worker)
        for where, name in starts:
            if worker.state is not State.SYNC:
                return  # a deletion came in between
            found = pods.find_container(worker.pod, name)
            if found is None:
                continue
            started = await self._start_one(worker, where, found[1], observed, planned_on)
            observed = await self._p.observer.refresh(worker.uid)
            if started:
                observed = await self._forget_old(worker, name, observed)
                self._publish(worker, observed.as_if_running(name))
            self._watch(worker, observed)
            self._publish(worker, observed)
            if not started and where == "initContainers" and not pods.is_sidecar(found[1]):
                return

    async def _pull_secrets(self, pod: Object) -> list[Object]:
        """The secrets for registries; which are missing is told. A start goes on: the image may be free to all."""
        found, missing = [], []
        for reference in pod["spec"].get("imagePullSecrets") or ():
            try:
                if reference.get("name"):
                    found.append(await self._p.sources.secret(pod["metadata"]["namespace"], reference["name"]))
            except StatusError:
                missing.append(reference["name"])
        if missing:
            self._p.tell(
                pod, "Warning", "FailedToRetrieveImagePullSecret",
                f"Unable to retrieve some image pull secrets ({', '.join(missing)}); "
                "attempting to pull the image may not succeed.",
            )  # fmt: skip
        return found

    async def _start_one(
        self, worker: Worker, where: str, container: Object, observed: PodRuntime, planned_on: PodRuntime
    ) -> bool:
        p, name = self._p, container["name"]
        try:
            await p.starter.start(worker, where, container, observed, planned_on)
        except StartFailed as failed:
            if failed.reason == "CrashLoopBackOff" and worker.waiting.get(name, ("",))[0] != failed.reason:
                # how it ended is shown for a while before it is shown to wait
                until = p.clock.now() + SHOW_END_SECONDS
                worker.showing[name] = until, worker.waiting.get(name)
                p.workers.wake_at(worker, until)
            worker.waiting[name] = (failed.reason, failed.message)
            if isinstance(failed, HookKills):
                await self._kill_hooked(worker, failed.container_id)
            # a start that failed is the end of an attempt: it is judged soon, and can be read until then
            usual = NOTICE_SECONDS if failed.reason == "RunContainerError" else p.settings.retry_seconds
            p.workers.wake_at(worker, failed.retry_at or p.clock.now() + usual)
            return False
        worker.waiting.pop(name, None)
        worker.showing.pop(name, None)
        return True

    async def _kill_hooked(self, worker: Worker, container_id: str) -> None:
        p = self._p
        observed = await p.observer.refresh(worker.uid)
        container = next((c for c in observed.running if c.id == container_id), None)
        if container is not None:
            await p.killer.kill(worker, Kill(container, "FailedPostStartHook"), observed)
        worker.dirty = True

    async def _forget_old(self, worker: Worker, name: str, observed: PodRuntime) -> PodRuntime:
        """Of the ended attempts at a container only the last is kept: its log and how it ended."""
        old = [c for c in observed.containers if c.config.name == name][2:]
        for container in old:
            await self._p.runtime.remove_container(container.id)
        return await self._p.observer.refresh(worker.uid) if old else observed

    async def _stop_sandboxes(self, worker: Worker) -> None:
        p = self._p
        for sandbox in p.observer.of(worker.uid).sandboxes:
            if sandbox.state is SandboxState.READY:
                await p.runtime.stop_sandbox(sandbox.id)
                await p.observer.stopped(worker.uid, sandbox.id)


def _is_stale(worker: Worker) -> bool:
    """Whether the pod as a whole is to have other limits than it has."""
    return worker.applied is not None and worker.applied != pod_limits_of(worker.pod)


def _shown(worker: Worker, now: float) -> dict[str, tuple[str, str]]:
    """Why containers wait, as it is told now."""
    shown = {}
    for name, reason in worker.waiting.items():
        until, before = worker.showing.get(name, (0.0, None))
        told = before if now < until else reason
        if told is not None:
            shown[name] = told
    return shown
