"""Admission: an ordered list of plug-ins, asked in two phases about every create, update, delete and connect.

``mutate`` runs before the object is prepared and validated and may change it in place; ``validate`` runs after and may
only refuse. A plug-in names the operations and resources that it handles, so that a request meets only those that
concern it: the plan for (operation, resource, subresource) is made once. A step may answer an awaitable (a webhook
will).

Source: apiserver ``pkg/admission``; kubernetes ``pkg/kubeapiserver/options/plugins.go`` for the order.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pynetes.apiserver.context import Attributes

__all__ = ["CONNECT", "CREATE", "DELETE", "UPDATE", "Attributes", "Name", "Plugin", "Step"]

CREATE, UPDATE, DELETE, CONNECT = "CREATE", "UPDATE", "DELETE", "CONNECT"


Step = Callable[[Attributes], Awaitable[None] | None]
Name = tuple[str, str, str]
"""Group, plural, subresource."""


@dataclass(frozen=True, slots=True)
class Plugin:
    """``on``: the names that it handles; None: all. ``operations``: for which."""

    name: str
    operations: frozenset[str]
    on: frozenset[Name] | None = None
    mutate: Step | None = None
    validate: Step | None = None

    def handles(self, operation: str, name: Name) -> bool:
        return operation in self.operations and (self.on is None or name in self.on)
