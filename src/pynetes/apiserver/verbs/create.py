"""POST of a collection: a new object.

Source: apiserver ``pkg/endpoints/handlers/create.go``, ``pkg/registry/rest/create.go``,
``pkg/registry/generic/registry/store.go``.
"""

from pynetes.apiserver import faults, fieldmanager
from pynetes.apiserver.admission import CREATE, Attributes
from pynetes.apiserver.allocation import Allocation, allocate_new
from pynetes.apiserver.context import Context
from pynetes.apiserver.respond import respond
from pynetes.apiserver.verbs import bodies, leases, owners, writes
from pynetes.apiserver.verbs.options import WriteOptions, write_options
from pynetes.http.types import Response
from pynetes.meta import names, status, validation
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, WriteContext
from pynetes.meta.status import Cause, StatusError
from pynetes.meta.times import rfc3339

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SUFFIX_LENGTH = 5
_LONGEST_NAME = 63
_NAME_ATTEMPTS = 8
_SERVERS_OWN = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")
_MANAGED_FIELDS_WARNING = (
    ".metadata.managedFields was in an invalid state after admission; this could be caused by an outdated mutating "
    "admission controller; please fix your requests: "
)


async def create(ctx: Context) -> Response:
    """201 with the object."""
    assert ctx.resource is not None and ctx.version is not None
    options = write_options(ctx, "CreateOptions")
    obj = bodies.read(ctx, bodies.main_kind(ctx), options.field_validation)
    obj = bodies.to_storage(ctx.resource, obj)
    return respond(ctx, await create_object(ctx, ctx.resource, obj, options), 201)


async def create_object(ctx: Context, resource: Resource, obj: Object, options: WriteOptions) -> Entry | Object:
    """Everything from the decoded object in the storage version to its entry (dry run: the object as it would be).

    Raises: StatusError.
    """
    namespace = ctx.info.namespace if resource.namespaced else ""
    place(obj, namespace)
    if resource.no_creates:
        name = obj["metadata"].get("name") or ""
        raise status.forbidden(resource.group, resource.plural, name, resource.no_creates)
    if resource.hooks.default is not None:
        resource.hooks.default(obj)
    clear_servers_own(obj)
    owners.drop_duplicates(ctx, obj, admitted=False)
    fieldmanager.own_created(ctx, obj, options.field_manager)
    meta = obj["metadata"]
    asked = Attributes(ctx, CREATE, resource, namespace, meta.get("name") or "", obj, dry_run=options.dry_run)
    await admit(asked)
    owners.drop_duplicates(ctx, obj, admitted=True)
    generated = not meta.get("name") and bool(meta.get("generateName"))
    for _ in range(_NAME_ATTEMPTS if generated else 1):
        if generated:
            meta["name"] = generated_name(ctx, meta["generateName"])
        try:
            return await _store(asked, obj, options.dry_run)
        except StatusError as error:
            if not generated or error.reason != "AlreadyExists":
                raise
    raise _no_unique_name(resource, meta["name"])


async def admit(asked: Attributes) -> None:
    """Mutating admission, which may not leave managedFields that cannot be read. Raises: StatusError."""
    assert asked.obj is not None
    before = asked.obj["metadata"].get("managedFields")
    await asked.server.admission.mutate(asked)
    after = asked.obj["metadata"].get("managedFields")
    if after is not before and (why := fieldmanager.unreadable(after)):
        asked.ctx.warnings.append(_MANAGED_FIELDS_WARNING + why)
        asked.obj["metadata"]["managedFields"] = before


async def _store(asked: Attributes, obj: Object, dry_run: bool) -> Entry | Object:
    ctx, resource = asked.ctx, asked.resource
    fill_system_fields(ctx, obj)
    allocation = await allocate_new(ctx.server, resource, obj, dry_run)
    try:
        prepare_new(ctx, resource, obj, writes.write_context(ctx, dry_run, ""))
        asked.name = obj["metadata"]["name"]
        await ctx.server.admission.validate(asked)
        target = writes.target_of(ctx.server, resource, asked.namespace, asked.name)
        lease = 0 if dry_run else await leases.lease_for(ctx.server, resource)
        made = await writes.put_new(target, obj, dry_run, lease)
    except BaseException:
        await _revert(allocation)
        raise
    if allocation is not None:
        await allocation.commit()
    return made


async def _revert(allocation: Allocation | None) -> None:
    if allocation is not None:
        await allocation.revert()


def prepare_new(ctx: Context, resource: Resource, obj: Object, context: WriteContext) -> None:
    """Prepare and validate. Raises: StatusError 422, and 500 for a resourceVersion."""
    hooks = resource.hooks
    if hooks.prepare_create is not None:
        hooks.prepare_create(obj, context)
    causes = validate_new(resource, obj, context)
    if causes:
        raise status.invalid(
            kind_group(resource), obj.get("kind") or resource.kind, obj["metadata"].get("name", ""), causes
        )
    if hooks.warnings is not None:
        ctx.warnings += hooks.warnings(obj, None)
    revision = obj["metadata"].pop("resourceVersion", "")
    # a dry run does not reach the store, which upstream leaves this to
    if not context.dry_run and revision not in ("", "0") and revision.isdigit():
        raise faults.unclassified("resourceVersion should not be set on objects to be created")


def validate_new(resource: Resource, obj: Object, context: WriteContext) -> list[Cause]:
    if resource.hooks.validate is not None:
        return list(resource.hooks.validate(obj, context))
    return validation.object_meta(obj, resource.namespaced, names.name_rule(resource.name_is))


def kind_group(resource: Resource) -> str:
    """The group that messages name a kind by."""
    return resource.group if resource.storage_group is None else resource.storage_group


def place(obj: Object, namespace: str) -> None:
    """Put the object into the request's namespace. Raises: StatusError 400 when it says another."""
    meta = obj["metadata"]
    said = meta.get("namespace") or ""
    if said == namespace:
        return
    if said and namespace:
        raise status.bad_request(
            "the namespace of the provided object does not match the namespace sent on the request"
        )
    if namespace:
        meta["namespace"] = namespace
    else:
        del meta["namespace"]


def clear_servers_own(obj: Object) -> None:
    meta = obj["metadata"]
    for name in _SERVERS_OWN:
        meta.pop(name, None)


def fill_system_fields(ctx: Context, obj: Object) -> None:
    meta = obj["metadata"]
    meta["uid"] = ctx.server.clock.uuid4()
    meta["creationTimestamp"] = rfc3339(ctx.server.clock.now())


def generated_name(ctx: Context, prefix: str) -> str:
    """The prefix, cut if need be, and five characters that form no words."""
    suffix = "".join(ctx.server.clock.random.choices(_ALPHABET, k=_SUFFIX_LENGTH))
    return prefix[: _LONGEST_NAME - _SUFFIX_LENGTH] + suffix


def _no_unique_name(resource: Resource, name: str) -> StatusError:
    error = status.already_exists(resource.group, resource.plural, name)
    error.status["message"] += ", the server was not able to generate a unique name for the object"
    error.status["details"]["retryAfterSeconds"] = 1
    return error
