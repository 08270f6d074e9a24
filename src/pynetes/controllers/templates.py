"""Pod templates: when two are the same, and the hash that tells them apart in names and labels.

Source: pkg/controller/deployment/util/deployment_util.go (``EqualIgnoreHash``), pkg/controller/controller_utils.go.
"""

from pynetes.meta.godump import dump
from pynetes.meta.gotext import safe_encode
from pynetes.meta.objects import Object

HASH_LABEL = "pod-template-hash"
_TYPE = "io.k8s.api.core.v1.PodTemplateSpec"


def template_hash(template: Object, collisions: int | None) -> str:
    """The hash by which upstream names the same template's ReplicaSets and revisions: ten characters at most."""
    value = 0x811C9DC5
    data = dump(_TYPE, template).encode()
    if collisions is not None:
        data += collisions.to_bytes(8, "little")
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return safe_encode(str(value))


def same_template(a: Object, b: Object) -> bool:
    """Whether two templates are equal but for the hash label."""
    return _without_hash(a) == _without_hash(b)


def _without_hash(template: Object) -> Object:
    metadata = template.get("metadata") or {}
    labels = {k: v for k, v in (metadata.get("labels") or {}).items() if k != HASH_LABEL}
    rest = {k: v for k, v in metadata.items() if k not in ("labels", "creationTimestamp")}
    return {**template, "metadata": {**rest, "labels": labels}}
