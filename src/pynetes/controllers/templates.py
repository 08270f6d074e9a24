"""Pod templates: when two are the same, and the hash that tells them apart in names and labels.

Source: pkg/controller/deployment/util/deployment_util.go (``EqualIgnoreHash``), pkg/controller/controller_utils.go.
"""

import orjson

from pynetes.meta.objects import Object

HASH_LABEL = "pod-template-hash"


def template_hash(template: Object, collisions: int | None) -> str:
    """The value of ``pod-template-hash``: ten characters at most, without vowels."""
    value = 0x811C9DC5
    data = orjson.dumps(template, option=orjson.OPT_SORT_KEYS)
    if collisions is not None:
        data += collisions.to_bytes(8, "little", signed=True)
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    alphabet = "bcdfghjklmnpqrstvwxz2456789"
    return "".join(alphabet[ord(digit) % len(alphabet)] for digit in str(value))


def same_template(a: Object, b: Object) -> bool:
    """Whether two templates are equal but for the hash label."""
    return _without_hash(a) == _without_hash(b)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    rest = {k: v for k, v in metadata.items() if k not in ("labels", "creationTimestamp")}
    return {**template, "metadata": {**rest, "labels": labels}}
