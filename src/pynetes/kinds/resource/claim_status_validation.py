"""What the status of a claim on devices may say: allocation, users, states of the devices.

Source: kubernetes ``pkg/apis/resource/validation``, ``pkg/registry/resource/resourceclaim/strategy.go``.
Differs: who may write which part of it (DRAResourceClaimGranularStatusAuthorization) is left to the authorizer.
"""

from collections.abc import Mapping, Sequence

from pynetes.kinds.core.scheduling import node_selector
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta_update
from pynetes.kinds.resource.device_rules import (
    MOST_CONFIGS,
    MOST_REQUESTS,
    admin_access,
    binding_conditions,
    configuration,
    distinct,
    driver_name,
    items,
    label,
    pool_name,
    raw_object,
    share_id,
)
from pynetes.kinds.resource.request_names import request_names, request_reference
from pynetes.meta.addresses import interface_address
from pynetes.meta.fielderrors import (
    FIELD_IMMUTABLE,
    Path,
    Raw,
    forbidden,
    invalid,
    not_supported,
    required,
    same,
    too_long,
    too_many,
)
from pynetes.meta.gotext import json_text
from pynetes.meta.names import size
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import conditions

_MOST_USERS = 256
_MOST_RESULTS = 32
_MOST_CONDITIONS = 8
_MOST_ADDRESSES = 16
_LONGEST_DATA = 10 * 1024
_LONGEST_INTERFACE = 256
_LONGEST_HARDWARE = 128
_SOURCES = ("FromClaim", "FromClass")

Device = tuple[str, str, str, str]
"""Driver, pool, device, share."""


def device_of(value: Object) -> Device:
    driver, pool, device, share = (value.get(name) or "" for name in ("driver", "pool", "device", "shareID"))
    return driver, pool, device, share


def allocated(status: Object) -> frozenset[Device]:
    devices = (status.get("allocation") or {}).get("devices") or {}
    return frozenset(map(device_of, devices.get("results") or ()))


def validate_status(claim: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    status, before = claim.get("status") or {}, old.get("status") or {}
    names = request_names((claim.get("spec") or {}).get("devices") or {})
    causes = _admin(status, before, context) + object_meta_update(claim, old)
    users = status.get("reservedFor") or ()
    causes += distinct("status.reservedFor", users, _MOST_USERS, _user, lambda user: user.get("uid") or "")
    known = allocated(status)

    def state(at: Path, value: Object) -> list[Cause]:
        return _state(at, value, known)

    causes += distinct("status.devices", status.get("devices") or (), -1, state, device_of, _shown)
    allocation, former = status.get("allocation"), before.get("allocation")
    if users and allocation is None:
        causes.append(forbidden("status.reservedFor", "may not be specified when `allocated` is not set"))
    elif users and "deletionTimestamp" in claim["metadata"]:
        earlier = before.get("reservedFor") or ()
        if any(user not in earlier for user in users):
            detail = "new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set"
            causes.append(forbidden("status.reservedFor", detail))
    if allocation is None:
        return causes
    if former is None:
        return causes + _allocation("status.allocation", allocation, names)
    if not same(allocation, former):
        shown = internal_json("AllocationResult", allocation)
        causes.append(invalid("status.allocation", shown, FIELD_IMMUTABLE))
    return causes


def _shown(value: Object) -> Raw:
    driver, pool, device, share = device_of(value)
    return Raw(json_text({"Driver": driver, "Pool": pool, "Device": device, "ShareID": share}))


def _admin(status: Object, before: Object, context: WriteContext) -> list[Cause]:
    if _admin_result(before) is not None or (at := _admin_result(status)) is None:
        return []
    return admin_access(f"status.allocation.devices.results[{at}].adminAccess", context)


def _admin_result(status: Object) -> int | None:
    results = ((status.get("allocation") or {}).get("devices") or {}).get("results") or ()
    return next((i for i, result in enumerate(results) if result.get("adminAccess")), None)


def _user(path: Path, user: Object) -> list[Cause]:
    return [required(f"{path}.{name}") for name in ("resource", "name", "uid") if not user.get(name)]


def _allocation(path: Path, allocation: Object, names: Mapping[str, frozenset[str]]) -> list[Cause]:
    devices, at = allocation.get("devices") or {}, f"{path}.devices"

    def result(at: Path, value: Object) -> list[Cause]:
        causes = request_reference(f"{at}.request", value.get("request") or "", names)
        causes += driver_name(f"{at}.driver", value.get("driver") or "")
        causes += pool_name(f"{at}.pool", value.get("pool") or "")
        causes += label(f"{at}.device", value.get("device") or "")
        causes += binding_conditions(at, value)
        share = value.get("shareID")
        return causes + (share_id(f"{at}.shareID", share) if share is not None else [])

    def config(at: Path, value: Object) -> list[Cause]:
        source = value.get("source") or ""
        causes = [] if source else [required(f"{at}.source")]
        if source and source not in _SOURCES:
            causes.append(not_supported(f"{at}.source", source, _SOURCES))
        causes += distinct(
            f"{at}.requests",
            value.get("requests") or (),
            MOST_REQUESTS,
            lambda where, name: request_reference(where, name, names),
            lambda name: name,
        )
        return causes + configuration(at, value)

    causes = items(f"{at}.results", devices.get("results") or (), _MOST_RESULTS, result)
    causes += items(f"{at}.config", devices.get("config") or (), 2 * MOST_CONFIGS, config)
    selector = allocation.get("nodeSelector")
    return causes + (node_selector(f"{path}.nodeSelector", selector) if selector is not None else [])


def _state(path: Path, value: Object, known: frozenset[Device]) -> list[Cause]:
    causes = driver_name(f"{path}.driver", value.get("driver") or "")
    causes += pool_name(f"{path}.pool", value.get("pool") or "")
    causes += label(f"{path}.device", value.get("device") or "")
    if (share := value.get("shareID")) is not None:
        causes += share_id(f"{path}.shareID", share)
    if device_of(value) not in known:
        causes.append(invalid(path, _shown(value), "must be an allocated device in the claim"))
    found = value.get("conditions") or ()
    if len(found) > _MOST_CONDITIONS:
        causes.append(too_many(f"{path}.conditions", len(found), _MOST_CONDITIONS))
    causes += conditions(f"{path}.conditions", found)
    if "data" in value and value["data"] is not None:
        causes += raw_object(f"{path}.data", value["data"], _LONGEST_DATA)
    return causes + _network(f"{path}.networkData", value.get("networkData") or {})


def _network(path: Path, data: Object) -> list[Cause]:
    causes: list[Cause] = []
    for name, limit in (("interfaceName", _LONGEST_INTERFACE), ("hardwareAddress", _LONGEST_HARDWARE)):
        if size(data.get(name) or "") > limit:
            causes.append(too_long(f"{path}.{name}", limit))
    addresses = data.get("ips") or ()
    return causes + distinct(f"{path}.ips", addresses, _MOST_ADDRESSES, interface_address, lambda text: text)
