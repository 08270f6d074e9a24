"""CustomResourceDefinitions: defaults, life of the spec, rows.

Source: apiextensions-apiserver ``pkg/registry/customresourcedefinition/strategy.go``, ``pkg/apis/apiextensions/v1``.
"""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.apiextensions import definition_validation as validation
from pynetes.kinds.strategy import keep
from pynetes.meta.fielderrors import same
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause


def default(obj: Object) -> None:
    spec = obj.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind") or ""
    if kind:
        names.setdefault("singular", kind.lower())
        names.setdefault("listKind", f"{kind}List")
    conversion = spec.setdefault("conversion", {"strategy": "None"})
    service = ((conversion.get("webhook") or {}).get("clientConfig") or {}).get("service")
    if service is not None:
        service.setdefault("port", 443)
    status = obj.setdefault("status", {})
    if not status.get("storedVersions"):
        _store_in(status, spec)


def _store_in(status: Object, spec: Object) -> None:
    """The storage version is one that objects are stored in."""
    storage = next((v.get("name") for v in spec.get("versions") or () if v.get("storage")), None)
    stored = status.get("storedVersions") or []
    if storage is not None and storage not in stored:
        status["storedVersions"] = [*stored, storage]


def prepare_create(obj: Object, context: WriteContext) -> None:
    obj["metadata"]["generation"] = 1
    status = obj["status"] = {}
    _store_in(status, obj["spec"])


def prepare_update(obj: Object, old: Object, context: WriteContext) -> None:
    if context.subresource == "status":
        keep(obj, old, "spec")
        return
    keep(obj, old, "status")
    changed = not same(obj.get("spec"), old.get("spec"))
    obj["metadata"]["generation"] = old["metadata"].get("generation", 0) + int(changed)
    status = obj["status"] = dict(obj.get("status") or {})
    _store_in(status, obj["spec"])


def validate(obj: Object, context: WriteContext) -> Sequence[Cause]:
    return validation.validate(obj)


def validate_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    if context.subresource == "status":
        return validation.validate_status(obj, old)
    return validation.validate_update(obj, old)


def table_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp", rows.UNKNOWN)]


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    table_row=table_row,
)
