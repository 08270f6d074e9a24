"""The resources that this server serves now: the built-in ones and those that CustomResourceDefinitions add.

``generation`` grows with every change, so that whatever was computed from the registry (routes, discovery, OpenAPI)
knows when to compute it again.
"""

from collections.abc import Iterable, Iterator

from pynetes.meta.resource import Resource


class Registry:
    """Looked up by group and plural; iterated in the order in which the resources were added."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self.generation = 0
        self._by_plural: dict[tuple[str, str], Resource] = {}
        self._by_kind: dict[tuple[str, str], Resource] = {}
        for resource in resources:
            self.add(resource)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._by_plural.values())

    def get(self, group: str, plural: str) -> Resource | None:
        return self._by_plural.get((group, plural))

    def of_kind(self, group: str, kind: str) -> Resource | None:
        """The resource whose main kind this is: what owner references and generic controllers ask."""
        return self._by_kind.get((group, kind))

    def add(self, resource: Resource) -> None:
        """Add, or replace the resource of the same group and plural."""
        self.remove(resource.group, resource.plural)
        self._by_plural[resource.group, resource.plural] = resource
        # reviews and scales share kinds with nothing; the first of a kind is the one that stores it
        if resource.storage_prefix is not None or (resource.group, resource.kind) not in self._by_kind:
            self._by_kind[resource.group, resource.kind] = resource
        self.generation += 1

    def remove(self, group: str, plural: str) -> None:
        resource = self._by_plural.pop((group, plural), None)
        if resource is None:
            return
        if self._by_kind.get((group, resource.kind)) is resource:
            del self._by_kind[group, resource.kind]
        self.generation += 1

    def is_custom(self, group: str) -> bool:
        """Are the resources of this group from definitions?"""
        return any(resource.custom for resource in self._by_plural.values() if resource.group == group)

    def serves(self, group: str, version: str = "") -> bool:
        """Is there a resource of this group (and version) that is served?"""
        return any(
            resource.group == group and any(v.served and version in ("", v.name) for v in resource.versions)
            for resource in self._by_plural.values()
        )
