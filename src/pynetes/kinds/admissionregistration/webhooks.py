"""Webhook configurations.

Source: kubernetes ``pkg/apis/admissionregistration/v1/defaults.go``, ``pkg/registry/admissionregistration``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_VALIDATION = Validation(namespaced=False)
_STRATEGY = Strategy(generation=True, spec=("webhooks",))


def default(obj: Object) -> None:
    """What both kinds of webhooks have."""
    for webhook in obj.get("webhooks") or ():
        fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        for name in ("namespaceSelector", "objectSelector"):
            if webhook.get(name) is None:
                webhook[name] = {}
        for rule in webhook.get("rules") or ():
            fill(rule, scope="*")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            fill(service, port=443)


def default_mutating(obj: Object) -> None:
    default(obj)
    for webhook in obj.get("webhooks") or ():
        fill(webhook, reinvocationPolicy="Never")


def table_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), rows.age(obj, now)]


VALIDATING_HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)

MUTATING_HOOKS = Hooks(
    default=default_mutating,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
