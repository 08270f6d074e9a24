"""ResourceQuota: what a write uses is added to the quotas of its namespace, or the write is refused.

The last of the plug-ins, so that nothing is charged that another refuses. Ordered: the writes of a namespace are looked
at in the order in which they came, in batches: those that wait while quotas are written go into the next batch, so that
a quota is written once for many. The new usage is put into the quota's status by compare-and-set, before the object is
stored: of two servers one has to look again. Skipped: a write that fails after it was charged is not taken back; the
quota controller counts again.

Source: apiserver ``pkg/admission/plugin/resourcequota``.
Differs: a write that was refused is not looked at again when a quota that another one changed is tried anew.
"""

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, field

from pynetes.apiserver import faults
from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.apiserver.context import Server
from pynetes.client.kinds import RESOURCE_QUOTAS
from pynetes.kinds.quota.charges import Refused, Uncovered, charge
from pynetes.kinds.quota.evaluators import evaluator
from pynetes.kinds.quota.types import Quota, Write, texts
from pynetes.meta import status
from pynetes.meta.objects import Object, name_of
from pynetes.meta.status import StatusError

_RETRIES = 3
_TIMEOUT_SECONDS = 10.0


@dataclass(slots=True, eq=False)
class _Waiter:
    asked: Attributes
    done: asyncio.Future[None]

    def refuse(self, error: Exception) -> None:
        if not self.done.done():
            self.done.set_exception(error)

    def accept(self) -> None:
        if not self.done.done():
            self.done.set_result(None)


@dataclass(slots=True)
class Quotas:
    """One server's charging: the writes that wait, by namespace. A namespace has a task while something waits."""

    server: Server
    _waiting: dict[str, list[_Waiter]] = field(default_factory=dict)

    def validate(self, asked: Attributes) -> Awaitable[None] | None:
        """Raises: StatusError 403 when the write does not fit; 409 when a quota could not be written."""
        found = evaluator(asked.resource.group, asked.resource.plural) if asked.namespace else None
        if found is None or asked.obj is None or not found.charged(_write(asked)):
            return None
        if asked.objects("", "resourcequotas", asked.namespace) or self.server.settings.limited_resources:
            return self._wait(asked)
        return None

    async def _wait(self, asked: Attributes) -> None:
        namespace = asked.namespace
        waiter = _Waiter(asked, asyncio.get_running_loop().create_future())
        if namespace in self._waiting:
            self._waiting[namespace].append(waiter)
        else:
            self._waiting[namespace] = [waiter]
            self.server.tasks.spawn(self._charge(namespace), f"quotas of {namespace}")
        try:
            async with self.server.clock.timeout(_TIMEOUT_SECONDS):
                await waiter.done
        except TimeoutError:
            raise status.internal_error("resource quota evaluation timed out") from None

    async def _charge(self, namespace: str) -> None:
        """Batch after batch, until nothing waits."""
        while batch := self._waiting[namespace]:
            self._waiting[namespace] = []
            try:
                await self._settle(batch, batch[0].asked.objects("", "resourcequotas", namespace))
            except Exception as error:  # whatever it was: those who wait must hear of it, and the next batch go on
                for waiter in batch:
                    waiter.refuse(error)
        # no await between the last look at what waits and this
        del self._waiting[namespace]

    async def _settle(self, batch: Sequence[_Waiter], objects: Sequence[Object]) -> None:
        failure: Exception | None = None
        for _ in range(1 + _RETRIES):
            before = [Quota.of(obj) for obj in objects]
            after = self._decide(batch, before)
            changed = [(obj, new) for obj, old, new in zip(objects, before, after, strict=True) if new is not old]
            outcomes = await asyncio.gather(*(self._put(obj, new) for obj, new in changed))
            failed = [(obj, error) for (obj, _), error in zip(changed, outcomes, strict=True) if error is not None]
            if not failed:
                for waiter in batch:
                    waiter.accept()
                return
            failure = failed[0][1]
            objects = await self._current([obj for obj, _ in failed])
        assert failure is not None
        for waiter in batch:
            waiter.refuse(failure)

    def _decide(self, batch: Sequence[_Waiter], quotas: Sequence[Quota]) -> Sequence[Quota]:
        """The quotas as the batch leaves them. Who does not fit, or changes nothing, has the answer."""
        now, limited = self.server.clock.now(), self.server.settings.limited_resources
        for waiter in batch:
            if waiter.done.done():
                continue
            asked = waiter.asked
            found = evaluator(asked.resource.group, asked.resource.plural)
            assert found is not None
            try:
                charged = charge(quotas, _write(asked), found, now, limited)
            except Refused as refused:
                waiter.refuse(asked.forbidden(str(refused)))
            except Uncovered as uncovered:
                waiter.refuse(faults.unclassified(str(uncovered)))
            else:
                if asked.dry_run or all(new is old for new, old in zip(charged, quotas, strict=True)):
                    waiter.accept()
                else:
                    quotas = charged
        return quotas

    async def _put(self, obj: Object, quota: Quota) -> StatusError | None:
        said = {**(obj.get("status") or {}), "used": texts(quota.used)}
        try:
            await self.server.loopback.update(RESOURCE_QUOTAS, {**obj, "status": said}, subresource="status")
        except StatusError as error:
            return error
        return None

    async def _current(self, objects: Sequence[Object]) -> list[Object]:
        """The same quotas as they are now; one that is gone limits nothing any more."""
        found = []
        for obj in objects:
            try:
                found.append(
                    await self.server.loopback.get(RESOURCE_QUOTAS, name_of(obj), obj["metadata"]["namespace"])
                )
            except StatusError as error:
                if error.code != 404:
                    raise
        return found


def _write(asked: Attributes) -> Write:
    assert asked.obj is not None
    return Write(asked.operation, asked.obj, asked.old, asked.subresource)


def plugin(server: Server) -> Plugin:
    return Plugin("ResourceQuota", frozenset({CREATE, UPDATE}), validate=Quotas(server).validate)
