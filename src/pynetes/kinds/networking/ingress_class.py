"""Ingress classes.

Source: kubernetes ``pkg/apis/networking/v1/defaults.go``, ``pkg/registry/networking/ingressclass``.
"""

from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.resource import Hooks

IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_STRATEGY = Strategy(generation=True)
_VALIDATION = Validation(namespaced=False)


def default(obj: Object) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        fill(parameters, scope="Cluster")


def table_row(obj: Object, now: float) -> list[Any]:
    spec = obj.get("spec") or {}
    name = obj["metadata"]["name"]
    if annotations_of(obj).get(IS_DEFAULT) == "true":
        name += " (default)"
    parameters = rows.NONE
    if (reference := spec.get("parameters")) is not None:
        group = f".{reference['apiGroup']}" if reference.get("apiGroup") is not None else ""
        parameters = f"{reference.get('kind', '')}{group}/{reference.get('name', '')}"
    return [name, spec.get("controller") or "", parameters, rows.age(obj, now)]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    table_row=table_row,
)
