"""Ingresses. Source: kubernetes ``pkg/registry/networking/ingress/strategy.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.networking.ingress_validation import CLASS_ANNOTATION, validate, validate_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.addresses import ip_warnings
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(generation=True, has_status=True)


def warnings(ingress: Object, old: Object | None) -> Sequence[str]:
    if old is None:
        if CLASS_ANNOTATION not in annotations_of(ingress) or (ingress.get("spec") or {}).get("ingressClassName"):
            return []
        return [f"annotation {quoted(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead"]
    found = []
    for i, point in enumerate(((ingress.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()):
        if point.get("ip"):
            found += ip_warnings(f"status.loadBalancer.ingress[{i}].ip", point["ip"])
    return found


def table_row(ingress: Object, now: float) -> list[Any]:
    spec, status = ingress.get("spec") or {}, ingress.get("status") or {}
    rules = spec.get("rules") or ()
    return [
        ingress["metadata"]["name"],
        rows.NONE if spec.get("ingressClassName") is None else spec["ingressClassName"],
        _hosts(rules),
        rows.load_balancer(status.get("loadBalancer")),
        "80, 443" if spec.get("tls") else "80",
        rows.age(ingress, now),
    ]


def _hosts(rules: Any) -> str:
    hosts: list[str] = []
    more = False
    for rule in rules:
        more = more or len(hosts) == 3
        if not more and rule.get("host"):
            hosts.append(rule["host"])
    if not hosts:
        return "*"
    listed = ",".join(hosts)
    return f"{listed} + {len(rules) - 3} more..." if more else listed


HOOKS = Hooks(
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
