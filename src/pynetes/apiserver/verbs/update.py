"""PUT of an object or of its status: the next state is what the client sent, less what it may not change.

Source: apiserver ``pkg/endpoints/handlers/update.go``, ``pkg/registry/rest/update.go``,
``pkg/registry/generic/registry/store.go``.
"""

from dataclasses import replace

from pynetes.apiserver import authz, faults, fieldmanager
from pynetes.apiserver.admission import CREATE, UPDATE, Attributes
from pynetes.apiserver.allocation import Allocation, allocate_changed, allocate_new
from pynetes.apiserver.context import Context
from pynetes.apiserver.respond import respond
from pynetes.apiserver.verbs import bodies, create, leases, owners, rules, writes
from pynetes.apiserver.verbs.options import write_options
from pynetes.apiserver.verbs.writes import Delete, Next, Target
from pynetes.http.types import Response
from pynetes.meta import fielderrors, names, status, validation
from pynetes.meta.encoding import Entry
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, WriteContext
from pynetes.meta.status import StatusError

_STATUS_SUBRESOURCE = "status"


async def update(ctx: Context) -> Response:
    """200 with the object; 201 for the kinds that PUT may create."""
    assert ctx.resource is not None
    resource = ctx.resource
    options = write_options(ctx, "UpdateOptions")
    obj: Object | None = _read(ctx, options.field_validation)
    uid = obj["metadata"].get("uid") or "" if obj else ""
    target = writes.target(ctx)
    made = False

    async def decide(entry: Entry | None) -> Next | Delete:
        nonlocal obj, made
        # the first attempt takes the object over; a further one reads the body again
        mine, obj = obj if obj is not None else _read(ctx, options.field_validation), None
        made = entry is None
        if entry is None:
            if ctx.subresource is not None or not rules.created_by_update(resource):
                raise target.not_found()
            create.clear_servers_own(mine)
            fieldmanager.own_created(ctx, mine, options.field_manager)
            return await first_state(ctx, target, mine, options.dry_run)
        found = entry.object["metadata"].get("uid", "")
        if uid and uid != found:
            raise faults.uid_mismatch(resource, target.key, target.name, uid, found, options.dry_run)
        fieldmanager.own_updated(ctx, mine, entry.object, options.field_manager)
        return await next_state(ctx, target, entry, mine, options.dry_run)

    lease = 0 if options.dry_run else await leases.lease_for(ctx.server, resource)
    written = await writes.change(target, decide, options.dry_run, lease)
    return respond(ctx, written, 201 if made else 200)


def _read(ctx: Context, mode: str) -> Object:
    """The body as an object in the storage version, defaulted. Raises: StatusError 400."""
    assert ctx.resource is not None
    obj = bodies.read(ctx, bodies.main_kind(ctx), mode)
    check_name(ctx, obj)
    create.place(obj, ctx.info.namespace if ctx.resource.namespaced else "")
    obj = bodies.to_storage(ctx.resource, obj)
    if ctx.resource.hooks.default is not None:
        ctx.resource.hooks.default(obj)
    owners.drop_duplicates(ctx, obj, admitted=False)
    return obj


def check_name(ctx: Context, obj: Object) -> None:
    """Raises: StatusError 400 when the object is not called as the path says."""
    said, name = obj["metadata"].get("name") or "", ctx.info.name
    if not said:
        raise undeterminable(name)
    if said != name:
        raise status.bad_request(f"the name of the object ({said}) does not match the name on the URL ({name})")


def check_place(ctx: Context, target: Target, obj: Object) -> None:
    """Raises: StatusError 400 when the object is not what and where the path says."""
    check_name(ctx, obj)
    create.place(obj, target.namespace)


def undeterminable(name: str) -> StatusError:
    return status.bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")


async def first_state(ctx: Context, target: Target, obj: Object, dry_run: bool) -> Next:
    """A new object by PUT or by apply. Its managedFields are settled. Raises: StatusError."""
    resource = target.resource
    asked = Attributes(ctx, CREATE, resource, target.namespace, target.name, obj, dry_run=dry_run)
    await create.admit(asked)
    owners.drop_duplicates(ctx, obj, admitted=True)
    _revision(obj)
    obj["metadata"].pop("resourceVersion", None)  # whatever it is, there is nothing to compare it with
    create.fill_system_fields(ctx, obj)
    allocation = await allocate_new(ctx.server, resource, obj, dry_run)
    try:
        create.prepare_new(ctx, resource, obj, writes.write_context(ctx, dry_run, ""))
        _authorize_create(ctx)
        await ctx.server.admission.validate(asked)
    except BaseException:
        await _revert(allocation)
        raise
    return Next(obj, allocation)


def _authorize_create(ctx: Context) -> None:
    """A PUT or PATCH that makes an object takes the right to create, too. Raises: StatusError 403."""
    info = replace(ctx.info, verb="create")
    decision = ctx.server.authorizer.authorize(ctx.user, info)
    if not decision.allowed:
        raise authz.forbidden(ctx.user, info, decision)


async def next_state(
    ctx: Context, target: Target, entry: Entry, obj: Object, dry_run: bool, subresource: str | None = None
) -> Next | Delete:
    """From what the client wants (decoded, defaulted, in the storage version) to what will be stored. Its managedFields
    are settled.

    ``subresource``: other than the path's, where the whole object changes through another kind (scale). Raises:
    StatusError.
    """
    resource, old = target.resource, entry.object
    if subresource is None:
        subresource = ctx.info.subresource
    asked = Attributes(
        ctx, UPDATE, resource, target.namespace, target.name, obj, old, subresource=subresource, dry_run=dry_run
    )
    await create.admit(asked)
    owners.drop_duplicates(ctx, obj, admitted=True)
    check_revision(resource, target.name, obj, entry)
    allocation = None
    if not subresource:
        allocation = await allocate_changed(ctx.server, resource, obj, old, dry_run)
    try:
        prepare_changed(ctx, resource, obj, old, writes.write_context(ctx, dry_run, subresource))
        await ctx.server.admission.validate(asked)
    except BaseException:
        await _revert(allocation)
        raise
    if completes_deletion(resource, obj, old):
        return Delete(obj)
    return Next(obj, allocation)


async def _revert(allocation: Allocation | None) -> None:
    if allocation is not None:
        await allocation.revert()


def check_revision(resource: Resource, name: str, obj: Object, entry: Entry) -> None:
    """Compare the resourceVersion that the client sent; none is filled in. Raises: StatusError 409, 422, 500."""
    said = _revision(obj)
    if not said:
        if rules.needs_revision(resource):
            cause = fielderrors.invalid("metadata.resourceVersion", 0, "must be specified for an update")
            raise status.invalid(resource.group, resource.plural, name, [cause])
    elif said != entry.revision:
        raise faults.modified(resource, name)
    obj["metadata"]["resourceVersion"] = str(entry.revision)


def _revision(obj: Object) -> int:
    """What the object says, 0 for nothing. Raises: StatusError 500."""
    said = obj["metadata"].get("resourceVersion") or "0"
    if not said.isdigit():
        raise faults.unclassified(f"strconv.ParseUint: parsing {quoted(said)}: invalid syntax")
    return int(said)


def prepare_changed(ctx: Context, resource: Resource, obj: Object, old: Object, context: WriteContext) -> None:
    """Prepare and validate an update, in place. Raises: StatusError 422."""
    meta, before, hooks = obj["metadata"], old["metadata"], resource.hooks
    _keep(meta, before, "generation")
    if hooks.prepare_update is not None:
        hooks.prepare_update(obj, old, context)
    elif context.subresource == _STATUS_SUBRESOURCE:
        _only_status(obj, old)
    elif _STATUS_SUBRESOURCE in resource.subresources:
        _keep(obj, old, "status")
    meta = obj["metadata"]
    if not meta.get("uid"):
        meta["uid"] = before.get("uid", "")
    _keep(meta, before, "creationTimestamp")
    if before.get("deletionTimestamp"):
        meta["deletionTimestamp"] = before["deletionTimestamp"]
    if before.get("deletionGracePeriodSeconds") is not None and meta.get("deletionGracePeriodSeconds") is None:
        meta["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]
    causes = validation.metadata(meta, resource.namespaced, names.path_segment, "metadata")
    causes += validation.metadata_update(meta, before, "metadata")
    if hooks.validate_update is not None:
        causes += hooks.validate_update(obj, old, context)
    else:
        causes += validation.object_meta_update(obj, old)
    if causes:
        raise status.invalid(create.kind_group(resource), resource.kind, meta.get("name", ""), causes)
    if hooks.warnings is not None and not context.subresource:
        ctx.warnings += hooks.warnings(obj, old)


def _keep(new: Object, old: Object, name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


def _only_status(obj: Object, old: Object) -> None:
    """A status update of a kind without rules of its own changes the status and nothing besides metadata."""
    for name in [*obj, *(name for name in old if name not in obj)]:
        if name not in ("kind", "apiVersion", "metadata", _STATUS_SUBRESOURCE):
            _keep(obj, old, name)


def completes_deletion(resource: Resource, obj: Object, old: Object) -> bool:
    """The update took the last finalizer of an object whose time to leave is over."""
    before = old["metadata"]
    if obj["metadata"].get("finalizers") or not before.get("deletionTimestamp"):
        return False
    if (resource.group, resource.plural) == ("", "namespaces") and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not before.get("deletionGracePeriodSeconds")
