"""Objects as plain dicts: the type alias and the few accessors that everyone needs."""

from typing import Any

Object = dict[str, Any]
"""A decoded API object: JSON types only. Whoever decoded it owns it; what caches hand out is read-only."""


def name_of(obj: Object) -> str:
    name: str = obj["metadata"].get("name", "")
    return name


def namespace_of(obj: Object) -> str:
    """The namespace, or ``""`` for a cluster-scoped object."""
    namespace: str = obj["metadata"].get("namespace", "")
    return namespace


def uid_of(obj: Object) -> str:
    uid: str = obj["metadata"].get("uid", "")
    return uid


def labels_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def key_of(obj: Object) -> str:
    """``namespace/name``, or ``name`` for a cluster-scoped object: client-go's key."""
    namespace = namespace_of(obj)
    return f"{namespace}/{name_of(obj)}" if namespace else name_of(obj)


def split_key(key: str) -> tuple[str, str]:
    """The namespace (or ``""``) and name of a ``key_of``."""
    namespace, _, name = key.rpartition("/")
    return namespace, name


def controller_of(obj: Object) -> Object | None:
    """The owner reference with ``controller: true``, if there is one."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            owner: Object = reference
            return owner
    return None
