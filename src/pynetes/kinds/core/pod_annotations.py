"""What is wrong with annotations that mean something to pods. Source: kubernetes ``ValidatePodSpecificAnnotations``."""

import re
from collections.abc import Mapping

from pynetes.kinds.core.profiles import APP_ARMOR, profile_annotations
from pynetes.meta.fielderrors import Path, forbidden, invalid
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

MIRROR = "kubernetes.io/config.mirror"
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_integer = re.compile("-?(0|[1-9][0-9]*)").fullmatch


def pod_annotations(path: Path, annotations: Mapping[str, str], spec: Object) -> list[Cause]:
    if not annotations:
        return []
    causes: list[Cause] = []
    if MIRROR in annotations and not spec.get("nodeName"):
        detail = "must set spec.nodeName if mirror pod annotation is set"
        causes.append(invalid(f"{path}[{MIRROR}]", annotations[MIRROR], detail))
    cost = annotations.get(DELETION_COST)
    if cost is not None and not _is_int32(cost):
        causes.append(invalid(f"{path}[{DELETION_COST}]", cost, "must be a 32bit integer"))
    return causes + profile_annotations(path, annotations, spec)


def annotation_changes(pod: Object, old: Object) -> list[Cause]:
    """What is wrong with an update's: some may not change, the rest is as on create."""
    new, before = pod["metadata"].get("annotations") or {}, old["metadata"].get("annotations") or {}
    causes: list[Cause] = []
    for key, value in before.items():
        if new.get(key) != value:
            if key.startswith(APP_ARMOR):
                detail = "may not remove or update AppArmor annotations"
                causes.append(forbidden(f"metadata.annotations[{key}]", detail))
            if key == MIRROR:
                detail = "may not remove or update mirror pod annotation"
                causes.append(forbidden(f"metadata.annotations[{key}]", detail))
    for key in new:
        if key not in before:
            if key.startswith(APP_ARMOR):
                causes.append(forbidden(f"metadata.annotations[{key}]", "may not add AppArmor annotations"))
            if key == MIRROR:
                causes.append(forbidden(f"metadata.annotations[{key}]", "may not add mirror pod annotation"))
    return causes + pod_annotations("metadata.annotations", new, pod["spec"])


def _is_int32(text: str) -> bool:
    """In the plain form only: ``+1`` and ``01`` are none."""
    return _integer(text) is not None and -(1 << 31) <= int(text) < 1 << 31
