"""Mirrors Endpoints that somebody wrote by hand into EndpointSlices, which are what proxies read.

Watches: Endpoints, Services, EndpointSlices.
Owns: EndpointSlices labelled ``endpointslice.kubernetes.io/managed-by: endpointslicemirroring-controller.k8s.io``.
Guarantees: Endpoints of a service without a selector have one slice per IP family and set of ports, with their labels
    and annotations; slices go with their Endpoints, their service, or when either says that nothing is mirrored.
Caveats: of each subset at most a thousand addresses; an event says how many were left out.

Source: pkg/controller/endpointslicemirroring; pkg/api/v1/endpoints/util.go (``RepackSubsets``).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from pynetes.client.informer import Change
from pynetes.client.kinds import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from pynetes.controllers import podstate
from pynetes.controllers.actions import (
    Action,
    Create,
    Delete,
    Report,
    Update,
    namespace_is_terminating,
    perform,
)
from pynetes.controllers.endpoints import TRIGGER_TIME
from pynetes.controllers.endpointslice import (
    BY_SERVICE,
    MANAGED_BY,
    SERVICE_INDEX,
    SERVICE_NAME,
    ports_key,
    service_key,
)
from pynetes.controllers.ownership import named, reference
from pynetes.controllers.portorder import of_slices
from pynetes.controllers.types import Context, Controller
from pynetes.controllers.unseen import Unseen
from pynetes.meta.addresses import parse_ip
from pynetes.meta.names import dns1123_subdomain, prefix_problems
from pynetes.meta.objects import Object, annotations_of, labels_of, name_of, namespace_of
from pynetes.meta.status import StatusError

MANAGER = "endpointslicemirroring-controller.k8s.io"
SKIP = "endpointslice.kubernetes.io/skip-mirror"
LEADER = "control-plane.alpha.kubernetes.io/leader"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
_NOT_MIRRORED = (TRIGGER_TIME, LAST_APPLIED)
_FAMILIES = ("IPv4", "IPv6")

Identity = tuple[str, str, str, str]
"""What makes two endpoints the same one: address, host name, namespace and name of the target."""
PortKey = tuple[str, int, str, str]


@dataclass(slots=True)
class Wanted:
    """The endpoints of one family that share their ports."""

    family: str
    ports: list[Object]
    endpoints: dict[Identity, Object] = field(default_factory=dict)


def plan(endpoints: Object, service: Object | None, slices: Sequence[Object], most: int) -> list[Action]:
    """``slices``: those that were mirrored for the service of this name."""
    if service is None or service["spec"].get("selector") or not is_mirrored(endpoints):
        return [_deletion(piece) for piece in slices]
    groups, reports = wanted(endpoints, most)
    present: dict[tuple[str, bytes], list[Object]] = {}
    for piece in slices:
        present.setdefault((piece["addressType"], ports_key(piece.get("ports") or [])), []).append(piece)
    creates: list[Object] = []
    updates: list[Object] = []
    deletes: list[Object] = []
    for key, group in groups.items():
        there = present.pop(key, [])
        if not group.endpoints:
            deletes += there
        elif not there:
            creates.append(new_slice(endpoints, group, most))
        else:
            deletes += there[1:]
            if not _mirrors(there[0], endpoints, group):
                piece = _replacing(there[0], new_slice(endpoints, group, most))
                del piece["metadata"]["generateName"]  # as upstream sends it; what takes over another's place has it
                updates.append(piece)
    for unwanted in present.values():
        deletes += unwanted
    _recycle(creates, updates, deletes)
    if podstate.is_deleted(endpoints):
        creates = []
    return [
        *reports,
        *(Create(ENDPOINT_SLICES, piece) for piece in creates),
        *(Update(ENDPOINT_SLICES, piece) for piece in updates),
        *map(_deletion, deletes),
    ]


def is_mirrored(endpoints: Object) -> bool:
    return labels_of(endpoints).get(SKIP) != "true" and LEADER not in annotations_of(endpoints)


def wanted(endpoints: Object, most: int) -> tuple[dict[tuple[str, bytes], Wanted], list[Action]]:
    """What has to be in slices, by family and ports, and what is to be told about what cannot."""
    groups: dict[tuple[str, bytes], Wanted] = {}
    invalid = skipped = 0
    for ports, addresses in repacked(endpoints.get("subsets") or ()):
        listed = of_slices(map(_slice_port, ports))
        key = ports_key(listed)
        for family in _FAMILIES:
            groups.setdefault((family, key), Wanted(family, listed))
        added = 0
        for address, ready in addresses:
            if added >= most:
                break
            ip = parse_ip(address["ip"])
            if ip is None:
                invalid += 1
                continue
            found = _endpoint(address, str(ip), ready)
            groups[f"IPv{ip.version}", key].endpoints[_identity(found)] = found
            added += 1
        skipped += len(addresses) - added
    reports: list[Action] = []
    if invalid:
        told = f"Skipped {invalid} invalid IP addresses when mirroring to EndpointSlices"
        reports.append(Report(endpoints, "Warning", "InvalidIPAddress", told))
    if skipped > invalid:
        told = (
            f"A max of {most} addresses can be mirrored to EndpointSlices per Endpoints subset. "
            f"{skipped} addresses were skipped"
        )
        reports.append(Report(endpoints, "Warning", "TooManyAddressesToMirror", told))
    return groups, reports


def repacked(subsets: Iterable[Object]) -> list[tuple[list[Object], list[tuple[Object, bool]]]]:
    """The subsets with every port in one of them, beside all addresses that have it: ready ones before others.

    An address that is in one subset ready and in another not is not ready.
    """
    known: dict[tuple[str, str], Object] = {}
    by_port: dict[PortKey | None, dict[tuple[str, str], bool]] = {}
    ports_of: dict[PortKey, Object] = {}
    for subset in subsets:
        keys: list[PortKey | None] = []
        for port in subset.get("ports") or ():
            key = (port.get("name", ""), port["port"], port.get("protocol", ""), port.get("appProtocol", ""))
            ports_of[key] = port
            keys.append(key)
        for name, ready in (("addresses", True), ("notReadyAddresses", False)):
            for address in subset.get(name) or ():
                place = (address["ip"], (address.get("targetRef") or {}).get("uid", ""))
                known.setdefault(place, address)
                for port_key in keys or [None]:
                    places = by_port.setdefault(port_key, {})
                    places[place] = places.get(place, True) and ready
    by_places: dict[frozenset[tuple[tuple[str, str], bool]], list[Object]] = {}
    for port_key, places in by_port.items():
        ports = by_places.setdefault(frozenset(places.items()), [])
        if port_key is not None:
            ports.append(ports_of[port_key])
    return [
        (ports, [(known[place], ready) for place, ready in sorted(places, key=lambda each: (not each[1], each[0]))])
        for places, ports in by_places.items()
    ]


def _slice_port(port: Object) -> Object:
    return {"name": "", **{name: port[name] for name in ("name", "port", "protocol", "appProtocol") if name in port}}


def _endpoint(address: Object, ip: str, ready: bool) -> Object:
    kept = {name: address[name] for name in ("hostname", "targetRef", "nodeName") if address.get(name)}
    return {"addresses": [ip], "conditions": {"ready": ready}, **kept}


def _identity(endpoint: Object) -> Identity:
    target = endpoint.get("targetRef") or {}
    address = endpoint["addresses"][0]
    return address, endpoint.get("hostname", ""), target.get("namespace", ""), target.get("name", "")


def new_slice(endpoints: Object, group: Wanted, most: int) -> Object:
    name = name_of(endpoints)
    prefix = f"{name}-"
    return {
        "kind": "EndpointSlice",
        "apiVersion": "discovery.k8s.io/v1",
        "metadata": {
            "generateName": name if prefix_problems(dns1123_subdomain, prefix) else prefix,
            "namespace": namespace_of(endpoints),
            "labels": {**labels_of(endpoints), SERVICE_NAME: name, MANAGED_BY: MANAGER},
            "annotations": _without(annotations_of(endpoints), _NOT_MIRRORED),
            "ownerReferences": [reference(endpoints, ENDPOINTS)],
        },
        "addressType": group.family,
        "endpoints": list(group.endpoints.values())[:most],
        "ports": group.ports,
    }


def _mirrors(piece: Object, endpoints: Object, group: Wanted) -> bool:
    present = {_identity(endpoint): endpoint for endpoint in piece.get("endpoints") or ()}
    owners = piece["metadata"].get("ownerReferences") or ()
    mine = reference(endpoints, ENDPOINTS)
    return (
        present.keys() == group.endpoints.keys()
        and all(_same(present[key], endpoint) for key, endpoint in group.endpoints.items())
        and _without(labels_of(piece), (SERVICE_NAME, MANAGED_BY)) == labels_of(endpoints)
        and annotations_of(piece) == _without(annotations_of(endpoints), _NOT_MIRRORED)
        and not any(
            (owner["kind"], owner["name"]) == (mine["kind"], mine["name"]) and owner["uid"] != mine["uid"]
            for owner in owners
        )
    )


def _same(one: Object, other: Object) -> bool:
    def facts(endpoint: Object) -> tuple[object, ...]:
        target = _without(endpoint.get("targetRef") or {}, ("resourceVersion",))
        return endpoint.get("nodeName"), endpoint.get("zone"), endpoint.get("conditions"), target

    return facts(one) == facts(other)


def _without(entries: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {key: value for key, value in entries.items() if key not in names}


def _replacing(piece: Object, wanted: Object) -> Object:
    """The wanted slice in the place of one that is there."""
    kept = {key: piece["metadata"][key] for key in ("name", "uid", "resourceVersion")}
    return {**wanted, "metadata": {**wanted["metadata"], **kept}}


def _recycle(creates: list[Object], updates: list[Object], deletes: list[Object]) -> None:
    """A slice to delete takes over what is in one to create: one write instead of two."""
    for piece in list(creates):
        spare = next((old for old in deletes if old["addressType"] == piece["addressType"]), None)
        if spare is not None:
            creates.remove(piece)
            deletes.remove(spare)
            updates.append(_replacing(spare, piece))


def _deletion(piece: Object) -> Delete:
    return Delete(ENDPOINT_SLICES, namespace_of(piece), name_of(piece))


class Mirrors:
    """The acting half; keys are Endpoints, and services of the same name."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._endpoints = context.informers.get(ENDPOINTS)
        self._services = context.informers.get(SERVICES)
        self._slices = context.informers.get(ENDPOINT_SLICES, indexes=SERVICE_INDEX)
        self._unseen = Unseen(self._slices)
        self._endpoints.add_handler(self._endpoints_changed)
        self._services.add_handler(self._service_changed)
        self._slices.add_handler(self._slice_changed)

    async def reconcile(self, key: str) -> float | None:
        if self._unseen.waits(key):
            return None  # its coming will wake us
        slices = [p for p in self._slices.by_index(BY_SERVICE, key) if labels_of(p).get(MANAGED_BY) == MANAGER]
        endpoints = self._endpoints.get(key)
        if endpoints is None:
            self._unseen.forget(key)
            actions: list[Action] = [_deletion(piece) for piece in slices]
        else:
            most = self._context.settings.mirroring_max_endpoints_per_subset
            actions = plan(named(ENDPOINTS, endpoints), self._services.get(key), slices, most)
        for action in actions:
            try:
                written = await perform(self._context, action)
            except StatusError as error:
                if isinstance(action, Create) and namespace_is_terminating(error):
                    break
                raise
            if not isinstance(action, Report):
                self._unseen.wrote(key, action, written)
        return None

    def _endpoints_changed(self, change: Change) -> None:
        if any(is_mirrored(entry.object) for entry in (change.old, change.new) if entry is not None):
            self._context.queue.add(change.key)

    def _service_changed(self, change: Change) -> None:
        old, new = (
            None if entry is None else not entry.object["spec"].get("selector") for entry in (change.old, change.new)
        )
        if old != new and (old or new):
            self._context.queue.add(change.key)

    def _slice_changed(self, change: Change) -> None:
        """Also one that is no longer ours, or no longer this service's."""
        for entry in (change.old, change.new):
            if entry is not None:
                key = service_key(entry.object)
                if self._unseen.saw(key, change) or labels_of(entry.object).get(MANAGED_BY) == MANAGER:
                    self._context.queue.add(key)


CONTROLLER = Controller(
    "endpointslice-mirroring-controller",
    Mirrors,
    "endpoint-slice-mirroring-controller",
    retry_base_seconds=1.0,
    retry_limit_seconds=100.0,
)
