"""What a pod asks for and may use at most, over all its containers; and its quality of service class.

Source: component-helpers ``resource/helpers.go``; kubernetes ``pkg/apis/core/helper/qos``; KEP-753 (sidecars),
KEP-2837 (pod level resources).
"""

from collections.abc import Iterable, Mapping

from pynetes.kinds.pods import lifecycle
from pynetes.kinds.pods.lifecycle import is_sidecar
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

Amounts = dict[str, Quantity]

_ZERO = Quantity.parse("0")
_COMPUTE = ("cpu", "memory")


def requests(pod: Object, actual: bool = False) -> Amounts:
    """The effective requests: the largest need at any time, with the pod's own level and overhead.

    ``actual``: while a container is resized, the larger of what it should have and what it has.
    """
    spec = pod["spec"]
    total = container_totals(pod, "requests", actual)
    for name, text in ((spec.get("resources") or {}).get("requests") or {}).items():
        if is_pod_level(name):
            total[name] = Quantity.parse(text)
    _add(total, amounts(spec.get("overhead")))
    return total


def limits(pod: Object, actual: bool = False) -> Amounts:
    """The effective limits; a resource that any container leaves unlimited is the sum of those that limit it."""
    spec = pod["spec"]
    total = container_totals(pod, "limits", actual)
    for name, text in ((spec.get("resources") or {}).get("limits") or {}).items():
        if is_pod_level(name):
            total[name] = Quantity.parse(text)
    for name, amount in amounts(spec.get("overhead")).items():
        if name in total and total[name] != _ZERO:
            total[name] = total[name] + amount
    return total


def container_totals(pod: Object, side: str, actual: bool = False) -> Amounts:
    """Over the containers only; ``side`` is ``requests`` or ``limits``; ``actual`` as in ``requests``.

    Init containers run one after another, beside the sidecars that were started before them; then the containers run
    all together, with all sidecars.
    """
    spec = pod["spec"]
    total: Amounts = {}
    has = _reported(pod) if actual else {}
    for container in spec.get("containers") or ():
        _add(total, _in_effect(pod, container, side, has))
    sidecars: Amounts = {}
    largest: Amounts = {}
    for container in spec.get("initContainers") or ():
        needs = _in_effect(pod, container, side, has if is_sidecar(container) else {})
        if is_sidecar(container):
            _add(total, needs)
            _add(sidecars, needs)
            needs = sidecars
        else:
            _add(needs, sidecars)
        _raise_to(largest, needs)
    _raise_to(total, largest)
    return total


def _reported(pod: Object) -> dict[str, Object]:
    """The statuses of containers whose node tells what they have."""
    status = pod.get("status") or {}
    found = (*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ()))
    return {said["name"]: said for said in found if said.get("resources") is not None}


def _in_effect(pod: Object, container: Object, side: str, has: Mapping[str, Object]) -> Amounts:
    wanted = _of(container, side)
    said = has.get(container.get("name", ""))
    if said is None:
        return wanted
    pending = lifecycle.condition(pod, "PodResizePending")
    if pending is not None and pending.get("reason") == "Infeasible":
        wanted = {}  # the node will never give it
    _raise_to(wanted, amounts(said["resources"].get(side)))
    if side == "requests":
        _raise_to(wanted, amounts(said.get("allocatedResources")))
    return wanted


def amounts(texts: Mapping[str, str] | None) -> Amounts:
    """A resource list, parsed."""
    return {name: Quantity.parse(text) for name, text in (texts or {}).items()}


def is_pod_level(name: str) -> bool:
    """Whether ``spec.resources`` may hold it."""
    return name in _COMPUTE or name.startswith("hugepages-")


def _of(container: Object, side: str) -> Amounts:
    return amounts((container.get("resources") or {}).get(side))


def _add(total: Amounts, more: Mapping[str, Quantity]) -> None:
    for name, amount in more.items():
        total[name] = total[name] + amount if name in total else amount


def _raise_to(total: Amounts, floor: Mapping[str, Quantity]) -> None:
    for name, amount in floor.items():
        if name not in total or total[name] < amount:
            total[name] = amount


def qos_class(pod: Object) -> str:
    """``Guaranteed``, ``Burstable`` or ``BestEffort``, as the spec alone says."""
    spec = pod["spec"]
    pod_level = spec.get("resources") is not None  # even if they say nothing
    owners = [spec] if pod_level else [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    if not any(owner.get("resources") for owner in owners):
        return "BestEffort"
    return _qos_class(owners, pod_level)


def _qos_class(owners: Iterable[Object], pod_level: bool) -> str:
    requested: Amounts = {}
    limited: Amounts = {}
    guaranteed = True
    for owner in owners:
        resources = owner.get("resources") or {}
        _add(requested, _compute(resources.get("requests")))
        bounds = _compute(resources.get("limits"))
        if len(bounds) < len(_COMPUTE) and (resources.get("limits") or not pod_level):
            guaranteed = False
        _add(limited, bounds)
    if not requested and not limited:
        return "BestEffort"
    return "Guaranteed" if guaranteed and requested == limited else "Burstable"


def _compute(texts: Mapping[str, str] | None) -> Amounts:
    return {n: q for n in _COMPUTE if texts and n in texts and (q := Quantity.parse(texts[n])) > _ZERO}
