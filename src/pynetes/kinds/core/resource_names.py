"""Names of resources (cpu, memory, ``example.com/gpu``): where each may stand, and what amounts it may have.

Source: kubernetes ``pkg/apis/core/helper/helpers.go``, ``pkg/apis/core/validation/validation.go``.
"""

from pynetes.meta.fielderrors import NOT_NEGATIVE, Path, invalid
from pynetes.meta.names import qualified_name
from pynetes.meta.quantity import Quantity
from pynetes.meta.status import Cause

NOT_INTEGER = "must be an integer"
NOT_POSITIVE = "must be greater than zero"
HUGE_PAGES = "hugepages-"

STANDARD_CONTAINER = frozenset(("cpu", "memory", "ephemeral-storage"))
_COUNTED = frozenset(
    (
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    )
)
_REQUESTS_AND_LIMITS = frozenset(
    f"{side}.{name}" for side in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage")
)
STANDARD_QUOTA = STANDARD_CONTAINER | _COUNTED | _REQUESTS_AND_LIMITS | {"requests.storage"}
STANDARD = STANDARD_QUOTA | {"storage"}


def is_huge_page(name: str) -> bool:
    return name.startswith(HUGE_PAGES)


def is_quota_huge_page(name: str) -> bool:
    return name.startswith((HUGE_PAGES, "requests.hugepages-"))


def is_native(name: str) -> bool:
    return "/" not in name or "kubernetes.io/" in name


def is_extended(name: str) -> bool:
    """Something that only the vendor knows, counted in whole numbers."""
    if is_native(name) or name.startswith("requests."):
        return False
    return not qualified_name(f"requests.{name}")


def is_integer(name: str) -> bool:
    return name in _COUNTED or is_extended(name)


def may_overcommit(name: str) -> bool:
    """Whether its limit may be more than its request."""
    return is_native(name) and not is_huge_page(name)


def is_standard_quota(name: str) -> bool:
    return name in STANDARD_QUOTA or is_quota_huge_page(name)


def resource_name(path: Path, name: str) -> list[Cause]:
    if causes := [invalid(path, name, p) for p in qualified_name(name)]:
        return causes
    if "/" not in name and name not in STANDARD and not is_quota_huge_page(name):
        return [invalid(path, name, "must be a standard resource type or fully qualified")]
    return []


def container_resource_name(path: Path, name: str) -> list[Cause]:
    causes = resource_name(path, name)
    if "/" not in name:
        if name not in STANDARD_CONTAINER and not is_huge_page(name):
            causes.append(invalid(path, name, "must be a standard resource for containers"))
    elif not is_native(name) and not is_extended(name):
        causes.append(invalid(path, name, "doesn't follow extended resource name standard"))
    return causes


def amount(path: Path, name: str, text: str) -> list[Cause]:
    """Against a quantity of that resource: negative, or a part of what comes in whole numbers only."""
    quantity = Quantity.parse(text)
    causes = [invalid(path, text, NOT_NEGATIVE)] if quantity.nanos < 0 else []
    if quantity.nanos % 1_000_000_000 and is_integer(name):
        causes.append(invalid(path, text, NOT_INTEGER))
    return causes
