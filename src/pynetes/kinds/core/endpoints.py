"""Endpoints. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateEndpoints``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill_empty
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.addresses import endpoint_ip, ip_warnings, legacy_ip
from pynetes.meta.fielderrors import Path, invalid, not_supported, required, same
from pynetes.meta.names import dns1123_label, dns1123_subdomain, port_number, qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_MANAGED_BY = "endpoints.kubernetes.io/managed-by"
PROTOCOLS = ("SCTP", "TCP", "UDP")


def default(endpoints: Object) -> None:
    for subset in endpoints.get("subsets") or ():
        for port in subset.get("ports") or ():
            fill_empty(port, protocol="TCP")


def validate(endpoints: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(endpoints, True) + _subsets(endpoints)


def validate_update(endpoints: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(endpoints, old) + object_meta(endpoints, True)
    subsets = _subsets(endpoints)
    if subsets and same(endpoints.get("subsets"), old.get("subsets")):
        return causes  # what older versions accepted may stay
    return causes + subsets


def _subsets(endpoints: Object) -> list[Cause]:
    causes: list[Cause] = []
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        at = f"subsets[{i}]"
        if not subset.get("addresses") and not subset.get("notReadyAddresses"):
            causes.append(required(at, "must specify `addresses` or `notReadyAddresses`"))
        for where in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(where) or ()):
                causes += _address(f"{at}.{where}[{j}]", address)
        ports = subset.get("ports") or ()
        for j, port in enumerate(ports):
            causes += _port(f"{at}.ports[{j}]", port, len(ports) > 1)
    return causes


def _address(path: Path, address: Object) -> list[Cause]:
    ip = address.get("ip", "")
    causes = legacy_ip(f"{path}.ip", ip)
    if hostname := address.get("hostname"):
        causes += [invalid(f"{path}.hostname", hostname, p) for p in dns1123_label(hostname)]
    if (node := address.get("nodeName")) is not None:
        causes += [invalid(f"{path}.nodeName", node, p) for p in dns1123_subdomain(node)]
    return causes + endpoint_ip(f"{path}.ip", ip)


def _port(path: Path, port: Object, needs_name: bool) -> list[Cause]:
    causes: list[Cause] = []
    name = port.get("name")
    if name:
        causes += [invalid(f"{path}.name", name, p) for p in dns1123_label(name)]
    elif needs_name:
        causes.append(required(f"{path}.name"))
    number = port.get("port", 0)
    causes += [invalid(f"{path}.port", number, p) for p in port_number(number)]
    protocol = port.get("protocol")
    if not protocol:
        causes.append(required(f"{path}.protocol"))
    elif protocol not in PROTOCOLS:
        causes.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    if (application := port.get("appProtocol")) is not None:
        causes += [invalid(f"{path}.appProtocol", application, p) for p in qualified_name(application)]
    return causes


def warnings(endpoints: Object, old: Object | None) -> Sequence[str]:
    if (endpoints["metadata"].get("labels") or {}).get(_MANAGED_BY) == "endpoint-controller":
        return []  # what the controller writes is canonical
    found: list[str] = []
    for i, subset in enumerate(endpoints.get("subsets") or ()):
        for where in ("addresses", "notReadyAddresses"):
            for j, address in enumerate(subset.get(where) or ()):
                found += ip_warnings(f"subsets[{i}].{where}[{j}].ip", address.get("ip", ""))
    return found


def table_row(endpoints: Object, now: float) -> list[Any]:
    return [endpoints["metadata"]["name"], _listed(endpoints.get("subsets") or ()), rows.age(endpoints, now)]


def _listed(subsets: Sequence[Object]) -> str:
    if not subsets:
        return rows.NONE
    found: list[str] = []
    for subset in subsets:
        ips = [a.get("ip", "") for a in subset.get("addresses") or ()]
        ports = subset.get("ports") or ()
        if not ports:
            found += ips
        for port in ports:
            found += [f"[{ip}]:{port['port']}" if ":" in ip else f"{ip}:{port['port']}" for ip in ips]
    return rows.shortened(found) if found else ""


HOOKS = Hooks(
    default=default,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
