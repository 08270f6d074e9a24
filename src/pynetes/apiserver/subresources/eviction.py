"""POST of pods/NAME/eviction: a delete that disruption budgets may refuse.

Source: kubernetes ``pkg/registry/core/pod/storage/eviction.go``.
"""

from dataclasses import replace

from pynetes.apiserver import respond
from pynetes.apiserver.admission import CREATE, Attributes
from pynetes.apiserver.context import Context
from pynetes.apiserver.subresources.binding import SUCCESS
from pynetes.apiserver.verbs import bodies, deleteoptions, writes
from pynetes.apiserver.verbs.delete import check_preconditions, delete_object
from pynetes.apiserver.verbs.deleteoptions import DeleteOptions
from pynetes.apiserver.verbs.options import write_options
from pynetes.apiserver.verbs.writes import Next
from pynetes.http.types import Response
from pynetes.kinds.pods.lifecycle import find_condition, is_ready, is_terminal, is_terminating
from pynetes.meta import fielderrors, selectors, status
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339

_MOST_DISRUPTED = 2000
_VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget."
_TOO_MANY = {
    "status": "Failure",
    "message": "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
    "code": 500,
}
_UNSAFE = "ignoreStoreReadErrorWithClusterBreakingPotential"
_TRIES = 20
_RETRY_SECONDS = 0.5


async def create(ctx: Context) -> Response:
    """201 with a Status; 429 while a budget does not allow it."""
    ctx.media = respond.negotiate(ctx)
    written = write_options(ctx, "CreateOptions")
    eviction = bodies.read(ctx, bodies.sub_kind(ctx), written.field_validation)
    if eviction["metadata"].get("name", "") != ctx.info.name:
        raise status.bad_request("name in URL does not match name in Eviction object")
    target = writes.target(ctx)
    entry = target.current()
    if entry is None:
        raise target.not_found()
    said = dict(eviction.get("deleteOptions") or {})
    if said.get(_UNSAFE):
        why = "can not be set for pod eviction, try after removing the option"
        causes = [fielderrors.invalid(f"deleteOptions.{_UNSAFE}", True, why)]
        raise status.invalid("policy", "Eviction", ctx.info.name, causes)
    if written.dry_run:
        said["dryRun"] = ["All"]
    options = deleteoptions.from_object(said)
    asked = Attributes(
        ctx,
        CREATE,
        target.resource,
        target.namespace,
        target.name,
        eviction,
        entry.object,
        subresource="eviction",
        dry_run=options.dry_run,
    )
    await ctx.server.admission.mutate(asked)
    await ctx.server.admission.validate(asked)
    if not await _evict_unguarded(ctx, target, options):
        await _evict_guarded(ctx, target, options)
    return respond.respond(ctx, SUCCESS, 201)


async def _evict_unguarded(ctx: Context, target: writes.Target, options: DeleteOptions) -> bool:
    """Evict a pod that budgets do not count, as long as that stays so. Returns: False when they do count it."""
    for attempt in range(1, _TRIES + 1):
        entry = _present(target)
        if not _unguarded(entry.object):
            return False
        chosen = options
        if options.revision is None and _has_not_begun(entry.object):
            # by the time that it is deleted it might be ready, and then guarded
            chosen = replace(options, revision=str(entry.revision))
        try:
            await _evict(ctx, target, chosen)
            return True
        except StatusError as error:
            if error.code != 409 or options.revision is not None or attempt == _TRIES:
                raise
        clock = ctx.server.clock
        await clock.sleep(_RETRY_SECONDS * (1 + 0.1 * clock.random.random()))
    return False


async def _evict_guarded(ctx: Context, target: writes.Target, options: DeleteOptions) -> None:
    """Evict a pod if the budget that counts it allows that. Raises: StatusError 429, 403, 500."""
    entry = _present(target)
    budgets = _budgets_of(ctx, entry.object)
    if len(budgets) > 1:
        raise StatusError({"kind": "Status", "apiVersion": "v1", "metadata": {}, **_TOO_MANY})
    if not budgets or not _allowed_unhealthy(entry.object, budgets[0].object):
        if budgets:
            await _take_from_budget(ctx, budgets[0], target.name, options.dry_run)
        await _evict(ctx, target, options)
        return
    try:
        # it costs no budget only as long as it is not ready
        await _evict(ctx, target, replace(options, revision=str(entry.revision)))
    except StatusError as error:
        if error.code == 409 and options.revision is None:
            raise _processing(budgets[0].object["metadata"]["name"]) from error
        raise


def _present(target: writes.Target) -> Entry:
    entry = target.current()
    if entry is None:
        raise target.not_found()
    return entry


async def _evict(ctx: Context, target: writes.Target, options: DeleteOptions) -> None:
    if not options.dry_run:
        options = await _mark(ctx, target, options)
    await delete_object(ctx, target, options)


async def _mark(ctx: Context, target: writes.Target, options: DeleteOptions) -> DeleteOptions:
    """Say on the pod why it goes, before it goes; the options with the revision that it has now, if they name one."""

    async def decide(entry: Entry | None) -> Next:
        if entry is None:
            raise target.not_found()
        check_preconditions(target.resource, target.name, entry, options)
        pod = entry.fresh()
        disrupt(pod, ctx.server.clock.now())
        return Next(pod)

    written = await writes.change(target, decide, dry_run=False)
    if options.revision is None or not isinstance(written, Entry):
        return options
    return replace(options, revision=str(written.revision))


def disrupt(pod: Object, now: float) -> None:
    """Put the condition of an evicted pod, in place."""
    condition = {
        "type": "DisruptionTarget",
        "status": "True",
        "lastProbeTime": None,
        "lastTransitionTime": rfc3339(now),
        "reason": "EvictionByEvictionAPI",
        "message": "Eviction API: evicting",
    }
    conditions = pod.setdefault("status", {}).setdefault("conditions", [])
    old = find_condition(conditions, "DisruptionTarget")
    if old is None:
        conditions.append(condition)
        return
    if old.get("status") == "True":
        condition["lastTransitionTime"] = old.get("lastTransitionTime")
    conditions[conditions.index(old)] = condition


def _unguarded(pod: Object) -> bool:
    """Budgets do not count it: it has ended, has not begun, or is going."""
    return is_terminal(pod) or is_terminating(pod) or _has_not_begun(pod)


def _has_not_begun(pod: Object) -> bool:
    return (pod.get("status") or {}).get("phase") == "Pending" and not is_terminating(pod)


def _budgets_of(ctx: Context, pod: Object) -> list[Entry]:
    resource = ctx.server.resources.get("policy", "poddisruptionbudgets")
    assert resource is not None
    prefix = f"{resource.storage_prefix}/{pod['metadata']['namespace']}/".encode()
    labels = pod["metadata"].get("labels") or {}
    return [
        entry
        for entry in ctx.server.cache.of(resource).list(prefix)
        if (selector := (entry.object.get("spec") or {}).get("selector")) is not None
        and selectors.from_object(selector).matches(labels)
    ]


def _allowed_unhealthy(pod: Object, budget: Object) -> bool:
    """A pod that is not ready costs no budget, where the budget's policy or its state says so."""
    if is_ready(pod):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    said = budget.get("status") or {}
    return bool(said.get("currentHealthy", 0) >= said.get("desiredHealthy", 0) > 0)


async def _take_from_budget(ctx: Context, entry: Entry, pod: str, dry_run: bool) -> None:
    resource = ctx.server.resources.get("policy", "poddisruptionbudgets")
    assert resource is not None
    meta = entry.object["metadata"]
    target = writes.target_of(ctx.server, resource, meta["namespace"], meta["name"])

    async def decide(current: Entry | None) -> Next:
        if current is None:
            raise target.not_found()
        return Next(decremented(current.fresh(), pod, ctx.server.clock.now()))

    await writes.change(target, decide, dry_run, entry=entry)


def decremented(budget: Object, pod: str, now: float) -> Object:
    """The budget with one disruption less, in place. Raises: StatusError 429, 403."""
    meta, said = budget["metadata"], budget.setdefault("status", {})
    name = meta["name"]
    if said.get("observedGeneration", 0) < meta.get("generation", 0):
        raise _processing(name)
    allowed = said.get("disruptionsAllowed", 0)
    if allowed < 0:
        raise status.forbidden("policy", "poddisruptionbudget", name, "pdb disruptions allowed is negative")
    if len(said.get("disruptedPods") or ()) > _MOST_DISRUPTED:
        why = "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        raise status.forbidden("policy", "poddisruptionbudget", name, why)
    condition = find_condition(said.get("conditions"), "DisruptionAllowed")
    if allowed == 0:
        raise _refused(_why_not(name, said, condition), 0)
    said["disruptionsAllowed"] = allowed - 1
    if allowed == 1:
        _exhaust(said, condition, now)
    said["disruptedPods"] = {**(said.get("disruptedPods") or {}), pod: rfc3339(now)}
    return budget


def _exhaust(said: Object, condition: Object | None, now: float) -> None:
    """Nothing more is allowed: the condition says so, in place."""
    if condition is None:
        condition = {"type": "DisruptionAllowed"}
        said.setdefault("conditions", []).append(condition)
    if condition.get("status") != "False":
        condition |= {"status": "False", "lastTransitionTime": rfc3339(now)}
    condition |= {"reason": "InsufficientPods", "message": ""}
    if generation := said.get("observedGeneration"):
        condition["observedGeneration"] = generation


def _processing(name: str) -> StatusError:
    return _refused(f"The disruption budget {name} is still being processed by the server.", 10)


def _why_not(name: str, said: Object, condition: Object | None) -> str:
    healthy, desired = said.get("currentHealthy", 0), said.get("desiredHealthy", 0)
    told = condition is not None and condition.get("status") == "False" and condition.get("message")
    if told and condition is not None and condition.get("reason") == "SyncFailed":
        return (
            f"The disruption budget {name} does not allow evicting pods currently because it failed sync: "
            f"{condition['message']}"
        )
    if healthy <= desired:
        return f"The disruption budget {name} needs {desired} healthy pods and has {healthy} currently"
    if told and condition is not None:
        return (
            f"The disruption budget {name} does not allow evicting pods currently "
            f"({condition.get('reason', '')}): {condition['message']}"
        )
    return f"The disruption budget {name} does not allow evicting pods currently"


def _refused(why: str, retry_after: int) -> StatusError:
    error = status.too_many_requests(_VIOLATED, retry_after)
    details = {"retryAfterSeconds": retry_after} if retry_after else {}
    error.status["details"] = {"causes": [{"reason": "DisruptionBudget", "message": why}], **details}
    return error
