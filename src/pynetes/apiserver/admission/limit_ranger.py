"""LimitRanger: pods get the requests and limits that their namespace's LimitRanges give by default, and pods and claims
must stay within what those allow.

Containers are never added to a pod nor changed in place but by ``pods/resize``, so that is the only update of pods that
is looked at.

Source: kubernetes ``plugin/pkg/admission/limitranger/admission.go``.
Differs: resources are looked at in the order of their names, where upstream's order is that of a Go map: any.
"""

from collections.abc import Iterable, Iterator, Mapping

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.kinds.pods.resources import Amounts, amounts, container_totals
from pynetes.meta.gotext import aggregate
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

ANNOTATION = "kubernetes.io/limit-ranger"
_PODS, _RESIZE, _CLAIMS = ("", "pods", ""), ("", "pods", "resize"), ("", "persistentvolumeclaims", "")
_POD_LEVEL = ("cpu", "memory")
_MOST_MILLIS = (2**63 - 1) // 1000
_ZERO = Quantity.of(0)


def mutate(asked: Attributes) -> None:
    if asked.obj is None or asked.resource.plural != "pods" or not _concerns(asked):
        return
    for limit_range in asked.objects("", "limitranges", asked.namespace):
        set_defaults(asked.obj, _items(limit_range))


def validate(asked: Attributes) -> None:
    if asked.obj is None or not _concerns(asked):
        return
    faults = pod_faults if asked.resource.plural == "pods" else claim_faults
    for limit_range in asked.objects("", "limitranges", asked.namespace):
        if found := list(faults(asked.obj, _items(limit_range))):
            raise asked.forbidden(aggregate(found))


def _concerns(asked: Attributes) -> bool:
    if asked.old is None:
        return True
    if asked.resource.plural == "pods" and asked.subresource != "resize":
        return False
    return not asked.old["metadata"].get("deletionTimestamp")


def _items(limit_range: Object) -> list[Object]:
    items: list[Object] = (limit_range.get("spec") or {}).get("limits") or []
    return items


def set_defaults(pod: Object, items: Iterable[Object]) -> None:
    """Give the containers what they do not say, in place; an annotation tells which."""
    wanted: dict[str, dict[str, str]] = {"requests": {}, "limits": {}}
    for item in items:
        if item.get("type") == "Container":
            wanted["requests"] |= item.get("defaultRequest") or {}
            wanted["limits"] |= item.get("default") or {}
    told: list[str] = []
    spec = pod.get("spec") or {}
    for field, what in (("containers", "container"), ("initContainers", "init container")):
        for container in spec.get(field) or ():
            for side, word in (("requests", "request"), ("limits", "limit")):
                if given := _fill(container, side, wanted[side]):
                    told.append(f"{', '.join(given)} {word} for {what} {container.get('name', '')}")
    if told:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: f"LimitRanger plugin set: {'; '.join(told)}"}


def _fill(container: Object, side: str, wanted: Mapping[str, str]) -> list[str]:
    """The names of what was given, sorted."""
    has = (container.get("resources") or {}).get(side) or {}
    given = sorted(name for name in wanted if name not in has)
    if given:
        resources = container["resources"] = {**(container.get("resources") or {})}
        resources[side] = {**has, **{name: wanted[name] for name in given}}
    return given


def pod_faults(pod: Object, items: Iterable[Object]) -> Iterator[str]:
    """What of the pod is beyond the limits, in upstream's words."""
    spec = pod.get("spec") or {}
    for item in items:
        if item.get("type") == "Container":
            for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
                resources = container.get("resources") or {}
                yield from _faults(
                    "Container", item, amounts(resources.get("requests")), amounts(resources.get("limits"))
                )
        elif item.get("type") == "Pod":
            yield from _faults("Pod", item, _pod_amounts(pod, "requests"), _pod_amounts(pod, "limits"))


def _pod_amounts(pod: Object, side: str) -> Amounts:
    total = container_totals(pod, side)
    own = amounts((pod["spec"].get("resources") or {}).get(side))
    return total | {name: amount for name, amount in own.items() if name in _POD_LEVEL}


def claim_faults(claim: Object, items: Iterable[Object]) -> Iterator[str]:
    """The same for a claim: what counts is what it requests."""
    kind = "PersistentVolumeClaim"
    requests = amounts(((claim.get("spec") or {}).get("resources") or {}).get("requests"))
    for item in items:
        if item.get("type") != kind:
            continue
        for name, bound in sorted(amounts(item.get("min")).items()):
            yield from _below(kind, name, bound, requests, {})
        for name, bound in sorted(amounts(item.get("max")).items()):
            what = f"maximum {name} usage per {kind} is {bound}"
            if name not in requests:
                yield f"{what}.  No request is specified"
            elif requests[name] > bound:
                yield f"{what}, but request is {requests[name]}"


def _faults(kind: str, item: Object, requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, bound in sorted(amounts(item.get("min")).items()):
        yield from _below(kind, name, bound, requests, limits)
    for name, bound in sorted(amounts(item.get("max")).items()):
        yield from _above(kind, name, bound, requests, limits)
    for name, bound in sorted(amounts(item.get("maxLimitRequestRatio")).items()):
        yield from _too_far_apart(kind, name, bound, requests, limits)


def _below(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    what = f"minimum {name} usage per {kind} is {bound}"
    if name not in requests:
        yield f"{what}.  No request is specified"
    elif requests[name] < bound:
        yield f"{what}, but request is {requests[name]}"
    elif name in limits and limits[name] < bound:
        yield f"{what}, but limit is {limits[name]}"


def _above(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    what = f"maximum {name} usage per {kind} is {bound}"
    if name not in limits:
        yield f"{what}.  No limit is specified"
    elif limits[name] > bound:
        yield f"{what}, but limit is {limits[name]}"
    elif name in requests and requests[name] > bound:
        yield f"{what}, but request is {requests[name]}"


def _too_far_apart(kind: str, name: str, bound: Quantity, requests: Amounts, limits: Amounts) -> Iterator[str]:
    what = f"{name} max limit to request ratio per {kind} is {bound}"
    request, limit = requests.get(name, _ZERO), limits.get(name, _ZERO)
    if not request:
        yield f"{what}, but no request is specified or request is 0"
    elif not limit:
        yield f"{what}, but no limit is specified or limit is 0"
    else:
        exact = max(request.value(), limit.value(), bound.value()) <= _MOST_MILLIS
        ratio = limit.milli_value() / request.milli_value() if exact else limit.value() / request.value()
        if ratio * 1000 > bound.milli_value():
            yield f"{what}, but provided ratio is {ratio:f}"


PLUGIN = Plugin("LimitRanger", frozenset({CREATE, UPDATE}), frozenset({_PODS, _RESIZE, _CLAIMS}), mutate, validate)
