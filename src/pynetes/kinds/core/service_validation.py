"""What is wrong with a service. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``validateService``."""

from collections.abc import Sequence

from pynetes.kinds.core.endpoints import PROTOCOLS
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.addresses import endpoint_ip, is_dual_stack, is_ipv6, legacy_cidr, legacy_ip, parse_ip
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required
from pynetes.meta.names import dns1123_label, dns1123_subdomain, port_name, port_number, qualified_name
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import labels

_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_AFFINITIES = ("ClientIP", "None")
_FAMILIES = ("IPv4", "IPv6")
_FAMILY_POLICIES = ("PreferDualStack", "RequireDualStack", "SingleStack")
_TRAFFIC_POLICIES = ("Cluster", "Local")
_DISTRIBUTIONS = ("PreferClose", "PreferSameZone", "PreferSameNode")
_DAY = 86400
_HINTS = "service.kubernetes.io/topology-aware-hints"
_MODE = "service.kubernetes.io/topology-mode"
_SOURCE_RANGES = "service.beta.kubernetes.io/load-balancer-source-ranges"
_ONLY_LOAD_BALANCER = "may only be used when `type` is 'LoadBalancer'"
_SET_ONCE = "may not change once set"


def is_headless(spec: Object) -> bool:
    return list(spec.get("clusterIPs") or ()) == ["None"]


def validate(service: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(service, True, dns1123_label) + _service(service, None)


def validate_update(service: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(service, old)
    if context.subresource == "status":
        return causes + _load_balancer_status(service, old)
    spec, before = service["spec"], old["spec"]
    if "ExternalName" not in (spec.get("type"), before.get("type")):
        causes += _address_changes(spec, before)
        causes += _family_changes(spec, before)
    if spec.get("type") == before.get("type") == "LoadBalancer":
        name = "loadBalancerClass"
        if spec.get(name) != before.get(name):
            causes.append(invalid(f"spec.{name}", spec.get(name), _SET_ONCE))
    causes += _load_balancer_class(spec)
    if _checks_health(spec) and _checks_health(before):
        name = "healthCheckNodePort"
        if spec.get(name, 0) != before.get(name, 0):
            causes.append(forbidden(f"spec.{name}", "field is immutable"))
    return causes + _service(service, old)


def _service(service: Object, old: Object | None) -> list[Cause]:
    spec = service["spec"]
    annotations = service["metadata"].get("annotations") or {}
    causes: list[Cause] = []
    if _MODE in annotations and _HINTS in annotations and annotations[_MODE] != annotations[_HINTS]:
        detail = f"must match annotations[{_HINTS}] when both are specified"
        causes.append(invalid(f"metadata.annotations[{_MODE}]", annotations[_MODE], detail))
    ports = spec.get("ports") or ()
    kind = spec.get("type") or ""
    if not ports and not is_headless(spec) and kind != "ExternalName":
        causes.append(required("spec.ports"))
    causes += _type_rules(spec, kind)
    names: set[str] = set()
    for i, port in enumerate(ports):
        causes += _port(f"spec.ports[{i}]", port, len(ports) > 1, names)
    if spec.get("selector"):
        causes += labels("spec.selector", spec["selector"])
    causes += _affinity(spec)
    causes += cluster_ips(spec, old)
    causes += _external_ips(spec, old)
    if not kind:
        causes.append(required("spec.type"))
    elif kind not in _TYPES:
        causes.append(not_supported("spec.type", kind, _TYPES))
    causes += _port_collisions(ports, kind)
    causes += _source_ranges(spec, annotations, old)
    if spec.get("allocateLoadBalancerNodePorts") is not None and kind != "LoadBalancer":
        causes.append(forbidden("spec.allocateLoadBalancerNodePorts", _ONLY_LOAD_BALANCER))
    if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is None:
        causes.append(required("allocateLoadBalancerNodePorts"))
    causes += _load_balancer_class(spec)
    return causes + _traffic(spec, kind)


def _type_rules(spec: Object, kind: str) -> list[Cause]:
    if kind in ("LoadBalancer", "NodePort"):
        if is_headless(spec):
            return [invalid("spec.clusterIPs[0]", "None", f"may not be set to 'None' for {kind} services")]
        return []
    if kind != "ExternalName":
        return []
    causes = []
    for name in ("clusterIPs", "ipFamilies", "ipFamilyPolicy"):
        if spec.get(name):
            causes.append(forbidden(f"spec.{name}", "may not be set for ExternalName services"))
    name = (spec.get("externalName") or "").removesuffix(".")
    if name:
        causes += [invalid("spec.externalName", name, p) for p in dns1123_subdomain(name)]
    else:
        causes.append(required("spec.externalName"))
    return causes


def _port(path: Path, port: Object, needs_name: bool, names: set[str]) -> list[Cause]:
    causes: list[Cause] = []
    name = port.get("name") or ""
    if name:
        causes += [invalid(f"{path}.name", name, p) for p in dns1123_label(name)]
        if name in names:
            causes.append(duplicate(f"{path}.name", name))
        names.add(name)
    elif needs_name:
        causes.append(required(f"{path}.name"))
    number = port.get("port", 0)
    causes += [invalid(f"{path}.port", number, p) for p in port_number(number)]
    protocol = port.get("protocol") or ""
    if not protocol:
        causes.append(required(f"{path}.protocol"))
    elif protocol not in PROTOCOLS:
        causes.append(not_supported(f"{path}.protocol", protocol, PROTOCOLS))
    causes += port_number_or_name(f"{path}.targetPort", port.get("targetPort", 0))
    if (application := port.get("appProtocol")) is not None:
        causes += [invalid(f"{path}.appProtocol", application, p) for p in qualified_name(application)]
    return causes


def port_number_or_name(path: Path, value: int | str) -> list[Cause]:
    problems = port_name(value) if isinstance(value, str) else port_number(value)
    return [invalid(path, value, p) for p in problems]


def _affinity(spec: Object) -> list[Cause]:
    affinity, config = spec.get("sessionAffinity") or "", spec.get("sessionAffinityConfig")
    path = "spec.sessionAffinityConfig"
    if not affinity:
        return [required("spec.sessionAffinity")]
    if affinity not in _AFFINITIES:
        return [not_supported("spec.sessionAffinity", affinity, _AFFINITIES)]
    if affinity == "None":
        return [forbidden(path, "must not be set when session affinity is None")] if config is not None else []
    when = "when session affinity type is ClientIP"
    if config is None:
        return [required(path, when)]
    if config.get("clientIP") is None:
        return [required(f"{path}.clientIP", when)]
    seconds = config["clientIP"].get("timeoutSeconds")
    if seconds is None:
        return [required(f"{path}.clientIP.timeoutSeconds", when)]
    if 0 < seconds <= _DAY:
        return []
    return [invalid(f"{path}.clientIP.timeoutSeconds", seconds, f"must be greater than 0 and less than {_DAY}")]


def cluster_ips(spec: Object, old: Object | None) -> list[Cause]:
    """Of the fields that belong together: clusterIP, clusterIPs, ipFamilies, ipFamilyPolicy."""
    if spec.get("type") == "ExternalName":
        return []
    causes: list[Cause] = []
    path = "spec.clusterIPs"
    first, ips = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    families, policy = spec.get("ipFamilies") or [], spec.get("ipFamilyPolicy")
    if first and not ips:
        causes.append(required(path))
    elif first and ips[0] != first:
        causes.append(invalid(path, ips, "first value must match `clusterIP`"))
    elif not first and ips:
        causes.append(invalid(path, ips, "must be empty when `clusterIP` is not specified"))
    for i, family in enumerate(families):
        if family not in _FAMILIES:
            causes.append(not_supported(f"spec.ipFamilies[{i}]", family, _FAMILIES))
        if family in families[:i]:
            causes.append(duplicate(f"spec.ipFamilies[{i}]", family))
    if policy is not None and policy not in _FAMILY_POLICIES:
        causes.append(not_supported("spec.ipFamilyPolicy", policy, _FAMILY_POLICIES))
    broken: list[Cause] = []
    existing = (old["spec"].get("clusterIPs") or ()) if old else ()
    for i, ip in enumerate(ips):
        if i == 0 and ip == "None":
            if len(ips) > 1:
                broken.append(invalid(path, ips, "'None' must be the first and only value"))
            continue
        broken += legacy_ip(f"{path}[{i}]", ip, existing)
    causes += broken
    if len(ips) > 2:
        causes.append(invalid(path, ips, "may only hold up to 2 values"))
    if broken:
        return causes
    if len(ips) > 1 and not is_dual_stack(ips):
        causes.append(invalid(path, ips, "may specify no more than one IP for each IP family"))
    if not is_headless(spec):
        for i, (ip, family) in enumerate(zip(ips, families, strict=False)):
            if family in _FAMILIES and is_ipv6(ip) != (family == "IPv6"):
                causes.append(
                    invalid(f"{path}[{i}]", ip, f"expected an {family} value as indicated by `ipFamilies[{i}]`")
                )
    return causes


def _external_ips(spec: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    existing = (old["spec"].get("externalIPs") or ()) if old else ()
    for i, ip in enumerate(spec.get("externalIPs") or ()):
        path = f"spec.externalIPs[{i}]"
        causes += legacy_ip(path, ip, existing) or endpoint_ip(path, ip)
    return causes


def _port_collisions(ports: Sequence[Object], kind: str) -> list[Cause]:
    causes: list[Cause] = []
    if kind == "ClusterIP":
        for i, port in enumerate(ports):
            if port.get("nodePort"):
                causes.append(forbidden(f"spec.ports[{i}].nodePort", "may not be used when `type` is 'ClusterIP'"))
    for name in ("nodePort", "port"):
        seen = set()
        for i, port in enumerate(ports):
            number, protocol = port.get(name, 0), port.get("protocol", "")
            if name == "nodePort" and not number:
                continue
            if (number, protocol) in seen:
                if name == "nodePort":
                    causes.append(duplicate(f"spec.ports[{i}].nodePort", number))
                else:
                    causes.append(duplicate(f"spec.ports[{i}]", _port_key(number, protocol)))
            seen.add((number, protocol))
    return causes


def _port_key(number: int, protocol: str) -> Object:
    """How upstream shows a port of which only these two are set."""
    return {
        "Name": "",
        "Protocol": protocol,
        "AppProtocol": None,
        "Port": number,
        "TargetPort": 0,
        "NodePort": 0,
    }


def _source_ranges(spec: Object, annotations: Object, old: Object | None) -> list[Cause]:
    causes: list[Cause] = []
    balanced = spec.get("type") == "LoadBalancer"
    if ranges := spec.get("loadBalancerSourceRanges"):
        path = "spec.LoadBalancerSourceRanges"
        if not balanced:
            causes.append(forbidden(path, _ONLY_LOAD_BALANCER))
        existing = [r.strip() for r in (old["spec"].get("loadBalancerSourceRanges") or ())] if old else []
        for i, text in enumerate(ranges):
            causes += legacy_cidr(f"{path}[{i}]", text.strip(), existing)
    elif (value := annotations.get(_SOURCE_RANGES)) is not None:
        path = f"metadata.annotations[{_SOURCE_RANGES}]"
        if not balanced:
            causes.append(forbidden(path, _ONLY_LOAD_BALANCER))
        before = ((old["metadata"].get("annotations") or {}) if old else {}).get(_SOURCE_RANGES)
        if value != before and value.strip():
            for text in value.split(","):
                causes += legacy_cidr(path, text.strip())
    return causes


def _load_balancer_class(spec: Object) -> list[Cause]:
    name = spec.get("loadBalancerClass")
    if name is None:
        return []
    path = "spec.loadBalancerClass"
    if spec.get("type") != "LoadBalancer":
        return [forbidden(path, _ONLY_LOAD_BALANCER)]
    return [invalid(path, name, p) for p in qualified_name(name)]


def _checks_health(spec: Object) -> bool:
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def _traffic(spec: Object, kind: str) -> list[Cause]:
    causes: list[Cause] = []
    policy = spec.get("externalTrafficPolicy") or ""
    path = "spec.externalTrafficPolicy"
    if kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and spec.get("externalIPs")):
        if not policy:
            causes.append(required(path))
        elif policy not in _TRAFFIC_POLICIES:
            causes.append(not_supported(path, policy, _TRAFFIC_POLICIES))
    elif policy:
        causes.append(invalid(path, policy, "may only be set for externally-accessible services"))
    port = spec.get("healthCheckNodePort", 0)
    path = "spec.healthCheckNodePort"
    if not _checks_health(spec):
        if port:
            detail = "may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'"
            causes.append(invalid(path, port, detail))
    elif not port:
        causes.append(required(path))
    else:
        causes += [invalid(path, port, p) for p in port_number(port)]
    inner = spec.get("internalTrafficPolicy")
    if inner is None and kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        causes.append(required("spec.internalTrafficPolicy"))
    if inner is not None and inner not in _TRAFFIC_POLICIES:
        causes.append(not_supported("spec.internalTrafficPolicy", inner, _TRAFFIC_POLICIES))
    distribution = spec.get("trafficDistribution")
    if distribution is not None and distribution not in _DISTRIBUTIONS:
        causes.append(not_supported("spec.trafficDistribution", distribution, _DISTRIBUTIONS))
    return causes


# Updates


def _address_changes(spec: Object, old: Object) -> list[Cause]:
    if is_headless(spec) and is_headless(old):
        return []
    path = "spec.clusterIPs"
    new, before = spec.get("clusterIPs") or [], old.get("clusterIPs") or []
    if len(new) == len(before):
        changed = [i for i, (a, b) in enumerate(zip(new, before, strict=True)) if a != b]
        return [invalid(f"{path}[{i}]", new, _SET_ONCE) for i in changed]
    causes = []
    if not new:
        causes.append(invalid(f"{path}[0]", new, "primary clusterIP can not be unset"))
    if new and before and new[0] != before[0]:
        causes.append(invalid(f"{path}[0]", new, _SET_ONCE))
    if len(before) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary clusterIP"
        causes.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail))
    return causes


def _family_changes(spec: Object, old: Object) -> list[Cause]:
    if is_headless(spec) or is_headless(old):
        return []
    path = "spec.ipFamilies[0]"
    new, before = spec.get("ipFamilies") or [], old.get("ipFamilies") or []
    if len(new) == len(before):
        return [invalid(path, new, _SET_ONCE) for a, b in zip(new, before, strict=True) if a != b]
    causes = []
    if len(before) > len(new) and not spec.get("clusterIPs"):
        causes.append(invalid(path, new, "primary ipFamily can not be unset"))
    if new and before and new[0] != before[0]:
        causes.append(invalid(path, spec.get("clusterIPs"), _SET_ONCE))
    if len(before) > len(new) == 1 and spec.get("ipFamilyPolicy") != "SingleStack":
        detail = "must be set to 'SingleStack' when releasing the secondary ipFamily"
        causes.append(invalid("spec.ipFamilyPolicy", spec.get("ipFamilyPolicy"), detail))
    return causes


def _load_balancer_status(service: Object, old: Object) -> list[Cause]:
    path = "status.loadBalancer.ingress"
    ingress = _ingress(service)
    if service["spec"].get("type") != "LoadBalancer" and ingress:
        return [forbidden(path, "may only be used when `spec.type` is 'LoadBalancer'")]
    causes: list[Cause] = []
    existing = [i["ip"] for i in _ingress(old) if i.get("ip")]
    for i, point in enumerate(ingress):
        at, ip, mode = f"{path}[{i}]", point.get("ip") or "", point.get("ipMode")
        if ip:
            causes += legacy_ip(f"{at}.ip", ip, existing)
        if mode is None:
            if ip:
                causes.append(required(f"{at}.ipMode", "must be specified when `ip` is set"))
        elif not ip:
            causes.append(forbidden(f"{at}.ipMode", "may not be specified when `ip` is not set"))
        elif mode not in ("Proxy", "VIP"):
            causes.append(not_supported(f"{at}.ipMode", mode, ("Proxy", "VIP")))
        if hostname := point.get("hostname"):
            causes += [invalid(f"{at}.hostname", hostname, p) for p in dns1123_subdomain(hostname)]
            if parse_ip(hostname):
                causes.append(invalid(f"{at}.hostname", hostname, "must be a DNS name, not an IP address"))
    return causes


def _ingress(service: Object) -> Sequence[Object]:
    return ((service.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
