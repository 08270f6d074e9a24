"""Publishes the pods behind a service as EndpointSlices, a hundred at most in each.

Watches: Services, Pods, EndpointSlices, Nodes (zones).
Owns: EndpointSlices labelled ``endpointslice.kubernetes.io/managed-by: endpointslice-controller.k8s.io``.
Guarantees: slices are per IP family and per set of ports; an endpoint stays in the slice that it is in; changed slices
    are filled before new ones are made; a service without endpoints has one empty slice a family.
Caveats: topology hints (annotation, trafficDistribution) are not set yet: traffic is simply not kept near.

Source: k8s.io/endpointslice ``reconciler.go`` and ``utils.go``; pkg/controller/endpointslice.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import orjson

from pynetes.client.informer import Change
from pynetes.client.kinds import ENDPOINT_SLICES, NODES, PODS, SERVICES
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Create, Delete, Update, namespace_is_terminating, perform
from pynetes.controllers.endpoints import (
    HEADLESS,
    TRIGGER_TIME,
    TriggerTimes,
    addresses_of,
    belongs,
    families_of,
    family_of,
    hostname_of,
    is_headless,
    is_served,
    key_of_pod_change,
    ports_of,
    selects,
    target_of,
)
from pynetes.controllers.ownership import is_controlled_by, named, reference
from pynetes.controllers.portorder import of_slices
from pynetes.controllers.types import Context, Controller
from pynetes.controllers.unseen import Unseen
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
MANAGER = "endpointslice-controller.k8s.io"
_RESERVED = (SERVICE_NAME, MANAGED_BY, HEADLESS)
_ZONE = "topology.kubernetes.io/zone"

BY_SERVICE = "service"


def service_key(piece: Object) -> str:
    """Of the service whose slice it is."""
    return f"{namespace_of(piece)}/{labels_of(piece).get(SERVICE_NAME, '')}"


SERVICE_INDEX: Mapping[str, Callable[[Object], Iterable[str]]] = {BY_SERVICE: lambda piece: (service_key(piece),)}


@dataclass(slots=True)
class _Group:
    """The endpoints of one IP family that share their ports."""

    ports: list[Object]
    wanted: dict[bytes, Object] = field(default_factory=dict)
    slices: list[Object] = field(default_factory=list)


def plan(
    service: Object,
    pods: Sequence[Object],
    slices: Sequence[Object],
    node_of: Callable[[str], Object | None],
    most: int,
    triggered: float,
) -> list[Action]:
    """``slices``: the service's own that are not being deleted. ``node_of`` finds a node by name."""
    actions: list[Action] = []
    families = families_of(service)
    for family in families:
        present = [piece for piece in slices if piece["addressType"] == family]
        actions += _plan_family(service, family, pods, present, node_of, most, triggered)
    for piece in slices:
        if piece["addressType"] not in families:
            actions.append(_deletion(piece))
    return sorted(actions, key=lambda action: isinstance(action, Delete))


def _plan_family(
    service: Object,
    family: str,
    pods: Sequence[Object],
    slices: Sequence[Object],
    node_of: Callable[[str], Object | None],
    most: int,
    triggered: float,
) -> list[Action]:
    groups: dict[bytes, _Group] = {}
    foreign = [piece for piece in slices if not is_controlled_by(piece, service)]
    for pod in pods:
        _place(service, family, pod, groups, node_of)
    stale = list(foreign)
    for piece in slices:
        if piece in foreign:
            continue
        group = groups.get(ports_key(piece.get("ports") or []))
        if group is None:
            stale.append(piece)
        else:
            group.slices.append(piece)
    writes: list[Action] = []
    for group in groups.values():
        made, gone = _fill(service, family, group, most)
        writes += made
        stale += gone
    creates = any(isinstance(action, Create) for action in writes)
    if len(stale) == len(slices) and not creates:
        placeholder = new_slice(service, family, [], [])
        if len(stale) == 1 and _is_placeholder(stale[0], placeholder):
            return []
        writes.append(Create(ENDPOINT_SLICES, placeholder))
    for action in writes:
        assert isinstance(action, Create | Update)
        _date(action.object, triggered)
    # what was emptied is kept for what is new, rather than deleted beside it
    return _reuse(writes, stale)


def _reuse(writes: list[Action], stale: list[Object]) -> list[Action]:
    """A slice to delete takes over the content of one to create: one write instead of two."""
    actions: list[Action] = []
    spare = [piece for piece in stale if "deletionTimestamp" not in piece["metadata"]]
    for action in writes:
        same_type = [piece for piece in spare if isinstance(action, Create) and _may_become(piece, action.object)]
        if isinstance(action, Create) and same_type:
            piece = same_type[0]
            spare.remove(piece)
            stale.remove(piece)
            metadata = {**piece["metadata"], **{k: action.object["metadata"][k] for k in ("labels", "annotations")}}
            action = Update(ENDPOINT_SLICES, {**action.object, "metadata": metadata})
        actions.append(action)
    return [*actions, *map(_deletion, stale)]


def _may_become(piece: Object, wanted: Object) -> bool:
    return piece["addressType"] == wanted["addressType"] and bool(
        piece["metadata"].get("ownerReferences") == wanted["metadata"]["ownerReferences"]
    )


def _place(
    service: Object,
    family: str,
    pod: Object,
    groups: dict[bytes, _Group],
    node_of: Callable[[str], Object | None],
) -> None:
    addresses = [address for address in addresses_of(pod) if family_of(address) == family]
    if not belongs(pod, include_terminating=True):
        return
    ports = ports_of(service, pod)
    group = groups.setdefault(ports_key(ports), _Group(of_slices(ports)))
    node = node_of(podstate.node_of(pod))
    if node is None and not service["spec"].get("publishNotReadyAddresses"):
        return
    if addresses:
        found = endpoint(service, pod, addresses[0], node)
        group.wanted[_identity(found)] = found


def endpoint(service: Object, pod: Object, address: str, node: Object | None) -> Object:
    serving, terminating = lifecycle.is_ready(pod), podstate.is_deleted(pod)
    ready = bool(service["spec"].get("publishNotReadyAddresses")) or (serving and not terminating)
    found: Object = {
        "addresses": [address],
        "conditions": {"ready": ready, "serving": serving, "terminating": terminating},
        "targetRef": target_of(pod),
    }
    if hostname := hostname_of(pod, service):
        found["hostname"] = hostname
    if name := podstate.node_of(pod):
        found["nodeName"] = name
    if node is not None and (zone := labels_of(node).get(_ZONE)):
        found["zone"] = zone
    return found


def _fill(service: Object, family: str, group: _Group, most: int) -> tuple[list[Action], list[Object]]:
    """The writes for one group, and the slices that it no longer needs."""
    left = dict(group.wanted)
    changed: list[Object] = []
    unchanged: list[Object] = []
    emptied: list[Object] = []
    labels = slice_labels(service)
    for piece in group.slices:
        present = piece.get("endpoints") or []
        kept = [left.pop(key) for e in present if (key := _identity(e)) in left]
        if kept != present and not kept:
            emptied.append(piece)
        elif kept != present or labels_of(piece) != labels:
            changed.append({**piece, "endpoints": kept})
        else:
            unchanged.append(piece)
    rest = list(left.values())
    for piece in sorted(changed, key=lambda p: len(p["endpoints"]), reverse=True):
        room = most - len(piece["endpoints"])
        piece["endpoints"], rest = piece["endpoints"] + rest[:room], rest[room:]
    writes: list[Action] = []
    while rest:
        fitting = [p for p in unchanged if len(p.get("endpoints") or ()) + len(rest) <= most]
        if fitting and len(rest) < most:
            fullest = max(fitting, key=lambda p: len(p.get("endpoints") or ()))
            unchanged.remove(fullest)
            changed.append({**fullest, "endpoints": [*(fullest.get("endpoints") or ()), *rest]})
            rest = []
        else:
            writes.append(Create(ENDPOINT_SLICES, new_slice(service, family, group.ports, rest[:most])))
            rest = rest[most:]
    for piece in changed:
        metadata = {**piece["metadata"], "labels": labels}
        writes.append(Update(ENDPOINT_SLICES, {**named(ENDPOINT_SLICES, piece), "metadata": metadata}))
    if not group.wanted and not writes and len(emptied) == len(group.slices):
        return [], emptied
    return writes, emptied


def new_slice(service: Object, family: str, ports: list[Object], endpoints: list[Object]) -> Object:
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "labels": slice_labels(service),
            "ownerReferences": [reference(service, SERVICES)],
        },
        "addressType": family,
        "endpoints": endpoints,
        "ports": ports,
    }


def slice_labels(service: Object) -> dict[str, str]:
    """The service's own labels and those that say whose slice it is."""
    labels = {key: value for key, value in labels_of(service).items() if key not in _RESERVED}
    if is_headless(service):
        labels[HEADLESS] = ""
    return {**labels, SERVICE_NAME: name_of(service), MANAGED_BY: MANAGER}


def _is_placeholder(piece: Object, placeholder: Object) -> bool:
    same = labels_of(piece) == labels_of(placeholder) and piece["addressType"] == placeholder["addressType"]
    return same and not piece.get("endpoints") and not piece.get("ports")


def _date(piece: Object, triggered: float) -> None:
    annotations = {k: v for k, v in annotations_of(piece).items() if k != TRIGGER_TIME}
    if triggered:
        annotations[TRIGGER_TIME] = rfc3339(triggered)
    piece["metadata"] = {**piece["metadata"], "annotations": annotations}


def _deletion(piece: Object) -> Delete:
    return Delete(ENDPOINT_SLICES, namespace_of(piece), name_of(piece))


def ports_key(ports: Sequence[Object]) -> bytes:
    listed = [(p.get("name", ""), p.get("protocol"), p.get("port"), p.get("appProtocol")) for p in ports]
    return orjson.dumps(sorted(listed, key=str))


def _identity(found: Object) -> bytes:
    """What makes two endpoints the same one: address, pod, node, zone and host name."""
    target = found.get("targetRef") or {}
    facts = (found["addresses"], found.get("hostname"), target.get("uid"), target.get("name"), found.get("nodeName"))
    return orjson.dumps((*facts, found.get("zone")))


class EndpointSlices:
    """The acting half; keys are services."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._times = TriggerTimes()
        self._services = context.informers.get(SERVICES)
        self._pods = context.informers.get(PODS)
        self._nodes = context.informers.get(NODES)
        self._slices = context.informers.get(ENDPOINT_SLICES, indexes=SERVICE_INDEX)
        self._unseen = Unseen(self._slices)
        self._services.add_handler(lambda change: context.queue.add(change.key))
        self._pods.add_handler(self._pod_changed)
        self._nodes.add_handler(self._node_changed)
        self._slices.add_handler(self._slice_changed)

    async def reconcile(self, key: str) -> float | None:
        service = self._services.get(key)
        if service is None:
            self._times.forget(key)
            self._unseen.forget(key)
            return None
        if not is_served(service) or self._unseen.waits(key):
            # what was written last is not seen yet: its coming will wake us
            return None
        pods = [pod for pod in self._pods.list(namespace_of(service)) if selects(service, labels_of(pod))]
        slices = [
            piece
            for piece in self._slices.by_index(BY_SERVICE, key)
            if labels_of(piece).get(MANAGED_BY) == MANAGER and not podstate.is_deleted(piece)
        ]
        triggered = self._times.look(key, service, pods)
        most = self._context.settings.max_endpoints_per_slice
        actions = plan(named(SERVICES, service), pods, slices, self._nodes.get, most, triggered)
        for action in actions:
            await self._write(key, service, action)
        return None

    async def _write(self, key: str, service: Object, action: Action) -> None:
        try:
            written = await perform(self._context, action)
        except StatusError as error:
            if namespace_is_terminating(error):
                return
            text = f"Error updating Endpoint Slices for Service {key}: {error}"
            subject = named(SERVICES, service)
            self._context.events.event(subject, "Warning", "FailedToUpdateEndpointSlices", text)
            raise
        self._unseen.wrote(key, action, written)

    def _slice_changed(self, change: Change) -> None:
        entry = change.new or change.old
        assert entry is not None
        piece = entry.object
        key = service_key(piece)
        if self._unseen.saw(key, change) or labels_of(piece).get(MANAGED_BY) == MANAGER:
            self._context.queue.add(key)

    def _pod_changed(self, change: Change) -> None:
        for key in key_of_pod_change(change, self._services):
            self._context.queue.add(key)

    def _node_changed(self, change: Change) -> None:
        """A node came, or moved to another zone: pods on it may be endpoints now, or other ones."""
        old = labels_of(change.old.object).get(_ZONE) if change.old is not None else None
        new = labels_of(change.new.object).get(_ZONE) if change.new is not None else None
        if change.type == "updated" and old == new:
            return
        for service in self._services.list():
            if is_served(service):
                self._context.queue.add(f"{namespace_of(service)}/{name_of(service)}")


CONTROLLER = Controller("endpointslice-controller", EndpointSlices)
