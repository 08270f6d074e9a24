"""Which sysctls a pod may set on this node: those that are its own namespaces' and cannot hurt its neighbours. Pure.

Source: kubernetes ``pkg/kubelet/sysctl/{allowlist,safe_sysctls}.go``; tasks/administer-cluster/sysctl-cluster.
"""

from collections.abc import Iterable

from pynetes.meta.objects import Object

SAFE = frozenset(
    {
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.ip_local_reserved_ports",
        "net.ipv4.ip_unprivileged_port_start",
        "net.ipv4.ping_group_range",
        "net.ipv4.tcp_fin_timeout",
        "net.ipv4.tcp_keepalive_intvl",
        "net.ipv4.tcp_keepalive_probes",
        "net.ipv4.tcp_keepalive_time",
        "net.ipv4.tcp_rmem",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.tcp_wmem",
    }
)
"""All of them are namespaced in every kernel that this runtime runs on (Linux 4.15 for the latest of them)."""
_IPC = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")


def forbidden(pod: Object, allowed: Iterable[str] = ()) -> str | None:
    """Why the pod's sysctls are not allowed. ``allowed``: further names, or beginnings that end in ``*``."""
    spec = pod["spec"]
    names = [*SAFE, *map(normalized, allowed)]
    for sysctl in (spec.get("securityContext") or {}).get("sysctls") or ():
        name = normalized(sysctl["name"])
        if not any(name == known or (known.endswith("*") and name.startswith(known[:-1])) for known in names):
            return f'forbidden sysctl: "{name}" not allowlisted'
        namespace, shared = ("IPC", "hostIPC") if name.startswith(_IPC) else ("Net", "hostNetwork")
        if spec.get(shared):
            return f'forbidden sysctl: "{name}" not allowed with host {namespace} enabled'
    return None


def normalized(name: str) -> str:
    """Dots between the parts: ``net/ipv4/conf/eth0.1/x`` is ``net.ipv4.conf.eth0/1.x``."""
    first = next((c for c in name if c in "./"), ".")
    return name if first == "." else name.translate(str.maketrans("./", "/."))
