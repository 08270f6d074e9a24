"""Config maps. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateConfigMap``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core.secret import MAX_SIZE, decoded_size
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import forbidden, invalid, same, too_long
from pynetes.meta.names import config_map_key, size
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

_FROZEN = "field is immutable when `immutable` is set"


def validate(config_map: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(config_map, True)
    data, binary = config_map.get("data") or {}, config_map.get("binaryData") or {}
    total = 0
    for key, value in data.items():
        if problems := config_map_key(key):
            causes += [invalid(f"data[{key}]", key, p) for p in problems]
        if key in binary:
            causes.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
        total += size(value)
    for key, value in binary.items():
        if problems := config_map_key(key):
            causes += [invalid(f"binaryData[{key}]", key, p) for p in problems]
        total += decoded_size(value)
    if total > MAX_SIZE:
        causes.append(too_long("[]", MAX_SIZE))  # upstream's path of the whole object
    return causes


def validate_update(config_map: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(config_map, old)
    if old.get("immutable"):
        if not config_map.get("immutable"):
            causes.append(forbidden("immutable", _FROZEN))
        for name in ("data", "binaryData"):
            if not same(config_map.get(name), old.get(name)):
                causes.append(forbidden(name, _FROZEN))
    return causes + list(validate(config_map, context))


def table_row(config_map: Object, now: float) -> list[Any]:
    count = len(config_map.get("data") or ()) + len(config_map.get("binaryData") or ())
    return [config_map["metadata"]["name"], count, rows.age(config_map, now)]


HOOKS = Hooks(validate=validate, validate_update=validate_update, table_row=table_row)
