"""What is wrong with a pod spec or a pod template: the parts put together.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodSpec``, ``ValidatePodTemplateSpec``.
"""

from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import Path, annotations, labels


def template(path: Path, value: Object) -> list[Cause]:
    """Against a ``PodTemplateSpec``."""
    meta = value.get("metadata") or {}
    causes = labels(f"{path}.labels", meta.get("labels"))
    causes += annotations(f"{path}.annotations", meta.get("annotations"))
    return causes


def template_warnings(path: Path, value: Object, old: Object | None) -> list[str]:
    return []


def pod_annotations(path: Path, values: Object, spec: Object) -> list[Cause]:
    """Against annotations that mean something to pods."""
    return []
