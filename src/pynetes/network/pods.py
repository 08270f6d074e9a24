"""The pod network of one node: the CNI configuration list for its pod CIDRs.

Plug-ins ``bridge`` and ``host-local``, with no masquerading: a pod's address is its address for every pod and node.
``portmap`` joins in only where host ports are wanted of it; it costs an execution for each pod that has some.
"""

import ipaddress
from collections.abc import Sequence
from pathlib import Path
from typing import Any

BRIDGE = "cni0"


def conflist(
    pod_cidrs: Sequence[str],
    data: Path,
    *,
    name: str = "pynetes",
    bridge: str = BRIDGE,
    mtu: int = 0,
    host_ports: bool = True,
) -> dict[str, Any]:
    """``pod_cidrs``: the node's, one per IP family. ``data``: where ``host-local`` keeps the addresses in use."""
    everywhere = {4: "0.0.0.0/0", 6: "::/0"}
    families = [ipaddress.ip_network(cidr).version for cidr in pod_cidrs]
    plugin: dict[str, Any] = {
        "type": "bridge",
        "bridge": bridge,
        "isGateway": True,
        "ipMasq": False,
        "hairpinMode": True,
        "ipam": {
            "type": "host-local",
            "dataDir": str(data),
            "ranges": [[{"subnet": cidr}] for cidr in pod_cidrs],
            "routes": [{"dst": everywhere[family]} for family in families],
        },
    }
    if mtu:
        plugin["mtu"] = mtu
    plugins = [plugin]
    if host_ports:
        # snat: a pod that calls its own host port must get an answer; only such packets are masqueraded
        plugins.append({"type": "portmap", "capabilities": {"portMappings": True}, "snat": True})
    return {"cniVersion": "1.0.0", "name": name, "plugins": plugins}
