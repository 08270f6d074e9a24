"""Network policies.

Source: kubernetes ``pkg/apis/networking/v1/defaults.go``, ``pkg/registry/networking/networkpolicy``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks
from pynetes.meta.selectors import format_object

_STRATEGY = Strategy(generation=True)
_VALIDATION = Validation()


def default(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                fill(port, protocol="TCP")


def table_row(policy: Object, now: float) -> list[Any]:
    selector = (policy.get("spec") or {}).get("podSelector") or {}
    return [policy["metadata"]["name"], format_object(selector), rows.age(policy, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
