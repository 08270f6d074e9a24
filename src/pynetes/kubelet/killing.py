"""Stopping containers: in what order, with how much grace, after which hook.

Source: kubernetes ``pkg/kubelet/kuberuntime/kuberuntime_container.go`` (killContainer),
``kuberuntime_termination_order.go``.
"""

import asyncio

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.kubelet import pods
from pynetes.kubelet.hooks import HookFailed, Hooks
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.plan import Kill
from pynetes.kubelet.starting import TellContainer
from pynetes.kubelet.workers import Worker
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, Runtime

MIN_GRACE_SECONDS = 2
"""What every container is given, so that none is killed without need."""


class Killer:
    def __init__(self, runtime: Runtime, hooks: Hooks, clock: Clock, tasks: Tasks, tell: TellContainer) -> None:
        self._runtime = runtime
        self._hooks = hooks
        self._clock = clock
        self._tasks = tasks
        self._tell = tell

    async def kill(
        self, worker: Worker, kill: Kill, observed: PodRuntime, *, grace_seconds: float | None = None
    ) -> None:
        """Stop one container; returns when it has ended. Raises: RuntimeFailure."""
        pod, name = worker.pod, kill.container.config.name
        found = pods.find_container(pod, name)
        fallback: tuple[str, Object] = ("containers", {"name": name})
        where, spec = found if found is not None else fallback
        grace = float(_grace(pod, spec, kill.reason)) if grace_seconds is None else float(grace_seconds)
        again = kill.container.id in worker.hooked
        worker.hooked.add(kill.container.id)
        if not again:
            self._tell(pod, where, spec, "Normal", "Killing", kill.message or f"Stopping container {name}")
        hook = (spec.get("lifecycle") or {}).get("preStop")
        if hook and grace > 0 and not again:
            grace -= await self._pre_stop(pod, where, spec, kill.container, hook, grace, observed)
        await self._runtime.stop_container(kill.container.id, max(grace, MIN_GRACE_SECONDS))
        worker.hooked.discard(kill.container.id)

    async def kill_all(self, worker: Worker, observed: PodRuntime, grace_seconds: float) -> None:
        """Stop a pod's containers: all at once, but sidecars only after the others, the last declared first."""
        sidecars = [c["name"] for c in pods.init_containers(worker.pod) if pods.is_sidecar(c)]
        running = observed.running
        begun = self._clock.monotonic()
        first = [c for c in running if c.config.name not in sidecars]
        await self._together(worker, first, observed, grace_seconds)
        for name in reversed(sidecars):
            rest = [c for c in running if c.config.name == name]
            left = max(grace_seconds - (self._clock.monotonic() - begun), 0.0)
            await self._together(worker, rest, observed, left)

    async def _together(
        self, worker: Worker, containers: list[Container], observed: PodRuntime, grace_seconds: float
    ) -> None:
        await asyncio.gather(
            *(self.kill(worker, Kill(c, ""), observed, grace_seconds=grace_seconds) for c in containers)
        )

    async def _pre_stop(
        self, pod: Object, where: str, spec: Object, container: Container, hook: Object, grace: float,
        observed: PodRuntime,
    ) -> float:  # fmt: skip
        """Wait for the hook as long as the grace allows; the seconds that it took. One that takes longer ends with its
        container, and what became of it is told then."""
        begun = self._clock.monotonic()
        hook_of = f"preStop of {container.id}"
        task = self._tasks.spawn(self._run_hook(pod, where, spec, container, hook, observed), hook_of)
        try:
            async with self._clock.timeout(grace):
                await asyncio.shield(task)
        except TimeoutError:
            pass
        return self._clock.monotonic() - begun

    async def _run_hook(
        self, pod: Object, where: str, spec: Object, container: Container, hook: Object, observed: PodRuntime
    ) -> None:
        try:
            await self._hooks.run(hook, spec, container.id, (observed.ips or ("",))[0])
        except HookFailed:
            self._tell(pod, where, spec, "Warning", "FailedPreStopHook", "PreStopHook failed")


def _grace(pod: Object, spec: Object, reason: str) -> int:
    """A failed probe may have a grace period of its own."""
    if pod["metadata"].get("deletionGracePeriodSeconds") is None and reason in ("liveness", "startup"):
        probe = spec.get(f"{reason}Probe") or {}
        if probe.get("terminationGracePeriodSeconds") is not None:
            return int(probe["terminationGracePeriodSeconds"])
    return pods.grace_seconds(pod)
