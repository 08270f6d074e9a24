"""What a pod's author should hear. Source: kubernetes ``pkg/api/pod/warnings.go``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object


def pod_warnings(pod: Object, old: Object | None) -> Sequence[str]:
    return []


def spec_warnings(path: str, meta: Object, spec: Object, old: Object | None) -> list[str]:
    return []
