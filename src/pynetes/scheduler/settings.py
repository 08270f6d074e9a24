"""What a scheduler is told: the name it answers to, its back-off and its weights.

Source: kube-scheduler's configuration ``kubescheduler.config.k8s.io/v1``; defaults are upstream's.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

WEIGHTS: Mapping[str, int] = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}
"""Score weights of the default profile."""


@dataclass(frozen=True, slots=True)
class Settings:
    """All durations are in seconds."""

    scheduler_name: str = "default-scheduler"
    pod_initial_backoff_seconds: float = 1.0
    pod_max_backoff_seconds: float = 10.0
    unschedulable_flush_seconds: float = 300.0
    batch: int = 512
    concurrent_bindings: int = 256
    weights: Mapping[str, int] = field(default_factory=lambda: dict(WEIGHTS))
