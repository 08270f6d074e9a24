"""IP addresses and service CIDRs: what the allocator of cluster addresses works on.

Source: kubernetes ``pkg/apis/networking/validation/validation.go``, ``pkg/registry/networking``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_VALIDATION = Validation(namespaced=False)
_STRATEGY = Strategy(has_status=True, resets_metadata=True)


def address_row(obj: Object, now: float) -> list[Any]:
    """Three cells for two columns, as upstream has it."""
    parent = (obj.get("spec") or {}).get("parentRef")
    name = rows.NONE
    if parent is not None:
        resource, group = parent.get("resource", ""), parent.get("group", "")
        name = f"{resource}.{group}".lower() if group else resource.lower()
        if parent.get("namespace"):
            name += f"/{parent['namespace']}"
        name += f"/{parent.get('name', '')}"
    return [obj["metadata"]["name"], name, rows.age(obj, now)]


def cidr_row(obj: Object, now: float) -> list[Any]:
    cidrs = (obj.get("spec") or {}).get("cidrs") or ()
    return [obj["metadata"]["name"], ",".join(cidrs), rows.age(obj, now)]


ADDRESS_HOOKS = Hooks(validate=_VALIDATION.create, validate_update=_VALIDATION.update, table_row=address_row)

CIDR_HOOKS = Hooks(
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=cidr_row,
)
