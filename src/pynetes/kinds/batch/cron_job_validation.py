"""What is wrong with a cron job. Source: kubernetes ``pkg/apis/batch/validation/validation.go``."""

from collections.abc import Sequence

from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause


def validate(cron_job: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(cron_job, True)


def validate_update(cron_job: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(cron_job, old)
