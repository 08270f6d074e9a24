"""Network policies.

Source: kubernetes ``pkg/apis/networking/v1/defaults.go``, ``pkg/registry/networking/networkpolicy``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.networking.policy_validation import ip_blocks, validate, validate_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.addresses import cidr_warnings
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks
from pynetes.meta.selectors import format_object

_STRATEGY = Strategy(generation=True)


def default(policy: Object) -> None:
    spec = policy.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]
    for direction in ("ingress", "egress"):
        for rule in spec.get(direction) or ():
            for port in rule.get("ports") or ():
                fill(port, protocol="TCP")


def warnings(policy: Object, old: Object | None) -> Sequence[str]:
    found = []
    for path, block in ip_blocks("spec", policy["spec"]):
        found += cidr_warnings(f"{path}.cidr", block.get("cidr") or "")
        for i, text in enumerate(block.get("except") or ()):
            found += cidr_warnings(f"{path}.except[{i}]", text)
    return found


def table_row(policy: Object, now: float) -> list[Any]:
    selector = (policy.get("spec") or {}).get("podSelector") or {}
    return [policy["metadata"]["name"], format_object(selector), rows.age(policy, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
)
