"""What the runtime shows of one pod: its sandboxes and its containers, the newest first.

The labels and annotations written here are the kubelet's memory: after a restart everything is read back from them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pynetes.kubelet import pods
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState, Sandbox, SandboxState

POD_NAME = "io.kubernetes.pod.name"
POD_NAMESPACE = "io.kubernetes.pod.namespace"
POD_UID = "io.kubernetes.pod.uid"
CONTAINER_NAME = "io.kubernetes.container.name"
CONTAINER_HASH = "io.kubernetes.container.hash"
RESTART_COUNT = "io.kubernetes.container.restartCount"
TERMINATION_PATH = "io.kubernetes.container.terminationMessagePath"
TERMINATION_POLICY = "io.kubernetes.container.terminationMessagePolicy"
POD_GRACE = "io.kubernetes.pod.terminationGracePeriod"


@dataclass(frozen=True, slots=True)
class PodRuntime:
    """Both sequences are ordered newest first. Immutable: a new one is made when the runtime says something new."""

    uid: str
    sandboxes: tuple[Sandbox, ...] = ()
    containers: tuple[Container, ...] = ()

    @staticmethod
    def of(uid: str, sandboxes: Iterable[Sandbox], containers: Iterable[Container]) -> "PodRuntime":
        return PodRuntime(
            uid,
            tuple(sorted(sandboxes, key=lambda s: (s.created_at, s.config.attempt), reverse=True)),
            tuple(sorted(containers, key=lambda c: (c.created_at, c.config.attempt), reverse=True)),
        )

    def latest(self, name: str) -> Container | None:
        """The newest container of this name."""
        return next((c for c in self.containers if c.config.name == name), None)

    def previous(self, name: str) -> Container | None:
        """The one before it."""
        found = [c for c in self.containers if c.config.name == name]
        return found[1] if len(found) > 1 else None

    def as_if_running(self, name: str) -> "PodRuntime":
        """The moment after a start, of a container that may have ended before anybody could look."""
        latest = self.latest(name)
        if latest is None or latest.state is not ContainerState.EXITED or not latest.started_at:
            return self
        alive = replace(latest, state=ContainerState.RUNNING, finished_at=0)
        return replace(self, containers=tuple(alive if c is latest else c for c in self.containers))

    @property
    def running(self) -> list[Container]:
        return [c for c in self.containers if c.state is ContainerState.RUNNING]

    @property
    def sandbox(self) -> Sandbox | None:
        """The newest sandbox, ready or not."""
        return self.sandboxes[0] if self.sandboxes else None

    @property
    def ips(self) -> tuple[str, ...]:
        sandbox = self.sandbox
        return sandbox.ips if sandbox is not None and sandbox.state is SandboxState.READY else ()


def sandbox_changed(pod: Object, observed: PodRuntime) -> tuple[bool, int, str]:
    """Whether a new sandbox is needed, the attempt that it would be, and the id of the newest one (or ``""``).

    Source: kubernetes ``pkg/kubelet/kuberuntime/util/util.go``.
    """
    newest = observed.sandbox
    if newest is None:
        return True, 0, ""
    ready = sum(s.state is SandboxState.READY for s in observed.sandboxes)
    attempt = newest.config.attempt
    if ready > 1 or newest.state is not SandboxState.READY:
        return True, attempt + 1, newest.id
    if newest.config.linux.host_network != pods.is_host_network(pod):
        return True, attempt + 1, ""
    if not pods.is_host_network(pod) and not newest.ips:
        return True, attempt + 1, newest.id
    return False, attempt, newest.id


def needs_start(pod: Object, container: Object, observed: PodRuntime) -> bool:
    """Whether a container is to be (re)started when nothing but its own state and policy are asked."""
    if pods.is_deleted(pod):
        return False
    latest = observed.latest(container["name"])
    if latest is None or latest.state in (ContainerState.CREATED, ContainerState.UNKNOWN):
        return True
    if latest.state is ContainerState.RUNNING:
        return False
    return pods.should_restart(pod, container, latest.exit_code)


def regular_container_made(pod: Object, observed: PodRuntime) -> bool:
    """Whether any regular container exists: then all init containers have been run."""
    return any(observed.latest(c["name"]) is not None for c in pods.containers(pod))


def restarts_all(pod: Object, observed: PodRuntime, old_status: Object) -> bool:
    """Whether a container ended in a way that restarts all of them (and they are not all removed yet)."""
    if not pods.may_restart_all(pod):
        return False
    mark = pods.condition(old_status, "AllContainersRestarting")
    if mark is not None and mark["status"] == "True":
        return True
    for _, container in pods.all_containers(pod):
        latest = observed.latest(container["name"])
        if latest is not None and latest.state is ContainerState.EXITED:
            rule = pods.matching_rule(container, latest.exit_code)
            if rule is not None and rule.get("action") == "RestartAllContainers":
                return True
    return False


def all_removed(pod: Object, observed: PodRuntime) -> bool:
    return not any(
        observed.latest(c["name"]) is not None for w, c in pods.all_containers(pod) if w != "ephemeralContainers"
    )
