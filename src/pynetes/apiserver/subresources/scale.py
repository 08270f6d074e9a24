"""The scale subresource: replicas and selector of a workload as an autoscaling/v1 Scale.

Source: kubernetes ``pkg/registry/apps/*/storage/storage.go`` (``ScaleREST``), ``pkg/apis/autoscaling/validation``.
"""

from collections.abc import Callable

from pynetes.apiserver import faults, fieldmanager, respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import bodies, create, writes
from pynetes.apiserver.verbs import update as updating
from pynetes.apiserver.verbs.apply import Config
from pynetes.apiserver.verbs.options import WriteOptions, write_options
from pynetes.apiserver.verbs.patch import APPLY_PATCH, Patch
from pynetes.apiserver.verbs.writes import Delete, Next
from pynetes.http.types import Response
from pynetes.meta import fielderrors, selectors, status
from pynetes.meta.decoder import decoder
from pynetes.meta.encoding import Entry
from pynetes.meta.gotext import quoted
from pynetes.meta.negotiation import patch_media_type
from pynetes.meta.objects import Object
from pynetes.meta.resource import ScalePaths
from pynetes.meta.structural import paths

_TYPE = "io.k8s.api.autoscaling.v1.Scale"
_UNSET = -(2**31)
"""The number of replicas that stands for none yet."""
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def get(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    target = writes.target(ctx)
    entry = target.current()
    if entry is None:
        raise target.not_found()
    return respond.respond(ctx, _shown(ctx, entry.object))


async def update(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    options = write_options(ctx, "UpdateOptions")

    def wanted(current: Object) -> Object:
        scale = bodies.read(ctx, bodies.sub_kind(ctx), options.field_validation)
        fieldmanager.own_scale(ctx, scale, current, options.field_manager)
        return scale

    said = bodies.read(ctx, bodies.sub_kind(ctx), options.field_validation)
    updating.check_name(ctx, said)
    create.place(said, ctx.info.namespace)
    return await _write(ctx, options, wanted)


async def patch(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    kind = patch_media_type(ctx.request.headers.get("content-type", ""))
    if kind == APPLY_PATCH:
        return await _apply(ctx)
    options = write_options(ctx, "PatchOptions")
    change = Patch(ctx, kind, options.field_validation)
    expected = bodies.sub_kind(ctx)

    def wanted(current: Object) -> Object:
        scale = change.apply(current, expected)
        fieldmanager.own_scale(ctx, scale, current, options.field_manager)
        return scale

    return await _write(ctx, options, wanted)


async def _apply(ctx: Context) -> Response:
    options = write_options(ctx, "PatchOptions", apply=True)
    config = Config(ctx, options, bodies.sub_kind(ctx))

    def wanted(current: Object) -> Object:
        return config.applied(
            current,
            lambda said: fieldmanager.apply_scale(ctx, current, said, options.field_manager, force=options.force),
        )

    return await _write(ctx, options, wanted)


def _shown(ctx: Context, obj: Object, unset: int | None = None) -> Object:
    """The Scale of the object in the path."""
    assert ctx.version is not None
    return scale_of(obj) if ctx.version.scale is None else custom_scale_of(obj, ctx.version.scale, unset)


def scale_of(workload: Object) -> Object:
    """The Scale of a deployment, replica set, stateful set or replication controller."""
    spec, said = workload.get("spec") or {}, workload.get("status") or {}
    return _scale(workload, spec.get("replicas", 0), said.get("replicas", 0), _selector(spec.get("selector")))


def custom_scale_of(obj: Object, where: ScalePaths, unset: int | None = None) -> Object:
    """The Scale of a custom resource. ``unset``: its replicas when it has none. Raises: StatusError 500."""
    replicas = paths.value_at(where.replicas, obj)
    if replicas is None:
        replicas = unset
    if replicas is None:
        raise status.internal_error(f"the spec replicas field {quoted(where.replicas)} does not exist")
    selector = paths.value_at(where.selector, obj) if where.selector else ""
    return _scale(obj, replicas, paths.value_at(where.status_replicas, obj) or 0, selector or "")


def _scale(obj: Object, replicas: int, status_replicas: int, selector: str) -> Object:
    meta = obj["metadata"]
    scale = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in _KEPT if name in meta},
        "spec": {"replicas": replicas},
        "status": {"replicas": status_replicas, "selector": selector},
    }
    return decoder(_TYPE).canonical(scale)


def _selector(selector: Object | None) -> str:
    """As text. A replication controller's is a plain map."""
    if not selector:
        return ""
    if not ({"matchLabels", "matchExpressions"} & selector.keys()):
        selector = {"matchLabels": selector}
    return str(selectors.from_object(selector))


async def _write(ctx: Context, options: WriteOptions, wanted: Callable[[Object], Object]) -> Response:
    """``wanted``: from the scale that there is, with its managedFields, to the next one."""
    target = writes.target(ctx)
    assert ctx.version is not None
    where = ctx.version.scale

    async def decide(entry: Entry | None) -> Next | Delete:
        if entry is None:
            raise target.not_found()
        workload, current = entry.fresh(), _shown(ctx, entry.object, _UNSET)
        held = fieldmanager.scale_managers(ctx, workload)
        if entries := held.of_scale():
            current["metadata"]["managedFields"] = entries
        scale = wanted(current)
        updating.check_name(ctx, scale)
        if where is None:
            _check(scale)
        meta = scale["metadata"]
        uid, found = meta.get("uid") or "", workload["metadata"].get("uid", "")
        if uid and uid != found:
            raise faults.uid_mismatch(target.resource, target.key, target.name, uid, found, options.dry_run)
        if where is None or meta.get("resourceVersion"):
            workload["metadata"]["resourceVersion"] = meta.get("resourceVersion") or ""
        replicas = (scale.get("spec") or {}).get("replicas", 0)
        if replicas == _UNSET and where is not None:
            raise status.bad_request(f"the spec replicas field {quoted(where.replicas)} cannot be empty")
        paths.put(where.replicas if where is not None else ".spec.replicas", workload, replicas)
        workload["metadata"].pop("managedFields", None)
        if entries := held.of_workload(meta.get("managedFields")):
            workload["metadata"]["managedFields"] = entries
        return await updating.next_state(ctx, target, entry, workload, options.dry_run, subresource="")

    written = await writes.change(target, decide, options.dry_run)
    return respond.respond(ctx, _shown(ctx, written.object if isinstance(written, Entry) else written))


def _check(scale: Object) -> None:
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = fielderrors.invalid("spec.replicas", replicas, fielderrors.NOT_NEGATIVE)
        raise status.invalid("autoscaling", "Scale", scale["metadata"]["name"], [cause])
