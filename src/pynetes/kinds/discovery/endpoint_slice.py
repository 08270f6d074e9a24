"""Endpoint slices. Source: kubernetes ``pkg/apis/discovery/validation/validation.go``, ``pkg/registry/discovery``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.endpoints import PROTOCOLS
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import object_meta
from pynetes.kinds.strategy import raise_generation
from pynetes.meta.addresses import endpoint_ip, ip_warnings, is_ipv6, legacy_ip, strict_ip
from pynetes.meta.fielderrors import Path, duplicate, immutable, invalid, not_supported, required, same, too_many
from pynetes.meta.names import dns1123_label, dns1123_subdomain, label_value, qualified_name
from pynetes.meta.objects import Object, labels_of
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import fully_qualified_domain_name

_ADDRESS_TYPES = ("FQDN", "IPv4", "IPv6")
_HOSTNAME = "kubernetes.io/hostname"
_MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_CONTROLLERS = ("endpointslice-controller.k8s.io", "endpointslicemirroring-controller.k8s.io")


def default(obj: Object) -> None:
    for port in obj.get("ports") or ():
        fill(port, name="", protocol="TCP")


def prepare_create(obj: Object, context: WriteContext) -> None:
    obj["metadata"]["generation"] = 1
    _drop_topology(obj, None)


def prepare_update(obj: Object, old: Object, context: WriteContext) -> None:
    names = (obj.keys() | old.keys()) - {"metadata"}
    if not same(labels_of(obj), labels_of(old)) or not all(same(obj.get(n), old.get(n)) for n in names):
        raise_generation(obj, old)
    if not same(obj.get("endpoints"), old.get("endpoints")):
        _drop_topology(obj, old)


def _drop_topology(obj: Object, old: Object | None) -> None:
    """The topology of old is not written any more; the node that it names stays, if it was known before."""
    known = set()
    for endpoint in (old or {}).get("endpoints") or ():
        known.add((endpoint.get("deprecatedTopology") or {}).get(_HOSTNAME))
    for endpoint in obj.get("endpoints") or ():
        topology = endpoint.pop("deprecatedTopology", None) or {}
        name = topology.get(_HOSTNAME)
        if endpoint.get("nodeName") is None and name is not None and name in known:
            endpoint["nodeName"] = name


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return _rules(obj, None)


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = _rules(obj, old)
    return causes + immutable("addressType", obj.get("addressType", ""), old.get("addressType", ""))


def _rules(obj: Object, old: Object | None) -> list[Cause]:
    causes = object_meta(obj, True)
    kind = obj.get("addressType") or ""
    if not kind:
        causes.append(required("addressType"))
    elif kind not in _ADDRESS_TYPES:
        causes.append(not_supported("addressType", kind, _ADDRESS_TYPES))
    causes += _ports(obj.get("ports") or ())
    endpoints = _endpoints(obj.get("endpoints") or (), kind)
    if endpoints and old is not None and same(obj.get("endpoints"), old.get("endpoints")):
        return causes  # what older versions accepted may stay
    return causes + endpoints


def _ports(ports: Sequence[Object]) -> list[Cause]:
    if len(ports) > 20000:
        return [too_many("ports", len(ports), 20000)]
    causes: list[Cause] = []
    names = set()
    for i, port in enumerate(ports):
        path, name, protocol = f"ports[{i}]", port.get("name") or "", port.get("protocol")
        if name:
            causes += [invalid(f"{path}.name", name, p) for p in dns1123_label(name)]
        if name in names:
            causes.append(duplicate(f"{path}.name", name))
        names.add(name)
        if protocol is None:
            causes.append(required(f"{path}.protocol"))
        elif protocol not in PROTOCOLS:
            causes.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
        if (application := port.get("appProtocol")) is not None:
            causes += [invalid(f"{path}.appProtocol", application, p) for p in qualified_name(application)]
    return causes


def _endpoints(endpoints: Sequence[Object], kind: str) -> list[Cause]:
    if len(endpoints) > 1000:
        return [too_many("endpoints", len(endpoints), 1000)]
    causes: list[Cause] = []
    for i, endpoint in enumerate(endpoints):
        path = f"endpoints[{i}]"
        addresses = endpoint.get("addresses") or ()
        if not addresses:
            causes.append(required(f"{path}.addresses", "must contain at least 1 address"))
        elif len(addresses) > 100:
            causes.append(too_many(f"{path}.addresses", len(addresses), 100))
        for j, address in enumerate(addresses):
            causes += _address(f"{path}.addresses", j, address, kind)
        if (node := endpoint.get("nodeName")) is not None:
            causes += [invalid(f"{path}.nodeName", node, p) for p in dns1123_subdomain(node)]
        if (hostname := endpoint.get("hostname")) is not None:
            causes += [invalid(f"{path}.hostname", hostname, p) for p in dns1123_label(hostname)]
        if hints := endpoint.get("hints"):
            causes += _hints(f"{path}.hints", hints)
    return causes


def _address(path: Path, index: int, address: str, kind: str) -> list[Cause]:
    at = f"{path}[{index}]"
    if kind == "FQDN":
        return fully_qualified_domain_name(at, address)
    if kind not in ("IPv4", "IPv6"):
        return []
    if causes := legacy_ip(at, address) if kind == "IPv4" else strict_ip(at, address):
        return causes
    causes = []
    if is_ipv6(address) != (kind == "IPv6"):
        causes.append(invalid(path, address, f"must be an {kind} address"))
    return causes + endpoint_ip(at, address)


def _hints(path: Path, hints: Object) -> list[Cause]:
    causes: list[Cause] = []
    for where, rule in (("forZones", label_value), ("forNodes", dns1123_subdomain)):
        items = hints.get(where) or ()
        if len(items) > 8:
            causes.append(too_many(f"{path}.{where}", len(items), 8))
            return causes
        names = set()
        for i, item in enumerate(items):
            at, name = f"{path}.{where}[{i}].name", item.get("name") or ""
            if name in names:
                causes.append(duplicate(at, name))
            names.add(name)
            causes += [invalid(at, name, p) for p in rule(name)]
    return causes


def warnings(obj: Object, old: Object | None) -> Sequence[str]:
    found = []
    if old is None and obj.get("addressType") == "FQDN":
        found.append("spec.addressType: FQDN endpoints are deprecated")
    if labels_of(obj).get(_MANAGED_BY) in _CONTROLLERS:
        return found
    for i, endpoint in enumerate(obj.get("endpoints") or ()):
        for j, address in enumerate(endpoint.get("addresses") or ()):
            found += ip_warnings(f"endpoints[{i}].addresses[{j}]", address)
    return found


def table_row(obj: Object, now: float) -> list[Any]:
    ports = [str(p["port"]) if p.get("port") is not None else p.get("name", "*") for p in obj.get("ports") or ()]
    addresses = [a for e in obj.get("endpoints") or () for a in e.get("addresses") or ()]
    return [
        obj["metadata"]["name"],
        obj.get("addressType") or "",
        rows.shortened(ports),
        rows.shortened(addresses),
        rows.age(obj, now),
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
