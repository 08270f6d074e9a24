"""What is wrong with a job. Source: kubernetes ``pkg/apis/batch/validation/validation.go``."""

from collections.abc import Sequence

from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause


def validate(job: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(job, True)


def validate_update(job: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(job, old)
