"""POST of pods/NAME/binding, and of the old bindings: a pod gets its node, once.

Source: kubernetes ``pkg/registry/core/pod/storage/storage.go`` (``BindingREST``).
"""

from pynetes.apiserver import faults, respond
from pynetes.apiserver.admission import CREATE, Attributes
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import bodies, create, writes
from pynetes.apiserver.verbs.options import write_options
from pynetes.apiserver.verbs.writes import Next
from pynetes.http.types import Response
from pynetes.kinds.pods.lifecycle import find_condition
from pynetes.meta import fielderrors, schema, status
from pynetes.meta.encoding import Entry
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339

_GVK = GroupVersionKind("", "v1", "Binding")
_TYPE = schema.type_name_of("", "v1", "Binding") or ""
SUCCESS: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "code": 201}


async def create_binding(ctx: Context) -> Response:
    """201 with a Status."""
    ctx.media = respond.negotiate(ctx)
    options = write_options(ctx, "CreateOptions")
    binding = bodies.read(ctx, bodies.Expected(_GVK, _TYPE), options.field_validation)
    create.place(binding, ctx.info.namespace)
    name = binding["metadata"].get("name") or ""
    if ctx.info.name and name != ctx.info.name:
        raise status.bad_request("name in URL does not match name in Binding object")
    pods = ctx.server.resources.get("", "pods")
    assert pods is not None
    asked = Attributes(
        ctx, CREATE, pods, ctx.info.namespace, name, binding, subresource="binding", dry_run=options.dry_run
    )
    await ctx.server.admission.mutate(asked)
    _check(binding)
    await ctx.server.admission.validate(asked)
    target = writes.target_of(ctx.server, pods, ctx.info.namespace, name)

    async def decide(entry: Entry | None) -> Next:
        if entry is None:
            raise target.not_found()
        pod = entry.fresh()
        _check_preconditions(target, entry, binding, options.dry_run)
        assign(pod, binding, ctx.server.clock.now())
        return Next(pod)

    await writes.change(target, decide, options.dry_run)
    return respond.respond(ctx, SUCCESS, 201)


def _check(binding: Object) -> None:
    """Raises: StatusError 500, for upstream does not make these errors API errors."""
    place = binding.get("target") or {}
    causes = []
    if place.get("kind", "") not in ("", "Node"):
        causes.append(fielderrors.not_supported("target.kind", place["kind"], ("Node", "<empty>")))
    if not place.get("name"):
        causes.append(fielderrors.required("target.name", ""))
    if causes:
        texts = [f"{cause.field}: {cause.message}" for cause in causes]
        raise faults.unclassified(texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]")


def _check_preconditions(target: writes.Target, entry: Entry, binding: Object, dry_run: bool) -> None:
    meta = binding["metadata"]
    uid, found = meta.get("uid") or "", entry.object["metadata"].get("uid", "")
    if uid and uid != found:
        raise faults.uid_mismatch(target.resource, target.key, target.name, uid, found, dry_run)
    revision = meta.get("resourceVersion") or ""
    if revision and revision != str(entry.revision):
        why = (
            f"StorageError: invalid object, Code: 4, Key: {faults.shown_key(target.key, dry_run)}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: ResourceVersion in precondition: {revision}, "
            f"ResourceVersion in object meta: {entry.revision}"
        )
        raise status.conflict("", "pods", target.name, why)


def assign(pod: Object, binding: Object, now: float) -> None:
    """Put the pod on the binding's node, in place. Raises: StatusError 409."""
    meta, spec = pod["metadata"], pod["spec"]
    name = meta["name"]
    why = ""
    if meta.get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif spec.get("nodeName"):
        why = f'pod {name} is already assigned to node "{spec["nodeName"]}"'
    elif spec.get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise status.conflict("", "pods/binding", name, why)
    spec["nodeName"] = binding["target"]["name"]
    for field in ("annotations", "labels"):
        if added := binding["metadata"].get(field):
            meta[field] = {**(meta.get(field) or {}), **added}
    said = pod.setdefault("status", {})
    said.pop("nominatedNodeName", None)
    conditions = said.setdefault("conditions", [])
    condition = {
        "type": "PodScheduled",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
    }
    old = find_condition(conditions, "PodScheduled")
    if old is None:
        conditions.append(condition)
        return
    if old.get("status") == "True":
        condition["lastTransitionTime"] = old.get("lastTransitionTime")
    conditions[conditions.index(old)] = condition
