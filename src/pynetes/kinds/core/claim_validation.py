"""What is wrong with a claim. Source: kubernetes ``pkg/apis/core/validation/validation.go``."""

from collections.abc import Sequence

from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import Path, object_meta, object_meta_update


def claim_spec(path: Path, spec: Object) -> list[Cause]:
    return []


def validate(claim: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(claim, True) + claim_spec("spec", claim["spec"])


def validate_update(claim: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta_update(claim, old)


def claim_template(path: Path, template: Object) -> list[Cause]:
    """Against the template of an ephemeral volume."""
    return claim_spec(f"{path}.spec", template.get("spec") or {})
