"""What is wrong with containers, of all three lists. Source: kubernetes ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from pynetes.kinds.core import handlers
from pynetes.kinds.core.endpoints import PROTOCOLS
from pynetes.kinds.core.environment import env, env_from
from pynetes.kinds.core.mounts import volume_devices, volume_mounts
from pynetes.kinds.core.resources import resource_requirements
from pynetes.kinds.core.security import security_context
from pynetes.kinds.core.volumes import pull_policy
from pynetes.kinds.pods.lifecycle import is_sidecar
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_found, not_supported, required, too_many
from pynetes.meta.names import dns1123_label, port_name, port_number
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_MESSAGE_POLICIES = ("File", "FallbackToLogsOnError")
_POLICIES = ("Always", "Never", "OnFailure")
_ACTIONS = ("Restart", "RestartAllContainers")
_NOT_EPHEMERAL = "cannot be set for an Ephemeral Container"
"""Those of the above that are there also when they are empty."""
_NOT_INIT = "may not be set for init containers without restartPolicy=Always"
_FORBIDDEN_EPHEMERAL = (
    "ports",
    "resources",
    "resizePolicy",
    "restartPolicy",
    "restartPolicyRules",
    "livenessProbe",
    "readinessProbe",
    "startupProbe",
    "lifecycle",
)


@dataclass(frozen=True, slots=True)
class PodScope:
    """What the rules of a container need to know of its pod. ``volumes``: those without faults, by name."""

    volumes: Mapping[str, Object]
    claims: Collection[str]
    grace_period: int | None
    restart_policy: str
    host_users: bool


def containers(path: Path, values: Sequence[Object], scope: PodScope) -> list[Cause]:
    if not values:
        return [required(path)]
    causes: list[Cause] = []
    names: set[str] = set()
    ports: set[str] = set()
    taken: list[Cause] = []
    for i, container in enumerate(values):
        at, name = f"{path}[{i}]", container.get("name") or ""
        causes += _common(at, container, scope)
        if name in names:
            causes.append(duplicate(f"{at}.name", name))
        names.add(name)
        if (value := container.get("lifecycle")) is not None:
            causes += handlers.lifecycle(f"{at}.lifecycle", value, scope.grace_period)
        causes += handlers.probes(at, container, scope.grace_period)
        causes += _restart_policy(at, container)
        if container.get("ports"):
            taken += _host_ports(at, container, ports)
    return causes + taken


def init_containers(path: Path, values: Sequence[Object], regular: Sequence[Object], scope: PodScope) -> list[Cause]:
    causes: list[Cause] = []
    names = {c.get("name") or "" for c in regular}
    for i, container in enumerate(values):
        at, name = f"{path}[{i}]", container.get("name") or ""
        causes += _common(at, container, scope)
        causes += _restart_policy(at, container, is_init=True)
        if name in names:
            causes.append(duplicate(f"{at}.name", name))
        elif name:
            names.add(name)
        causes += _host_ports(f"{path}[0]", container, set())  # upstream looks at each alone
        if is_sidecar(container):
            if (value := container.get("lifecycle")) is not None:
                causes += handlers.lifecycle(f"{at}.lifecycle", value, scope.grace_period)
            causes += handlers.probes(at, container, scope.grace_period)
            continue
        for member in ("lifecycle", *handlers.PROBES):
            if container.get(member) is not None:
                causes.append(forbidden(f"{at}.{member}", _NOT_INIT))
        for j, policy in enumerate(container.get("resizePolicy") or ()):
            if policy.get("restartPolicy") == "RestartContainer":
                where = f"{at}.resizePolicy[{j}].restartPolicy"
                detail = "must not be set to 'RestartContainer' for non-sidecar initContainers"
                causes.append(invalid(where, "RestartContainer", detail))
    return causes


def ephemeral_containers(path: Path, values: Sequence[Object], others: Collection[str], scope: PodScope) -> list[Cause]:
    """``others``: the names of the regular and init containers."""
    causes: list[Cause] = []
    names = set(others)
    for i, container in enumerate(values):
        at, name = f"{path}[{i}]", container.get("name") or ""
        causes += _common(at, container, scope)
        causes += trimmed_image(at, container)
        if name in names:
            causes.append(duplicate(f"{at}.name", name))
        names.add(name)
        target = container.get("targetContainerName") or ""
        if target and target not in others:
            causes.append(not_found(f"{at}.targetContainerName", target))
        for member in _FORBIDDEN_EPHEMERAL:
            # it is enough to be there; but resources are no pointer
            if container.get(member) is not None and (member != "resources" or container[member]):
                causes.append(forbidden(f"{at}.{member}", _NOT_EPHEMERAL))
        for j, mount in enumerate(container.get("volumeMounts") or ()):
            for member in ("subPath", "subPathExpr"):
                if mount.get(member):
                    causes.append(forbidden(f"{at}.volumeMounts[{j}].{member}", _NOT_EPHEMERAL))
    return causes


def trimmed_image(path: Path, container: Object) -> list[Cause]:
    """Pods only: templates of old may have spaces here."""
    image = container.get("image") or ""
    if image == image.strip():
        return []
    return [invalid(f"{path}.image", image, "must not have leading or trailing whitespace")]


def _common(path: Path, container: Object, scope: PodScope) -> list[Cause]:
    causes: list[Cause] = []
    name = container.get("name") or ""
    if not name:
        causes.append(required(f"{path}.name"))
    elif problems := dns1123_label(name):
        causes += [invalid(f"{path}.name", name, p) for p in problems]
    if not container.get("image"):
        causes.append(required(f"{path}.image"))
    policy = container.get("terminationMessagePolicy") or ""
    if not policy:
        causes.append(required(f"{path}.terminationMessagePolicy"))
    elif policy not in _MESSAGE_POLICIES:
        causes.append(not_supported(f"{path}.terminationMessagePolicy", policy, _MESSAGE_POLICIES))
    if values := container.get("ports"):
        causes += _ports(f"{path}.ports", values)
    if values := container.get("env"):
        causes += env(f"{path}.env", values)
    if values := container.get("envFrom"):
        causes += env_from(f"{path}.envFrom", values)
    if container.get("volumeMounts"):
        causes += volume_mounts(f"{path}.volumeMounts", container, scope.volumes)
    if container.get("volumeDevices"):
        causes += volume_devices(f"{path}.volumeDevices", container, scope.volumes)
    causes += pull_policy(f"{path}.imagePullPolicy", container.get("imagePullPolicy") or "")
    if resources := container.get("resources"):
        causes += resource_requirements(f"{path}.resources", resources, scope.claims)
    if values := container.get("resizePolicy"):
        causes += _resize_policy(f"{path}.resizePolicy", values, scope.restart_policy)
    if (context := container.get("securityContext")) is not None:
        causes += security_context(f"{path}.securityContext", context, scope.host_users)
    return causes


def _ports(path: Path, ports: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    names = set()
    for i, port in enumerate(ports):
        at, name, number, host = f"{path}[{i}]", port.get("name"), port.get("containerPort", 0), port.get("hostPort", 0)
        if name:
            if problems := port_name(name):
                causes += [invalid(f"{at}.name", name, p) for p in problems]
            elif name in names:
                causes.append(duplicate(f"{at}.name", name))
            names.add(name)
        if not number:
            causes.append(required(f"{at}.containerPort"))
        elif problems := port_number(number):
            causes += [invalid(f"{at}.containerPort", number, p) for p in problems]
        if host:
            causes += [invalid(f"{at}.hostPort", host, p) for p in port_number(host)]
        protocol = port.get("protocol") or ""
        if not protocol:
            causes.append(required(f"{at}.protocol"))
        elif protocol not in PROTOCOLS:
            causes.append(not_supported(f"{at}.protocol", protocol, PROTOCOLS))
    return causes


def _host_ports(path: Path, container: Object, taken: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    for i, port in enumerate(container.get("ports") or ()):
        if not port.get("hostPort"):
            continue
        key = f"{port.get('protocol', '')}/{port.get('hostIP', '')}/{port['hostPort']}"
        if key in taken:
            causes.append(duplicate(f"{path}.ports[{i}].hostPort", key))
        taken.add(key)
    return causes


def _resize_policy(path: Path, policies: Sequence[Object], restart_policy: str) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for i, policy in enumerate(policies):
        name, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if name in seen:
            causes.append(duplicate(f"{path}[{i}]", name))
        seen.add(name)
        for value, supported in ((name, ("cpu", "memory")), (restart, ("NotRequired", "RestartContainer"))):
            if not value:
                causes.append(required(path))
            elif value not in supported:
                causes.append(not_supported(path, value, supported))
        if restart_policy == "Never" and restart != "NotRequired":
            detail = "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            causes.append(invalid(path, restart, detail))
    return causes


def _restart_policy(path: Path, container: Object, *, is_init: bool = False) -> list[Cause]:
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    causes: list[Cause] = []
    if policy is None:
        if not rules:
            return []
        detail = "must specify restartPolicy when restart rules are used"
        causes.append(required(f"{path}.restartPolicy", detail))
        if is_init:
            return causes
    elif policy not in _POLICIES:
        causes.append(not_supported(f"{path}.restartPolicy", policy, _POLICIES))
    if len(rules) > 20:
        causes.append(too_many(f"{path}.restartPolicyRules", len(rules), 20))
    for i, rule in enumerate(rules):
        at, codes, action = f"{path}.restartPolicyRules[{i}]", rule.get("exitCodes"), rule.get("action") or ""
        if action not in _ACTIONS:
            causes.append(not_supported(f"{at}.action", action, _ACTIONS))
        if codes is None:
            causes.append(required(f"{at}.exitCodes", "must be specified"))
            continue
        operator, values = codes.get("operator") or "", codes.get("values") or ()
        if operator not in ("In", "NotIn"):
            causes.append(not_supported(f"{at}.exitCodes.operator", operator, ("In", "NotIn")))
        if len(values) > 255:
            causes.append(too_many(f"{at}.exitCodes.values", len(values), 255))
    return causes
