"""What a controller has written and its informer has not seen yet: a plan that is made meanwhile knows too little.

Source: k8s.io/endpointslice ``util/endpointslice_tracker.go``.
"""

from pynetes.client.informer import Change, Informer
from pynetes.controllers.actions import Action, Delete
from pynetes.meta.objects import Object, key_of, name_of


class Unseen:
    """By the key that wrote them, the objects of one informer that are waited for."""

    def __init__(self, informer: Informer) -> None:
        self._informer = informer
        self._written: dict[str, dict[str, str]] = {}
        """Their names and revisions; "" for what was deleted."""

    def waits(self, key: str) -> bool:
        return bool(self._written.get(key))

    def forget(self, key: str) -> None:
        self._written.pop(key, None)

    def wrote(self, key: str, action: Action, written: Object | None) -> None:
        """``written``: what the write returned."""
        waiting = self._written.setdefault(key, {})
        if isinstance(action, Delete):
            if self._informer.get(f"{action.namespace}/{action.name}") is not None:
                waiting[action.name] = ""
        elif written is not None:
            revision = written["metadata"]["resourceVersion"]
            seen = self._informer.get(key_of(written))
            if seen is None or _older(seen["metadata"]["resourceVersion"], revision):
                waiting[name_of(written)] = revision

    def saw(self, key: str, change: Change) -> bool:
        """Whether this is one of those that the key waits for."""
        entry = change.new or change.old
        assert entry is not None
        name = name_of(entry.object)
        expected = self._written.get(key, {}).get(name)
        if expected is None:
            return False
        if change.new is None or (expected and not _older(entry.object["metadata"]["resourceVersion"], expected)):
            del self._written[key][name]
        return True


def _older(revision: str, than: str) -> bool:
    return int(revision) < int(than)
