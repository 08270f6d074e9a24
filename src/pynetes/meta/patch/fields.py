"""What a strategic merge patch asks of a type: how a field is merged, and by which key."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class FieldMeta:
    """What a type says of one field. ``schema`` is that of the field's value, or of its elements for a list."""

    schema: "Schema"
    strategies: tuple[str, ...] = ()
    merge_key: str = ""

    @property
    def merges(self) -> bool:
        return "merge" in self.strategies

    @property
    def replaces(self) -> bool:
        return "replace" in self.strategies


class Schema(Protocol):
    """Where merge keys come from: one type of the type data."""

    @property
    def name(self) -> str:
        """Go's name of the type, for messages."""

    def field(self, key: str) -> FieldMeta | None:
        """What is known of a field; None if the type has no such field."""
