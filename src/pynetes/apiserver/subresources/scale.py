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
from pynetes.meta.negotiation import patch_media_type
from pynetes.meta.objects import Object

_TYPE = "io.k8s.api.autoscaling.v1.Scale"
_KEPT = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")


async def get(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    target = writes.target(ctx)
    entry = target.current()
    if entry is None:
        raise target.not_found()
    return respond.respond(ctx, scale_of(entry.object))


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


def scale_of(workload: Object) -> Object:
    """The Scale of a deployment, replica set, stateful set or replication controller."""
    meta, spec, said = workload["metadata"], workload.get("spec") or {}, workload.get("status") or {}
    scale = {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {name: meta[name] for name in _KEPT if name in meta},
        "spec": {"replicas": spec.get("replicas", 0)},
        "status": {"replicas": said.get("replicas", 0), "selector": _selector(spec.get("selector"))},
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

    async def decide(entry: Entry | None) -> Next | Delete:
        if entry is None:
            raise target.not_found()
        workload, current = entry.fresh(), scale_of(entry.object)
        held = fieldmanager.scale_managers(ctx, workload)
        if entries := held.of_scale():
            current["metadata"]["managedFields"] = entries
        scale = wanted(current)
        _check(ctx, scale)
        meta = scale["metadata"]
        uid, found = meta.get("uid") or "", workload["metadata"].get("uid", "")
        if uid and uid != found:
            raise faults.uid_mismatch(target.resource, target.key, target.name, uid, found, options.dry_run)
        workload["metadata"]["resourceVersion"] = meta.get("resourceVersion") or ""
        workload["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
        workload["metadata"].pop("managedFields", None)
        if entries := held.of_workload(meta.get("managedFields")):
            workload["metadata"]["managedFields"] = entries
        return await updating.next_state(ctx, target, entry, workload, options.dry_run, subresource="")

    written = await writes.change(target, decide, options.dry_run)
    return respond.respond(ctx, scale_of(written.object if isinstance(written, Entry) else written))


def _check(ctx: Context, scale: Object) -> None:
    updating.check_name(ctx, scale)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = fielderrors.invalid("spec.replicas", replicas, fielderrors.NOT_NEGATIVE)
        raise status.invalid("autoscaling", "Scale", scale["metadata"]["name"], [cause])
