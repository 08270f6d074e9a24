"""The cells that tables of many kinds share. A row's first cell is the object's name, and most have an age.

Source: kubernetes ``pkg/printers/internalversion/printers.go`` (the server prints every column, the wide ones, too).
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from pynetes.meta.objects import Object
from pynetes.meta.times import human_duration, parse_time

NONE = "<none>"
UNSET = "<unset>"
UNKNOWN = "<unknown>"


def since(time: str | None, now: float) -> str:
    """How long ago a time was."""
    return human_duration(now - parse_time(time)) if time else UNKNOWN


def age(obj: Object, now: float) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def created(obj: Object) -> str:
    """The moment itself; Go's zero time where there is none."""
    time: str = obj["metadata"].get("creationTimestamp", "0001-01-01T00:00:00Z")
    return time


def containers(spec: Object) -> list[str]:
    """Two cells: the names of a pod spec's containers, and their images."""
    found = spec.get("containers") or ()
    return [",".join(c.get("name", "") for c in found), ",".join(c.get("image", "") for c in found)]


def labels(values: Mapping[str, str] | None) -> str:
    return ",".join(f"{k}={v}" for k, v in sorted((values or {}).items())) or NONE


def boolean(value: bool | None) -> str:
    return UNSET if value is None else "True" if value else "False"


def shortened(items: Sequence[str], limit: int = 3) -> str:
    """The first few, and how many more there are."""
    if len(items) > limit:
        return f"{','.join(items[:limit])} + {len(items) - limit} more..."
    return ",".join(items) or UNSET


def load_balancer(status: Object | None) -> str:
    ingress = (status or {}).get("ingress") or ()
    return ",".join(sorted({a for i in ingress if (a := i.get("ip") or i.get("hostname"))}))


def access_modes(modes: Iterable[str] | None) -> str:
    short = {
        "ReadWriteOnce": "RWO",
        "ReadOnlyMany": "ROX",
        "ReadWriteMany": "RWX",
        "ReadWriteOncePod": "RWOP",
    }
    return ",".join(s for mode, s in short.items() if mode in (modes or ()))


def name_and_age(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], age(obj, now)]
