"""What is wrong with a pod's names, DNS and use of the host's network.

Source: kubernetes ``pkg/apis/core/validation/validation.go``.
"""

from collections.abc import Sequence

from pynetes.meta.addresses import legacy_ip
from pynetes.meta.fielderrors import Path, forbidden, invalid, required, too_long
from pynetes.meta.names import dns1123_subdomain, dns1123_subdomain_with_underscore, size
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause


def host_network(path: Path, containers: Sequence[Object], is_pod: bool) -> list[Cause]:
    """A port of the host's network is the same port inside."""
    causes: list[Cause] = []
    for i, container in enumerate(containers):
        for j, port in enumerate(container.get("ports") or ()):
            host = port.get("hostPort", 0)
            if (is_pod or host) and host != port.get("containerPort", 0):
                detail = "must match `containerPort` when `hostNetwork` is true"
                causes.append(invalid(f"{path}[{i}].ports[{j}].hostPort", host, detail))
    return causes


def dns_config(path: Path, spec: Object) -> list[Cause]:
    config = spec.get("dnsConfig")
    if spec.get("dnsPolicy") == "None":
        if config is None:
            return [required(path, "must provide `dnsConfig` when `dnsPolicy` is None")]
        if not config.get("nameservers"):
            detail = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            return [required(f"{path}.nameservers", detail)]
    if not config:
        return []
    causes: list[Cause] = []
    servers, searches = config.get("nameservers") or [], config.get("searches") or []
    if len(servers) > 3:
        causes.append(invalid(f"{path}.nameservers", servers, "must not have more than 3 nameservers"))
    for i, server in enumerate(servers):
        causes += legacy_ip(f"{path}.nameservers[{i}]", server)
    if len(searches) > 32:
        causes.append(invalid(f"{path}.searches", searches, "must not have more than 32 search paths"))
    if size(" ".join(searches)) > 2048:
        detail = "must not have more than 2048 characters (including spaces) in the search list"
        causes.append(invalid(f"{path}.searches", searches, detail))
    for i, search in enumerate(searches):
        if search != ".":
            search = search.removesuffix(".")
            problems = dns1123_subdomain_with_underscore(search)
            causes += [invalid(f"{path}.searches[{i}]", search, p) for p in problems]
    for i, option in enumerate(config.get("options") or ()):
        if not option.get("name"):
            causes.append(required(f"{path}.options[{i}]", "must not be empty"))
    return causes


def host_name(path: Path, spec: Object) -> list[Cause]:
    name = spec.get("hostnameOverride")
    if name is None:
        return []
    at = f"{path}.hostnameOverride"
    causes = []
    if spec.get("setHostnameAsFQDN"):
        causes.append(forbidden(at, "may not be specified when setHostnameAsFQDN is true"))
    if spec.get("hostNetwork"):
        causes.append(forbidden(at, "may not be specified when hostNetwork is true"))
    if size(name) > 64:
        causes.append(too_long(at, 64))
    return causes + [invalid(at, name, p) for p in dns1123_subdomain(name)]


def host_aliases(path: Path, aliases: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, alias in enumerate(aliases):
        causes += legacy_ip(f"{path}[{i}].ip", alias.get("ip") or "")
        for j, name in enumerate(alias.get("hostnames") or ()):
            causes += [invalid(f"{path}[{i}].hostnames[{j}]", name, p) for p in dns1123_subdomain(name)]
    return causes
