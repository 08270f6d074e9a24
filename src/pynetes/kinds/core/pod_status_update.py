"""What is wrong with a pod's new status.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodStatusUpdate``.
"""

from collections.abc import Sequence

from pynetes.kinds.core.pod_annotations import annotation_changes
from pynetes.kinds.metadata import object_meta_update
from pynetes.kinds.pods.lifecycle import restarts
from pynetes.meta.addresses import is_dual_stack, legacy_ip, parse_ip
from pynetes.meta.fielderrors import duplicate, forbidden, immutable, internal, invalid
from pynetes.meta.names import dns1123_subdomain, qualified_name, user_id
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_SYSTEM = ("PodScheduled", "Ready", "Initialized")
_NOT_BACK = "may not be transitioned to non-terminated state"
_GENERATION = "must be a non-negative integer"


def validate_status_update(pod: Object, old: Object) -> list[Cause]:
    status, before = pod.get("status") or {}, old.get("status") or {}
    causes = object_meta_update(pod, old) + annotation_changes(pod, old)
    causes += _conditions(status.get("conditions") or ())
    causes += _nomination(status, before, old)
    if status.get("observedGeneration", 0) < 0:
        causes.append(invalid("status.observedGeneration", status["observedGeneration"], _GENERATION))
    causes += immutable("status.qosClass", status.get("qosClass", ""), before.get("qosClass", ""))
    for where in ("containers", "initContainers", "ephemeralContainers"):
        name = f"{where.removesuffix('s')}Statuses"
        causes += _transitions(f"status.{name}", status.get(name) or (), before.get(name) or (), old, where)
    causes += _claims(status, pod["spec"])
    causes += _addresses(status, before)
    for name in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        causes += _users(f"status.{name}", status.get(name) or (), pod["spec"])
    return causes


def _conditions(conditions: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, condition in enumerate(conditions):
        path, kind = f"status.conditions[{i}]", condition.get("type") or ""
        if condition.get("observedGeneration", 0) < 0:
            causes.append(invalid(f"{path}.observedGeneration", condition["observedGeneration"], _GENERATION))
        if kind not in _SYSTEM:
            causes += [invalid(f"{path}.Type", kind, p) for p in qualified_name(kind)]
    return causes


def _nomination(status: Object, before: Object, old: Object) -> list[Cause]:
    name, known = status.get("nominatedNodeName") or "", before.get("nominatedNodeName") or ""
    if not name or name == known:
        return []
    path = "status.nominatedNodeName"
    causes = [invalid(path, name, p) for p in dns1123_subdomain(name)]
    if old["spec"].get("nodeName"):
        causes.append(forbidden(path, "may not be set on pods that are already bound to a node"))
    return causes


def _transitions(path: str, new: Sequence[Object], old: Sequence[Object], pod: Object, where: str) -> list[Cause]:
    """A container that ended stays ended, unless its policy has it started again."""
    if where != "ephemeralContainers" and _all_may_restart(pod["spec"]):
        return []
    containers = {c.get("name"): c for c in pod["spec"].get(where) or ()}
    states = {s.get("name"): s.get("state") or {} for s in reversed(new)}
    causes: list[Cause] = []
    for i, status in enumerate(old):
        ended = (status.get("state") or {}).get("terminated")
        name = status.get("name")
        if ended is None or name not in states or states[name].get("terminated") is not None:
            continue
        container = containers.get(name)
        again = where != "ephemeralContainers" and container is not None
        if not (again and container is not None and restarts(pod, container, ended.get("exitCode", 0))):
            causes.append(forbidden(f"{path}[{i}].state", _NOT_BACK))
    return causes


def _all_may_restart(spec: Object) -> bool:
    return any(
        rule.get("action") == "RestartAllContainers"
        for where in ("containers", "initContainers")
        for container in spec.get(where) or ()
        for rule in container.get("restartPolicyRules") or ()
    )


def _claims(status: Object, spec: Object) -> list[Cause]:
    names = {claim.get("name") for claim in spec.get("resourceClaims") or ()}
    causes: list[Cause] = []
    seen = set()
    for i, claim in enumerate(status.get("resourceClaimStatuses") or ()):
        path, name = f"status.resourceClaimStatuses[{i}]", claim.get("name") or ""
        if name not in names:
            detail = "must match the name of an entry in `spec.resourceClaims`"
            causes.append(invalid(f"{path}.name", name, detail))
        if name in seen:
            causes.append(duplicate(f"{path}.name", name))
        seen.add(name)
        made = claim.get("resourceClaimName")
        if made is not None:
            causes += [invalid(f"{path}.resourceClaimName", made, p) for p in dns1123_subdomain(made)]
    return causes


def _addresses(status: Object, before: Object) -> list[Cause]:
    causes: list[Cause] = []
    for name in ("podIPs", "hostIPs"):
        ips = [entry.get("ip") or "" for entry in status.get(name) or ()]
        known = [entry.get("ip") or "" for entry in before.get(name) or ()]
        path = f"status.{name}"
        if name == "hostIPs" and ips and (status.get("hostIP") or "") != ips[0]:
            causes.append(invalid(f"{path}[0].ip", ips[0], "must be equal to `hostIP`"))
        for i, ip in enumerate(ips):
            causes += legacy_ip(f"{path}[{i}]", ip, known)
        unread = [f"invalid IP[{i}]: {ip}" for i, ip in enumerate(ips) if parse_ip(ip) is None]
        if len(ips) > 1 and unread:
            causes.append(internal(path, f"failed to check for dual stack with error:{unread[0]}"))
        if len(ips) > 1 and (len(ips) > 2 or not is_dual_stack(ips)):
            shown = [{"IP": ip} for ip in ips]
            causes.append(invalid(path, shown, "may specify no more than one IP for each IP family"))
    return causes


def _users(path: str, statuses: Sequence[Object], spec: Object) -> list[Cause]:
    windows = (spec.get("os") or {}).get("name") == "windows"
    causes: list[Cause] = []
    for i, status in enumerate(statuses):
        linux = (status.get("user") or {}).get("linux")
        if linux is None:
            continue
        at = f"{path}[{i}].user.linux"
        if windows:
            causes.append(forbidden(at, "cannot be set for a windows pod"))
            continue
        for name in ("uid", "gid"):
            causes += [invalid(f"{at}.{name}", linux.get(name, 0), p) for p in user_id(linux.get(name, 0))]
        for j, group in enumerate(linux.get("supplementalGroups") or ()):
            causes += [invalid(f"{at}.supplementalGroups[{j}]", group, p) for p in user_id(group)]
    return causes
