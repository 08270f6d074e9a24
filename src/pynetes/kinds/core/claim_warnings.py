"""What a claim's author should hear. Source: kubernetes ``pkg/api/persistentvolumeclaim/util.go``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object


def warnings(claim: Object, old: Object | None) -> Sequence[str]:
    return []
