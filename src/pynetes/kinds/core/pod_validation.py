"""What is wrong with a new pod. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodCreate``."""

from collections.abc import Sequence

from pynetes.kinds.core.containers import trimmed_image
from pynetes.kinds.core.pod_annotations import pod_annotations
from pynetes.kinds.core.pod_spec import pod_spec
from pynetes.kinds.core.profiles import profiles_agree
from pynetes.kinds.metadata import object_meta
from pynetes.meta.fielderrors import forbidden
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause


def validate_create(pod: Object, context: WriteContext) -> Sequence[Cause]:
    causes = metadata_and_spec(pod)
    spec, annotations = pod["spec"], pod["metadata"].get("annotations") or {}
    if spec.get("ephemeralContainers"):
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
    if spec.get("nodeName") and spec.get("schedulingGates"):
        causes.append(forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared"))
    if annotations:
        causes += profiles_agree("spec", annotations, spec)
    return causes


def metadata_and_spec(pod: Object) -> list[Cause]:
    """What creates and updates have in common."""
    meta, spec = pod["metadata"], pod["spec"]
    causes = object_meta(pod, True)
    causes += pod_annotations("metadata.annotations", meta.get("annotations") or {}, spec)
    causes += pod_spec("spec", spec, meta)
    if not spec.get("serviceAccountName"):
        causes += _tokens_of_nobody(spec)
    for where in ("containers", "initContainers"):
        for i, container in enumerate(spec.get(where) or ()):
            causes += trimmed_image(f"spec.{where}[{i}]", container)
    return causes


def _tokens_of_nobody(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    for i, volume in enumerate(spec.get("volumes") or ()):
        for j, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
            if source.get("serviceAccountToken") is not None:
                path = f"spec.volumes[{i}].projected.sources[{j}].serviceAccountToken"
                causes.append(forbidden(path, "must not be specified when serviceAccountName is not set"))
    return causes
