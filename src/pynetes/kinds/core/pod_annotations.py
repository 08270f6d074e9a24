"""What is wrong with annotations that mean something to pods. Source: kubernetes ``ValidatePodSpecificAnnotations``."""

import re
from collections.abc import Mapping

from pynetes.kinds.core.profiles import profile_annotations
from pynetes.meta.fielderrors import Path, invalid
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


def _is_int32(text: str) -> bool:
    """In the plain form only: ``+1`` and ``01`` are none."""
    return _integer(text) is not None and -(1 << 31) <= int(text) < 1 << 31
