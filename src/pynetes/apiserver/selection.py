"""Which keys and objects a list or watch is about."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pynetes.meta.selectors import FieldSelector, LabelSelector

_KEY_FIELDS = frozenset(("metadata.name", "metadata.namespace"))

Columns = tuple[Mapping[str, str], Mapping[str, str]]
"""What selectors look at: labels, fields."""


@dataclass(frozen=True, slots=True)
class Selection:
    """The keys under a prefix whose objects both selectors match."""

    prefix: bytes
    labels: LabelSelector = field(default_factory=LabelSelector)
    fields: FieldSelector = field(default_factory=FieldSelector)

    @property
    def everything(self) -> bool:
        return self.labels.empty and self.fields.empty

    @property
    def by_key(self) -> bool:
        """The key alone decides: nothing has to be decoded."""
        return self.labels.empty and all(r.field in _KEY_FIELDS for r in self.fields.requirements)

    def matches(self, columns: Columns) -> bool:
        return self.labels.matches(columns[0]) and self.fields.matches(columns[1])
