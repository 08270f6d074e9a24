"""Nodes. Source: kubernetes ``pkg/registry/core/node/strategy.go``, ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.node_validation import validate, validate_update
from pynetes.kinds.core.pod_defaults import round_amounts
from pynetes.kinds.pods.lifecycle import find_condition
from pynetes.kinds.strategy import keep
from pynetes.meta.addresses import cidr_warnings
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

_ROLE_PREFIX = "node-role.kubernetes.io/"


def default(node: Object) -> None:
    spec = node.setdefault("spec", {})
    if cidr := spec.get("podCIDR"):
        if (spec.get("podCIDRs") or [""])[0] != cidr:
            spec["podCIDRs"] = [cidr]
    elif spec.get("podCIDRs"):
        spec["podCIDR"] = spec["podCIDRs"][0]
    status = node.get("status")
    if not status:
        return
    if status.get("capacity"):
        round_amounts(status["capacity"])
        if status.get("allocatable") is None:
            status["allocatable"] = dict(status["capacity"])
    if status.get("allocatable"):
        round_amounts(status["allocatable"])


def prepare_create(node: Object, context: WriteContext) -> None:
    node["spec"].pop("configSource", None)
    (node.get("status") or {}).pop("config", None)


def prepare_update(node: Object, old: Object, context: WriteContext) -> None:
    if context.subresource == "status":
        keep(node, old, "spec")
        if ((old.get("status") or {}).get("config")) is None:
            (node.get("status") or {}).pop("config", None)
        return
    keep(node, old, "status")
    if old["spec"].get("configSource") is None:
        node["spec"].pop("configSource", None)


def warnings(node: Object, old: Object | None) -> Sequence[str]:
    found = []
    if node["spec"].get("configSource") is not None:
        found.append("spec.configSource: the feature is removed")
    if node["spec"].get("externalID"):
        found.append("spec.externalID: this field is deprecated, and is unused by Kubernetes")
    for i, cidr in enumerate(node["spec"].get("podCIDRs") or ()):
        found += cidr_warnings(f"spec.podCIDRs[{i}]", cidr)
    return found


def table_row(node: Object, now: float) -> list[Any]:
    status = node.get("status") or {}
    info = status.get("nodeInfo") or {}
    kernel = info.get("kernelVersion") or rows.UNKNOWN
    if info.get("architecture"):
        kernel += f" ({info['architecture']})"
    return [
        node["metadata"]["name"],
        _status(node),
        ",".join(roles(node)) or rows.NONE,
        rows.age(node, now),
        info.get("kubeletVersion") or "",
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or rows.UNKNOWN,
        kernel,
        info.get("containerRuntimeVersion") or rows.UNKNOWN,
    ]


def _status(node: Object) -> str:
    ready = find_condition((node.get("status") or {}).get("conditions"), "Ready")
    if ready is None:
        text = "Unknown"
    else:
        text = "Ready" if ready.get("status") == "True" else "NotReady"
    return text + (",SchedulingDisabled" if (node.get("spec") or {}).get("unschedulable") else "")


def roles(node: Object) -> list[str]:
    """The roles that labels give it."""
    found = set()
    for key, value in (node["metadata"].get("labels") or {}).items():
        if key.startswith(_ROLE_PREFIX):
            found.add(key.removeprefix(_ROLE_PREFIX))
        elif key == "kubernetes.io/role":
            found.add(value)
    return sorted(found - {""})


def _address(status: Object, kind: str) -> str:
    addresses = status.get("addresses") or ()
    return next((a.get("address", "") for a in addresses if a.get("type") == kind), rows.NONE)


def fields(node: Object) -> Mapping[str, str]:
    unschedulable = (node.get("spec") or {}).get("unschedulable")
    return {"spec.unschedulable": "true" if unschedulable else "false"}


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    warnings=warnings,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
    fields=fields,
)
