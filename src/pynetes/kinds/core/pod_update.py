"""What a pod's updates may not do: the spec is fixed but for a few members.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodUpdate``,
``ValidatePodEphemeralContainersUpdate``, ``ValidatePodResize``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds.core.pod_annotations import MIRROR, annotation_changes
from pynetes.kinds.core.pod_status_update import validate_status_update
from pynetes.kinds.core.pod_validation import metadata_and_spec
from pynetes.kinds.core.tolerations import tolerations
from pynetes.kinds.internal import difference, internal
from pynetes.kinds.metadata import object_meta_update
from pynetes.kinds.pods.resources import qos_class
from pynetes.meta.fielderrors import Path, forbidden, invalid, required, same
from pynetes.meta.gotext import quoted
from pynetes.meta.names import inclusive_range_error
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

_UPDATABLE = (
    "`spec.containers[*].image`",
    "`spec.initContainers[*].image`",
    "`spec.activeDeadlineSeconds`",
    "`spec.tolerations` (only additions to existing tolerations)",
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)",
)
_MAX_INT32 = 2147483647
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def validate_update(pod: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    match context.subresource:
        case "status":
            return validate_status_update(pod, old)
        case "ephemeralcontainers":
            return _ephemeral(pod, old)
        case "resize":
            return _resize(pod, old)
    return _spec(pod, old)


def _spec(pod: Object, old: Object) -> list[Cause]:
    spec, before = pod["spec"], old["spec"]
    causes = object_meta_update(pod, old) + metadata_and_spec(pod)
    causes += annotation_changes(pod, old)
    for where in ("containers", "initContainers"):
        new, previous = spec.get(where) or (), before.get(where) or ()
        if len(new) != len(previous):
            return [*causes, forbidden(f"spec.{where}", "pod updates may not add or remove containers")]
        for i, container in enumerate(new):
            image = container.get("image") or ""
            if not image:
                causes.append(required(f"spec.{where}[{i}].image"))
            if image != image.strip():
                detail = "must not have leading or trailing whitespace"
                causes.append(invalid(f"spec.{where}[{i}].image", image, detail))
    deadline, stop = _deadline(spec, before)
    causes += deadline
    if stop:
        return causes
    causes += _tolerations("spec.tolerations", spec.get("tolerations") or (), before.get("tolerations") or ())
    causes += _gates(spec, before)
    if same(spec, before):
        return causes
    munged = dict(spec)
    for where in ("containers", "initContainers"):
        if munged.get(where):
            pairs = zip(munged[where], before[where], strict=True)
            munged[where] = [{**container, "image": old_one.get("image")} for container, old_one in pairs]
    for name in ("activeDeadlineSeconds", "schedulingGates", "tolerations"):
        _take(munged, before, name)
    if (before.get("terminationGracePeriodSeconds") or 0) < 0 and munged.get("terminationGracePeriodSeconds") == 1:
        _take(munged, before, "terminationGracePeriodSeconds")
    if before.get("schedulingGates"):
        causes += _gated(munged, before)
    if not same(munged, before):
        detail = f"pod updates may not change fields other than {','.join(_UPDATABLE)}\n"
        causes.append(forbidden("spec", detail + difference("PodSpec", before, munged)))
    return causes


def _take(spec: Object, old: Object, name: str) -> None:
    if name in old:
        spec[name] = old[name]
    else:
        spec.pop(name, None)


def _deadline(spec: Object, old: Object) -> tuple[list[Cause], bool]:
    """It may be set, and made shorter. The second value: nothing more is to be looked at."""
    path = "spec.activeDeadlineSeconds"
    new, before = spec.get("activeDeadlineSeconds"), old.get("activeDeadlineSeconds")
    if new is None:
        if before is None:
            return [], False
        return [invalid(path, None, "must not update from a positive integer to nil value")], False
    if not 0 <= new <= _MAX_INT32:
        return [invalid(path, new, inclusive_range_error(0, _MAX_INT32))], True
    if before is not None and before < new:
        return [invalid(path, new, "must be less than or equal to previous value")], True
    return [], False


def _tolerations(path: Path, new: Sequence[Object], old: Sequence[Object]) -> list[Cause]:
    """Only added; of those that there were, the seconds may change."""
    known = [{k: v for k, v in toleration.items() if k != "tolerationSeconds"} for toleration in new]
    for toleration in old:
        if not any(same({**k, "tolerationSeconds": toleration.get("tolerationSeconds")}, toleration) for k in known):
            detail = "existing toleration can not be modified except its tolerationSeconds"
            return [forbidden(path, detail)]
    return tolerations(path, new)


def _gates(spec: Object, old: Object) -> list[Cause]:
    known = {gate.get("name") for gate in old.get("schedulingGates") or ()}
    return [
        forbidden(
            f"spec.schedulingGates[{i}].name",
            f"only deletion is allowed, but found new scheduling gate '{gate.get('name', '')}'",
        )
        for i, gate in enumerate(spec.get("schedulingGates") or ())
        if gate.get("name") not in known
    ]


def _gated(munged: Object, old: Object) -> list[Cause]:
    """What may be narrowed while the scheduler is kept off; taken back in ``munged`` where it was allowed.

    Source: KEP-3838.
    """
    causes: list[Cause] = []
    selector, before = munged.get("nodeSelector") or {}, old.get("nodeSelector") or {}
    if selector != before:
        if any(selector.get(key) != value for key, value in before.items()):
            detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
            causes.append(invalid("spec.nodeSelector", selector or None, detail))
        _take(munged, old, "nodeSelector")
    new_affinity, old_affinity = munged.get("affinity"), old.get("affinity")
    node, old_node = (new_affinity or {}).get("nodeAffinity"), (old_affinity or {}).get("nodeAffinity")
    if not same(node, old_node):
        causes += _node_affinity(node or {}, old_node or {})
        affinity = {k: v for k, v in (new_affinity or {}).items() if k != "nodeAffinity"}
        if old_node is not None:
            affinity["nodeAffinity"] = old_node
        if affinity or old_affinity is not None:
            munged["affinity"] = affinity
        else:
            munged.pop("affinity", None)
    return causes


def _node_affinity(new: Object, old: Object) -> list[Cause]:
    path = f"spec.affinity.nodeAffinity.{_REQUIRED}.nodeSelectorTerms"
    if old.get(_REQUIRED) is None:
        return []
    terms = (new.get(_REQUIRED) or {}).get("nodeSelectorTerms") or []
    before = old[_REQUIRED].get("nodeSelectorTerms") or []
    if before and len(terms) != len(before):
        shown = [internal("NodeSelectorTerm", term) for term in terms] or None
        detail = "no additions/deletions to non-empty NodeSelectorTerms list are allowed"
        return [invalid(path, shown, detail)]
    return [
        invalid(
            f"{path}[{i}]", internal("NodeSelectorTerm", term), "only additions are allowed (no mutations or deletions)"
        )
        for i, (term, known) in enumerate(zip(terms, before, strict=False))
        if not _only_added(term, known)
    ]


def _only_added(term: Object, old: Object) -> bool:
    lists = ("matchExpressions", "matchFields")
    if not any(old.get(name) for name in lists):
        return not any(term.get(name) for name in lists)
    for name in lists:
        known: Sequence[Any] = old.get(name) or []
        if not same((term.get(name) or [])[: len(known)], known):
            return False
    return True


def _ephemeral(pod: Object, old: Object) -> list[Cause]:
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("[]", "static pods do not support ephemeral containers")]
    causes = object_meta_update(pod, old) + metadata_and_spec(pod)
    causes += annotation_changes(pod, old)
    path = "spec.ephemeralContainers"
    new = {container.get("name"): container for container in pod["spec"].get("ephemeralContainers") or ()}
    for container in old["spec"].get("ephemeralContainers") or ():
        name = container.get("name", "")
        if name not in new:
            causes.append(forbidden(path, f"existing ephemeral containers {quoted(name)} may not be removed\n"))
        elif not same(container, new[name]):
            text = difference("EphemeralContainer", container, new[name])
            detail = f"existing ephemeral containers {quoted(name)} may not be changed\n{text}"
            causes.append(forbidden(path, detail))
    return causes


# Resize. Source: KEP-1287


def _resize(pod: Object, old: Object) -> list[Cause]:
    spec, before = pod["spec"], old["spec"]
    if MIRROR in (old["metadata"].get("annotations") or {}):
        return [forbidden("[]", "static pods cannot be resized")]
    if (before.get("os") or {}).get("name") == "windows":
        return [forbidden("[]", "windows pods cannot be resized")]
    causes = object_meta_update(pod, old) + metadata_and_spec(pod)
    known = (old.get("status") or {}).get("qosClass") or qos_class(old)
    if known != qos_class(pod):
        shown = (pod.get("status") or {}).get("qosClass") or ""
        causes.append(invalid("spec", shown, "Pod QOS Class may not change as a result of resizing"))
    if not _node_can_resize(old):
        causes.append(forbidden("spec", "Pod running on node without support for resize"))
    munged = dict(spec)
    if _has_resources(before) or _has_resources(spec):
        causes += _pod_level(munged, before)
    order = _order(spec, before)
    if order:
        return causes + order
    for where in ("initContainers", "containers"):
        for i, (container, one) in enumerate(zip(spec.get(where) or (), before.get(where) or (), strict=True)):
            causes += _removed(f"spec.{where}[{i}].resources", container, one, "resource")
    for where in ("containers", "initContainers"):
        if munged.get(where):
            pairs = zip(munged[where], before[where], strict=True)
            munged[where] = [_without_resize(container, one) for container, one in pairs]
    if not same(munged, before):
        causes.append(forbidden("spec", "only cpu and memory resources are mutable"))
    return causes


def _node_can_resize(pod: Object) -> bool:
    """A node that can do it reports the resources of running containers."""
    for status in (pod.get("status") or {}).get("containerStatuses") or ():
        if (status.get("state") or {}).get("running") is not None:
            return status.get("resources") is not None
    return True


def _has_resources(spec: Object) -> bool:
    resources = spec.get("resources") or {}
    return bool(resources.get("requests") or resources.get("limits"))


def _pod_level(munged: Object, old: Object) -> list[Cause]:
    if old.get("resources") is not None and munged.get("resources") is None:
        return [forbidden("spec.resources", "pod-level resources cannot be removed")]
    causes: list[Cause] = []
    if old.get("resources") is not None:
        causes += _removed("spec.resources", munged, old, "pod-level resource")
    munged["resources"] = _scaled_back(munged["resources"], old.get("resources") or {})
    if not munged["resources"] and old.get("resources") is None:
        del munged["resources"]
    if not same(munged.get("resources"), old.get("resources")):
        causes.append(forbidden("spec", "only cpu and memory resources are mutable at pod-level"))
    return causes


def _order(spec: Object, old: Object) -> list[Cause]:
    causes: list[Cause] = []
    for where in ("containers", "initContainers"):
        new, before = spec.get(where) or (), old.get(where) or ()
        if len(new) != len(before):
            causes.append(forbidden(f"spec.{where}", f"{where} may not be added or removed on resize"))
            continue
        for i, (container, one) in enumerate(zip(new, before, strict=True)):
            if container.get("name") != one.get("name"):
                detail = f"{where} may not be renamed or reordered on resize"
                causes.append(forbidden(f"spec.{where}[{i}].name", detail))
    return causes


def _removed(path: Path, new: Object, old: Object, what: str) -> list[Cause]:
    causes = []
    for side in ("requests", "limits"):
        names = (new.get("resources") or {}).get(side) or {}
        if any(name not in names for name in (old.get("resources") or {}).get(side) or ()):
            causes.append(forbidden(f"{path}.{side}", f"{what} {side} cannot be removed"))
    return causes


def _without_resize(container: Object, old: Object) -> Object:
    munged = dict(container)
    munged["resources"] = _scaled_back(container.get("resources") or {}, old.get("resources") or {})
    if not munged["resources"] and "resources" not in old:
        del munged["resources"]
    _take(munged, old, "resizePolicy")
    return munged


def _scaled_back(resources: Object, old: Object) -> Object:
    """The resources with cpu and memory as they were."""
    munged = dict(resources)
    for side in ("requests", "limits"):
        amounts = {k: v for k, v in (resources.get(side) or {}).items() if k not in ("cpu", "memory")}
        amounts |= {k: v for k, v in (old.get(side) or {}).items() if k in ("cpu", "memory")}
        if amounts:
            munged[side] = amounts
        else:
            munged.pop(side, None)
    return munged
