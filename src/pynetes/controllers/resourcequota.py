"""Counts what the objects of a namespace use of its quotas, and writes limits and usage into their status.

Watches: ResourceQuotas; every resource that some quota limits, from the first such quota on.
Owns: the status of ResourceQuotas, together with admission, which adds to ``used`` what it lets in.
Guarantees: a quota is counted whole when it is new or its limits change, when an object that it limits is deleted or
    gives something back, and every five minutes. A limit on something that nobody serves has no ``used``.
Caveats: admission charges before an object is stored, so that a count may miss what is just being made; a count that
    lowers ``used`` is therefore repeated after some seconds.

Source: pkg/controller/resourcequota/{resource_quota_controller,resource_quota_monitor}.go.
Differs: only what quotas name is watched, where upstream watches all that can be counted.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence

from pynetes.client.informer import Change, Informer
from pynetes.client.kinds import ALL, RESOURCE_QUOTAS
from pynetes.client.types import Kind
from pynetes.controllers.actions import Action, Update, apply
from pynetes.controllers.discovery import group_of, served
from pynetes.controllers.ownership import named
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods.resources import Amounts, amounts
from pynetes.kinds.quota.evaluators import OWN, counted, evaluator
from pynetes.kinds.quota.types import ZERO, Evaluator, only, plus, requirements, texts
from pynetes.meta.objects import Object, key_of, namespace_of

LOOK_AGAIN_SECONDS = 5.0
DISCOVERY_SECONDS = 30.0
"""How long an entry for an unknown resource waits until it is looked for again."""


def evaluators_of(names: Iterable[str]) -> list[Evaluator]:
    """Those that can measure any of a quota's entries."""
    names = list(names)
    found = {(e.group, e.plural): e for e in OWN.values() if any(map(e.counts, names))}
    for name in names:
        if (resource := counted(name)) is not None and (simple := evaluator(*resource)) is not None:
            found.setdefault(resource, simple)
    return list(found.values())


def usage(quota: Object, objects: Mapping[Evaluator, Iterable[Object]], now: float) -> Amounts:
    """What the objects use of what the quota limits."""
    hard = hard_of(quota)
    scopes = requirements(quota)
    total: Amounts = {}
    for measure, found in objects.items():
        total = plus(total, dict.fromkeys(filter(measure.counts, hard), ZERO))
        for obj in found:
            if all(measure.in_scope(scope, obj) for scope in scopes):
                total = plus(total, only(measure.usage(obj, now), hard))
    return total


def plan(quota: Object, used: Amounts) -> list[Action]:
    """The status that this usage makes. An entry that nothing measured keeps what was known."""
    hard, said = hard_of(quota), quota.get("status") or {}
    known = amounts(said.get("used"))
    wanted = only(known | used, hard)
    if said.get("hard") is not None and amounts(said["hard"]) == hard:
        if said.get("used") is not None and known == wanted:
            return []
    status = {"hard": texts(hard), "used": texts(wanted)}
    return [Update(RESOURCE_QUOTAS, {**named(RESOURCE_QUOTAS, quota), "status": status}, "status")]


def hard_of(quota: Object) -> Amounts:
    return amounts((quota.get("spec") or {}).get("hard"))


def lowers(quota: Object, used: Amounts) -> bool:
    known = amounts((quota.get("status") or {}).get("used"))
    return any(amount < known[name] for name, amount in used.items() if name in known)


class Quotas:
    """The acting half; keys are quotas."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._kinds = {(group_of(kind), kind.plural): kind for kind in reversed(ALL)}
        self._measured: dict[tuple[str, str], Informer] = {}
        """By group and plural."""
        self._quotas = context.informers.get(RESOURCE_QUOTAS)
        self._quotas.add_handler(self._quota_changed)

    async def reconcile(self, key: str) -> float | None:
        quota = self._quotas.get(key)
        if quota is None:
            return None
        again = self._context.settings.resource_quota_sync_period_seconds
        informers: dict[Evaluator, Informer] = {}
        for measure in evaluators_of(hard_of(quota)):
            informer = await self._informer(measure)
            if informer is None:
                again = min(again, DISCOVERY_SECONDS)
            else:
                informers[measure] = informer
        for informer in informers.values():
            await informer.synced()
        # read anew after the waiting, and at one moment with what is counted
        quota = self._quotas.get(key)
        if quota is None:
            return None
        objects = {measure: informer.list(namespace_of(quota)) for measure, informer in informers.items()}
        used = usage(quota, objects, self._context.clock.now())
        await apply(self._context, plan(quota, used))
        return min(again, LOOK_AGAIN_SECONDS) if lowers(quota, used) else again

    async def _informer(self, measure: Evaluator) -> Informer | None:
        """What the evaluator's objects are read from; None while nobody serves them."""
        resource = (measure.group, measure.plural)
        if resource not in self._measured and (kind := await self._kind(measure)) is not None:
            if resource not in self._measured:  # another quota may have been faster
                self._measured[resource] = self._context.informers.get(kind)
                self._measured[resource].add_handler(functools.partial(self._changed, measure))
        return self._measured.get(resource)

    async def _kind(self, measure: Evaluator) -> Kind | None:
        wanted = (measure.group, measure.plural)
        if wanted not in self._kinds:
            for resource in await served(self._context.client):
                if {"create", "list", "watch", "delete"} <= resource.verbs:
                    self._kinds.setdefault((resource.group, resource.kind.plural), resource.kind)
        kind = self._kinds.get(wanted)
        return kind if kind is not None and kind.namespaced else None

    def _quota_changed(self, change: Change) -> None:
        """Usage is written by admission and by us: of updates only new limits matter."""
        if change.new is None:
            return
        if change.old is None or hard_of(change.old.object) != hard_of(change.new.object):
            self._context.queue.add(change.key)

    def _changed(self, measure: Evaluator, change: Change) -> None:
        """Something may have been given back."""
        if change.old is None:
            return
        namespace, _, _ = change.key.rpartition("/")
        concerned = self._limiting(measure, namespace)
        if not concerned:
            return
        if change.new is not None:
            now = self._context.clock.now()
            if not measure.released(change.old.object, change.new.object, now):
                return
        for quota in concerned:
            self._context.queue.add(key_of(quota))

    def _limiting(self, measure: Evaluator, namespace: str) -> Sequence[Object]:
        found = self._quotas.list(namespace)
        return [q for q in found if any(map(measure.counts, (q.get("status") or {}).get("hard") or ()))]


CONTROLLER = Controller("resourcequota-controller", Quotas)
