"""Ingresses. Source: kubernetes ``pkg/registry/networking/ingress/strategy.go``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(generation=True, has_status=True)
_VALIDATION = Validation()


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
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
