"""The acting half: reads, plans, applies. See the package for the contract."""

from pynetes.client.informer import Change
from pynetes.client.kinds import POD_DISRUPTION_BUDGETS, PODS
from pynetes.controllers.actions import Report, Update, apply, perform
from pynetes.controllers.disruption.plan import failed, needs_scales, plan, stale_after, unmarked
from pynetes.controllers.disruption.scales import Scales
from pynetes.controllers.ownership import named
from pynetes.controllers.selectedpods import SelectedPods
from pynetes.controllers.types import Context, Controller
from pynetes.meta import selectors
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, key_of, labels_of, name_of, namespace_of

MARKED = "pod:"
"""Begins the key of a pod whose mark may be stale."""

_PAST_SECONDS = 0.005
"""Behind the moment at which a pod counts again."""


class Budgets:
    """The acting half. Keys are budgets, and marked pods."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._budgets = context.informers.get(POD_DISRUPTION_BUDGETS)
        self._selected = SelectedPods(context.informers)
        self._pods = context.informers.get(PODS)
        self._scales = Scales(context.client, context.informers)
        self._budgets.add_handler(lambda change: context.queue.add(change.key))
        self._pods.add_handler(self._pod_changed)

    async def reconcile(self, key: str) -> float | None:
        if key.startswith(MARKED):
            return await self._unmark(key.removeprefix(MARKED))
        budget = self._budgets.get(key)
        if budget is None:
            return None
        now = self._context.clock.now()
        selector = selectors.from_object(budget["spec"].get("selector"))
        pods = self._selected.of(namespace_of(budget), selector)
        try:
            scales = await self._scales.of(pods) if needs_scales(budget) else {}
        except ValueError as error:
            text = f"Failed to calculate the number of expected pods: {error}"
            await apply(self._context, [_about(budget, "CalculateExpectedPodCountFailed", text)])
            await self._write(budget, failed(budget, error, now))
            return None
        made = plan(budget, pods, scales, now)
        await apply(self._context, made.reports)
        await self._write(budget, made.status)
        return None if made.again is None else made.again + _PAST_SECONDS

    async def _write(self, budget: Object, status: Object) -> None:
        if status != (budget.get("status") or {}):
            update = {**named(POD_DISRUPTION_BUDGETS, budget), "status": status}
            await perform(self._context, Update(POD_DISRUPTION_BUDGETS, update, "status"))

    async def _unmark(self, key: str) -> float | None:
        pod, now = self._pods.get(key), self._context.clock.now()
        wait = stale_after(pod, now) if pod is not None else None
        if pod is None or wait is None:
            return None
        if wait > 0:
            return wait
        await perform(self._context, Update(PODS, {**named(PODS, pod), "status": unmarked(pod, now)}, "status"))
        return None

    def _pod_changed(self, change: Change) -> None:
        for entry in (change.old, change.new):
            if entry is not None and (change.new is None or entry is change.new or _relabelled(change)):
                self._wake(entry.object, say=entry is (change.new or change.old))
        if change.new is not None:
            wait = stale_after(change.new.object, self._context.clock.now())
            if wait is not None:
                self._context.queue.add_after(MARKED + change.key, wait)

    def _wake(self, pod: Object, *, say: bool) -> None:
        budgets = [budget for budget in self._budgets.list(namespace_of(pod)) if _selects(budget, pod)]
        for budget in budgets:
            self._context.queue.add(key_of(budget))
        if len(budgets) > 1 and say:
            who = f"Pod {quoted(namespace_of(pod))}/{quoted(name_of(pod))}"
            text = f"{who} matches multiple PodDisruptionBudgets.  Chose {quoted(name_of(budgets[0]))} arbitrarily."
            self._context.events.event(named(PODS, pod), "Warning", "MultiplePodDisruptionBudgets", text)


def _relabelled(change: Change) -> bool:
    assert change.new is not None
    return change.old is not None and labels_of(change.old.object) != labels_of(change.new.object)


def _selects(budget: Object, pod: Object) -> bool:
    return selectors.from_object((budget.get("spec") or {}).get("selector")).matches(labels_of(pod))


def _about(budget: Object, reason: str, message: str) -> Report:
    return Report(named(POD_DISRUPTION_BUDGETS, budget), "Warning", reason, message)


CONTROLLER = Controller("disruption-controller", Budgets, "controllermanager")
