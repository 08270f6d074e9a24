"""How a check tells what it found, in upstream's words."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from pynetes.meta.objects import Object


class Finding(NamedTuple):
    """``reason``: what is forbidden; ``detail``: who does it and how."""

    reason: str
    detail: str


Check = Callable[[Object, Object], Finding | None]
"""From a pod's metadata and spec to what it does wrong."""


def containers(spec: Object) -> Iterator[Object]:
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def names(found: Iterable[Object]) -> list[str]:
    return [container.get("name", "") for container in found]


def security(owner: Object, *path: str) -> Any:
    """A field of the security context of a pod spec or a container; None where it is not said."""
    value: Any = owner.get("securityContext")
    for name in path:
        value = (value or {}).get(name)
    return value


def several(word: str, count: int) -> str:
    return word if count == 1 else f"{word}s"


def use(count: int) -> str:
    return "uses" if count == 1 else "use"


def quoted(items: Iterable[str]) -> str:
    return ", ".join(f'"{item}"' for item in items)


def the(word: str, found: Sequence[str]) -> str:
    """``container "a"``, ``volumes "a", "b"``."""
    return f"{several(word, len(found))} {quoted(found)}"


def setters(pod: bool, found: Sequence[str]) -> str:
    """``pod and containers "a", "b"``; empty when nobody does it."""
    return " and ".join((["pod"] if pod else []) + ([the("container", found)] if found else []))
