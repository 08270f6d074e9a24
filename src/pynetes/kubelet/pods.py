"""What a pod says about itself: small pure readings of its spec that several parts of the kubelet share.

Source: kubernetes ``pkg/api/v1/pod/util.go``, ``pkg/kubelet/types``.
"""

from collections.abc import Iterator

from pynetes.meta.objects import Object

TERMINAL_PHASES = frozenset({"Succeeded", "Failed"})

SYSTEM_CRITICAL = 2_000_000_000
"""The priority of ``system-cluster-critical``; users' own classes stay below."""

STATIC_SOURCE = "kubernetes.io/config.source"
SEEN = "kubernetes.io/config.seen"
STATIC_HASH = "kubernetes.io/config.hash"
MIRROR_HASH = "kubernetes.io/config.mirror"


def describe(pod: Object) -> str:
    """``name_namespace(uid)``: how the kubelet's texts name a pod."""
    meta = pod["metadata"]
    return f"{meta['name']}_{meta.get('namespace', '')}({meta.get('uid', '')})"


def containers(pod: Object) -> list[Object]:
    found: list[Object] = pod["spec"].get("containers") or []
    return found


def init_containers(pod: Object) -> list[Object]:
    found: list[Object] = pod["spec"].get("initContainers") or []
    return found


def ephemeral_containers(pod: Object) -> list[Object]:
    found: list[Object] = pod["spec"].get("ephemeralContainers") or []
    return found


def all_containers(pod: Object) -> Iterator[tuple[str, Object]]:
    """Every container with the name of the list that it stands in."""
    for where in ("initContainers", "containers", "ephemeralContainers"):
        for container in pod["spec"].get(where) or ():
            yield where, container


def find_container(pod: Object, name: str) -> tuple[str, Object] | None:
    return next(((w, c) for w, c in all_containers(pod) if c["name"] == name), None)


def field_path(where: str, name: str) -> str:
    """``spec.containers{c}``: the field path of an event about one container."""
    return f"spec.{where}{{{name}}}"


def is_sidecar(container: Object) -> bool:
    """A restartable init container (only meaningful in initContainers)."""
    return container.get("restartPolicy") == "Always"


def restart_policy(pod: Object) -> str:
    policy: str = pod["spec"].get("restartPolicy") or "Always"
    return policy


def should_restart(pod: Object, container: Object, exit_code: int) -> bool:
    """Whether a container that ended with this code is to be started again: its rules, its policy, the pod's policy."""
    rule = matching_rule(container, exit_code)
    if rule is not None:
        return True
    policy = container.get("restartPolicy") or restart_policy(pod)
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)


def matching_rule(container: Object, exit_code: int) -> Object | None:
    """The first of the container's restartPolicyRules that matches."""
    for rule in container.get("restartPolicyRules") or ():
        codes = rule.get("exitCodes")
        if codes is not None:
            inside = exit_code in (codes.get("values") or ())
            if inside == (codes["operator"] == "In"):
                found: Object = rule
                return found
    return None


def may_restart_all(pod: Object) -> bool:
    """Whether any container has a rule that restarts them all."""
    return any(
        rule.get("action") == "RestartAllContainers"
        for _, container in all_containers(pod)
        for rule in container.get("restartPolicyRules") or ()
    )


def is_deleted(pod: Object) -> bool:
    return bool(pod["metadata"].get("deletionTimestamp"))


def is_host_network(pod: Object) -> bool:
    return bool(pod["spec"].get("hostNetwork"))


def is_static(pod: Object) -> bool:
    source = (pod["metadata"].get("annotations") or {}).get(STATIC_SOURCE)
    return source is not None and source != "api"


def with_source(pod: Object, seen: str) -> Object:
    """The pod with the annotations that the kubelet gives to its own copy: where it is from and since when it is known.
    The pod is not changed."""
    meta = pod["metadata"]
    annotations = {STATIC_SOURCE: "api", **(meta.get("annotations") or {}), SEEN: seen}
    return {**pod, "metadata": {**meta, "annotations": annotations}}


def is_mirror(pod: Object) -> bool:
    return MIRROR_HASH in (pod["metadata"].get("annotations") or {})


def is_critical(pod: Object) -> bool:
    """Never evicted, and others make room for it. Source: kubernetes ``pkg/kubelet/types/pod_update.go``."""
    return is_static(pod) or is_mirror(pod) or int(pod["spec"].get("priority") or 0) >= SYSTEM_CRITICAL


def phase(pod: Object) -> str:
    found: str = (pod.get("status") or {}).get("phase") or "Pending"
    return found


def grace_seconds(pod: Object) -> int:
    """The seconds that a pod's containers are given to end: what a deletion says, else the spec; at least one."""
    seconds = pod["metadata"].get("deletionGracePeriodSeconds")
    if seconds is None:
        seconds = pod["spec"].get("terminationGracePeriodSeconds")
    return max(30 if seconds is None else int(seconds), 1)


def condition(status: Object, type_: str) -> Object | None:
    return next((c for c in status.get("conditions") or () if c["type"] == type_), None)


def host_name(pod: Object) -> str:
    """The pod's short host name: at most 63 characters, not ending in ``-`` or ``.``."""
    name: str = pod["spec"].get("hostnameOverride") or pod["spec"].get("hostname") or pod["metadata"]["name"]
    return name if len(name) <= 63 else name[:63].rstrip("-.")


def host_domain(pod: Object, cluster_domain: str) -> str:
    """``subdomain.namespace.svc.cluster.local``, or ``""`` for a pod without a subdomain."""
    subdomain = pod["spec"].get("subdomain")
    if not subdomain or pod["spec"].get("hostnameOverride"):
        return ""
    return f"{subdomain}.{pod['metadata']['namespace']}.svc.{cluster_domain}"


def qos_class(pod: Object) -> str:
    """Guaranteed, Burstable or BestEffort.

    Source: kubernetes ``pkg/apis/core/v1/helper/qos/qos.go``.
    """
    known = (pod.get("status") or {}).get("qosClass")
    if known:
        return str(known)
    entities = [pod["spec"]] if pod["spec"].get("resources") else [*containers(pod), *init_containers(pod)]
    any_set, guaranteed = False, True
    for entity in entities:
        resources = entity.get("resources") or {}
        limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
        for name in ("cpu", "memory"):
            any_set = any_set or name in limits or name in requests
            if name not in limits or requests.get(name, limits[name]) != limits[name]:
                guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"
