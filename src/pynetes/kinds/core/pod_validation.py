"""What is wrong with a new pod. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidatePodCreate``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import object_meta


def validate_create(pod: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(pod, True)
