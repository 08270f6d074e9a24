"""Leader election over a Lease: of several replicas of a component one leads.

Contract: whoever leads has renewed the lease within ``renew_deadline_seconds``; who cannot stops leading before another
may begin (``lease_seconds`` after the last renewal that the others saw). Only differences of one's own clock count, so
clocks need not agree, only run at about one speed.

Source: client-go ``tools/leaderelection/leaderelection.go``, ``resourcelock/leaselock.go``.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.kinds import LEASES
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.meta.times import rfc3339_micro

log = logging.getLogger(__name__)

JITTER = 1.2


class Election:
    """One candidate for the Lease ``namespace/name``; ``identity`` tells the candidates apart."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        name: str,
        identity: str,
        *,
        namespace: str = "kube-system",
        lease_seconds: float = 15.0,
        renew_deadline_seconds: float = 10.0,
        retry_seconds: float = 2.0,
    ) -> None:
        if not lease_seconds > renew_deadline_seconds > retry_seconds * JITTER:
            raise ValueError("the lease must outlast the renew deadline, and that the retries")
        self._client = client
        self._clock = clock
        self._name = name
        self._namespace = namespace
        self._identity = identity
        self._lease_seconds = lease_seconds
        self._renew_deadline_seconds = renew_deadline_seconds
        self._retry_seconds = retry_seconds
        self._observed: Object | None = None  # the lease as last seen or written
        self._observed_at = 0.0

    @property
    def is_leader(self) -> bool:
        return self._holder(self._observed) == self._identity

    @property
    def leader(self) -> str:
        """Who was last seen to lead; empty: nobody yet."""
        return self._holder(self._observed)

    async def run(self, lead: Callable[[], Awaitable[None]]) -> None:
        """Wait to become leader, then run ``lead`` until it returns or the lease is lost (then it is cancelled).

        The lease is given up when ``lead`` ends or this is cancelled. Returns when leading has ended.
        """
        await self._acquire()
        log.info("%s leads %s/%s", self._identity, self._namespace, self._name)
        leading = asyncio.ensure_future(lead())
        renewing = asyncio.ensure_future(self._renew())
        try:
            await asyncio.wait([leading, renewing], return_when=asyncio.FIRST_COMPLETED)
            if leading.done():
                leading.result()
            else:
                log.warning("%s lost the lease %s/%s", self._identity, self._namespace, self._name)
        finally:
            for task in (leading, renewing):
                task.cancel()
            await asyncio.gather(leading, renewing, return_exceptions=True)
            await self._release()

    async def _acquire(self) -> None:
        while not await self._try():
            await self._clock.sleep(self._retry_seconds * (1.0 + self._clock.random.random() * JITTER))

    async def _renew(self) -> None:
        """Returns when the lease could not be renewed within the deadline."""
        while True:
            await self._clock.sleep(self._retry_seconds)
            try:
                async with self._clock.timeout(self._renew_deadline_seconds):
                    while not await self._try():
                        await self._clock.sleep(self._retry_seconds)
            except TimeoutError:
                return

    async def _try(self) -> bool:
        """One attempt to take or renew the lease."""
        try:
            return await self._take_or_renew()
        except (StatusError, OSError) as error:
            log.info("%s could not take %s/%s: %s", self._identity, self._namespace, self._name, error)
            return False

    async def _take_or_renew(self) -> bool:
        if self._observed is not None and self.is_leader and self._is_valid():
            try:  # nobody else may have written it: no need to read it first
                self._note(await self._client.update(LEASES, self._lease(self._observed, took=False)))
                return True
            except StatusError as error:
                log.info("%s/%s changed meanwhile: %s", self._namespace, self._name, error)
        try:
            current = await self._client.get(LEASES, self._name, self._namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            self._note(await self._client.create(LEASES, self._lease(None, took=True), self._namespace))
            return True
        if self._observed is None or current["spec"] != self._observed["spec"]:
            self._note(current)
        if self.leader and not self.is_leader and self._is_valid():
            return False
        took = not self.is_leader
        self._note(await self._client.update(LEASES, self._lease(current, took=took)))
        return True

    async def _release(self) -> None:
        if not self.is_leader or self._observed is None:
            return
        lease = self._lease(self._observed, took=False)
        lease["spec"] |= {"holderIdentity": "", "leaseDurationSeconds": 1, "acquireTime": lease["spec"]["renewTime"]}
        with suppress(StatusError, OSError, TimeoutError):
            async with self._clock.timeout(self._renew_deadline_seconds):
                self._note(await self._client.update(LEASES, lease))
                return
        self._observed = None

    def _lease(self, current: Object | None, *, took: bool) -> Object:
        now = rfc3339_micro(self._clock.now())
        metadata: dict[str, Any] = {"name": self._name, "namespace": self._namespace}
        old: dict[str, Any] = {}
        if current is not None:
            metadata, old = current["metadata"], current["spec"]
        transitions = old.get("leaseTransitions", 0)
        spec = {
            "holderIdentity": self._identity,
            "leaseDurationSeconds": int(self._lease_seconds),
            "acquireTime": now if took or "acquireTime" not in old else old["acquireTime"],
            "renewTime": now,
            "leaseTransitions": transitions + 1 if took and current is not None else transitions,
        }
        return {"kind": "Lease", "apiVersion": "coordination.k8s.io/v1", "metadata": metadata, "spec": {**old, **spec}}

    def _note(self, lease: Object) -> None:
        self._observed = lease
        self._observed_at = self._clock.monotonic()

    def _is_valid(self) -> bool:
        if self._observed is None:
            return False
        seconds: float = self._observed["spec"].get("leaseDurationSeconds") or 0
        return self._observed_at + seconds > self._clock.monotonic()

    @staticmethod
    def _holder(lease: Object | None) -> str:
        holder: str = lease["spec"].get("holderIdentity") or "" if lease is not None else ""
        return holder
