"""DELETE of an object: at once, after its grace period, or when its finalizers are gone.

``decide`` is the pure part: what becomes of the object. Source: apiserver ``pkg/endpoints/handlers/delete.go``,
``pkg/registry/rest/delete.go``, ``pkg/registry/generic/registry/store.go``.
"""

from dataclasses import dataclass

from pynetes.apiserver import stored
from pynetes.apiserver.admission import DELETE, Attributes
from pynetes.apiserver.context import Context
from pynetes.apiserver.customresources.conditions import FINALIZER, terminating
from pynetes.apiserver.respond import respond
from pynetes.apiserver.verbs import rules, writes
from pynetes.apiserver.verbs.deleteoptions import DeleteOptions, delete_options
from pynetes.apiserver.verbs.writes import Target
from pynetes.http.types import Response
from pynetes.meta import status
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource
from pynetes.meta.times import parse_time, rfc3339
from pynetes.store.types import CompareFailed

ORPHAN, FOREGROUND = "orphan", "foregroundDeletion"
_JOB_WARNING = (
    "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set "
    "propagationPolicy=Orphan to suppress this warning"
)


@dataclass(frozen=True, slots=True)
class Fate:
    """``obj``: the next state, None when the object stays as it is; ``gone``: it is deleted then."""

    obj: Object | None
    gone: bool


async def delete(ctx: Context) -> Response:
    """200 with the object or a Status; 202 where the client asked for dependents to go and the object waits."""
    assert ctx.resource is not None
    options = delete_options(ctx)
    what, gone = await delete_object(ctx, writes.target(ctx), options)
    if not gone and options.orphan is False:
        return respond(ctx, what, 202)
    return respond(ctx, what)


async def delete_object(ctx: Context, target: Target, options: DeleteOptions) -> tuple[Entry | Object, bool]:
    """What the answer shows, and whether the object is gone. Raises: StatusError 404, 403, 409."""
    resource = target.resource
    _warn(ctx, resource, options)
    entry = target.current()
    while True:
        if entry is None:
            raise target.not_found()
        check_preconditions(resource, target.name, entry, options)
        await _admit(ctx, target, entry, options)
        try:
            return await _delete_once(ctx, target, entry, options)
        except CompareFailed as failed:
            entry = writes.entry_of(failed.current)


async def _admit(ctx: Context, target: Target, entry: Entry, options: DeleteOptions) -> None:
    asked = Attributes(
        ctx, DELETE, target.resource, target.namespace, target.name, None, entry.object, dry_run=options.dry_run
    )
    await ctx.server.admission.mutate(asked)
    await ctx.server.admission.validate(asked)


async def _delete_once(
    ctx: Context, target: Target, entry: Entry, options: DeleteOptions
) -> tuple[Entry | Object, bool]:
    resource, server = target.resource, target.server
    fate = decide(resource, entry, options, server.clock.now())
    last: Object = entry.object if fate.obj is None else fate.obj
    if fate.obj is not None:
        value = stored.encode(resource, fate.obj)
        if options.dry_run:
            if not fate.gone:
                return fate.obj, False
        elif value != entry.value:
            written = await server.store.put(target.key, value, expected=entry.revision)
            entry = await writes.settled(target, written)
            last = entry.object
    if not fate.gone:
        return entry, False
    last = await writes.remove(target, entry, last, options.dry_run)
    return answer(resource, last), True


def answer(resource: Resource, last: Object) -> Object:
    """What a delete that took effect shows: the last state, or a Status."""
    if rules.shown_when_deleted(resource):
        return last
    details = {"name": last["metadata"]["name"], "group": resource.group, "kind": resource.plural}
    details["uid"] = last["metadata"].get("uid", "")
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {k: v for k, v in details.items() if v},
    }


def check_preconditions(resource: Resource, name: str, entry: Entry, options: DeleteOptions) -> None:
    """Raises: StatusError 409, by the kind and not by the resource, as upstream does."""
    uid = entry.object["metadata"].get("uid", "")
    if options.uid is not None and options.uid != uid:
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({uid}). "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict(resource.group, resource.kind, name, why)
    if options.revision is not None and options.revision != str(entry.revision):
        why = (
            f"the ResourceVersion in the precondition ({options.revision}) does not match the ResourceVersion in "
            f"record ({entry.revision}). The object might have been modified"
        )
        raise status.conflict(resource.group, resource.kind, name, why)


def decide(resource: Resource, entry: Entry, options: DeleteOptions, now: float) -> Fate:
    """What becomes of the object."""
    if (resource.group, resource.plural) == ("", "namespaces"):
        return _namespace_fate(resource, entry, options, now)
    if (resource.group, resource.plural) == ("apiextensions.k8s.io", "customresourcedefinitions"):
        return _definition_fate(resource, entry, options, now)
    if resource.grace_period is None:
        return _with_finalizers(resource, entry.fresh(), options, now)
    meta = entry.object["metadata"]
    pending = meta.get("deletionGracePeriodSeconds")
    requested = options.grace_seconds
    if requested is not None and requested < 0:
        requested = 1
    obj = entry.fresh()
    if meta.get("deletionTimestamp"):
        if pending is None:
            return _with_finalizers(resource, obj, options, now)
        if requested is None or requested >= pending:
            return Fate(None, False)  # a deletion is under way, and it may only become shorter
        since = parse_time(meta["deletionTimestamp"]) - pending
        seconds = requested
    else:
        seconds = resource.grace_period(entry.object, options.grace_seconds)
        since = now
        if meta.get("generation"):
            obj["metadata"]["generation"] = meta["generation"] + 1
    obj["metadata"]["deletionTimestamp"] = rfc3339(since + seconds)
    obj["metadata"]["deletionGracePeriodSeconds"] = seconds
    finalizers = wanted_finalizers(resource, obj, options)
    _set_finalizers(obj, finalizers)
    return Fate(obj, gone=seconds == 0 and not finalizers)


def _with_finalizers(resource: Resource, obj: Object, options: DeleteOptions, now: float) -> Fate:
    """Without graceful deletion: at once, unless there are finalizers; then the object is marked."""
    finalizers = wanted_finalizers(resource, obj, options)
    meta = obj["metadata"]
    if not finalizers:
        if not meta.get("finalizers"):
            return Fate(None, True)
        _set_finalizers(obj, finalizers)
        return Fate(obj, True)
    _set_finalizers(obj, finalizers)
    deleted = meta.get("deletionTimestamp")
    if deleted is None and meta.get("generation"):
        meta["generation"] += 1
    if deleted is None or parse_time(deleted) > now:
        meta["deletionTimestamp"] = rfc3339(now)
    meta["deletionGracePeriodSeconds"] = 0
    return Fate(obj, False)


def _namespace_fate(resource: Resource, entry: Entry, options: DeleteOptions, now: float) -> Fate:
    """A namespace is marked, and stays until the namespace controller has emptied it and taken its finalizers."""
    obj = entry.fresh()
    meta = obj["metadata"]
    if not meta.get("deletionTimestamp"):
        meta["deletionTimestamp"] = rfc3339(now)
        obj.setdefault("status", {})["phase"] = "Terminating"
        _set_finalizers(obj, wanted_finalizers(resource, obj, options))
        return Fate(obj, False)
    if (obj.get("spec") or {}).get("finalizers"):
        return Fate(None, False)
    return _with_finalizers(resource, obj, options, now)


def _definition_fate(resource: Resource, entry: Entry, options: DeleteOptions, now: float) -> Fate:
    """A definition is marked, and stays until its objects are gone (``customresources/serving.py``)."""
    obj = entry.fresh()
    meta = obj["metadata"]
    if meta.get("deletionTimestamp"):
        return _with_finalizers(resource, obj, options, now)
    meta["deletionTimestamp"] = rfc3339(now)
    finalizers = wanted_finalizers(resource, obj, options)
    _set_finalizers(obj, [*finalizers, FINALIZER] if FINALIZER not in finalizers else finalizers)
    pending = "CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon"
    obj["status"] = terminating(obj.get("status") or {}, "InstanceDeletionPending", pending, now)
    return Fate(obj, False)


def wanted_finalizers(resource: Resource, obj: Object, options: DeleteOptions) -> list[str]:
    """The object's finalizers with those of the garbage collector as the options and the kind say."""
    has: list[str] = obj["metadata"].get("finalizers") or []
    if not rules.garbage_collected(resource):
        return has
    kept = [f for f in has if f not in (ORPHAN, FOREGROUND)]
    if options.orphan is not None:
        return [*kept, ORPHAN] if options.orphan else kept
    if options.policy:
        added = {"Orphan": [ORPHAN], "Foreground": [FOREGROUND]}.get(options.policy, [])
        return kept + added
    for finalizer in has:
        if finalizer in (ORPHAN, FOREGROUND):
            return [*kept, finalizer]
    return [*kept, ORPHAN] if rules.orphans_by_default(resource) else kept


def _set_finalizers(obj: Object, finalizers: list[str]) -> None:
    if finalizers:
        obj["metadata"]["finalizers"] = finalizers
    else:
        obj["metadata"].pop("finalizers", None)


def _warn(ctx: Context, resource: Resource, options: DeleteOptions) -> None:
    if (resource.group, resource.plural) == ("batch", "jobs") and not options.policy and options.orphan is None:
        ctx.warnings.append(_JOB_WARNING)
