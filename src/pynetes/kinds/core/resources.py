"""What is wrong with resource requests and limits. Source: kubernetes ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Callable, Collection, Sequence

from pynetes.kinds.core import resource_names
from pynetes.kinds.core.resource_names import HUGE_PAGES, is_huge_page, may_overcommit
from pynetes.kinds.pods.resources import container_totals, is_pod_level
from pynetes.meta.fielderrors import (
    Path,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
    with_detail,
)
from pynetes.meta.names import dns1123_label
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity, QuantityError
from pynetes.meta.status import Cause

_COMPUTE = ("cpu", "memory")
_NameRule = Callable[[Path, str], list[Cause]]


def resource_requirements(
    path: Path,
    resources: Object,
    claims: Collection[str] = (),
    name_rule: _NameRule = resource_names.container_resource_name,
) -> list[Cause]:
    """Against the requests, limits and claims of a container; ``claims``: the names of ``spec.resourceClaims``."""
    causes: list[Cause] = []
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    for name, text in limits.items():
        at = f"{path}.limits[{name}]"
        causes += _entry(at, name, text, name_rule) + _huge_page(at, name, text)
    for name, text in requests.items():
        at = f"{path}.requests[{name}]"
        causes += _entry(at, name, text, name_rule)
        limit = limits.get(name)
        if limit is not None:
            causes += _against_limit(f"{path}.requests", name, text, limit)
        elif not may_overcommit(name):
            causes.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
        causes += _huge_page(at, name, text)
    names = limits.keys() | requests.keys()
    if any(map(is_huge_page, names)) and not names.intersection(_COMPUTE):
        causes.append(forbidden(path, "HugePages require cpu or memory"))
    if wanted := resources.get("claims"):
        causes += _claims(f"{path}.claims", wanted, claims)
    return causes


def _entry(path: Path, name: str, text: str, name_rule: _NameRule) -> list[Cause]:
    if name in _COMPUTE and text[:1] != "-":
        return []
    return name_rule(path, name) + resource_names.amount(path, name, text)


def _huge_page(path: Path, name: str, text: str) -> list[Cause]:
    """Whole pages only."""
    if not is_huge_page(name):
        return []
    try:
        page = Quantity.parse(name.removeprefix(HUGE_PAGES))
    except QuantityError:
        page = Quantity.parse("0")
    if page.nanos > 0 and page.value() * 10**9 == page.nanos and Quantity.parse(text).value() % page.value() == 0:
        return []
    return [invalid(path, text, f"{text} is not positive integer multiple of {name}")]


def _against_limit(path: Path, name: str, text: str, limit: str) -> list[Cause]:
    if text == limit:
        return []
    request, bound = Quantity.parse(text), Quantity.parse(limit)
    if request != bound and not may_overcommit(name):
        return [invalid(path, text, f"must be equal to {name} limit of {limit}")]
    if request > bound:
        return [invalid(path, text, f"must be less than or equal to {name} limit of {limit}")]
    return []


def _claims(path: Path, wanted: Sequence[Object], claims: Collection[str]) -> list[Cause]:
    causes: list[Cause] = []
    seen: list[str] = []
    for i, claim in enumerate(wanted):
        at, name, request = f"{path}[{i}]", claim.get("name") or "", claim.get("request") or ""
        if not name:
            causes.append(required(at))
            continue
        if name in seen:  # all requests of the claim were named before
            causes.append(duplicate(at, name))
        else:
            key = f"{name}/{request}" if request else name
            if request:
                causes += [invalid(f"{at}.request", request, p) for p in dns1123_label(request)]
            if key in seen:
                causes.append(duplicate(at, key))
            elif not request:
                causes += [duplicate(at, name) for other in seen if other.startswith(f"{name}/")]
            seen.append(key)
        if name not in claims:
            listed = f": {', '.join(sorted(set(claims)))}" if claims else " which is empty"
            detail = f"must be one of the names in pod.spec.resourceClaims{listed}"
            causes.append(with_detail(not_found(at, name), detail))
    return causes


def pod_resources(path: Path, spec: Object) -> list[Cause]:
    """Against ``spec.resources``, which is for all containers together. Source: KEP-2837."""
    resources = spec.get("resources")
    if resources is None:
        return []
    if (spec.get("os") or {}).get("name") == "windows":
        return [forbidden(path, "may not be set for a windows pod")]
    causes: list[Cause] = []
    if resources.get("claims") is not None:
        causes.append(forbidden(f"{path}.claims", "claims may not be set for Resources at pod-level"))
    causes += resource_requirements(path, resources, (), _pod_level_name)
    return causes + _consistency(path, spec, resources)


def _pod_level_name(path: Path, name: str) -> list[Cause]:
    if causes := resource_names.resource_name(path, name):
        return causes
    if not is_pod_level(name):
        return [not_supported(path, name, ("cpu", HUGE_PAGES, "memory"))]
    return []


def _consistency(path: Path, spec: Object, resources: Object) -> list[Cause]:
    causes: list[Cause] = []
    pod = {"spec": spec}
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    for side, given, names in (
        ("requests", requests, None),
        ("limits", limits, HUGE_PAGES),
    ):
        for name, total in container_totals(pod, side).items():
            if name not in given or (names and not name.startswith(names)):
                continue
            if total > Quantity.parse(given[name]):
                detail = f"must be greater than or equal to aggregate container {side} of {total.canonical()}"
                causes.append(invalid(f"{path}.{side}[{name}]", given[name], detail))
    for i, container in enumerate(spec.get("containers") or ()):
        for name, text in ((container.get("resources") or {}).get("limits") or {}).items():
            if name in limits and Quantity.parse(text) > Quantity.parse(limits[name]):
                at = f"{path}.containers[{i}][{name}].limits"
                causes.append(invalid(at, text, f"must be less than or equal to pod limits of {limits[name]}"))
    return causes
