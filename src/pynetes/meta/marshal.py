"""A typed value as Go marshals it: fields in the order of the struct, maps sorted, what is empty left out or written.

Only messages show values so: nothing of it needs to be fast. Source: Go ``encoding/json``.
"""

import copy
from typing import Any

from pynetes.meta.decoder import decoder
from pynetes.meta.fielderrors import Raw
from pynetes.meta.gotext import json_text
from pynetes.meta.schema import go_types

LABEL_SELECTOR = "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector"


def marshalled(value: Any, type_name: str) -> Raw:
    """The JSON of a value of a built-in type; None is Go's nil pointer."""
    if value is None:
        return Raw("null")
    written = decoder(type_name).canonical(copy.deepcopy(value))
    return Raw(json_text(ordered(written, type_name)))


def ordered(value: Any, type_name: str) -> Any:
    """A copy with the fields in the order in which Go writes them; unknown ones come last."""
    return _ordered(value, go_types().names[type_name])


def _ordered(value: Any, row: int) -> Any:
    kind, _, *rest = go_types().table[row]
    if kind == "ptr":
        return _ordered(value, rest[0])
    if kind == "slice" and isinstance(value, list):
        return [_ordered(item, rest[0]) for item in value]
    if kind == "map" and isinstance(value, dict):
        return {key: _ordered(value[key], rest[0]) for key in sorted(value)}
    if kind == "struct" and isinstance(value, dict):
        known = {name: inner for name, _, inner, *_ in rest[1]}
        sorted_by_go = {name: _ordered(value[name], inner) for name, inner in known.items() if name in value}
        return {**sorted_by_go, **{name: item for name, item in value.items() if name not in known}}
    return value
