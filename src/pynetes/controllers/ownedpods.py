"""The pods that objects of one kind own: claims, creates and deletes them, says so, and wakes the owners.

Contract: a change of a pod adds the key of its owner to the queue; a pod without an owner wakes those that select it.
Creates and deletes asked for through ``change`` are expected until the informer has shown them, so that an owner whose
``expectations`` are not satisfied knows that its view is behind.

Source: pkg/controller/controller_utils.go (RealPodControl), controller_ref_manager.go.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from pynetes.client.informer import Change, Informer
from pynetes.client.kinds import PODS
from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import Create, apply, namespace_is_terminating, perform
from pynetes.controllers.expectations import Expectations
from pynetes.controllers.ownership import (
    BY_CONTROLLER,
    CONTROLLER_INDEX,
    adoption,
    claim,
    named,
    orphans_of,
    reference,
    release,
    still_alive,
)
from pynetes.controllers.slowstart import slow_start
from pynetes.controllers.types import Context
from pynetes.meta import selectors
from pynetes.meta.objects import Object, controller_of, key_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.selectors import LabelSelector
from pynetes.meta.status import StatusError

Selector = Callable[[Object], LabelSelector]
"""An owner's selector."""


def selector_of(owner: Object) -> LabelSelector:
    """As most kinds have it: with ``matchLabels`` and ``matchExpressions``."""
    return selectors.from_object(owner["spec"].get("selector"))


def _any(pod: Object) -> bool:
    return True


def from_template(owner: Object, kind: Kind, template: Object, **metadata: Any) -> Object:
    """A pod of the owner's by its template; its name is the server's to choose unless ``metadata`` says it."""
    wanted = template.get("metadata") or {}
    kept = {field: wanted[field] for field in ("labels", "annotations", "finalizers") if wanted.get(field)}
    made = {
        "generateName": f"{name_of(owner)}-",
        "namespace": namespace_of(owner),
        **kept,
        "ownerReferences": [reference(owner, kind)],
        **metadata,
    }
    return {"kind": "Pod", "apiVersion": "v1", "metadata": made, "spec": template["spec"]}


def _with_finalizers(pod: Object, finalizers: Sequence[str]) -> Object:
    present = pod["metadata"].get("finalizers") or []
    missing = [finalizer for finalizer in finalizers if finalizer not in present]
    return {**pod, "metadata": {**pod["metadata"], "finalizers": [*present, *missing]}} if missing else pod


def identity(pod: Object) -> str:
    """What tells a pod from its successor of the same name."""
    return f"{key_of(pod)}/{uid_of(pod)}"


class OwnedPods:
    """``owners`` is the informer of the kind. ``wake`` adds a key to the queue, by default at once. ``finalizers`` are
    put on pods that are adopted and taken off those that are released."""

    def __init__(
        self,
        context: Context,
        kind: Kind,
        owners: Informer,
        wake: Callable[[str], None] | None = None,
        finalizers: Sequence[str] = (),
        selector: Selector = selector_of,
    ) -> None:
        self.expectations = Expectations(context.clock)
        self._context = context
        self._kind = kind
        self._owners = owners
        self._wake = wake or context.queue.add
        self._finalizers = finalizers
        self._selector = selector
        self._pods = context.informers.get(PODS, indexes=CONTROLLER_INDEX)
        self._pods.add_handler(self._pod_changed)

    # what an owner has

    async def claim(
        self, owner: Object, belongs: Callable[[Object], bool] = _any, among: Callable[[Object], bool] = _any
    ) -> list[Object]:
        """The pods that are the owner's after adoption and release.

        ``belongs``: what makes a pod the owner's besides its labels; ``among``: which are looked at, the others stay.
        """
        orphans = self._pods.by_index(BY_CONTROLLER, orphans_of(namespace_of(owner)))
        candidates = [pod for pod in (*self.of(owner), *orphans) if among(pod)]
        claims = claim(owner, self._selector(owner), candidates, belongs)
        if claims.adopt:
            await still_alive(self._context, self._kind, owner)
        finalizers = self._finalizers
        await apply(self._context, [adoption(pod, PODS, owner, self._kind, finalizers) for pod in claims.adopt])
        await apply(self._context, [release(pod, PODS, owner, finalizers) for pod in claims.release])
        return claims.owned + [_with_finalizers(pod, finalizers) for pod in claims.adopt]

    def of(self, owner: Object) -> list[Object]:
        """The pods that name the owner as their controller."""
        return self._pods.by_index(BY_CONTROLLER, uid_of(owner))

    def held(self, owner: Object, among: Callable[[Object], bool]) -> list[Object]:
        """Those of them that match its selector, without adoption or release."""
        return claim(owner, self._selector(owner), filter(among, self.of(owner))).owned

    # what an owner does

    async def change(
        self, key: str, owner: Object, creates: Sequence[Object], deletes: Sequence[Object]
    ) -> Exception | None:
        """Create pods, slowly at first, and delete others. Returns: what went wrong first."""
        self.expectations.expect(key, len(creates), map(identity, deletes))
        _, failure = await self.create(key, owner, creates)
        outcomes = await self.delete(key, owner, deletes)
        return failure or next((outcome for outcome in outcomes if outcome is not None), None)

    async def create(self, key: str, owner: Object, pods: Sequence[Object]) -> tuple[int, Exception | None]:
        """Create pods that are expected, slowly at first. Returns: how many there are now, what went wrong first."""
        pending = iter(pods)
        succeeded, failure = await slow_start(len(pods), lambda: self._create(owner, next(pending)))
        for _ in range(len(pods) - succeeded):
            self.expectations.creation_observed(key)
        if failure is not None and namespace_is_terminating(failure):
            failure = None
        return succeeded, failure

    async def delete(self, key: str, owner: Object, pods: Sequence[Object]) -> Sequence[Exception | None]:
        """Delete pods that may be expected to go. Returns: for each what went wrong; gone already is fine."""
        return await asyncio.gather(*(self._delete(key, owner, pod) for pod in pods))

    async def _create(self, owner: Object, pod: Object) -> None:
        """Raises: StatusError, after an event that says so."""
        events, subject = self._context.events, named(self._kind, owner)
        try:
            created = await perform(self._context, Create(PODS, pod))
        except StatusError as error:
            if not namespace_is_terminating(error):
                events.event(subject, "Warning", "FailedCreate", f"Error creating: {error}")
            raise
        assert created is not None
        events.event(subject, "Normal", "SuccessfulCreate", f"Created pod: {name_of(created)}")

    async def _delete(self, key: str, owner: Object, pod: Object) -> Exception | None:
        events, subject = self._context.events, named(self._kind, owner)
        try:
            await self._context.client.delete(PODS, name_of(pod), namespace_of(pod))
        except StatusError as error:
            self.expectations.deletion_observed(key, identity(pod))
            if error.code == 404:
                return None
            events.event(subject, "Warning", "FailedDelete", f"Error deleting: {error}")
            return ValueError(f"unable to delete pods: {error}")
        events.event(subject, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")
        return None

    # what wakes an owner

    def owner_changed(self, change: Change) -> None:
        """A handler for the owners' informer: an owner that went, or has a successor, expects nothing any more."""
        if change.new is None or (change.old is not None and change.old.uid != change.new.uid):
            self.expectations.forget(change.key)
        self._wake(change.key)

    def _pod_changed(self, change: Change) -> None:
        old = change.old.object if change.old is not None else None
        new = change.new.object if change.new is not None else None
        if new is None:
            assert old is not None
            self._gone(old)
        elif podstate.is_deleted(new):
            self._gone(new)
            if old is not None and labels_of(old) != labels_of(new):
                self._gone(old)
        elif old is None:
            self._appeared(new)
        else:
            self._updated(old, new)

    def _appeared(self, pod: Object) -> None:
        if controller_of(pod) is None:
            self._wake_selecting(pod)
        elif key := self.owner_key(pod):
            self.expectations.creation_observed(key)
            self._wake(key)

    def _updated(self, old: Object, new: Object) -> None:
        before, after = controller_of(old), controller_of(new)
        if before != after and (key := self.owner_key(old)):
            self._wake(key)
        if after is not None:
            if key := self.owner_key(new):
                self._wake(key)
        elif before is not None or labels_of(old) != labels_of(new):
            self._wake_selecting(new)

    def _gone(self, pod: Object) -> None:
        if key := self.owner_key(pod):
            self.expectations.deletion_observed(key, identity(pod))
            self._wake(key)

    def owner_key(self, obj: Object) -> str:
        """The key of the owner that controls the object, or ``""``."""
        reference = controller_of(obj)
        if reference is None or reference.get("kind") != self._kind.kind:
            return ""
        key = f"{namespace_of(obj)}/{reference['name']}"
        entry = self._owners.entry(key)
        return key if entry is not None and entry.uid == reference.get("uid") else ""

    def _wake_selecting(self, orphan: Object) -> None:
        for key in selecting(self._owners, orphan, self._selector):
            self._wake(key)


def selecting(owners: Informer, orphan: Object, selector: Selector = selector_of) -> Iterable[str]:
    """The keys of the owners whose selector matches: they may want to adopt it."""
    for owner in owners.list(namespace_of(orphan)):
        if owner["spec"].get("selector") and selector(owner).matches(labels_of(orphan)):
            yield key_of(owner)
