"""DeleteOptions, from the body or, when there is none, from the query.

Source: apiserver ``pkg/endpoints/handlers/delete.go``; apimachinery ``pkg/apis/meta/v1/validation/validation.go``.
"""

from dataclasses import dataclass
from typing import Any

from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs.bodies import SCHEME
from pynetes.apiserver.verbs.options import dry_run_causes
from pynetes.meta import body as bodies
from pynetes.meta import fielderrors, status
from pynetes.meta.decoder import DecodeError, decoder
from pynetes.meta.gotext import parse_int64, quoted
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.negotiation import request_media_type
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause, StatusError

_TYPE = "io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions"
_KIND = GroupVersionKind("", "v1", "DeleteOptions")
_POLICIES = ("Foreground", "Background", "Orphan")


@dataclass(frozen=True, slots=True)
class DeleteOptions:
    """``grace_seconds`` None: the object's own. ``policy`` "": the kind's default."""

    grace_seconds: int | None = None
    uid: str | None = None
    revision: str | None = None
    policy: str = ""
    orphan: bool | None = None
    dry_run: bool = False


_USUAL = DeleteOptions()


_UNSAFE = "ignoreStoreReadErrorWithClusterBreakingPotential"


def delete_options(ctx: Context) -> DeleteOptions:
    """Raises: StatusError 400, 415, 422."""
    if ctx.request.body:
        return from_object(_decoded(ctx))
    if not ctx.params:
        return _USUAL
    if ctx.param(_UNSAFE).lower() not in ("", "false", "0"):
        raise status.not_implemented(f"the parameter {_UNSAFE} is not implemented yet")
    said: dict[str, Any] = {"dryRun": ctx.params.get("dryRun") or []}
    if grace := ctx.param("gracePeriodSeconds"):
        seconds = parse_int64(grace)
        if seconds is None:
            raise status.bad_request(f"strconv.ParseInt: parsing {quoted(grace)}: invalid syntax")
        said["gracePeriodSeconds"] = seconds
    if policy := ctx.param("propagationPolicy"):
        said["propagationPolicy"] = policy
    if "orphanDependents" in ctx.params:
        said["orphanDependents"] = ctx.param("orphanDependents").lower() not in ("false", "0")
    return from_object(said)


def _decoded(ctx: Context) -> Object:
    media = request_media_type(ctx.request.headers.get("content-type", ""))
    try:
        value, _ = bodies.parse(ctx.request.body, media, strict=False, default=_KIND)
    except bodies.BodyError as error:
        raise status.bad_request(error.message) from None
    value = value or {}
    api_version, kind = value.get("apiVersion") or "v1", value.get("kind") or "DeleteOptions"
    if kind != "DeleteOptions":
        # the scheme that reads options knows no other kinds
        raise status.bad_request(f"no kind {quoted(kind)} is registered for version {quoted(api_version)} in {SCHEME}")
    try:
        return decoder(_TYPE).decode(value).object
    except DecodeError as error:
        raise status.bad_request(error.message) from None


def from_object(said: Object) -> DeleteOptions:
    """Raises: StatusError 422."""
    policy, orphan = said.get("propagationPolicy") or "", said.get("orphanDependents")
    causes: list[Cause] = []
    if policy and orphan is not None:
        causes.append(
            fielderrors.invalid(
                "propagationPolicy", policy, "orphanDependents and deletionPropagation cannot be both set"
            )
        )
    if policy and policy not in _POLICIES:
        causes.append(fielderrors.not_supported("propagationPolicy", policy, (*_POLICIES, "nil")))
    dry_run = said.get("dryRun") or []
    causes += dry_run_causes(dry_run)
    if causes:
        raise _invalid(causes)
    preconditions = said.get("preconditions") or {}
    return DeleteOptions(
        said.get("gracePeriodSeconds"),
        preconditions.get("uid"),
        preconditions.get("resourceVersion"),
        policy,
        orphan,
        bool(dry_run),
    )


def _invalid(causes: list[Cause]) -> StatusError:
    return status.invalid("meta.k8s.io", "DeleteOptions", "", causes)
