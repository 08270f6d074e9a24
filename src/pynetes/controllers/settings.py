"""What the controllers are told: the cluster's networks, its root certificate, and the periods of upstream's flags.

Source: kube-controller-manager's command line reference; defaults are upstream's.
"""

from collections.abc import Callable
from dataclasses import dataclass


def _no_key() -> bytes:
    return b""


@dataclass(frozen=True, slots=True)
class Settings:
    """All durations are in seconds. ``controllers``: names to run, ``*`` for all that are on by default."""

    cluster_cidrs: tuple[str, ...] = ("10.244.0.0/16",)
    node_cidr_mask_ipv4: int = 24
    node_cidr_mask_ipv6: int = 64
    service_cidrs: tuple[str, ...] = ("10.96.0.0/12",)
    allocate_node_cidrs: bool = True
    ca_pem: str = ""
    cluster_signing_cert_pem: str = ""
    cluster_signing_key_pem: str = ""
    cluster_signing_duration_seconds: float = 365 * 86400.0
    controllers: tuple[str, ...] = ("*",)
    concurrent_syncs: int = 5
    node_monitor_period_seconds: float = 5.0
    node_monitor_grace_period_seconds: float = 50.0
    node_startup_grace_period_seconds: float = 60.0
    node_eviction_rate: float = 0.1
    secondary_node_eviction_rate: float = 0.01
    large_cluster_size_threshold: int = 50
    unhealthy_zone_threshold: float = 0.55
    terminated_pod_threshold: int = 12500
    pod_gc_period_seconds: float = 20.0
    quarantine_seconds: float = 40.0
    max_endpoints_per_slice: int = 100
    mirroring_max_endpoints_per_subset: int = 1000
    garbage_collector_resync_seconds: float = 30.0
    time_zone: str = "UTC"
    """Of schedules that name none."""
    autoscaler_sync_period_seconds: float = 15.0
    autoscaler_downscale_stabilization_seconds: float = 300.0
    autoscaler_tolerance: float = 0.1
    autoscaler_cpu_initialization_seconds: float = 300.0
    autoscaler_initial_readiness_delay_seconds: float = 30.0
    resource_quota_sync_period_seconds: float = 300.0
    service_account_key: Callable[[], bytes] = _no_key
    """The private key that signs tokens in Secrets, PEM; empty while there is none."""
    legacy_token_unused_seconds: float = 8760 * 3600.0

    def enabled(self, name: str) -> bool:
        """Whether a controller runs: named, or all and not taken away by ``-name``."""
        if f"-{name}" in self.controllers:
            return False
        return name in self.controllers or "*" in self.controllers
