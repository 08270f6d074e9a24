"""The rules of kinds that have none but those of their metadata."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import NameRule, dns1123_subdomain, object_meta, object_meta_update

Rules = Callable[[Object], Sequence[Cause]]


@dataclass(frozen=True, slots=True)
class Validation:
    """Metadata first, then ``rules``; on updates, too, where ``rules`` are those of the new object."""

    namespaced: bool = True
    name_rule: NameRule = dns1123_subdomain
    rules: Rules | None = None

    def create(self, obj: Object, context: WriteContext) -> list[Cause]:
        causes = object_meta(obj, self.namespaced, self.name_rule)
        if self.rules is not None:
            causes += self.rules(obj)
        return causes

    def update(self, obj: Object, old: Object, context: WriteContext) -> list[Cause]:
        causes = object_meta_update(obj, old)
        if self.rules is not None:
            causes += self.rules(obj)
        return causes
