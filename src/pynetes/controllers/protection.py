"""Finalizers that keep an object while somebody uses it: what the controllers of claims, volumes and classes share.

Source: pkg/controller/volume/protectionutil.
"""

from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import Action, Update
from pynetes.controllers.ownership import named
from pynetes.meta.objects import Object


def finalizers_of(obj: Object) -> list[str]:
    found: list[str] = obj["metadata"].get("finalizers") or []
    return found


def concerns(obj: Object, finalizer: str) -> bool:
    """Whether there may be something to do: it is to go and has the finalizer, or stays and has it not."""
    return podstate.is_deleted(obj) == (finalizer in finalizers_of(obj))


def with_finalizer(kind: Kind, obj: Object, finalizer: str) -> list[Action]:
    """For objects from before admission added it."""
    return [_update(kind, obj, [*finalizers_of(obj), finalizer])]


def without_finalizer(kind: Kind, obj: Object, finalizer: str) -> list[Action]:
    return [_update(kind, obj, [name for name in finalizers_of(obj) if name != finalizer])]


def _update(kind: Kind, obj: Object, finalizers: list[str]) -> Update:
    return Update(kind, {**named(kind, obj), "metadata": {**obj["metadata"], "finalizers": finalizers}})
