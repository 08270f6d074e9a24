"""Probes: when each runs, what its results add up to, what is said about failures. One timer a probe, no task.

Source: kubernetes ``pkg/kubelet/prober``.
"""

from collections.abc import Callable
from dataclasses import dataclass

from pynetes.aio.clock import Clock, Timer
from pynetes.aio.tasks import Tasks
from pynetes.kubelet import pods
from pynetes.kubelet.host import Host, Outcome, ProbeTarget
from pynetes.kubelet.observed import PodRuntime
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState

KINDS = ("startup", "liveness", "readiness")
FIELDS = {"startup": "startupProbe", "liveness": "livenessProbe", "readiness": "readinessProbe"}
RETRIES = 3
"""Attempts at a probe that could not be run at all."""
SOON_SECONDS = 0.5
"""What a server needs to open its port: asked at once it would only be asked again a whole period later."""

Tell = Callable[[Object, str, Object, str, str, str], None]
"""Record an event: pod, list of the container, container, type, reason, message."""


@dataclass(slots=True)
class _Probe:
    """One probe of one container of one pod. ``result`` None: nothing decided yet for this container id."""

    uid: str
    name: str
    where: str
    kind: str
    spec: Object
    container_id: str = ""
    result: bool | None = None
    last: bool | None = None
    run: int = 0
    on_hold: bool = False
    timer: Timer | None = None
    busy: bool = False


@dataclass(slots=True)
class _Watched:
    pod: Object
    observed: PodRuntime
    probes: dict[tuple[str, str], _Probe]
    ip: str = ""
    quiet: bool = False
    """Liveness and startup are asked no more: the pod is ending."""


class Probes:
    """The results of all probes on this node. ``changed(uid)`` is called when a pod should be looked at again."""

    def __init__(self, host: Host, clock: Clock, tasks: Tasks, tell: Tell, changed: Callable[[str], None]) -> None:
        self._host = host
        self._clock = clock
        self._tasks = tasks
        self._tell = tell
        self._changed = changed
        self._begun = clock.now()
        self._pods: dict[str, _Watched] = {}

    def watch(self, pod: Object, observed: PodRuntime, ip: str) -> None:
        """Begin to probe a pod's containers, or take notice of what the runtime shows of them now."""
        uid = pod["metadata"]["uid"]
        watched = self._pods.get(uid)
        if watched is None:
            probes = _declared(pod)
            if not probes:
                return
            watched = self._pods[uid] = _Watched(pod, observed, probes)
        watched.pod, watched.observed, watched.ip = pod, observed, ip
        for probe in watched.probes.values():
            self._notice(watched, probe)

    def quiet(self, uid: str) -> None:
        """Stop asking whether containers live: they are being stopped."""
        watched = self._pods.get(uid)
        if watched is not None:
            watched.quiet = True

    def forget(self, uid: str) -> None:
        watched = self._pods.pop(uid, None)
        for probe in watched.probes.values() if watched is not None else ():
            if probe.timer is not None:
                probe.timer.cancel()

    def started(self, uid: str, name: str, container_id: str) -> bool:
        probe = self._find(uid, name, "startup")
        return probe is None or (probe.container_id == container_id and probe.result is True)

    def ready(self, uid: str, name: str, container_id: str) -> bool:
        probe = self._find(uid, name, "readiness")
        return probe is None or (probe.container_id == container_id and probe.result is True)

    def liveness(self, container_id: str) -> bool | None:
        return self._result("liveness", container_id)

    def startup(self, container_id: str) -> bool | None:
        return self._result("startup", container_id)

    def verdicts(self, uid: str) -> "PodVerdicts":
        return PodVerdicts(self._pods.get(uid))

    def _find(self, uid: str, name: str, kind: str) -> _Probe | None:
        watched = self._pods.get(uid)
        return watched.probes.get((name, kind)) if watched is not None else None

    def _result(self, kind: str, container_id: str) -> bool | None:
        for watched in self._pods.values():
            for probe in watched.probes.values():
                if probe.kind == kind and probe.container_id == container_id:
                    return probe.result
        return None

    def _notice(self, watched: _Watched, probe: _Probe) -> None:
        latest = watched.observed.latest(probe.name)
        if latest is None or latest.state is not ContainerState.RUNNING:
            return
        if latest.id == probe.container_id:
            return
        probe.container_id = latest.id
        probe.result = {"liveness": True, "readiness": False}.get(probe.kind)
        probe.last, probe.run, probe.on_hold = None, 0, False
        self._arm(probe, self._first_delay(probe, latest))

    def _first_delay(self, probe: _Probe, latest: Container) -> float:
        """Readiness is asked soon, the others a period later: a container has ``failureThreshold`` periods to start
        or to recover. Of what the kubelet found running, the first probes are spread over a period."""
        now = self._clock.now()
        waited = now - latest.started_at / 1e9
        delay = float(probe.spec.get("initialDelaySeconds") or 0) - waited
        delay = max(delay, (SOON_SECONDS if probe.kind == "readiness" else _period(probe)) - waited)
        if latest.started_at / 1e9 < self._begun:
            delay = max(delay, self._clock.random.random() * _period(probe))
        return max(delay, 0.0)

    def _arm(self, probe: _Probe, delay: float) -> None:
        if probe.timer is not None:
            probe.timer.cancel()
        probe.timer = self._clock.call_later(delay, self._due, probe)

    def _due(self, probe: _Probe) -> None:
        probe.timer = None
        watched = self._pods.get(probe.uid)
        if watched is None or probe.busy:
            return
        latest = watched.observed.latest(probe.name)
        if latest is None or latest.id != probe.container_id or latest.state is not ContainerState.RUNNING:
            return  # armed again when a new one runs
        if self._waits(watched, probe):
            if not probe.on_hold:
                self._arm(probe, _period(probe))
            return
        probe.busy = True
        self._tasks.spawn(self._run(watched, probe, latest), f"{probe.kind} probe {probe.name} {probe.uid}")

    def _waits(self, watched: _Watched, probe: _Probe) -> bool:
        if probe.on_hold:
            return True
        if probe.kind != "readiness" and (watched.quiet or pods.is_deleted(watched.pod)):
            probe.result, probe.on_hold = True, True
            return True
        started = self.started(probe.uid, probe.name, probe.container_id)
        return started if probe.kind == "startup" else not started

    async def _run(self, watched: _Watched, probe: _Probe, latest: Container) -> None:
        begun = self._clock.monotonic()
        found = pods.find_container(watched.pod, probe.name)
        assert found is not None, f"container {probe.name} of a probe is not in its pod"
        spec = found[1]
        target = ProbeTarget(probe.kind, probe.spec, watched.pod, spec, latest, watched.ip)
        outcome, output = Outcome.UNKNOWN, ""
        for _ in range(RETRIES):
            outcome, output = await self._host.probe(target)
            if outcome is not Outcome.UNKNOWN:
                break
        probe.busy = False
        if self._pods.get(probe.uid) is not watched or probe.container_id != latest.id:
            self._again(probe)
            return
        self._say(watched, probe, spec, outcome, output)
        if outcome is not Outcome.UNKNOWN:
            self._add(probe, outcome is not Outcome.FAILURE)
        if not probe.on_hold:
            self._arm(probe, max(_period(probe) - (self._clock.monotonic() - begun), 0.0))

    def _again(self, probe: _Probe) -> None:
        """The container was replaced while its probe ran: the new one waits to be probed."""
        if probe.uid in self._pods and probe.timer is None:
            self._arm(probe, float(probe.spec.get("initialDelaySeconds") or 0))

    def _say(self, watched: _Watched, probe: _Probe, spec: Object, outcome: Outcome, output: str) -> None:
        word = probe.kind.capitalize()
        if outcome is Outcome.FAILURE:
            message = ("Warning", "Unhealthy", f"{word} probe failed: {output}")
        elif outcome is Outcome.WARNING:
            message = ("Warning", "ProbeWarning", f"{word} probe warning: {output}")
        elif outcome is Outcome.UNKNOWN:
            message = ("Warning", "Unhealthy", f"{word} probe errored and resulted in unknown state: {output}")
        else:
            return
        self._tell(watched.pod, probe.where, spec, *message)

    def _add(self, probe: _Probe, success: bool) -> None:
        """One more result; it counts when there were enough of its kind in a row."""
        if probe.last == success:
            probe.run += 1
        else:
            probe.last, probe.run = success, 1
        field, default = ("successThreshold", 1) if success else ("failureThreshold", 3)
        if probe.run < int(probe.spec.get(field) or default):
            return
        before = probe.result
        probe.result = success
        if probe.kind == "startup" or (probe.kind == "liveness" and not success):
            probe.on_hold, probe.run = True, 0
        if before != success:
            if probe.kind == "startup" and success:
                self._release(probe)
            self._changed(probe.uid)

    def _release(self, startup: _Probe) -> None:
        """The container has started: its other probes begin now, not a period later."""
        watched = self._pods[startup.uid]
        for probe in watched.probes.values():
            if probe.name == startup.name and probe is not startup and not probe.busy:
                latest = watched.observed.latest(probe.name)
                self._arm(probe, self._first_delay(probe, latest) if latest is not None else 0.0)


class PodVerdicts:
    """``plan.ProbeVerdicts`` of one pod."""

    def __init__(self, watched: _Watched | None) -> None:
        self._watched = watched

    def liveness(self, container_id: str) -> bool | None:
        return self._of("liveness", container_id)

    def startup(self, container_id: str) -> bool | None:
        return self._of("startup", container_id)

    def _of(self, kind: str, container_id: str) -> bool | None:
        for probe in self._watched.probes.values() if self._watched is not None else ():
            if probe.kind == kind and probe.container_id == container_id:
                return probe.result
        return None


def _period(probe: _Probe) -> float:
    return float(probe.spec.get("periodSeconds") or 10)


def _declared(pod: Object) -> dict[tuple[str, str], _Probe]:
    uid = pod["metadata"]["uid"]
    found = {}
    for where, container in pods.all_containers(pod):
        if where == "ephemeralContainers" or (where == "initContainers" and not pods.is_sidecar(container)):
            continue
        for kind in KINDS:
            spec = container.get(FIELDS[kind])
            if spec:
                found[container["name"], kind] = _Probe(uid, container["name"], where, kind, spec)
    return found
