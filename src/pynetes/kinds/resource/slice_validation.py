"""What makes a slice of devices invalid, or a class of them. Source: kubernetes ``pkg/apis/resource/validation``."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from pynetes.kinds.core.resource_names import is_extended, is_native
from pynetes.kinds.core.scheduling import node_selector
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.resource.device_rules import (
    MOST_CONFIGS,
    binding_conditions,
    configuration,
    distinct,
    driver_name,
    items,
    label,
    pool_name,
    qualified_name,
    selectors,
    taint,
)
from pynetes.kinds.resource.request_policy import request_policy
from pynetes.meta.fielderrors import Path, forbidden, immutable, invalid, not_found, required, same, too_long, too_many
from pynetes.meta.names import dns1123_subdomain, size
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

_MOST_DEVICES = 128
_MOST_ADVANCED_DEVICES = 64
_MOST_COUNTER_SETS = 8
_MOST_COUNTERS = 32
_MOST_CONSUMPTIONS = 2
_MOST_ATTRIBUTES = 32
_MOST_VALUES = 48
_MOST_TAINTS = 16
_LONGEST_VALUE = 64
_LONGEST_KEY = 63 + 1 + 32
_LONGEST_LABEL = 63
_SEMVER = re.compile(
    r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)"
    r"(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?"
    r"(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?",
    re.ASCII,
)
_LISTS = ("bools", "ints", "strings", "versions")
_PLACES = ("nodeName", "nodeSelector", "allNodes", "perDeviceNodeSelection")


def validate_class(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(obj, False) + _class("spec", obj.get("spec") or {}, {})


def validate_class_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False) + object_meta_update(obj, old)
    return causes + _class("spec", obj.get("spec") or {}, old.get("spec") or {})


def _class(path: Path, spec: Object, old: Object) -> list[Cause]:
    causes = selectors(f"{path}.selectors", spec.get("selectors") or ())
    stored = bool(old) and same(spec.get("config"), old.get("config"))
    configs = spec.get("config") or ()
    causes += items(f"{path}.config", configs, MOST_CONFIGS, lambda at, value: configuration(at, value, stored))
    name = spec.get("extendedResourceName")
    if name is not None and not is_extended(name):
        causes.append(invalid(f"{path}.extendedResourceName", name, "must be a valid extended resource name"))
    return causes


def validate_slice(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(obj, False) + _spec("spec", obj.get("spec") or {}, None)


def validate_slice_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(obj, old) + _spec("spec", obj.get("spec") or {}, old.get("spec") or {})


def slice_warnings(obj: Object, old: Object | None) -> Sequence[str]:
    driver = (obj.get("spec") or {}).get("driver") or ""
    if driver == driver.lower():
        return []
    return [f'spec.driver: driver names should be lowercase; "{driver}" contains uppercase characters']


def _spec(path: Path, spec: Object, old: Object | None) -> list[Cause]:
    pool = spec.get("pool") or {}
    causes = driver_name(f"{path}.driver", spec.get("driver") or "") + _pool(f"{path}.pool", pool)
    if old is not None:
        name, before = pool.get("name") or "", (old.get("pool") or {}).get("name") or ""
        causes += immutable(f"{path}.pool.name", name, before)
        for member in ("driver", "nodeName"):
            causes += immutable(f"{path}.{member}", spec.get(member), old.get(member))
    causes += _nodes(path, spec)
    devices, counters = spec.get("devices"), spec.get("sharedCounters")
    if counters is not None and devices is not None:
        causes.append(invalid(path, "", "only one of `sharedCounters` or `devices` is allowed"))
    known = {device.get("name") or "": device for device in (old or {}).get("devices") or ()}
    per_device = bool(spec.get("perDeviceNodeSelection"))

    def device(at: Path, value: Object) -> list[Cause]:
        return _device(at, value, known.get(value.get("name") or ""), per_device)

    limit = _MOST_ADVANCED_DEVICES if any(map(_is_advanced, devices or ())) else _MOST_DEVICES
    causes += distinct(f"{path}.devices", devices or (), limit, device, _name)
    return causes + distinct(f"{path}.sharedCounters", counters or (), _MOST_COUNTER_SETS, _counter_set, _name)


def _name(value: Object) -> str:
    return value.get("name") or ""


def _is_advanced(device: Object) -> bool:
    if device.get("taints") or device.get("consumesCounters"):
        return True
    return any(name in attribute for attribute in (device.get("attributes") or {}).values() for name in _LISTS)


def _pool(path: Path, pool: Object) -> list[Cause]:
    causes = pool_name(f"{path}.name", pool.get("name") or "")
    count, generation = pool.get("resourceSliceCount", 0), pool.get("generation", 0)
    if count <= 0:
        causes.append(invalid(f"{path}.resourceSliceCount", count, "must be greater than zero"))
    if generation < 0:
        causes.append(invalid(f"{path}.generation", generation, "must be greater than or equal to zero"))
    return causes


def _nodes(path: Path, spec: Object) -> list[Cause]:
    """Against a slice that is on no node, or says so in more ways than one."""
    causes, said = _place(path, spec, "must be either unset or set to a non-empty string", one_term=True)
    per_device = spec.get("perDeviceNodeSelection")
    if per_device:
        said.append("`perDeviceNodeSelection`")
    elif per_device is not None:
        causes.append(invalid(f"{path}.perDeviceNodeSelection", False, "must be either unset or set to true"))
    one = f"exactly one of {', '.join(f'`{name}`' for name in _PLACES)} is required"
    if not said:
        causes.append(required(path, one))
    elif len(said) > 1:
        causes.append(invalid(path, f"{{{', '.join(said)}}}", f"{one}, but multiple fields are set"))
    return causes


def _place(path: Path, owner: Object, empty: str, *, one_term: bool = False) -> tuple[list[Cause], list[str]]:
    """The causes against where a slice or device is, and the members that say it."""
    causes: list[Cause] = []
    said = []
    node, selector, everywhere = (owner.get(name) for name in _PLACES[:3])
    if node:
        said.append("`nodeName`")
        causes += [invalid(f"{path}.nodeName", node, p) for p in dns1123_subdomain(node)]
    elif node is not None:
        causes.append(invalid(f"{path}.nodeName", node, empty))
    if selector is not None:
        said.append("`nodeSelector`")
        causes += node_selector(f"{path}.nodeSelector", selector)
        terms = selector.get("nodeSelectorTerms")
        if one_term and len(terms or ()) != 1:
            shown = internal_json("[]NodeSelectorTerm", terms)
            detail = "must have exactly one node selector term"
            causes.append(invalid(f"{path}.nodeSelector.nodeSelectorTerms", shown, detail))
    if everywhere:
        said.append("`allNodes`")
    elif everywhere is not None:
        causes.append(invalid(f"{path}.allNodes", False, "must be either unset or set to true"))
    return causes, said


def _counter_set(path: Path, value: Object) -> list[Cause]:
    name = value.get("name") or ""
    causes = label(f"{path}.name", name) if name else [required(f"{path}.name")]
    return causes + _counters(f"{path}.counters", value)


def _consumption(path: Path, value: Object) -> list[Cause]:
    name = value.get("counterSet") or ""
    causes = label(f"{path}.counterSet", name) if name else [required(f"{path}.counterSet")]
    return causes + _counters(f"{path}.counters", value)


def _counters(path: Path, owner: Object) -> list[Cause]:
    counters = owner.get("counters")
    if not counters:
        return [required(path)]
    return _entries(path, counters, _MOST_COUNTERS, _LONGEST_LABEL, label, lambda at, value: [])


def _entries(
    path: Path,
    values: Mapping[str, Any],
    limit: int,
    longest: int,
    check_key: Callable[[Path, str], list[Cause]],
    check: Callable[[Path, Any], list[Cause]],
) -> list[Cause]:
    """Against a map's keys and values, or against their number alone (``limit`` below 0: any)."""
    if 0 <= limit < len(values):
        return [too_many(path, len(values), limit)]
    causes: list[Cause] = []
    for key, value in sorted(values.items()):
        causes += check_key(path, key)
        causes += check(f"{path}[{_cut(key, longest)}]", value)
    return causes


def _cut(text: str, longest: int) -> str:
    if len(text) <= longest:
        return text
    rest = longest - 3
    return f"{text[: (rest + 1) // 2]}...{text[len(text) - rest // 2 :]}"


def _device(path: Path, device: Object, old: Object | None, per_device: bool) -> list[Cause]:
    causes = label(f"{path}.name", _name(device))
    attributes, capacity = device.get("attributes") or {}, device.get("capacity") or {}
    if (count := len(attributes) + len(capacity)) > _MOST_ATTRIBUTES:
        detail = f"the total number of attributes and capacities must not exceed {_MOST_ATTRIBUTES}"
        causes.append(invalid(path, count, detail))
    if (count := sum(map(_value_count, attributes.values()))) > _MOST_VALUES:
        causes.append(invalid(path, count, f"the total number of attribute values must not exceed {_MOST_VALUES}"))
    causes += _entries(f"{path}.attributes", attributes, -1, _LONGEST_KEY, qualified_name, _attribute)
    shared = bool(device.get("allowMultipleAllocations"))

    def amount(at: Path, value: Object) -> list[Cause]:
        policy = value.get("requestPolicy")
        if policy is None:
            return []
        if not shared:
            return [forbidden(f"{at}.requestPolicy", "allowMultipleAllocations must be true")]
        return request_policy(f"{at}.requestPolicy", Quantity.parse(value.get("value", "0")), policy)

    causes += _entries(f"{path}.capacity", capacity, -1, _LONGEST_KEY, qualified_name, amount)
    taints = device.get("taints") or ()
    if old is None or not same(taints, old.get("taints")):
        causes += items(f"{path}.taints", taints, _MOST_TAINTS, taint)
    consumed, at = device.get("consumesCounters") or (), f"{path}.consumesCounters"
    causes += distinct(at, consumed, _MOST_CONSUMPTIONS, _consumption, lambda c: c.get("counterSet") or "")
    causes += _device_nodes(path, device, per_device)
    causes += binding_conditions(path, device)
    return causes + _mappings(f"{path}.nodeAllocatableResourceMappings", device, capacity)


def _device_nodes(path: Path, device: Object, per_device: bool) -> list[Cause]:
    if not per_device:
        if all(device.get(name) is None for name in _PLACES[:3]):
            return []
        detail = "`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true"
        return [invalid(path, None, f"{detail} in the ResourceSlice spec")]
    causes, said = _place(path, device, "must not be empty")
    detail = (
        "exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to "
        "true in the ResourceSlice spec"
    )
    if not said:
        causes.append(required(path, detail))
    elif len(said) > 1:
        causes.append(invalid(path, f"{{{', '.join(said)}}}", detail))
    return causes


def _value_count(attribute: Object) -> int:
    return sum(len(attribute.get(name) or ()) for name in _LISTS) or 1


def _attribute(path: Path, attribute: Object) -> list[Cause]:
    causes: list[Cause] = []
    if (text := attribute.get("string")) is not None:
        causes += _text(f"{path}.string", text)
    if (text := attribute.get("version")) is not None:
        causes += _version(f"{path}.version", text)
    for name in _LISTS:
        if (values := attribute.get(name)) is None:
            continue
        if not values:
            causes.append(invalid(f"{path}.{name}", values, "must not be empty if specified"))
        check = {"strings": _text, "versions": _version}.get(name)
        if check is not None:
            causes += items(f"{path}.{name}", values, -1, check)
    said = [name for name in ("bool", "int", "string", "version", *_LISTS) if attribute.get(name) is not None]
    if len(said) != 1:
        shown = internal_json("DeviceAttribute", attribute) if said else ""
        causes.append(invalid(path, shown, "exactly one value must be specified"))
    return causes


def _text(path: Path, text: str) -> list[Cause]:
    return [too_long(path, _LONGEST_VALUE)] if size(text) > _LONGEST_VALUE else []


def _version(path: Path, text: str) -> list[Cause]:
    causes = []
    if not _SEMVER.fullmatch(text):
        causes.append(invalid(path, text, "must be a string compatible with semver.org spec 2.0.0"))
    return causes + _text(path, text)


def _mappings(path: Path, device: Object, capacity: Mapping[str, Any]) -> list[Cause]:
    causes: list[Cause] = []
    for name, mapping in sorted((device.get("nodeAllocatableResourceMappings") or {}).items()):
        at = f"{path}[{name}]"
        if not is_native(name):
            causes.append(invalid(at, name, "must be a node allocatable resource name"))
        multiplier, key = mapping.get("allocationMultiplier"), mapping.get("capacityKey")
        if multiplier is None and key is None:
            causes.append(invalid(at, "", "at least one of allocationMultiplier or capacityKey must be set"))
        if multiplier is not None and Quantity.parse(multiplier).nanos <= 0:
            causes.append(invalid(f"{at}.allocationMultiplier", multiplier, "must be positive"))
        if key == "":
            causes.append(invalid(f"{at}.capacityKey", "", "capacityKey must not be an empty string"))
        elif key is not None and key not in capacity:
            causes.append(not_found(f"{at}.capacityKey", key))
    return causes
