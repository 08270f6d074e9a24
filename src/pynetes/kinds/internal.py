"""Values as upstream's internal types hold them: some messages print their JSON, or the difference of two.

Source: kubernetes ``pkg/apis/*/types.go`` (``data/internal-types.json``), apimachinery ``pkg/util/diff``.
"""

import difflib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import orjson

from pynetes.meta.fielderrors import Raw
from pynetes.meta.gotext import json_text
from pynetes.meta.objects import Object
from pynetes.meta.schema import data_file

_ZEROS = {"string": "", "bool": False, "int": 0, "quantity": "0", "intorstring": 0}
_WITH_METADATA = frozenset(("PodTemplateSpec", "ResourceClaimTemplateSpec"))
_POD_MEMBERS = ("hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers")


@cache
def _types() -> Mapping[str, Sequence[Sequence[str]]]:
    loaded: Mapping[str, Sequence[Sequence[str]]] = orjson.loads(data_file("internal-types.json"))
    return loaded


def internal_json(type_name: str, value: Any) -> Raw:
    """``{"Name":"c",...}``: what a message shows of a value of an internal type (``Container``)."""
    return Raw(json_text(internal(type_name, value)))


def difference(type_name: str, old: Any, new: Any) -> str:
    """A unified diff of two values' JSON, three lines of context around each change."""
    texts = (json.dumps(internal(type_name, v), indent=1, ensure_ascii=False) for v in (old, new))
    left, right = (_escaped(text).splitlines(keepends=True) for text in texts)
    lines = list(difflib.unified_diff(_ended(left), _ended(right), n=3))
    return "".join(lines[2:])  # without the names of the files


def _ended(lines: list[str]) -> list[str]:
    """The last line ends, too."""
    return [*lines[:-1], lines[-1] + "\n"]


def _escaped(text: str) -> str:
    for character in "<>&\u2028\u2029":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def internal(type_name: str, value: Any) -> Any:
    """The value with Go's names, every field present. A list's type is ``[]`` and that of its items."""
    return _field(type_name, _as_internal_pod_spec(value) if type_name == "PodSpec" else value)


def _as_internal_pod_spec(spec: Object) -> Object:
    """Internally the host's namespaces are part of the security context."""
    context = dict(spec.get("securityContext") or {})
    context |= {name: spec[name] for name in _POD_MEMBERS if name in spec}
    return {**spec, "securityContext": context}


def _struct(type_name: str, value: Mapping[str, Any]) -> Object:
    meta = _metadata(value) if type_name in _WITH_METADATA else {}
    return meta | {go: _field(kind, value.get(name)) for go, name, kind in _types()[type_name]}


def _metadata(value: Mapping[str, Any]) -> Object:
    """Of an embedded ObjectMeta, whose fields keep their JSON names and are left out when they are empty."""
    meta = value.get("metadata") or {}
    maps = {name: dict(sorted(meta[name].items())) for name in ("labels", "annotations") if meta.get(name)}
    return {k: v for k, v in meta.items() if v and k not in maps} | maps


def _field(kind: str, value: Any) -> Any:
    if kind.startswith("*"):
        return None if value is None else _field(kind[1:], value)
    if kind.startswith("[]"):
        return None if value is None else [_field(kind[2:], item) for item in value]
    if kind.startswith("map"):
        return None if value is None else {k: _field(kind[3:], value[k]) for k in sorted(value)}
    if kind in _types():
        return _struct(kind, value or {})
    return _ZEROS.get(kind) if value is None else value
