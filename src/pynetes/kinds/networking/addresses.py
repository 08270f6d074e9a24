"""IP addresses and service CIDRs: what the allocator of cluster addresses works on.

Source: kubernetes ``pkg/apis/networking/validation/validation.go``, ``pkg/registry/networking``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.addresses import cidr_warnings, parse_cidr, strict_cidr, strict_ip
from pynetes.meta.fielderrors import FIELD_IMMUTABLE, invalid, required, same
from pynetes.meta.gotext import quoted
from pynetes.meta.names import dns1123_subdomain, path_segment
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_PATH = "spec.cidrs"
_STRATEGY = Strategy(has_status=True, resets_metadata=True)


def address_name(text: str) -> list[str]:
    """An address in the one form that it has, as a rule of names."""
    return [cause.message.partition(f"{quoted(text)}: ")[2] for cause in strict_ip("", text)]


def validate_address(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False, address_name)
    parent = (obj.get("spec") or {}).get("parentRef")
    if parent is None:
        return [*causes, required("spec.parentRef")]
    path = "spec.parentRef"
    if group := parent.get("group"):
        causes += [invalid(f"{path}.group", group, p) for p in dns1123_subdomain(group)]
    for member in ("resource", "name", "namespace"):
        value = parent.get(member) or ""
        if value:
            causes += [invalid(f"{path}.{member}", value, p) for p in path_segment(value)]
        elif member != "namespace":
            causes.append(required(f"{path}.{member}"))
    return causes


def validate_address_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    new, before = ((o.get("spec") or {}).get("parentRef") for o in (obj, old))
    causes = object_meta_update(obj, old)
    if same(new, before):
        return causes
    shown = None if new is None else internal_json("ParentReference", new)
    return [*causes, invalid("spec.parentRef", shown, FIELD_IMMUTABLE)]


def validate_cidrs(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(obj, False) + _cidrs(obj.get("spec") or {})


def _cidrs(spec: Object) -> list[Cause]:
    cidrs = spec.get("cidrs") or ()
    if not cidrs:
        return [required(_PATH, "at least one CIDR required")]
    if len(cidrs) > 2:
        return [invalid(_PATH, internal_json("ServiceCIDRSpec", spec), "may only hold up to 2 values")]
    causes = [c for i, text in enumerate(cidrs) for c in strict_cidr(f"{_PATH}[{i}]", text)]
    parsed = [parse_cidr(text) for text in cidrs]
    families = [p[1].version for p in parsed if p is not None]
    if len(families) == 2 and families[0] == families[1]:
        detail = "may specify no more than one IP for each IP family, i.e 192.168.0.0/24 and 2001:db8::/64"
        causes.append(invalid(_PATH, cidrs, detail))
    return causes


def validate_cidrs_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    """A second family may be added; nothing else changes."""
    causes = object_meta_update(obj, old)
    if context.subresource == "status":
        return causes
    spec = obj.get("spec") or {}
    new, before = spec.get("cidrs") or [], (old.get("spec") or {}).get("cidrs") or []
    kept = [
        invalid(f"{_PATH}[{i}]", now, FIELD_IMMUTABLE)
        for i, (now, was) in enumerate(zip(new, before, strict=False))
        if now != was
    ]
    if len(new) == len(before):
        return causes + kept
    if len(before) == 1 and len(new) == 2:
        return causes + kept + _cidrs(spec)
    return [*causes, invalid(_PATH, spec.get("cidrs"), FIELD_IMMUTABLE)]


def cidr_object_warnings(obj: Object, old: Object | None) -> Sequence[str]:
    texts = (obj.get("spec") or {}).get("cidrs") or ()
    return [w for i, text in enumerate(texts) for w in cidr_warnings(f"{_PATH}[{i}]", text)]


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


ADDRESS_HOOKS = Hooks(validate=validate_address, validate_update=validate_address_update, table_row=address_row)

CIDR_HOOKS = Hooks(
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate_cidrs,
    validate_update=validate_cidrs_update,
    warnings=cidr_object_warnings,
    table_row=cidr_row,
)
