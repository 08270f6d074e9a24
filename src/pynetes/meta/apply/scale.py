"""The managers of a workload as its scale has them, and back: only the number of replicas is in both.

Source: apimachinery ``pkg/util/managedfields/scalehandler.go``.
"""

from collections.abc import Mapping, Sequence

from pynetes.meta.apply import fields, managers
from pynetes.meta.apply.fields import Path
from pynetes.meta.apply.managers import Manager, Managers, Share
from pynetes.meta.objects import Object

_SCALE = "autoscaling/v1"
REPLICAS: Path = ("f:spec", "f:replicas")
_OF_SCALE = fields.of_paths(REPLICAS)


class ScaleManagers:
    """``paths``: where the replicas are in the workload, by apiVersion; None for a version without a scale."""

    def __init__(self, entries: Sequence[Object] | None, api_version: str, paths: Mapping[str, Path | None]) -> None:
        """Raises: managers.ManagersError."""
        self._held = managers.read(entries or (), trusted=True)
        self._version = api_version
        self._paths = paths

    def of_scale(self) -> list[Object]:
        """The entries of those who own the number of replicas, as entries of the scale."""
        found: Managers = {}
        for who, share in self._held.items():
            path = self._paths.get(share.api_version)
            if path is not None and fields.has(share.fields, path):
                found[who] = Share(_OF_SCALE, _SCALE, share.applied, share.time)
        return managers.write(found)

    def of_workload(self, entries: Sequence[Object] | None) -> list[Object]:
        """The workload's entries, once the scale has these. Raises: managers.ManagersError."""
        scale = managers.read(entries or ())
        found: Managers = {}
        for who, share in self._held.items():
            if share.api_version in self._paths:
                self._keep(found, scale, who, share)
        own = self._paths[self._version]
        assert own is not None
        for who, share in scale.items():
            if fields.has(share.fields, REPLICAS):
                time = self._held[who].time if who in self._held else ""
                found[who] = Share(fields.of_paths(own), self._version, share.applied, time)
        return managers.write(found)

    def _keep(self, found: Managers, scale: Managers, who: Manager, share: Share) -> None:
        """A manager of the workload. Those that the scale no longer has lose the number of replicas."""
        path = self._paths[share.api_version]
        if path is None or not fields.has(share.fields, path):
            found[who] = share
        elif who in scale:
            found[who] = share
            del scale[who]
        elif left := fields.difference(share.fields, fields.of_paths(path)):
            found[who] = share.of(left)
