"""What is wrong with a pod spec or a pod template: the parts put together.

A small pod passes in a few dozen dictionary lookups: every rarer part is looked at only when it is there.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodSpec``, ``ValidatePodTemplateSpec``.
"""

from collections.abc import Callable, Mapping

from pynetes.kinds.core.containers import PodScope, containers, ephemeral_containers, init_containers
from pynetes.kinds.core.pod_annotations import pod_annotations
from pynetes.kinds.core.pod_network import dns_config, host_aliases, host_name, host_network
from pynetes.kinds.core.profiles import profiles_agree
from pynetes.kinds.core.resources import pod_resources, resource_requirements
from pynetes.kinds.core.scheduling import affinity, readiness_gates, scheduling_gates, topology_spread
from pynetes.kinds.core.security import (
    all_containers,
    host_process,
    host_users,
    operating_system,
    pod_security_context,
)
from pynetes.kinds.core.tolerations import tolerations
from pynetes.kinds.core.volumes import volumes
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_found, not_supported, required
from pynetes.meta.names import dns1123_label, dns1123_subdomain, inclusive_range_error
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import annotations, labels

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_PREEMPTION_POLICIES = ("PreemptLowerPriority", "Never")
_MAX_INT32 = 2147483647
_MIRROR = "kubernetes.io/config.mirror"


def template(path: Path, value: Object) -> list[Cause]:
    """Against a ``PodTemplateSpec``."""
    meta, spec = value.get("metadata") or {}, value.get("spec") or {}
    found = meta.get("annotations") or {}
    causes = labels(f"{path}.labels", meta.get("labels"))
    causes += annotations(f"{path}.annotations", found)
    causes += pod_annotations(f"{path}.annotations", found, spec)
    causes += pod_spec(f"{path}.spec", spec, None)
    causes += profiles_agree(f"{path}.spec", found, spec)
    if spec.get("ephemeralContainers"):
        detail = "ephemeral containers not allowed in pod template"
        causes.append(forbidden(f"{path}.spec.ephemeralContainers", detail))
    return causes


def pod_spec(path: Path, spec: Object, pod_meta: Object | None) -> list[Cause]:
    """``pod_meta``: the metadata of the pod; None for a template."""
    causes: list[Cause] = []
    grace_period = spec.get("terminationGracePeriodSeconds")
    if grace_period is None:
        causes.append(required(f"{path}.terminationGracePeriodSeconds"))
    good: Mapping[str, Object] = {}
    if found := spec.get("volumes"):
        name = (pod_meta or {}).get("name") or ""
        good, faults = volumes(f"{path}.volumes", found, name, is_pod=pod_meta is not None)
        causes += faults
    claims: list[str] = []
    if found := spec.get("resourceClaims"):
        claims = [claim["name"] for claim in found if claim.get("name")]
        causes += _resource_claims(f"{path}.resourceClaims", found, pod_meta)
    policy = spec.get("restartPolicy") or ""
    scope = PodScope(good, claims, grace_period, policy, spec.get("hostUsers") is not False)
    regular, init = spec.get("containers") or (), spec.get("initContainers") or ()
    causes += containers(f"{path}.containers", regular, scope)
    if init:
        causes += init_containers(f"{path}.initContainers", init, regular, scope)
    if found := spec.get("ephemeralContainers"):
        names = [c.get("name") or "" for c in (*regular, *init)]
        causes += ephemeral_containers(f"{path}.ephemeralContainers", found, names, scope)
    causes += pod_resources(f"{path}.resources", spec)
    if spec.get("hostNetwork"):
        causes += host_network(f"{path}.containers", regular, is_pod=pod_meta is not None)
    causes += _one_of(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    causes += _one_of(f"{path}.dnsPolicy", spec.get("dnsPolicy") or "", _DNS_POLICIES)
    causes += labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    causes += pod_security_context(f"{path}.securityContext", spec)
    if found := spec.get("affinity"):
        causes += affinity(f"{path}.affinity", found)
    causes += dns_config(f"{path}.dnsConfig", spec)
    if found := spec.get("readinessGates"):
        causes += readiness_gates(f"{path}.readinessGates", found)
    if found := spec.get("schedulingGates"):
        causes += scheduling_gates(f"{path}.schedulingGates", found)
    if found := spec.get("topologySpreadConstraints"):
        causes += topology_spread(f"{path}.topologySpreadConstraints", found)
    causes += host_process(path, spec)
    causes += host_users(path, spec)
    causes += host_name(path, spec)
    causes += _names(path, spec)
    if spec.get("os") is not None:
        causes += operating_system(path, spec)
    if (group := spec.get("schedulingGroup")) is not None:
        causes += _scheduling_group(f"{path}.schedulingGroup", group)
    return causes + _file_volumes(path, spec)


def _one_of(path: Path, value: str, supported: tuple[str, ...]) -> list[Cause]:
    if value in supported:
        return []
    return [not_supported(path, value, supported)] if value else [required(path)]


_NAMES: tuple[tuple[str, Callable[[str], list[str]]], ...] = (
    ("serviceAccountName", dns1123_subdomain),
    ("nodeName", dns1123_subdomain),
)
_LABELS = ("hostname", "subdomain")


def _names(path: Path, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    for member, rule in _NAMES:
        if name := spec.get(member):
            causes += [invalid(f"{path}.{member}", name, p) for p in rule(name)]
    seconds = spec.get("activeDeadlineSeconds")
    if seconds is not None and not 1 <= seconds <= _MAX_INT32:
        detail = inclusive_range_error(1, _MAX_INT32)
        causes.append(invalid(f"{path}.activeDeadlineSeconds", seconds, detail))
    for member in _LABELS:
        if name := spec.get(member):
            causes += [invalid(f"{path}.{member}", name, p) for p in dns1123_label(name)]
    if found := spec.get("tolerations"):
        causes += tolerations(f"{path}.tolerations", found)
    if found := spec.get("hostAliases"):
        causes += host_aliases(f"{path}.hostAliases", found)
    if name := spec.get("priorityClassName"):
        causes += [invalid(f"{path}.priorityClassName", name, p) for p in dns1123_subdomain(name)]
    if (name := spec.get("runtimeClassName")) is not None:
        causes += [invalid(f"{path}.runtimeClassName", name, p) for p in dns1123_subdomain(name)]
    if (policy := spec.get("preemptionPolicy")) is not None:
        causes += _one_of(f"{path}.preemptionPolicy", policy, _PREEMPTION_POLICIES)
    if overhead := spec.get("overhead"):
        causes += resource_requirements(f"{path}.overhead", {"limits": overhead})
    return causes


def _resource_claims(path: Path, claims: list[Object], pod_meta: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    names = set()
    for i, claim in enumerate(claims):
        if pod_meta is not None and _MIRROR in (pod_meta.get("annotations") or {}):
            causes.append(forbidden("[]", "static pods do not support resource claims"))
            continue
        at, name = f"{path}[{i}]", claim.get("name") or ""
        direct, made = claim.get("resourceClaimName"), claim.get("resourceClaimTemplateName")
        shown = {"Name": name, "ResourceClaimName": direct, "ResourceClaimTemplateName": made}
        if not name:
            causes.append(required(f"{at}.name"))
        elif name in names:
            causes.append(duplicate(f"{at}.name", name))
        else:
            causes += [invalid(f"{at}.name", name, p) for p in dns1123_label(name)]
            names.add(name)
        if direct is not None and made is not None:
            detail = "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified"
            causes.append(invalid(at, shown, detail))
        if direct is None and made is None:
            detail = "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
            causes.append(invalid(at, shown, detail))
        for member, value in (("resourceClaimName", direct), ("resourceClaimTemplateName", made)):
            if value is not None:
                causes += [invalid(f"{at}.{member}", value, p) for p in dns1123_subdomain(value)]
    return causes


def _scheduling_group(path: Path, group: Object) -> list[Cause]:
    name = group.get("podGroupName")
    if name is None:
        return [invalid(f"{path}.podGroupName", None, "must specify one of: `podGroupName`")]
    return [invalid(f"{path}.podGroupName", name, p) for p in dns1123_subdomain(name)]


def _file_volumes(path: Path, spec: Object) -> list[Cause]:
    """A file of variables must be in an emptyDir of the pod."""
    causes: list[Cause] = []
    sources = {volume.get("name"): volume for volume in spec.get("volumes") or ()}
    for at, container in all_containers(path, spec):
        for i, variable in enumerate(container.get("env") or ()):
            reference = (variable.get("valueFrom") or {}).get("fileKeyRef")
            if reference is None:
                continue
            name = reference.get("volumeName") or ""
            where = f"{at}.env[{i}].valueFrom.fileKeyRef.volumeName"
            if name not in sources:
                causes.append(not_found(where, name))
            elif sources[name].get("emptyDir") is None:
                causes.append(invalid(where, name, "referenced volume must be of type emptyDir"))
    return causes


def template_warnings(path: Path, value: Object) -> list[str]:
    from pynetes.kinds.core.pod_warnings import spec_warnings

    return spec_warnings(path, value.get("metadata") or {}, value.get("spec") or {})
