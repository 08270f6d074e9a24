"""The scale subresource: replicas and selector of a workload as an autoscaling/v1 Scale.

Source: kubernetes ``pkg/registry/apps/*/storage/storage.go`` (``ScaleREST``), ``pkg/apis/autoscaling/validation``.
"""

from collections.abc import Callable

from pynetes.apiserver import respond
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import bodies, create, faults, writes
from pynetes.apiserver.verbs import update as updating
from pynetes.apiserver.verbs.options import WriteOptions, write_options
from pynetes.apiserver.verbs.patch import Patch, patch_type
from pynetes.apiserver.verbs.writes import Delete, Next
from pynetes.http.types import Response
from pynetes.meta import fielderrors, selectors, status
from pynetes.meta.decoder import decoder
from pynetes.meta.encoding import Entry
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
        return bodies.read(ctx, bodies.sub_kind(ctx), options.field_validation)

    wanted_now = wanted({})
    updating.check_name(ctx, wanted_now)
    create.place(wanted_now, ctx.info.namespace)
    return await _write(ctx, options, wanted)


async def patch(ctx: Context) -> Response:
    ctx.media = respond.negotiate(ctx)
    kind = patch_type(ctx)
    options = write_options(ctx, "PatchOptions")
    change = Patch(ctx, kind, options.field_validation)
    expected = bodies.sub_kind(ctx)
    return await _write(ctx, options, lambda current: change.apply(current, expected))


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
    target = writes.target(ctx)

    async def decide(entry: Entry | None) -> Next | Delete:
        if entry is None:
            raise target.not_found()
        scale = wanted(scale_of(entry.object))
        _check(ctx, scale)
        workload = entry.fresh()
        meta = scale["metadata"]
        uid, found = meta.get("uid") or "", workload["metadata"].get("uid", "")
        if uid and uid != found:
            raise faults.uid_mismatch(target.resource, target.key, target.name, uid, found, options.dry_run)
        workload["metadata"]["resourceVersion"] = meta.get("resourceVersion") or ""
        workload["spec"]["replicas"] = (scale.get("spec") or {}).get("replicas", 0)
        return await updating.next_state(ctx, target, entry, workload, options.dry_run, subresource="")

    written = await writes.change(target, decide, options.dry_run)
    return respond.respond(ctx, scale_of(written.object if isinstance(written, Entry) else written))


def _check(ctx: Context, scale: Object) -> None:
    updating.check_name(ctx, scale)
    replicas = (scale.get("spec") or {}).get("replicas", 0)
    if replicas < 0:
        cause = fielderrors.invalid("spec.replicas", replicas, fielderrors.NOT_NEGATIVE)
        raise status.invalid("autoscaling", "Scale", scale["metadata"]["name"], [cause])
