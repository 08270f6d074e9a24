"""The pure heart of the kubelet: what to do for one pod, given what the runtime shows. No I/O, no clock.

Source: kubernetes ``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (computePodActions),
``kuberuntime_container.go`` (computeInitContainerActions).
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import orjson

from pynetes.kubelet import pods, resize
from pynetes.kubelet.observed import (
    CONTAINER_HASH,
    PodRuntime,
    needs_start,
    regular_container_made,
    sandbox_changed,
)
from pynetes.kubelet.resize import Change
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState


class ProbeVerdicts(Protocol):
    """What the probes of a container say so far; None: they have said nothing."""

    def liveness(self, container_id: str) -> bool | None: ...

    def startup(self, container_id: str) -> bool | None: ...


@dataclass(frozen=True, slots=True)
class Kill:
    """Stop a running container. ``reason`` is ``""``, ``liveness``, ``startup``, ``unknown``, ``resize`` or
    ``restart-all``."""

    container: Container
    message: str
    reason: str = ""


@dataclass(slots=True)
class Actions:
    """What is to be done, in this order: kill, make the sandbox, start. Starts are names, in the order of the spec."""

    kill_pod: bool = False
    create_sandbox: bool = False
    sandbox_id: str = ""
    attempt: int = 0
    kill: list[Kill] = field(default_factory=list)
    reset: list[Kill] = field(default_factory=list)
    """Stop (if it runs) and remove: the pod restarts in place."""
    start_ephemeral: list[str] = field(default_factory=list)
    start_init: list[str] = field(default_factory=list)
    start: list[str] = field(default_factory=list)
    update: list[Change] = field(default_factory=list)
    """Running containers whose limits change without a restart; before any start."""

    @property
    def nothing(self) -> bool:
        return not (
            self.kill_pod or self.create_sandbox or self.kill or self.reset
            or self.start_ephemeral or self.start_init or self.start or self.update
        )  # fmt: skip


def container_hash(container: Object) -> str:
    """Changes when a container must be made anew: its name and image."""
    what = {"name": container["name"], "image": container.get("image", "")}
    return hashlib.sha256(orjson.dumps(what)).hexdigest()[:16]


def plan(
    pod: Object,
    observed: PodRuntime,
    verdicts: ProbeVerdicts,
    memory_requests: Mapping[str, str],
    *,
    restarting_all: bool = False,
) -> Actions:
    """The actions that bring a pod nearer to its spec; once it is there, none. ``memory_requests``: see ``resize``."""
    needed, attempt, sandbox_id = sandbox_changed(pod, observed)
    actions = Actions(kill_pod=needed, create_sandbox=needed, sandbox_id=sandbox_id, attempt=attempt)
    if restarting_all:
        actions.kill_pod = actions.create_sandbox = False
        actions.reset = _resets(pod, observed)
        return actions
    if needed:
        return _from_nothing(pod, observed, actions)

    actions.start_ephemeral = [c["name"] for c in pods.ephemeral_containers(pod) if observed.latest(c["name"]) is None]
    if not _initialize(pod, observed, verdicts, actions):
        return actions
    _resize(pod, observed, memory_requests, actions)
    resized = {kill.container.config.name for kill in actions.kill if kill.reason == "resize"}
    kept = 0
    for container in pods.containers(pod):
        latest = observed.latest(container["name"])
        if latest is None or latest.state is not ContainerState.RUNNING:
            if needs_start(pod, container, observed):
                actions.start.append(container["name"])
                if latest is not None and latest.state is ContainerState.UNKNOWN:
                    message = f'Container is in "{latest.state.value}" state, try killing it before restart'
                    actions.kill.append(Kill(latest, message, "unknown"))
            continue
        if container["name"] in resized:
            continue
        kill = _unwanted(pod, container, latest, verdicts)
        if kill is None:
            kept += 1
            continue
        if kill.message.endswith("will be restarted"):
            actions.start.append(container["name"])
        actions.kill.append(kill)
    if not kept and not actions.start:
        # sidecars must not keep a pod alive whose work is done
        actions.kill_pod = True
        actions.start_init = []
    return actions


def _resize(pod: Object, observed: PodRuntime, memory_requests: Mapping[str, str], actions: Actions) -> None:
    """Change the limits of what runs, less before more; or begin it anew, where its policy says so."""
    updates = []
    for change in resize.changes(pod, observed, memory_requests):
        name = change.spec["name"]
        if not resize.needs_restart(change):
            updates.append(change)
            continue
        actions.kill.append(Kill(change.container, f"Container {name} resize requires restart", "resize"))
        (actions.start_init if pods.is_sidecar(change.spec) else actions.start).append(name)
    actions.update = sorted(updates, key=lambda c: c.wanted.memory_limit - c.container.config.resources.memory_limit)


def _from_nothing(pod: Object, observed: PodRuntime, actions: Actions) -> Actions:
    """A sandbox is missing or dead: everything starts anew, unless the pod is done."""
    never = pods.restart_policy(pod) == "Never"
    if never and actions.attempt and observed.containers:
        actions.create_sandbox = False
        return actions
    start = [c["name"] for c in pods.containers(pod) if not _done(pod, c, observed)]
    if not start and regular_container_made(pod, observed):
        actions.create_sandbox = False
        return actions
    inits = pods.init_containers(pod)
    if inits:
        actions.start_init = [inits[0]["name"]]
    else:
        actions.start = start
    return actions


def _done(pod: Object, container: Object, observed: PodRuntime) -> bool:
    """Succeeded under a policy that runs it to success only once."""
    if (container.get("restartPolicy") or pods.restart_policy(pod)) != "OnFailure":
        return False
    latest = observed.latest(container["name"])
    return latest is not None and latest.state is ContainerState.EXITED and latest.exit_code == 0


def _changed(container: Object, latest: Container) -> bool:
    recorded = latest.config.annotations.get(CONTAINER_HASH, "")
    return bool(recorded) and recorded != container_hash(container)


def _unwanted(pod: Object, container: Object, latest: Container, verdicts: ProbeVerdicts) -> Kill | None:
    """Why a running container must go, if it must."""
    name = container["name"]
    restart = (container.get("restartPolicy") or pods.restart_policy(pod)) != "Never"
    if _changed(container, latest):
        return Kill(latest, f"Container {name} definition changed, will be restarted")
    if verdicts.liveness(latest.id) is False:
        message, reason = f"Container {name} failed liveness probe", "liveness"
    elif verdicts.startup(latest.id) is False:
        message, reason = f"Container {name} failed startup probe", "startup"
    else:
        return None
    return Kill(latest, f"{message}, will be restarted" if restart else message, reason)


def _initialize(pod: Object, observed: PodRuntime, verdicts: ProbeVerdicts, actions: Actions) -> bool:
    """Plan the init containers, last to first; True when regular containers may run.

    Completed init containers may have been removed, so that only the last one found is trusted.
    """
    inits = pods.init_containers(pod)
    if not inits:
        return True
    alive = (ContainerState.CREATED, ContainerState.RUNNING)
    initialized = any((c := observed.latest(r["name"])) and c.state in alive for r in pods.containers(pod))
    later_seen = initialized
    start: list[str] = []
    for index in range(len(inits) - 1, -1, -1):
        container = inits[index]
        latest = observed.latest(container["name"])
        sidecar = pods.is_sidecar(container)
        if latest is None:
            if later_seen and sidecar:
                start.append(container["name"])
            continue
        if later_seen and not sidecar:
            continue
        following = None if index == len(inits) - 1 else inits[index + 1]["name"]
        step = _init_step(pod, container, latest, verdicts)
        if step.fails_pod:
            actions.kill_pod = True
            actions.start_init = []
            return False
        if step.complete:
            if following is None:
                initialized = True
            elif not later_seen:
                start.append(following)
        if step.kill is not None:
            actions.kill.append(step.kill)
        if step.restart:
            start.append(container["name"])
        later_seen = True
    if not later_seen:
        start.append(inits[0]["name"])
    actions.start_init = list(reversed(start))
    return initialized


@dataclass(frozen=True, slots=True)
class _Step:
    """What one init container asks for. ``complete``: the next one may start."""

    complete: bool = False
    restart: bool = False
    fails_pod: bool = False
    kill: Kill | None = None


def _init_step(pod: Object, container: Object, latest: Container, verdicts: ProbeVerdicts) -> _Step:
    if latest.state is ContainerState.CREATED:
        return _Step(restart=True)
    if latest.state is ContainerState.RUNNING:
        return _running_sidecar(container, latest, verdicts) if pods.is_sidecar(container) else _Step()
    if pods.is_sidecar(container):
        message = f'Init container is in "{latest.state.value}" state, try killing it before restart'
        unknown = latest.state is ContainerState.UNKNOWN
        return _Step(restart=True, kill=Kill(latest, message, "unknown") if unknown else None)
    if latest.state is ContainerState.EXITED and latest.exit_code == 0:
        return _Step(complete=True)
    if latest.state is ContainerState.EXITED:
        restarts = pods.should_restart(pod, container, latest.exit_code)
        return _Step(restart=restarts, fails_pod=not restarts)
    restarts = (container.get("restartPolicy") or pods.restart_policy(pod)) != "Never"
    message = f'Init container is in "{latest.state.value}" state, try killing it before restart'
    return _Step(restart=restarts, fails_pod=not restarts, kill=Kill(latest, message, "unknown"))


def _running_sidecar(container: Object, latest: Container, verdicts: ProbeVerdicts) -> _Step:
    name = container["name"]
    if container.get("startupProbe"):
        verdict = verdicts.startup(latest.id)
        if verdict is None:
            return _Step()
        if verdict is False:
            return _Step(restart=True, kill=Kill(latest, f"Init container {name} failed startup probe", "startup"))
    if _changed(container, latest):
        return _Step(complete=True, restart=True, kill=Kill(latest, f"Init container {name} definition changed"))
    if container.get("livenessProbe") and verdicts.liveness(latest.id) is False:
        kill = Kill(latest, f"Init container {name} failed liveness probe", "liveness")
        return _Step(complete=True, restart=True, kill=kill)
    return _Step(complete=True)


def _resets(pod: Object, observed: PodRuntime) -> list[Kill]:
    """Every container of the pod, those that made it restart last."""
    others: list[Kill] = []
    sources: list[Kill] = []
    for where in (pods.containers, pods.init_containers):
        for container in reversed(where(pod)):
            for found in observed.containers:
                if found.config.name == container["name"]:
                    source = found.state is ContainerState.EXITED and _is_source(container, found)
                    (sources if source else others).append(Kill(found, "killing", "restart-all"))
    return others + sources


def _is_source(container: Object, found: Container) -> bool:
    rule = pods.matching_rule(container, found.exit_code)
    return rule is not None and rule.get("action") == "RestartAllContainers"
