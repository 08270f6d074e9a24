"""What a node's administrator may choose of kube-proxy.

Source: k8s.io/kube-proxy ``config/v1alpha1/types.go``; the defaults are upstream's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """``cluster_cidrs``: the pods' networks, one per IP family: what comes from there is local to the cluster.

    ``mode``: one of ``backend.MODES``; ``node_addresses``: this node's, the primary first; ``families``: those that get
    rules, 4 and 6. ``healthz_port`` ``None``: no health check server. ``masquerade_bit``: of the packet mark.
    """

    node_name: str
    cluster_cidrs: tuple[str, ...] = ()
    node_addresses: tuple[str, ...] = ()
    families: tuple[int, ...] = (4,)
    mode: str = "iptables"
    min_sync_period_seconds: float = 1.0
    sync_period_seconds: float = 30.0
    full_sync_period_seconds: float = 3600.0
    masquerade_all: bool = False
    masquerade_bit: int = 14
    localhost_node_ports: bool = True
    node_port_addresses: tuple[str, ...] = ()
    healthz_host: str = "0.0.0.0"
    healthz_port: int | None = 10256
    metrics_host: str = "127.0.0.1"
    metrics_port: int | None = 10249
