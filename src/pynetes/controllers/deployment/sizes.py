"""How many pods: wanted, available, and the room that a rolling update leaves above and below.

Source: pkg/controller/deployment/util/deployment_util.go.
"""

from math import ceil, floor
from typing import Any

from pynetes.meta.objects import Object, annotations_of

DESIRED = "deployment.kubernetes.io/desired-replicas"
MAXIMUM = "deployment.kubernetes.io/max-replicas"


def fenceposts(deployment: Object) -> tuple[int, int]:
    """maxSurge and maxUnavailable as counts: surge is rounded up, unavailable down, and never are both zero."""
    spec = deployment["spec"]
    if (spec.get("strategy") or {}).get("type") != "RollingUpdate":
        return 0, 0
    wanted = replicas(deployment)
    rolling = spec["strategy"].get("rollingUpdate") or {}
    surge = _scaled(rolling.get("maxSurge", 0), wanted, up=True)
    unavailable = _scaled(rolling.get("maxUnavailable", 0), wanted, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, 0 if wanted == 0 else min(unavailable, wanted)


def replicas(obj: Object) -> int:
    """As the spec of a Deployment or ReplicaSet wants it."""
    count: int = obj["spec"].get("replicas", 1)
    return count


def available(rs: Object) -> int:
    """As the ReplicaSet's status has it."""
    count: int = (rs.get("status") or {}).get("availableReplicas", 0)
    return count


def count_in(rs: Object, annotation: str) -> int | None:
    """A count that an annotation holds; None when it is absent or no number from 0 to 2147483647."""
    found = number(annotations_of(rs).get(annotation, ""), -1)
    return found if 0 <= found < 2**31 else None


def number(text: str, otherwise: int) -> int:
    """An annotation's whole number."""
    return int(text) if text.removeprefix("-").isdecimal() else otherwise


def _scaled(value: Any, total: int, *, up: bool) -> int:
    """An integer, or a percentage of the total."""
    if isinstance(value, int):
        return value
    share = int(str(value).removesuffix("%")) * total / 100
    return ceil(share) if up else floor(share)
