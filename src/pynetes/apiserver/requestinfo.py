"""What is asked for, before anybody looks at an object."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """What is asked for, as authorizers see it. For a path that is no resource only ``verb`` and ``path`` are set.

    ``verb``: get, list, watch, create, update, patch, delete, deletecollection; the lower-case method otherwise.
    Source: apiserver ``pkg/endpoints/request/requestinfo.go``.
    """

    verb: str
    path: str
    is_resource: bool = False
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""
    parts: tuple[str, ...] = ()
    field_selector: str = ""
    label_selector: str = ""
