"""Objects of any built-in type at random, in the form that a round trip through the type leaves."""

from datetime import datetime
from functools import cache
from typing import Any

from hypothesis import strategies as st

from pynetes.meta.protobuf.messages import API, EXTENSIONS, EXTRA_VALUES, META, Field, messages

_TEXTS = st.text(st.characters(codec="utf-8"), max_size=5) | st.just("x" * 200)
_JSON = st.recursive(
    st.booleans() | st.integers(-(2**53), 2**53) | _TEXTS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_TEXTS, inner, max_size=2),
    max_leaves=4,
)
_INT32, _INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
_YEARS = st.datetimes(min_value=datetime(1, 1, 2))
_SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "string": _TEXTS,
    "bytes": st.sampled_from(("", "AA==", "dmFsdWU=", "A" * 400)),
    "bool": st.booleans(),
    "int32": _INT32,
    "int64": _INT64,
    "double": st.floats(allow_nan=False, allow_infinity=False),
    f"{META}Time": _YEARS.map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")),
    f"{META}MicroTime": _YEARS.map(lambda at: at.strftime("%Y-%m-%dT%H:%M:%S.%fZ").rjust(27, "0")),
    f"{META}FieldsV1": st.dictionaries(_TEXTS, _JSON, max_size=2),
    f"{API}runtime.RawExtension": st.dictionaries(_TEXTS, _JSON, max_size=2),
    f"{API}api.resource.Quantity": st.sampled_from(("0", "100m", "1", "64Mi", "1500m", "-3k", "12e6")),
    f"{API}util.intstr.IntOrString": _INT32 | _TEXTS,
    f"{EXTENSIONS}JSON": _JSON,
    **{name: st.lists(_TEXTS, max_size=2) for name in (f"{META}Verbs", *EXTRA_VALUES)},
}


@cache
def objects(type_name: str, depth: int = 4) -> st.SearchStrategy[dict[str, Any]]:
    """Of a struct type; what lies deeper than ``depth`` is left out."""
    made: dict[str, st.SearchStrategy[Any]] = {}
    for field in messages()[type_name]:
        if not field.name:
            continue
        of = _values(field.of, depth)
        if of is not None:
            made[field.name] = _many(field, of)
    own = st.fixed_dictionaries({}, optional=made) if made else st.just({})
    inlined = [objects(field.of, depth) for field in messages()[type_name] if not field.name]
    return st.tuples(own, *inlined).map(lambda parts: {k: v for part in parts for k, v in part.items()})


def _many(field: Field, of: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    if field.kind == "map":
        return st.dictionaries(_TEXTS, of, max_size=2)
    return st.lists(of, max_size=2) if field.kind else of


def _values(of: str, depth: int) -> st.SearchStrategy[Any] | None:
    if of in _SCALARS:
        return _SCALARS[of]
    if depth == 0:
        return None
    if of.startswith(f"{EXTENSIONS}JSONSchemaPropsOr"):
        schema = objects(f"{EXTENSIONS}JSONSchemaProps", depth - 1)
        if of.endswith("Bool"):
            return st.booleans() | schema
        return schema | st.lists(_TEXTS if of.endswith("StringArray") else schema, min_size=1, max_size=2)
    return objects(of, depth - 1)
