"""What a pod's name resolution is made of: /etc/hosts and resolv.conf.

Source: kubernetes ``pkg/kubelet/kubelet_pods.go`` (managedHostsFileContent), ``pkg/kubelet/network/dns/dns.go``.
"""

from collections.abc import Iterable, Sequence

from pynetes.kubelet import pods
from pynetes.meta.objects import Object
from pynetes.runtime.types import DNSConfig

MAX_SERVERS = 3
MAX_SEARCHES = 32

_HEADER = "# Kubernetes-managed hosts file.\n"
_HEADER_HOST_NETWORK = "# Kubernetes-managed hosts file (host network).\n"
_LOCAL = (
    "127.0.0.1\tlocalhost\n"
    "::1\tlocalhost ip6-localhost ip6-loopback\n"
    "fe00::0\tip6-localnet\n"
    "fe00::0\tip6-mcastprefix\n"
    "fe00::1\tip6-allnodes\n"
    "fe00::2\tip6-allrouters\n"
)


def hosts_file(pod: Object, ips: Sequence[str], cluster_domain: str, node_hosts: str) -> str:
    """The content of /etc/hosts; ``node_hosts`` is the node's own file, for pods in its network."""
    if pods.is_host_network(pod):
        return _HEADER_HOST_NETWORK + node_hosts + _aliases(pod)
    name, domain = pods.host_name(pod), pods.host_domain(pod, cluster_domain)
    names = f"{name}.{domain}\t{name}" if domain else name
    return _HEADER + _LOCAL + "".join(f"{ip}\t{names}\n" for ip in ips) + _aliases(pod)


def _aliases(pod: Object) -> str:
    aliases = pod["spec"].get("hostAliases") or []
    if not aliases:
        return ""
    lines = [f"{alias['ip']}\t" + "\t".join(alias.get("hostnames") or ()) + "\n" for alias in aliases]
    return "\n# Entries added by HostAliases.\n" + "".join(lines)


def dns(pod: Object, host: DNSConfig, cluster_dns: Sequence[str], cluster_domain: str) -> DNSConfig:
    """The pod's resolver; ``host`` is the node's own."""
    policy = pod["spec"].get("dnsPolicy") or "ClusterFirst"
    if policy == "ClusterFirst" and pods.is_host_network(pod):
        policy = "Default"
    servers, searches, options = host.servers, host.searches, host.options
    if policy == "None":
        servers, searches, options = (), (), ()
    elif policy in ("ClusterFirst", "ClusterFirstWithHostNet") and cluster_dns:
        servers, options = tuple(cluster_dns), ("ndots:5",)
        if cluster_domain:
            own = (f"{pod['metadata']['namespace']}.svc.{cluster_domain}", f"svc.{cluster_domain}", cluster_domain)
            searches = _once([*own, *searches])
    config = pod["spec"].get("dnsConfig") or {}
    servers = _once([*servers, *(config.get("nameservers") or ())])
    searches = _once([*searches, *(config.get("searches") or ())])
    options = _options(options, config.get("options") or ())
    return DNSConfig(servers[:MAX_SERVERS], searches[:MAX_SEARCHES], options)


def _once(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _options(base: Iterable[str], more: Iterable[Object]) -> tuple[str, ...]:
    merged: dict[str, str] = {}
    for option in base:
        name, _, value = option.partition(":")
        merged[name] = value
    for extra in more:
        merged[extra["name"]] = extra.get("value") or ""
    return tuple(f"{name}:{value}" if value else name for name, value in merged.items())


class HostNameError(Exception):
    """A fully qualified name that no kernel takes."""


def sandbox_host_name(pod: Object, cluster_domain: str) -> str:
    """What ``hostname`` says inside the pod. Raises: HostNameError with upstream's words."""
    name, domain = pods.host_name(pod), pods.host_domain(pod, cluster_domain)
    if not pod["spec"].get("setHostnameAsFQDN") or not domain:
        return name
    full = f"{name}.{domain}"
    if len(full) > 64:
        raise HostNameError(
            f"failed to construct FQDN from pod hostname and cluster domain, FQDN {full} is too long "
            f"(64 characters is the max, {len(full)} characters requested)"
        )
    return full
