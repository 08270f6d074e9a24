"""API services. Source: kube-aggregator ``pkg/apis/apiregistration``, ``pkg/registry/apiservice``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import Validation
from pynetes.kinds.pods.lifecycle import find_condition
from pynetes.kinds.strategy import Strategy
from pynetes.meta.names import path_segment
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_VALIDATION = Validation(False, path_segment)
_STRATEGY = Strategy(has_status=True, resets_metadata=True)


def default(obj: Object) -> None:
    service = (obj.get("spec") or {}).get("service")
    if service is not None:
        fill(service, port=443)


def table_row(obj: Object, now: float) -> list[Any]:
    service = (obj.get("spec") or {}).get("service")
    name = "Local" if service is None else f"{service.get('namespace', '')}/{service.get('name', '')}"
    available = find_condition((obj.get("status") or {}).get("conditions"), "Available")
    text = "Unknown"
    if available is not None:
        text = available.get("status", "")
        if text != "True":
            text = f"{text} ({available.get('reason', '')})"
    return [obj["metadata"]["name"], name, text, rows.age(obj, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
