"""How many pods the controllers of pods ask for: by the caches for the usual ones, by their scale for others.

Source: pkg/controller/disruption/disruption.go (finders).
"""

from collections.abc import Iterable

import orjson

from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.kinds import DEPLOYMENTS, REPLICA_SETS, REPLICATION_CONTROLLERS, STATEFUL_SETS
from pynetes.client.types import Kind
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object, controller_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError

_KNOWN = (REPLICATION_CONTROLLERS, REPLICA_SETS, STATEFUL_SETS)


class Scales:
    """Reads; never writes."""

    def __init__(self, client: Client, informers: Informers) -> None:
        self._client = client
        self._informers = {kind: informers.get(kind) for kind in (*_KNOWN, DEPLOYMENTS)}
        self._kinds: dict[tuple[str, str], tuple[Kind, bool]] = {}
        """Of other controllers, by apiVersion and kind: the resource, and whether it has a scale."""

    async def of(self, pods: Iterable[Object]) -> dict[str, int]:
        """By the uid of each controller of these pods. Raises: ValueError for one that cannot be found."""
        found: dict[str, int] = {}
        for pod in pods:
            owner = controller_of(pod)
            if owner is None or owner["uid"] in found:
                continue
            scale = self._known(owner, namespace_of(pod)) or await self._asked(owner, namespace_of(pod))
            if scale is None:
                raise ValueError(f"found no controllers for pod {quoted(name_of(pod))}")
            found[scale[0]] = scale[1]
        return found

    def _known(self, owner: Object, namespace: str) -> tuple[str, int] | None:
        """A ReplicaSet of a Deployment counts as the Deployment."""
        kind = next((kind for kind in _KNOWN if _names(owner, kind)), None)
        if kind is None or (obj := self._cached(kind, owner, namespace)) is None:
            return None
        above = controller_of(obj)
        if kind is REPLICA_SETS and above is not None and above["kind"] == DEPLOYMENTS.kind:
            deployment = self._cached(DEPLOYMENTS, above, namespace)
            return _scale(deployment) if deployment is not None else None
        return _scale(obj)

    def _cached(self, kind: Kind, owner: Object, namespace: str) -> Object | None:
        obj = self._informers[kind].get(f"{namespace}/{owner['name']}")
        return obj if obj is not None and uid_of(obj) == owner["uid"] else None

    async def _asked(self, owner: Object, namespace: str) -> tuple[str, int] | None:
        kind, has_scale = await self._kind(owner)
        try:
            scale = await self._client.get(kind, owner["name"], namespace, subresource="scale")
        except StatusError as error:
            if error.code != 404:
                raise ValueError(str(error)) from error
            if not has_scale:
                group = kind.api_version.rpartition("/")[0]
                resource = f"{kind.plural}.{group}" if group else kind.plural
                raise ValueError(f"{resource} does not implement the scale subresource") from error
            return None
        return (uid_of(scale), scale["spec"].get("replicas", 0)) if uid_of(scale) == owner["uid"] else None

    async def _kind(self, owner: Object) -> tuple[Kind, bool]:
        """From discovery. Raises: ValueError when nobody serves it."""
        key = (owner["apiVersion"], owner["kind"])
        if key not in self._kinds:
            path = f"/{'apis' if '/' in owner['apiVersion'] else 'api'}/{owner['apiVersion']}"
            try:
                served = orjson.loads(await self._client.request("GET", path))["resources"]
            except StatusError:
                served = []
            main = next((r for r in served if r["kind"] == owner["kind"] and "/" not in r["name"]), None)
            if main is None:
                raise ValueError(f'no matches for kind "{owner["kind"]}" in version "{owner["apiVersion"]}"')
            has_scale = any(r["name"] == f"{main['name']}/scale" and r["kind"] == "Scale" for r in served)
            self._kinds[key] = (Kind(*key[:1], main["name"], owner["kind"]), has_scale)
        return self._kinds[key]


def _names(owner: Object, kind: Kind) -> bool:
    """By kind and group: of old, replica sets were in another group, too."""
    group = owner["apiVersion"].rpartition("/")[0]
    groups = {kind.api_version.rpartition("/")[0]}
    if kind is REPLICA_SETS:
        groups.add("extensions")
    return owner["kind"] == kind.kind and group in groups


def _scale(obj: Object) -> tuple[str, int]:
    return uid_of(obj), obj["spec"].get("replicas", 1)
