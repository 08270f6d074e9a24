"""Ingress classes.

Source: kubernetes ``pkg/apis/networking/v1/defaults.go``, ``pkg/registry/networking/ingressclass``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.networking.ingress_validation import typed_reference
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import Path, forbidden, immutable, invalid, not_supported, required, too_long
from pynetes.meta.names import dns1123_label, size
from pynetes.meta.objects import Object, annotations_of
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import domain_prefixed_path

IS_DEFAULT = "ingressclass.kubernetes.io/is-default-class"
_STRATEGY = Strategy(generation=True)
_SCOPES = ("Cluster", "Namespace")


def default(obj: Object) -> None:
    parameters = (obj.get("spec") or {}).get("parameters")
    if parameters is not None:
        fill(parameters, scope="Cluster")


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    spec = obj.get("spec") or {}
    controller, parameters = spec.get("controller") or "", spec.get("parameters")
    causes = object_meta(obj, False)
    if size(controller) > 250:
        causes.append(too_long("spec.controller", 250))
    causes += domain_prefixed_path("spec.controller", controller)
    return causes if parameters is None else causes + _parameters("spec.parameters", parameters)


def _parameters(path: Path, reference: Object) -> list[Cause]:
    causes = typed_reference(path, reference)
    scope, namespace = reference.get("scope"), reference.get("namespace")
    if scope is None:
        causes.append(required(f"{path}.scope"))
    elif scope not in _SCOPES:
        causes.append(not_supported(f"{path}.scope", scope, _SCOPES))
    elif scope == "Cluster":
        if namespace is not None:
            causes.append(forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'"))
    elif namespace is None:
        causes.append(required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'"))
    else:
        causes += [invalid(f"{path}.namespace", namespace, p) for p in dns1123_label(namespace)]
    return causes


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    new, before = ((o.get("spec") or {}).get("controller", "") for o in (obj, old))
    return [*causes, *immutable("spec.controller", new, before), *validate(obj, context)]


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
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
