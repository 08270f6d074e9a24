"""The plug-ins that ask whether a pod's node can do what an update of the pod wants.

``NodeDeclaredFeatureValidator``: the node has declared the features that the update needs.
``PodResizeValidator``: a resize fits into what the node has at all; whether there is room now is the kubelet's to say.

Source: kubernetes ``plugin/pkg/admission/{nodedeclaredfeatures,podresize}/admission.go``; component-helpers
``nodedeclaredfeatures``.
"""

from collections.abc import Iterator

from pynetes.apiserver.admission import UPDATE, Attributes, Plugin
from pynetes.kinds.pods.lifecycle import is_sidecar
from pynetes.kinds.pods.resources import amounts, requests
from pynetes.kinds.quota.types import ZERO
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, labels_of, name_of
from pynetes.meta.status import StatusError

_POD_LEVEL = "InPlacePodLevelResourcesVerticalScaling"
_INIT_CONTAINERS = "InPlacePodVerticalScalingInitContainers"
_OS = "kubernetes.io/os"


def features_needed(pod: Object, old: Object) -> Iterator[str]:
    """The features that a node must have declared for the pod to become so."""
    spec, before = pod["spec"], old["spec"]
    if _differ(spec.get("resources"), before.get("resources")):
        yield _POD_LEVEL
    for container, was in zip(spec.get("initContainers") or (), before.get("initContainers") or (), strict=False):
        if not is_sidecar(was) and _differ(container.get("resources"), was.get("resources")):
            yield _INIT_CONTAINERS
            return


def _differ(one: Object | None, other: Object | None) -> bool:
    one, other = one or {}, other or {}
    return any(amounts(one.get(side)) != amounts(other.get(side)) for side in ("requests", "limits"))


def check_features(asked: Attributes) -> None:
    needed = [] if asked.obj is None or asked.old is None else list(features_needed(asked.obj, asked.old))
    if not needed or (node := _node_of_changed(asked)) is None:
        return
    declared = (node.get("status") or {}).get("declaredFeatures") or ()
    missing = [feature for feature in needed if feature not in declared]
    if missing:
        raise asked.forbidden(
            f"pod update requires features {', '.join(missing)} which are not available on node {quoted(name_of(node))}"
        )


def check_resize(asked: Attributes) -> None:
    if (node := _node_of_changed(asked)) is None or asked.obj is None:
        return
    system = labels_of(node).get(_OS, "linux")
    if system != "linux":
        why = f"pod resize is only supported on linux nodes, node {quoted(name_of(node))} is {quoted(system)}"
        raise _refused(asked, why, "UnsupportedPlatform")
    wanted, has = requests(asked.obj), amounts((node.get("status") or {}).get("allocatable"))
    told = []
    cpu, memory = (wanted.get(name, ZERO) for name in ("cpu", "memory"))
    if cpu > has.get("cpu", ZERO):
        told.append(f"cpu, requested: {cpu.milli_value()}, allocatable: {has.get('cpu', ZERO).milli_value()}")
    if memory > has.get("memory", ZERO):
        told.append(f"memory, requested: {memory.value()}, allocatable: {has.get('memory', ZERO).value()}")
    if told:
        why = f"node didn't have enough allocatable resources: {'; '.join(told)}"
        raise _refused(asked, why, "NodeCapacity")


def _node_of_changed(asked: Attributes) -> Object | None:
    """The node of a pod whose spec changes; None for a pod that has none yet. Raises: StatusError 403."""
    pod, old = asked.obj or {}, asked.old or {}
    name = (pod.get("spec") or {}).get("nodeName")
    if not name or pod["metadata"].get("generation") == old["metadata"].get("generation"):
        return None
    node = asked.find("", "nodes", name)
    if node is None:
        raise asked.forbidden(f"node {quoted(name)} not found")
    return node


def _refused(asked: Attributes, why: str, reason: str) -> StatusError:
    error = asked.forbidden(why)
    error.status["details"]["causes"] = [{"reason": reason}]
    return error


_UPDATE = frozenset({UPDATE})
DECLARED_FEATURES = Plugin(
    "NodeDeclaredFeatureValidator",
    _UPDATE,
    frozenset({("", "pods", ""), ("", "pods", "resize")}),
    validate=check_features,
)
POD_RESIZE = Plugin("PodResizeValidator", _UPDATE, frozenset({("", "pods", "resize")}), validate=check_resize)
