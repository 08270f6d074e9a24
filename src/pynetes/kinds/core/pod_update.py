"""What a pod's updates may not do. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodUpdate``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import object_meta_update


def validate_update(pod: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(pod, old)
