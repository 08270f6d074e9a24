"""A patched document as upstream's messages print it: fields in the order of Go's structs, but for what the patch
reached.

Only errors come here, so nothing of it needs to be fast.
Source: gopkg.in/evanphx/json-patch.v4 (what it parses it writes with sorted keys); apimachinery
``pkg/runtime/converter.go``.
"""

import re
from typing import Any

from pynetes.meta.decoder import DecodeError
from pynetes.meta.gotext import json_text
from pynetes.meta.marshal import ordered
from pynetes.meta.objects import Object
from pynetes.meta.patch import json as json_patch
from pynetes.meta.patch import merge
from pynetes.meta.schema import types as schema_types

_TYPE_ERROR = re.compile(r"json: cannot unmarshal (\w+)(?: ([^ ]+))? into Go struct field [^ ]+ of type (.+)")
_KINDS = {"object": "map", "array": "slice", "string": "string", "bool": "bool", "number": "int64"}


def json_patched(document: Object, patch: Any, type_name: str) -> str:
    """The text of a document after a JSON patch."""
    patched = json_patch.apply(ordered(document, type_name), patch)
    _sort(patched, [])
    for operation in patch:
        for member in ("path", "from"):
            if isinstance(operation.get(member), str):
                _sort(patched, operation[member].split("/")[1:-1])
    return json_text(patched)


def merge_patched(document: Object, patch: Any, type_name: str) -> str:
    """The text of a document after a merge patch."""
    return json_text(merge.apply(ordered(document, type_name), patch))


def _sort(value: Any, tokens: list[str]) -> None:
    """Put the keys of every map on the way in order, in place."""
    json_patch.sorted_map(value)
    for token in tokens:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(value, list) and token.lstrip("-").isdigit() and -len(value) <= int(token) < len(value):
            value = value[int(token)]
        elif isinstance(value, dict) and token in value:
            value = value[token]
        else:
            return
        json_patch.sorted_map(value)


def unstructured(error: DecodeError) -> str:
    """A decoding error in the words of the converter that strategic patches go through.

    Source: apimachinery ``pkg/runtime/converter.go`` ``fromUnstructured``.
    """
    if error.message.startswith("illegal base64"):
        return f"error decoding from json: {error.message}"
    found = None if error.own else _TYPE_ERROR.fullmatch(error.message)
    if found is None:
        return error.own or error.message
    kind, text, wanted = _KINDS.get(found[1], found[1]), found[2], found[3]
    if wanted.startswith("[]"):
        return f"cannot restore slice from {kind}"
    if wanted.startswith("map["):
        return f"cannot restore map from {kind}"
    if "." in wanted and _is_struct(wanted):
        return f"cannot restore struct from: {kind}"
    number, text_like = kind == "int64", "." in wanted or wanted == "string"
    if number and wanted != "bool" and not (text and text_like):
        return f"cannot convert {'float64' if text and '.' in text else kind} to {wanted}"
    return f"unrecognized type: {'string' if text_like else wanted}"


def _is_struct(name: str) -> bool:
    """Of Go's names with a package, those that are no strings: ``v1.PodSpec``, but not ``v1.Protocol``."""
    return name.rpartition(".")[2] in {known.rpartition(".")[2] for known in schema_types()}
