"""What is wrong with a storage class or a volume attributes class.

Source: kubernetes ``pkg/apis/storage/validation/validation.go``.
"""

from collections.abc import Mapping, Sequence

from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import Path, duplicate, forbidden, immutable, invalid, not_supported, required, too_long
from pynetes.meta.gotext import sorted_map
from pynetes.meta.names import qualified_name, size
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_name

_RECLAIM_POLICIES = ("Delete", "Retain")
_BINDING_MODES = ("Immediate", "WaitForFirstConsumer")
_MAX_PARAMETERS = 512
_MAX_SIZE = 256 * 1024


def validate_class(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False)
    causes += _provisioner("provisioner", obj.get("provisioner") or "")
    causes += _parameters("parameters", obj.get("parameters") or {}, may_be_empty=True)
    policy, mode = obj.get("reclaimPolicy"), obj.get("volumeBindingMode")
    if policy and policy not in _RECLAIM_POLICIES:
        causes.append(not_supported("reclaimPolicy", policy, _RECLAIM_POLICIES))
    if mode is None:
        causes.append(required("volumeBindingMode"))
    elif mode not in _BINDING_MODES:
        causes.append(not_supported("volumeBindingMode", mode, _BINDING_MODES))
    return causes + _topologies("allowedTopologies", obj.get("allowedTopologies") or ())


def validate_class_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = [*validate_class(obj, context), *object_meta_update(obj, old)]
    parameters = obj.get("parameters")
    causes += immutable("parameters", parameters and sorted_map(parameters), old.get("parameters"))
    for name in ("provisioner", "reclaimPolicy", "volumeBindingMode"):
        causes += immutable(name, obj.get(name), old.get(name))
    return causes


def validate_attributes(obj: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(obj, False) + _provisioner("driverName", obj.get("driverName") or "")
    return causes + _parameters("parameters", obj.get("parameters") or {}, may_be_empty=False)


def validate_attributes_update(obj: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(obj, old)
    if obj.get("driverName", "") != old.get("driverName", ""):
        causes.append(forbidden("driverName", "updates to driverName are forbidden."))
    if (obj.get("parameters") or {}) != (old.get("parameters") or {}):
        causes.append(forbidden("parameters", "updates to parameters are forbidden."))
    return [*causes, *validate_attributes(obj, context)]


def _provisioner(path: Path, name: str) -> list[Cause]:
    if not name:
        return [required(path)]
    return [invalid(path, name.lower(), p) for p in qualified_name(name.lower())]


def _parameters(path: Path, values: Mapping[str, str], may_be_empty: bool) -> list[Cause]:
    if len(values) > _MAX_PARAMETERS:
        return [too_long(path, _MAX_PARAMETERS)]
    causes = [invalid(path, "", "field can not be empty.")] if "" in values else []
    if sum(size(key) + size(value) for key, value in values.items()) > _MAX_SIZE:
        causes.append(too_long(path, _MAX_SIZE))
    if not values and not may_be_empty:
        causes.append(required(path, "must contain at least one key/value pair"))
    return causes


def _topologies(path: Path, terms: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen: list[Mapping[str, set[str]]] = []
    for i, term in enumerate(terms):
        at = f"{path}[{i}].matchLabelExpressions"
        found: dict[str, set[str]] = {}
        for j, expression in enumerate(term.get("matchLabelExpressions") or ()):
            key, values = expression.get("key") or "", expression.get("values") or ()
            where = f"{at}[{j}]"
            if not values:
                causes.append(required(f"{where}.values"))
            causes += [duplicate(f"{where}.values[{k}]", v) for k, v in enumerate(values) if v in values[:k]]
            causes += label_name(f"{where}.key", key)
            if key in found:
                causes.append(duplicate(f"{where}.key", key))
            found[key] = set(values)
        repeats = seen.count(found) + (0 if found else len(terms))  # upstream starts with as many empty ones
        causes += [duplicate(at, "")] * repeats
        seen.append(found)
    return causes
