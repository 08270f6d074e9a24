"""What a write's query says besides the object: dry run, field manager, field validation, force.

Source: apimachinery ``pkg/apis/meta/v1/validation/validation.go``.
"""

from dataclasses import dataclass

from pynetes.apiserver.context import Context
from pynetes.meta import fielderrors, status, validation
from pynetes.meta.status import Cause

MODES = ("", "Ignore", "Strict", "Warn")


@dataclass(frozen=True, slots=True)
class WriteOptions:
    """``field_validation`` is Ignore, Warn or Strict."""

    dry_run: bool = False
    field_manager: str = ""
    field_validation: str = "Warn"
    force: bool = False


_USUAL = WriteOptions()


def write_options(ctx: Context, kind: str, *, apply: bool = False) -> WriteOptions:
    """``kind``: CreateOptions, UpdateOptions or PatchOptions. Raises: StatusError 422."""
    params = ctx.params
    if not params:
        if apply:
            raise _invalid(kind, [fielderrors.required("fieldManager", "is required for apply patch")])
        return _USUAL
    dry_run = params.get("dryRun") or []
    manager = ctx.param("fieldManager")
    mode = ctx.param("fieldValidation")
    forced = "force" in params
    causes: list[Cause] = []
    if kind == "PatchOptions":
        if apply and not manager:
            causes.append(fielderrors.required("fieldManager", "is required for apply patch"))
        elif not apply and forced:
            causes.append(fielderrors.forbidden("force", "may not be specified for non-apply patch"))
    causes += validation.field_manager("fieldManager", manager)
    causes += dry_run_causes(dry_run)
    if mode not in MODES:
        causes.append(fielderrors.not_supported("fieldValidation", mode, MODES))
    if causes:
        raise _invalid(kind, causes)
    return WriteOptions(bool(dry_run), manager, mode or "Warn", forced and ctx.param("force") not in ("false", "0"))


def dry_run_causes(dry_run: list[str]) -> list[Cause]:
    if all(value == "All" for value in dry_run):
        return []
    return [fielderrors.not_supported("dryRun", dry_run, ("All",))]


def _invalid(kind: str, causes: list[Cause]) -> status.StatusError:
    return status.invalid("meta.k8s.io", kind, "", causes)
