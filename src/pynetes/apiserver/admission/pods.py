"""The small plug-ins about pods and nodes: priority, default tolerations, topology labels, runtime classes, new nodes'
taint.

Source: kubernetes ``plugin/pkg/admission/{priority,defaulttolerationseconds,podtopologylabels,runtimeclass,
nodetaint}/admission.go``.
"""

from pynetes.apiserver.admission import CREATE, DELETE, UPDATE, Attributes, Plugin
from pynetes.meta.objects import Object

NOT_READY, UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_TOLERATED_SECONDS = 300
_SYSTEM_CLASSES = ("system-cluster-critical", "system-node-critical")
_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
_PODS = frozenset({("", "pods", "")})


def set_priority(asked: Attributes) -> None:
    if asked.obj is None:
        return
    spec = asked.obj.setdefault("spec", {})
    if asked.operation == UPDATE:
        # what a client leaves out stays: both are immutable
        old = (asked.old or {}).get("spec") or {}
        for field in ("priority", "preemptionPolicy"):
            if spec.get(field) is None and old.get(field) is not None:
                spec[field] = old[field]
        return
    name = spec.get("priorityClassName") or ""
    if name:
        found = asked.find("scheduling.k8s.io", "priorityclasses", name)
        if found is None:
            raise asked.forbidden(f"no PriorityClass with name {name} was found")
    else:
        found = _default_class(asked)
        if found is not None:
            spec["priorityClassName"] = found["metadata"]["name"]
    priority = 0 if found is None else found.get("value") or 0
    policy = "PreemptLowerPriority" if found is None else found.get("preemptionPolicy") or "PreemptLowerPriority"
    if spec.get("priority") is not None and spec["priority"] != priority:
        raise asked.forbidden(
            f"the integer value of priority ({spec['priority']}) must not be provided in pod spec; "
            f"priority admission controller computed {priority} from the given PriorityClass name"
        )
    spec["priority"] = priority
    said = spec.get("preemptionPolicy")
    if said is not None and said != policy:
        raise asked.forbidden(
            f"the string value of PreemptionPolicy ({said}) must not be provided in pod spec; "
            f"priority admission controller computed {policy} from the given PriorityClass name"
        )
    spec["preemptionPolicy"] = policy


def _default_class(asked: Attributes) -> Object | None:
    """The class that calls itself the default; of several the one with the lowest value."""
    resource = asked.server.resources.get("scheduling.k8s.io", "priorityclasses")
    assert resource is not None
    marked = [
        entry.object for entry in asked.server.cache.of(resource).list() if b'"globalDefault":true' in entry.value
    ]
    return min(marked, key=lambda found: found.get("value") or 0, default=None)


def check_default_class(asked: Attributes) -> None:
    """There is one default PriorityClass at most."""
    if asked.obj is None or not asked.obj.get("globalDefault"):
        return
    default = _default_class(asked)
    if default is not None and default["metadata"]["name"] != asked.obj["metadata"].get("name"):
        raise asked.forbidden(
            f"PriorityClass {default['metadata']['name']} is already marked as default. Only one default can exist"
        )


def priority_validate(asked: Attributes) -> None:
    if asked.resource.plural != "priorityclasses":
        return
    if asked.operation == DELETE:
        if asked.name in _SYSTEM_CLASSES:
            raise asked.forbidden("this is a system priority class and cannot be deleted")
        return
    check_default_class(asked)


def priority_mutate(asked: Attributes) -> None:
    if asked.resource.plural == "pods" and asked.operation != DELETE:
        set_priority(asked)


def add_tolerations(asked: Attributes) -> None:
    if asked.obj is None:
        return
    spec = asked.obj.setdefault("spec", {})
    tolerations = spec.get("tolerations") or []
    added = [
        {"key": key, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": _TOLERATED_SECONDS}
        for key in (NOT_READY, UNREACHABLE)
        if not any(t.get("key", "") in (key, "") and t.get("effect", "") in ("NoExecute", "") for t in tolerations)
    ]
    if added:
        spec["tolerations"] = [*tolerations, *added]


def taint_node(asked: Attributes) -> None:
    if asked.obj is None:
        return
    spec = asked.obj.setdefault("spec", {})
    taints = spec.get("taints") or []
    if not any(t.get("key") == NOT_READY and t.get("effect") == "NoSchedule" for t in taints):
        spec["taints"] = [*taints, {"key": NOT_READY, "effect": "NoSchedule"}]


def label_topology(asked: Attributes) -> None:
    """A pod that is created on a node, or bound to one, takes the node's zone and region."""
    obj = asked.obj
    if obj is None:
        return
    node = (
        (obj.get("target") or {}).get("name")
        if asked.subresource == "binding"
        else (obj.get("spec") or {}).get("nodeName")
    )
    found = asked.find("", "nodes", node) if node else None
    if found is None:
        return
    has = found["metadata"].get("labels") or {}
    labels = {key: has[key] for key in _TOPOLOGY if key in has}
    if labels:
        obj["metadata"]["labels"] = {**(obj["metadata"].get("labels") or {}), **labels}


def runtime_class(asked: Attributes) -> None:
    """The class's overhead and scheduling become the pod's."""
    spec = (asked.obj or {}).get("spec") or {}
    name = spec.get("runtimeClassName")
    if not name:
        if spec.get("overhead"):
            raise asked.forbidden("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    found = asked.find("node.k8s.io", "runtimeclasses", name)
    if found is None:
        raise asked.forbidden(f'pod rejected: RuntimeClass "{name}" not found')
    fixed = (found.get("overhead") or {}).get("podFixed")
    if spec.get("overhead") and spec["overhead"] != fixed:
        raise asked.forbidden(
            "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
            if not fixed
            else "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"
        )
    if fixed:
        spec["overhead"] = dict(fixed)
    scheduling = found.get("scheduling") or {}
    selector = spec.get("nodeSelector") or {}
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            raise asked.forbidden(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
        selector = {**selector, key: value}
    if selector:
        spec["nodeSelector"] = selector
    more = [t for t in scheduling.get("tolerations") or () if t not in (spec.get("tolerations") or ())]
    if more:
        spec["tolerations"] = [*(spec.get("tolerations") or ()), *more]


_CREATE = frozenset({CREATE})
TAINT_NODES_BY_CONDITION = Plugin("TaintNodesByCondition", _CREATE, frozenset({("", "nodes", "")}), taint_node)
PRIORITY = Plugin(
    "Priority",
    frozenset({CREATE, UPDATE, DELETE}),
    frozenset({("", "pods", ""), ("scheduling.k8s.io", "priorityclasses", "")}),
    priority_mutate,
    priority_validate,
)
DEFAULT_TOLERATION_SECONDS = Plugin("DefaultTolerationSeconds", frozenset({CREATE, UPDATE}), _PODS, add_tolerations)
POD_TOPOLOGY_LABELS = Plugin(
    "PodTopologyLabels", _CREATE, frozenset({("", "pods", ""), ("", "pods", "binding")}), label_topology
)
RUNTIME_CLASS = Plugin("RuntimeClass", _CREATE, _PODS, runtime_class)
