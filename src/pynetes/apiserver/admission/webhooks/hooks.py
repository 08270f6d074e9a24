"""The webhooks of the configurations, ready to be matched: read again only when a configuration changes."""

from collections.abc import Sequence
from dataclasses import dataclass

from pynetes.apiserver.context import Server
from pynetes.meta import selectors
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object, name_of
from pynetes.meta.selectors import LabelSelector

_GROUP = "admissionregistration.k8s.io"


@dataclass(frozen=True, eq=False, slots=True)
class Webhook:
    """One webhook of a configuration. ``uid`` is unique among all, and stays when others come and go."""

    uid: str
    spec: Object
    namespaces: LabelSelector
    objects: LabelSelector

    @property
    def name(self) -> str:
        name: str = self.spec["name"]
        return name

    @property
    def ignores_failures(self) -> bool:
        return bool(self.spec.get("failurePolicy") == "Ignore")


def read(configurations: Sequence[Object]) -> list[Webhook]:
    """In the order in which they are asked."""
    found: list[Webhook] = []
    for configuration in configurations:
        numbers: dict[str, int] = {}
        for spec in configuration.get("webhooks") or ():
            number = numbers[spec["name"]] = numbers.get(spec["name"], -1) + 1
            uid = f"{name_of(configuration)}/{spec['name']}/{number}"
            chosen = (spec.get("namespaceSelector") or {}, spec.get("objectSelector") or {})
            found.append(Webhook(uid, spec, *map(selectors.from_object, chosen)))
    return found


class Source:
    """The webhooks of one kind of configuration (``plural``), as the cache has them."""

    def __init__(self, server: Server, plural: str) -> None:
        self._server = server
        self._plural = plural
        self._entries: list[Entry] = []
        self._webhooks: list[Webhook] = []

    def current(self) -> list[Webhook]:
        resource = self._server.resources.get(_GROUP, self._plural)
        entries = self._server.cache.of(resource).list(b"") if resource is not None else []
        if entries != self._entries:
            self._webhooks = read([entry.object for entry in entries])
            self._entries = entries
        return self._webhooks
