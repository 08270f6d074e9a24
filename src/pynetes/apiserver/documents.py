"""Encoded documents of discovery and OpenAPI, kept until the registry changes."""

from collections.abc import Callable, Hashable

import orjson

from pynetes.apiserver.registry import Registry
from pynetes.meta import discovery
from pynetes.meta.objects import Object


class Documents:
    def __init__(self, resources: Registry) -> None:
        self._resources = resources
        self._generation = -1
        self._kept: dict[Hashable, tuple[bytes, str]] = {}

    def get(self, key: Hashable, make: Callable[[], Object | bytes]) -> tuple[bytes, str]:
        """The document and its ETag."""
        generation = self._resources.generation
        if generation != self._generation:
            self._generation = generation
            self._kept.clear()
        if key not in self._kept:
            made = make()
            body = made if isinstance(made, bytes) else orjson.dumps(made)
            self._kept[key] = body, discovery.etag(body)
        return self._kept[key]
