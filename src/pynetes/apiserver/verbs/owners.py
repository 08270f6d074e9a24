"""Owner references that are there twice: one is kept, and the client warned.

Source: apiserver ``pkg/endpoints/handlers/rest.go`` ``dedupOwnerReferencesAndAddWarning``.
"""

from collections.abc import Sequence

from pynetes.apiserver.context import Context
from pynetes.meta.objects import Object

_WARNING = (
    ".metadata.ownerReferences contains duplicate entries{when}; API server dedups owner references in 1.20+, and may "
    "reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: {uids}"
)
_AFTER_ADMISSION = " after mutating admission happens"


def drop_duplicates(ctx: Context, obj: Object, *, admitted: bool) -> None:
    """In place. ``admitted``: mutating admission has been."""
    references = obj["metadata"].get("ownerReferences")
    if not references or len(references) == 1:
        return
    kept, uids = _distinct(references)
    if uids:
        obj["metadata"]["ownerReferences"] = kept
        ctx.warnings.append(_WARNING.format(when=_AFTER_ADMISSION if admitted else "", uids=", ".join(uids)))


def _distinct(references: Sequence[Object]) -> tuple[list[Object], list[str]]:
    """The references, each once, and the UIDs of those left out."""
    kept: list[Object] = []
    uids = []
    for reference in references:
        if reference in kept:
            uids.append(reference.get("uid", ""))
        else:
            kept.append(reference)
    return kept, uids
