"""What is wrong with a persistent volume. Source: kubernetes ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import object_meta, object_meta_update


def validate_volume(volume: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(volume, False)


def validate_volume_update(volume: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(volume, old)


def volume_warnings(volume: Object) -> list[str]:
    return []
