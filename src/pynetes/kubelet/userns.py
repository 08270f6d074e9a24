"""Which user and group ids of the node are a pod's, where it wants a user namespace of its own. No I/O.

A range is held as long as the pod is on the node. What pods had before this kubelet began is read back from their
sandboxes; files of volumes are written with the ids that the pod sees, so that a new range changes nothing for them.

Source: KEP-127; kubernetes ``pkg/kubelet/userns/userns_manager.go``, ``pkg/kubelet/kubelet_pods.go``
(getKubeletMappings).
"""

from pynetes.kubelet.observed import PodRuntime
from pynetes.meta.objects import Object
from pynetes.runtime.types import Features, IDRange

IDS_PER_POD = 65536


class UserNamespaceError(Exception):
    """The pod cannot have one, in upstream's words."""


class UserRanges:
    """``slots`` ranges from ``first`` on, a multiple of ``IDS_PER_POD``; range 0 is the node's own users."""

    def __init__(self, first: int, slots: int) -> None:
        self._first = first
        self._slots = slots
        self._taken: dict[str, int] = {}

    def recover(self, observed: PodRuntime) -> None:
        """Take notice of what a pod has already."""
        for sandbox in observed.sandboxes:
            users = sandbox.config.linux.users
            if users is not None:
                self._taken.setdefault(observed.uid, users.first)

    def of(self, pod: Object, features: Features, handler: str) -> IDRange | None:
        """The pod's range; None: it lives among the node's users. Raises: UserNamespaceError."""
        if pod["spec"].get("hostUsers") is not False:
            return None
        if not features.user_namespaces:
            who = f'RuntimeClass handler "{handler}"' if handler else "runtime"
            raise UserNamespaceError(f"can't set `spec.hostUsers: false`, {who} does not support user namespaces")
        uid = pod["metadata"]["uid"]
        if uid not in self._taken:
            self._taken[uid] = self._free()
        return IDRange(self._taken[uid], IDS_PER_POD)

    def release(self, uid: str) -> None:
        self._taken.pop(uid, None)

    def _free(self) -> int:
        taken = set(self._taken.values())
        for slot in range(self._slots):
            first = self._first + slot * IDS_PER_POD
            if first not in taken:
                return first
        raise UserNamespaceError("create user namespace: could not find an empty slot to allocate a user namespace")
