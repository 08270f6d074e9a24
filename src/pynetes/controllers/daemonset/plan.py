"""What a DaemonSet does next: every node gets what it should have, then a rollout goes one step further.

Source: pkg/controller/daemon/daemon_controller.go (podsShouldBeOnNode), update.go (rollingUpdate).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from pynetes.client.kinds import DAEMON_SETS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Report
from pynetes.controllers.daemonset.observed import Observed, strategy
from pynetes.controllers.history import HASH_LABEL
from pynetes.controllers.ownership import named
from pynetes.kinds.pods import lifecycle
from pynetes.kinds.workload import scaled
from pynetes.meta.objects import Object, labels_of, name_of, namespace_of

BURST = 250
"""Pods created, and pods deleted, in one pass."""


@dataclass(slots=True)
class Changes:
    """``create``: nodes that get a pod. ``failed``: nodes whose failed pod is deleted. ``again``: seconds."""

    create: list[str] = field(default_factory=list)
    delete: list[Object] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    reports: list[Report] = field(default_factory=list)
    again: list[float] = field(default_factory=list)


def plan(seen: Observed) -> Changes:
    """First every node gets what it should have; when they all have it, the rollout goes one step further."""
    changes = manage(seen)
    if not changes.create and not changes.delete and strategy(seen.daemon_set) == "RollingUpdate":
        roll(seen, changes)
    del changes.create[BURST:], changes.delete[BURST:]
    return changes


def manage(seen: Observed) -> Changes:
    """The missing pods, those too many on a node, those that ended, those that may not stay."""
    changes = Changes()
    surges = _allowed(seen.daemon_set, "maxSurge", 1) > 0
    for node in seen.nodes:
        verdict, pods = seen.verdicts[node], seen.pods.get(node)
        if verdict.should_run and pods is None:
            changes.create.append(node)
        elif verdict.may_stay:
            running = _without_ended(seen, node, pods or (), changes)
            if surges and not running and verdict.should_run:
                changes.create.append(node)
            elif len(running) > 1:
                changes.delete += _excess(seen, running) if surges else running[1:]
        elif pods is not None:
            changes.delete += [pod for pod in pods if not podstate.is_deleted(pod)]
    for node, pods in seen.pods.items():
        if node not in seen.verdicts:
            # never bound and its node is gone: nobody else would take it away
            changes.delete += [pod for pod in pods if not podstate.node_of(pod)]
    return changes


def _without_ended(seen: Observed, node: str, pods: Iterable[Object], changes: Changes) -> list[Object]:
    """The pods that run or will; those that failed or succeeded go."""
    running = []
    for pod in pods:
        if podstate.is_deleted(pod):
            continue
        phase = lifecycle.phase(pod)
        if phase == "Failed":
            if delay := seen.held(node):
                changes.again.append(delay)
                continue
            changes.failed.append(node)
            changes.delete.append(pod)
            changes.reports.append(_found(seen.daemon_set, "Warning", "failed", "kill", pod, node))
        elif phase == "Succeeded":
            changes.delete.append(pod)
            changes.reports.append(_found(seen.daemon_set, "Normal", "succeeded", "delete", pod, node))
        else:
            running.append(pod)
    return running


def _found(daemon_set: Object, type_: str, how: str, what: str, pod: Object, node: str) -> Report:
    where = f"{namespace_of(pod)}/{name_of(pod)} on node {node}"
    message = f"Found {how} daemon pod {where}, will try to {what} it"
    return Report(named(DAEMON_SETS, daemon_set), type_, f"{how.capitalize()}DaemonPod", message)


def _excess(seen: Observed, running: Sequence[Object]) -> list[Object]:
    """While surging a node keeps its oldest new pod and, until that is available, its oldest old one if it is ready."""
    new = next((pod for pod in running if labels_of(pod).get(HASH_LABEL) == seen.hash), None)
    old = next((pod for pod in running if labels_of(pod).get(HASH_LABEL) != seen.hash), None)
    excess = [pod for pod in running if pod is not new and pod is not old]
    if new is not None and old is not None and (not lifecycle.is_ready(old) or seen.is_available(new)):
        excess.append(old)
    return excess


def roll(seen: Observed, changes: Changes) -> None:
    """One step of a rollout, within what may be unavailable or, surging, be there twice."""
    wanted = seen.wanted
    surge = _allowed(seen.daemon_set, "maxSurge", wanted)
    unavailable = _allowed(seen.daemon_set, "maxUnavailable", wanted)
    if surge:
        _surge_step(seen, surge, changes)
    else:
        # an object without either is impossible to roll; one at a time is what the API defaults to
        _replace_step(seen, unavailable or int(wanted > 0), changes)


def _allowed(daemon_set: Object, limit: str, total: int) -> int:
    if strategy(daemon_set) != "RollingUpdate":
        return 0
    return scaled((daemon_set["spec"]["updateStrategy"].get("rollingUpdate") or {}).get(limit), total, up=True)


def _pairs(seen: Observed) -> Iterable[tuple[str, Object | None, Object | None] | None]:
    """For each node with pods or that should run one: its name, new pod and old pod; None when it has too many."""
    for node in _concerned(seen):
        present = [pod for pod in seen.pods.get(node, ()) if not podstate.is_deleted(pod)]
        new: list[Object] = []
        old: list[Object] = []
        for pod in present:
            (new if seen.is_updated(pod) else old).append(pod)
        if len(new) > 1 or len(old) > 1:
            yield None
        else:
            yield node, next(iter(new), None), next(iter(old), None)


def _concerned(seen: Observed) -> Iterable[str]:
    yield from seen.pods
    for node in seen.nodes:
        if seen.verdicts[node].should_run and node not in seen.pods:
            yield node


def _replace_step(seen: Observed, allowed: int, changes: Changes) -> None:
    """Delete old pods; the next pass makes new ones in their place. Old pods that are not available go at once."""
    unavailable = 0
    replaced: list[Object] = []
    candidates: list[Object] = []
    for pair in _pairs(seen):
        if pair is None:
            unavailable += 1
            continue
        _, new, old = pair
        if (new is None) == (old is None):
            unavailable += 1
        elif new is not None:
            unavailable += not seen.is_available(new)
        elif old is not None and not seen.is_available(old):
            replaced.append(old)
            unavailable += 1
        elif old is not None and unavailable < allowed:
            candidates.append(old)
    changes.delete += replaced + candidates[: max(0, allowed - unavailable)]


def _surge_step(seen: Observed, allowed: int, changes: Changes) -> None:
    """Create new pods beside old ones; an old pod goes when its new one is available."""
    surging = available = 0
    replaced: list[str] = []
    candidates: list[str] = []
    misplaced: list[Object] = []
    for pair in _pairs(seen):
        if pair is None:
            surging += 1
            continue
        node, new, old = pair
        either = old or new
        available += either is not None and seen.is_available(either)
        if old is None:
            continue
        if new is not None:
            if seen.is_available(new):
                changes.delete.append(old)
            else:
                surging += 1
        elif node not in seen.verdicts or not seen.verdicts[node].should_run:
            (misplaced if seen.is_available(old) else changes.delete).append(old)
        elif not seen.is_available(old):
            replaced.append(node)
        elif surging < allowed:
            candidates.append(node)
    changes.delete += misplaced[: max(0, available - seen.wanted)]
    changes.create += replaced + candidates[: max(0, allowed - surging)]
