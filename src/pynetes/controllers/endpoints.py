"""What of a service's pods is reachable, as the two kinds of endpoint objects need it; and the legacy Endpoints.

Watches: Services, Pods, Endpoints.
Owns: the Endpoints object of every service that has a selector.
Guarantees: one address a pod, in the service's first IP family; ready ones and others apart; at most 1000.
Caveats: kept for `kubectl get endpoints` and old clients; EndpointSlices are what proxies read.

Source: pkg/controller/endpoint/endpoints_controller.go; k8s.io/endpointslice ``utils.go``.
"""

import ipaddress
from collections.abc import Iterable, Sequence
from typing import Any

from pynetes.client.informer import Change, Informer
from pynetes.client.kinds import ENDPOINTS, PODS, SERVICES
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Create, Delete, Update, apply, namespace_is_terminating
from pynetes.controllers.ownership import named
from pynetes.controllers.portorder import of_endpoints
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, annotations_of, labels_of, name_of, namespace_of, split_key, uid_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time, rfc3339

HEADLESS = "service.kubernetes.io/headless"
TRIGGER_TIME = "endpoints.kubernetes.io/last-change-trigger-time"
OVER_CAPACITY = "endpoints.kubernetes.io/over-capacity"
MANAGED_BY = "endpoints.kubernetes.io/managed-by"
MANAGER = "endpoint-controller"
CAPACITY = 1000


def selects(service: Object, labels: dict[str, str]) -> bool:
    selector: dict[str, str] = service["spec"].get("selector") or {}
    return bool(selector) and selector.items() <= labels.items()


def is_served(service: Object) -> bool:
    """Whether the endpoints of a service are made by controllers: it selects pods, and is no mere name."""
    return service["spec"].get("type") != "ExternalName" and bool(service["spec"].get("selector"))


def is_headless(service: Object) -> bool:
    return service["spec"].get("clusterIP") in ("None", "", None)


def belongs(pod: Object, include_terminating: bool) -> bool:
    """Whether a pod is an endpoint at all: it has an address, has not ended, and is not on its way out for good."""
    if lifecycle.is_terminal(pod) or not addresses_of(pod):
        return False
    return include_terminating or not podstate.is_deleted(pod)


def addresses_of(pod: Object) -> list[str]:
    status = pod.get("status") or {}
    listed = [entry["ip"] for entry in status.get("podIPs") or () if entry.get("ip")]
    return listed or ([status["podIP"]] if status.get("podIP") else [])


def family_of(address: str) -> str:
    return f"IPv{ipaddress.ip_address(address).version}"


def families_of(service: Object) -> list[str]:
    families: list[str] = service["spec"].get("ipFamilies") or []
    if families:
        return families
    address = service["spec"].get("clusterIP")
    return [family_of(address)] if address and address != "None" else ["IPv4", "IPv6"]


def target_port(pod: Object, port: Object) -> int | None:
    """The number of a service's port on one pod; None when the pod has no port of that name and protocol."""
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target or int(port["port"])
    spec = pod["spec"]
    sidecars = [c for c in spec.get("initContainers") or () if lifecycle.is_sidecar(c)]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for candidate in container.get("ports") or ():
            same_protocol = (candidate.get("protocol") or "TCP") == (port.get("protocol") or "TCP")
            if candidate.get("name") == target and same_protocol:
                return int(candidate["containerPort"])
    return None


def ports_of(service: Object, pod: Object) -> list[Object]:
    """The service's ports as one pod has them."""
    ports = []
    for port in service["spec"].get("ports") or ():
        number = target_port(pod, port)
        if number is None:
            continue
        found: Object = {"name": port.get("name", ""), "port": number, "protocol": port.get("protocol") or "TCP"}
        if port.get("appProtocol"):
            found["appProtocol"] = port["appProtocol"]
        ports.append(found)
    return ports


def target_of(pod: Object) -> Object:
    return {"kind": "Pod", "namespace": namespace_of(pod), "name": name_of(pod), "uid": uid_of(pod)}


def hostname_of(pod: Object, service: Object) -> str:
    """The pod's own name in the service's domain, if it has one."""
    spec = pod["spec"]
    if spec.get("hostname") and spec.get("subdomain") == name_of(service):
        return str(spec["hostname"])
    return ""


def key_of_pod_change(change: Change, services: Informer) -> list[str]:
    """The services that a change of a pod concerns."""
    old = change.old.object if change.old is not None else None
    new = change.new.object if change.new is not None else None
    if old is not None and new is not None and not _endpoint_changed(old, new):
        return []
    pods = [pod for pod in (old, new) if pod is not None]
    return [
        f"{namespace_of(service)}/{name_of(service)}"
        for service in services.list(namespace_of(pods[0]))
        if is_served(service) and any(selects(service, labels_of(pod)) for pod in pods)
    ]


def _endpoint_changed(old: Object, new: Object) -> bool:
    def facts(pod: Object) -> tuple[Any, ...]:
        spec = pod["spec"]
        return (
            labels_of(pod),
            lifecycle.is_ready(pod),
            lifecycle.is_terminal(pod),
            podstate.is_deleted(pod),
            addresses_of(pod),
            spec.get("nodeName"),
            spec.get("hostname"),
            spec.get("subdomain"),
        )

    return facts(old) != facts(new)


class TriggerTimes:
    """When what changed an endpoint object happened: the earliest news since the last look.

    Source: k8s.io/endpointslice ``util/trigger_time_tracker.go``.
    """

    def __init__(self) -> None:
        self._known: dict[str, tuple[float, dict[str, float]]] = {}

    def look(self, key: str, service: Object, pods: Iterable[Object]) -> float:
        """The time to publish; 0 when nothing is news."""
        known = self._known.get(key)
        created = podstate.created_at(service)
        ready = {name_of(pod): _ready_changed(pod) for pod in pods}
        self._known[key] = (created, ready)
        old_created, old_ready = known if known is not None else (0.0, {})
        times = [t for name, t in ready.items() if t > old_ready.get(name, 0.0)] if known is not None else []
        if known is None:
            times = [t for t in ready.values() if t]
            if not times:
                times = [created]
        elif created > old_created:
            times.append(created)
        return min((t for t in times if t), default=0.0)

    def forget(self, key: str) -> None:
        self._known.pop(key, None)


def _ready_changed(pod: Object) -> float:
    condition = lifecycle.condition(pod, "Ready")
    text = (condition or {}).get("lastTransitionTime")
    return parse_time(text) if text else 0.0


def plan(service: Object, pods: Sequence[Object], present: Object | None, triggered: float) -> list[Action]:
    """What brings the Endpoints object to what the pods are."""
    subsets = _subsets(service, pods)
    labels = {k: v for k, v in labels_of(service).items() if k != HEADLESS}
    if is_headless(service):
        labels[HEADLESS] = ""
    labels[MANAGED_BY] = MANAGER
    total = sum(len(s.get("addresses") or ()) + len(s.get("notReadyAddresses") or ()) for s in subsets)
    annotations = dict(annotations_of(present)) if present is not None else {}
    unchanged = present is not None and (present.get("subsets") or []) == _truncated(subsets)
    if unchanged and present is not None and labels_of(present) == labels:
        return []
    annotations.pop(TRIGGER_TIME, None)
    annotations.pop(OVER_CAPACITY, None)
    if triggered:
        annotations[TRIGGER_TIME] = rfc3339(triggered)
    if total > CAPACITY:
        annotations[OVER_CAPACITY] = "truncated"
    metadata: Object = dict(present["metadata"]) if present is not None else {}
    metadata |= {"name": name_of(service), "namespace": namespace_of(service), "labels": labels}
    metadata["annotations"] = annotations
    endpoints: Object = {"kind": "Endpoints", "apiVersion": "v1", "metadata": metadata}
    if subsets:
        endpoints["subsets"] = _truncated(subsets)
    return [Create(ENDPOINTS, endpoints) if present is None else Update(ENDPOINTS, endpoints)]


def _subsets(service: Object, pods: Sequence[Object]) -> list[Object]:
    """Addresses grouped by the ports that they share, in a fixed order."""
    publish_all = bool(service["spec"].get("publishNotReadyAddresses"))
    family = families_of(service)[0]
    groups: dict[tuple[Any, ...], tuple[list[Object], list[Object]]] = {}
    for pod in pods:
        address = next((a for a in addresses_of(pod) if family_of(a) == family), None)
        if not belongs(pod, publish_all) or address is None:
            continue
        ports = ports_of(service, pod)
        if not ports and not (is_headless(service) and not service["spec"].get("ports")):
            continue
        found: Object = {"ip": address}
        if hostname := hostname_of(pod, service):
            found["hostname"] = hostname
        if node := podstate.node_of(pod):
            found["nodeName"] = node
        found["targetRef"] = target_of(pod)
        ready, not_ready = groups.setdefault(tuple(tuple(sorted(p.items())) for p in ports), ([], []))
        (ready if publish_all or lifecycle.is_ready(pod) else not_ready).append(found)
    return [_subset(ports, *addresses) for ports, addresses in sorted(groups.items())]


def _subset(ports: Iterable[tuple[Any, ...]], ready: list[Object], not_ready: list[Object]) -> Object:
    subset: Object = {}
    if ready:
        subset["addresses"] = sorted(ready, key=lambda a: (a["ip"], a["targetRef"]["uid"]))
    if not_ready:
        subset["notReadyAddresses"] = sorted(not_ready, key=lambda a: (a["ip"], a["targetRef"]["uid"]))
    listed = [{k: v for k, v in port if not (k == "name" and v == "")} for port in ports]
    listed = of_endpoints(listed)
    if listed:
        subset["ports"] = listed
    return subset


def _truncated(subsets: Sequence[Object]) -> list[Object]:
    """At most 1000 addresses, ready ones before others."""
    room = CAPACITY
    kept: list[Object] = [dict(subset) for subset in subsets]
    for field in ("addresses", "notReadyAddresses"):
        for subset in kept:
            if field in subset:
                subset[field] = subset[field][:room]
                room -= len(subset[field])
    return kept


class Endpoints:
    """The acting half; keys are services."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._times = TriggerTimes()
        self._services = context.informers.get(SERVICES)
        self._pods = context.informers.get(PODS)
        self._endpoints = context.informers.get(ENDPOINTS)
        self._services.add_handler(lambda change: context.queue.add(change.key))
        self._pods.add_handler(self._pod_changed)
        self._endpoints.add_handler(self._endpoints_changed)

    async def reconcile(self, key: str) -> float | None:
        service = self._services.get(key)
        if service is None:
            self._times.forget(key)
            if self._endpoints.get(key) is not None:
                namespace, name = split_key(key)
                await apply(self._context, [Delete(ENDPOINTS, namespace, name)])
            return None
        if not is_served(service):
            return None
        pods = [pod for pod in self._pods.list(namespace_of(service)) if selects(service, labels_of(pod))]
        triggered = self._times.look(key, service, pods)
        present = self._endpoints.get(key)
        try:
            await apply(self._context, plan(named(SERVICES, service), pods, present, triggered))
        except StatusError as error:
            if not namespace_is_terminating(error):
                raise
        return None

    def _pod_changed(self, change: Change) -> None:
        for key in key_of_pod_change(change, self._services):
            self._context.queue.add(key)

    def _endpoints_changed(self, change: Change) -> None:
        if change.new is None:
            self._context.queue.add(change.key)


CONTROLLER = Controller("endpoints-controller", Endpoints, "endpoint-controller")
