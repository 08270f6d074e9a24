"""Which resources the API serves now: what the garbage collector and the namespace controller have to look through.

Source: client-go ``discovery``; KEP-3352 (aggregated discovery).
"""

from dataclasses import dataclass
from typing import Any

import orjson

from pynetes.client.client import Client
from pynetes.client.types import Kind

_ACCEPT = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json"


_KNOWN_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Served:
    """One resource in its group's preferred version, and the verbs that it answers to."""

    kind: Kind
    verbs: frozenset[str]

    @property
    def group(self) -> str:
        return group_of(self.kind)


def group_of(kind: Kind) -> str:
    return kind.api_version.rpartition("/")[0]


class Kinds:
    """Finds kinds by group and name. What it knows it forgets after a while; what it does not, it looks up anew."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Kind] = {}
        self._until = 0.0

    async def find(self, group: str, kind: str) -> Kind | None:
        """In the group's preferred version. Raises: StatusError, OSError."""
        now = self._client.clock.monotonic()
        if now >= self._until or (group, kind) not in self._known:
            self._known = {(each.group, each.kind.kind): each.kind for each in await served(self._client)}
            self._until = now + _KNOWN_SECONDS
        return self._known.get((group, kind))


async def served(client: Client) -> list[Served]:
    """Every top-level resource. Raises: StatusError, OSError."""
    found: list[Served] = []
    for path in ("/api", "/apis"):
        document = orjson.loads(await client.request("GET", path, accept=_ACCEPT))
        if document.get("kind") == "APIGroupDiscoveryList":
            for group in document.get("items") or ():
                found += _of_group(group)
        else:
            found += await _legacy(client, path, document)
    return found


def _of_group(group: dict[str, Any]) -> list[Served]:
    """The resources of a group, each in the first version that has it: versions are listed by preference."""
    name = (group.get("metadata") or {}).get("name", "")
    found: dict[str, Served] = {}
    for version in group.get("versions") or ():
        api_version = f"{name}/{version['version']}" if name else version["version"]
        for resource in version.get("resources") or ():
            kind = Kind(
                api_version,
                resource["resource"],
                (resource.get("responseKind") or {}).get("kind", ""),
                resource.get("scope") == "Namespaced",
            )
            found.setdefault(kind.plural, Served(kind, frozenset(resource.get("verbs") or ())))
    return list(found.values())


async def _legacy(client: Client, path: str, document: dict[str, Any]) -> list[Served]:
    """A server without aggregated discovery: one more request a version."""
    if path == "/api":
        versions = list(document.get("versions") or ())
    else:
        versions = [group["preferredVersion"]["groupVersion"] for group in document.get("groups") or ()]
    found: list[Served] = []
    for version in versions:
        resources = orjson.loads(await client.request("GET", f"{path}/{version}")).get("resources") or ()
        for resource in resources:
            if "/" not in resource["name"]:
                kind = Kind(version, resource["name"], resource["kind"], resource["namespaced"])
                found.append(Served(kind, frozenset(resource.get("verbs") or ())))
    return found
