"""The acting half: reads, asks, plans, applies. See the package for the contract."""

from collections.abc import Iterable

from pynetes.client.informer import Change
from pynetes.client.kinds import HORIZONTAL_POD_AUTOSCALERS
from pynetes.client.types import Kind
from pynetes.controllers.actions import Report, Update, apply, perform
from pynetes.controllers.discovery import Kinds
from pynetes.controllers.horizontalpodautoscaler.limits import Memory
from pynetes.controllers.horizontalpodautoscaler.metrics import Metrics
from pynetes.controllers.horizontalpodautoscaler.plan import (
    Plan,
    Seen,
    is_news,
    needs_metrics,
    not_rescaled,
    plan,
    rescaled,
    unreachable,
)
from pynetes.controllers.horizontalpodautoscaler.target import Targets, Unreachable
from pynetes.controllers.ownership import named
from pynetes.controllers.selectedpods import SelectedPods
from pynetes.controllers.types import Context, Controller
from pynetes.meta import selectors
from pynetes.meta.objects import Object, key_of, labels_of, namespace_of
from pynetes.meta.selectors import LabelSelector
from pynetes.meta.status import StatusError


class Autoscalers:
    """The acting half. Keys are autoscalers, each looked at once in a period whatever happens."""

    def __init__(self, context: Context) -> None:
        kinds = Kinds(context.client)
        self._context = context
        self._period = context.settings.autoscaler_sync_period_seconds
        self._targets = Targets(context.client, kinds)
        self._metrics = Metrics(context.client, kinds)
        self._selected = SelectedPods(context.informers)
        self._memories: dict[str, Memory] = {}
        self._selectors: dict[str, LabelSelector] = {}
        """By the autoscaler's key: whose pods it was last found to scale."""
        self._autoscalers = context.informers.get(HORIZONTAL_POD_AUTOSCALERS)
        self._autoscalers.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        autoscaler = self._autoscalers.get(key)
        if autoscaler is None:
            self._memories.pop(key, None)
            return None
        clock = self._context.clock
        try:
            kind, scale = await self._targets.read(autoscaler)
        except Unreachable as error:
            await self._finish(autoscaler, unreachable(autoscaler, str(error), clock.now()))
            return self._period
        seen = await self._look(autoscaler, scale) if needs_metrics(autoscaler, scale) else Seen()
        memory = self._memories.get(key, Memory())
        made = plan(autoscaler, scale, seen, memory, clock.now(), self._context.settings)
        if made.replicas is not None:
            made = await self._rescale(autoscaler, kind, scale, made)
        self._memories[key] = made.memory
        await self._finish(autoscaler, made)
        return self._period

    async def _look(self, autoscaler: Object, scale: Object) -> Seen:
        """Metrics are asked for only if it is clear of which pods."""
        text = (scale.get("status") or {}).get("selector", "")
        try:
            selector = selectors.parse_labels(text)
        except selectors.SelectorError:
            return Seen()
        if not text:
            return Seen()
        namespace = namespace_of(autoscaler)
        if self._autoscalers.entry(key_of(autoscaler)) is not None:
            self._selectors[key_of(autoscaler)] = selector
        pods = self._selected.of(namespace, selector)
        rivals = self._selecting(namespace, pods)
        if len(rivals) > 1:
            return Seen(pods, rivals)
        asked = [await self._metrics.ask(metric, namespace, selector) for metric in autoscaler["spec"]["metrics"]]
        return Seen(pods, rivals, asked)

    def _selecting(self, namespace: str, pods: Iterable[Object]) -> list[str]:
        """The autoscalers of any of these pods."""
        labels = {tuple(sorted(labels_of(pod).items())) for pod in pods}
        found = (
            key
            for key, selector in self._selectors.items()
            if key.startswith(f"{namespace}/") and any(selector.matches(dict(each)) for each in labels)
        )
        return sorted(found)

    async def _rescale(self, autoscaler: Object, kind: Kind, scale: Object, made: Plan) -> Plan:
        assert made.replicas is not None
        try:
            await self._targets.set(kind, scale, made.replicas)
        except (StatusError, OSError) as error:
            return not_rescaled(autoscaler, made, str(error), self._context.clock.now())
        return rescaled(autoscaler, made, self._context.clock.now())

    async def _finish(self, autoscaler: Object, made: Plan) -> None:
        await apply(self._context, made.reports)
        if not is_news(autoscaler.get("status"), made.status):
            return
        about = named(HORIZONTAL_POD_AUTOSCALERS, autoscaler)
        try:
            await perform(self._context, Update(HORIZONTAL_POD_AUTOSCALERS, {**about, "status": made.status}, "status"))
        except StatusError as error:
            await apply(self._context, [Report(about, "Warning", "FailedUpdateStatus", str(error))])
            raise

    def _changed(self, change: Change) -> None:
        if change.new is None:
            self._selectors.pop(change.key, None)
        self._context.queue.add_after(change.key, self._period)


CONTROLLER = Controller(
    "horizontal-pod-autoscaler-controller",
    Autoscalers,
    "horizontal-pod-autoscaler",
    retry_base_seconds=15.0,
    retry_limit_seconds=15.0,
)
