"""CSI drivers, nodes and storage capacities. Source: kubernetes ``pkg/apis/storage``, ``pkg/registry/storage``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.node_labels import selector_warnings
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.storage.csi_validation import (
    validate_capacity,
    validate_capacity_update,
    validate_driver,
    validate_driver_update,
    validate_node,
    validate_node_update,
)
from pynetes.kinds.strategy import raise_generation
from pynetes.meta.fielderrors import same
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

_IN_SECRETS = (
    "spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible"
    " logging of tokens in volume attributes"
)


def default_driver(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    fill(spec, attachRequired=True, podInfoOnMount=False, storageCapacity=False)
    fill(spec, fsGroupPolicy="ReadWriteOnceWithFSType", requiresRepublish=False, seLinuxMount=False)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


def prepare_driver_create(obj: Object, context: WriteContext) -> None:
    obj["spec"].pop("preventPodSchedulingIfMissing", None)  # the gate VolumeLimitScaling is off by default


def prepare_driver_update(obj: Object, old: Object, context: WriteContext) -> None:
    if (old.get("spec") or {}).get("preventPodSchedulingIfMissing") is None:
        obj["spec"].pop("preventPodSchedulingIfMissing", None)
    if not same(obj.get("spec"), old.get("spec")):
        raise_generation(obj, old)


def driver_warnings(obj: Object, old: Object | None) -> Sequence[str]:
    spec, before = obj["spec"], (old or {}).get("spec") or {}
    requests = spec.get("tokenRequests")
    if (
        not requests
        or spec.get("serviceAccountTokenInSecrets") is not None
        or same(requests, before.get("tokenRequests"))
    ):
        return []
    return [_IN_SECRETS]


def driver_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    requests = spec.get("tokenRequests")
    return [
        obj["metadata"]["name"],
        True if spec.get("attachRequired") is None else spec["attachRequired"],
        bool(spec.get("podInfoOnMount")),
        bool(spec.get("storageCapacity")),
        rows.UNSET if requests is None else ",".join(r.get("audience", "") for r in requests),
        bool(spec.get("requiresRepublish")),
        ",".join(spec.get("volumeLifecycleModes") or ()) or rows.NONE,
        rows.age(obj, now),
    ]


def node_row(obj: Object, now: float) -> list[Any]:
    drivers = (obj.get("spec") or {}).get("drivers") or ()
    return [obj["metadata"]["name"], len(drivers), rows.age(obj, now)]


def capacity_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], rows.created(obj)]


DRIVER_HOOKS = Hooks(
    default=default_driver,
    prepare_create=prepare_driver_create,
    prepare_update=prepare_driver_update,
    validate=validate_driver,
    validate_update=validate_driver_update,
    warnings=driver_warnings,
    table_row=driver_row,
)

NODE_HOOKS = Hooks(validate=validate_node, validate_update=validate_node_update, table_row=node_row)


def capacity_warnings(obj: Object, old: Object | None) -> Sequence[str]:
    return selector_warnings("nodeTopology", obj.get("nodeTopology"))


CAPACITY_HOOKS = Hooks(
    validate=validate_capacity,
    validate_update=validate_capacity_update,
    warnings=capacity_warnings,
    table_row=capacity_row,
)
