"""What is wrong with an ingress.

Source: kubernetes ``pkg/apis/networking/validation/validation.go`` ``ValidateIngress``.
"""

from collections.abc import Sequence

from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.addresses import legacy_ip, parse_ip
from pynetes.meta.fielderrors import Path, invalid, not_supported, required
from pynetes.meta.names import (
    dns1123_label,
    dns1123_subdomain,
    path_segment,
    port_name,
    port_number,
    wildcard_subdomain,
)
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

CLASS_ANNOTATION = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_SEQUENCES = ("//", "/./", "/../", "%2f", "%2F")
_SUFFIXES = ("/..", "/.")
_NOT_ADDRESS = "must be a DNS name, not an IP address"


def validate(ingress: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(ingress, True) + _spec(ingress.get("spec") or {}, {})
    named = annotations_of(ingress).get(CLASS_ANNOTATION)
    class_name = (ingress.get("spec") or {}).get("ingressClassName")
    if named is not None and class_name is not None and named != class_name:
        detail = "must match `ingressClassName` when both are specified"
        causes.append(invalid(f"annotations.{CLASS_ANNOTATION}", named, detail))
    return causes


def validate_update(ingress: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(ingress, old)
    if context.subresource == "status":
        return causes + _status(ingress.get("status") or {}, old.get("status") or {})
    return causes + object_meta(ingress, True) + _spec(ingress.get("spec") or {}, old.get("spec") or {})


def _spec(spec: Object, old: Object) -> list[Cause]:
    causes: list[Cause] = []
    if not spec.get("rules") and spec.get("defaultBackend") is None:
        detail = "either `defaultBackend` or `rules` must be specified"
        causes.append(invalid("spec", spec.get("rules"), detail))
    if (backend := spec.get("defaultBackend")) is not None:
        causes += _backend("spec.defaultBackend", backend)
    any_wildcard = any("*" in (r.get("host") or "") and _http("", r) for r in old.get("rules") or ())
    for i, rule in enumerate(spec.get("rules") or ()):
        causes += _rule(f"spec.rules[{i}]", rule, any_wildcard)
    any_secret = any(dns1123_subdomain(tls["secretName"]) for tls in old.get("tls") or () if tls.get("secretName"))
    for i, tls in enumerate(spec.get("tls") or ()):
        causes += _tls(f"spec.tls[{i}]", tls, any_secret)
    if (name := spec.get("ingressClassName")) is not None:
        causes += [invalid("spec.ingressClassName", name, p) for p in dns1123_subdomain(name)]
    return causes


def _host(path: Path, host: str) -> list[Cause]:
    rule = wildcard_subdomain if "*" in host else dns1123_subdomain
    return [invalid(path, host, p) for p in rule(host)]


def _rule(path: Path, rule: Object, any_wildcard: bool) -> list[Cause]:
    causes: list[Cause] = []
    host = rule.get("host") or ""
    if host:
        if parse_ip(host) is not None:
            causes.append(invalid(f"{path}.host", host, _NOT_ADDRESS))
        causes += _host(f"{path}.host", host)
    return causes if "*" in host and any_wildcard else causes + _http(path, rule)


def _http(path: Path, rule: Object) -> list[Cause]:
    http = rule.get("http")
    if http is None:
        return []
    paths = http.get("paths") or ()
    if not paths:
        return [required(f"{path}.http.paths")]
    return [c for i, item in enumerate(paths) for c in _path(f"{path}.http.paths[{i}]", item)]


def _path(path: Path, item: Object) -> list[Cause]:
    kind, place = item.get("pathType"), item.get("path") or ""
    if kind is None:
        return [required(f"{path}.pathType", "pathType must be specified")]
    causes: list[Cause] = []
    at = f"{path}.path"
    if kind not in _PATH_TYPES:
        causes.append(not_supported(f"{path}.pathType", kind, _PATH_TYPES))
    elif not place.startswith("/") and (place or kind != "ImplementationSpecific"):
        causes.append(invalid(at, place, "must be an absolute path"))
    if kind in ("Exact", "Prefix"):
        causes += [invalid(at, place, f"must not contain '{s}'") for s in _SEQUENCES if s in place]
        causes += [invalid(at, place, f"cannot end with '{s}'") for s in _SUFFIXES if place.endswith(s)]
    return causes + _backend(f"{path}.backend", item.get("backend") or {})


def _backend(path: Path, backend: Object) -> list[Cause]:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if resource is not None:
        return typed_reference(f"{path}.resource", resource)
    if service is None:
        return [invalid(path, "", "resource or service backend is required")]
    causes: list[Cause] = []
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        causes.append(required(f"{path}.service.name"))
    else:
        causes += [invalid(f"{path}.service.name", name, p) for p in dns1123_label(name)]
    named, number = port.get("name") or "", port.get("number") or 0
    if named and number:
        causes.append(invalid(path, "", "cannot set both port name & port number"))
    elif named:
        causes += [invalid(f"{path}.service.port.name", named, p) for p in port_name(named)]
    elif number:
        causes += [invalid(f"{path}.service.port.number", number, p) for p in port_number(number)]
    else:
        causes.append(required(path, "port name or number is required"))
    return causes


def typed_reference(path: Path, reference: Object) -> list[Cause]:
    """Against a group, kind and name."""
    causes: list[Cause] = []
    if (group := reference.get("apiGroup")) is not None:
        causes += [invalid(f"{path}.apiGroup", group, p) for p in dns1123_subdomain(group)]
    for member in ("kind", "name"):
        value = reference.get(member) or ""
        if not value:
            causes.append(required(f"{path}.{member}"))
        else:
            causes += [invalid(f"{path}.{member}", value, p) for p in path_segment(value)]
    return causes


def _tls(path: Path, tls: Object, any_secret: bool) -> list[Cause]:
    causes = [c for i, host in enumerate(tls.get("hosts") or ()) for c in _host(f"{path}.hosts[{i}]", host)]
    name = tls.get("secretName") or ""
    if name and not any_secret:
        causes += [invalid(f"{path}.secretName", name, p) for p in dns1123_subdomain(name)]
    return causes


def _status(status: Object, old: Object) -> list[Cause]:
    points = (status.get("loadBalancer") or {}).get("ingress") or ()
    existing = [p["ip"] for p in (old.get("loadBalancer") or {}).get("ingress") or () if p.get("ip")]
    causes: list[Cause] = []
    for i, point in enumerate(points):
        at, ip, host = f"status.loadBalancer.ingress[{i}]", point.get("ip") or "", point.get("hostname") or ""
        if ip:
            causes += legacy_ip(f"{at}.ip", ip, existing)
        if host:
            causes += [invalid(f"{at}.hostname", host, p) for p in dns1123_subdomain(host)]
            if parse_ip(host) is not None:
                causes.append(invalid(f"{at}.hostname", host, _NOT_ADDRESS))
    return causes
