"""The downward API: fields and resources of a pod as texts, for env and for volumes.

Source: kubernetes ``pkg/fieldpath/fieldpath.go``, ``pkg/api/v1/resource/helpers.go``.
"""

import math
import re
from collections.abc import Mapping

from pynetes.kubelet import pods
from pynetes.kubelet.resources import amount
from pynetes.meta.objects import Object

_SUBSCRIPT = re.compile(r"^(metadata\.(?:labels|annotations))\['(.*)'\]$")


def escaped(mapping: Mapping[str, str]) -> str:
    """``key="value"`` lines, sorted, values quoted as Go quotes."""
    return "\n".join(f"{key}={quoted(value)}" for key, value in sorted(mapping.items()))


def quoted(text: str) -> str:
    pieces = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return '"' + "".join(pieces.get(c, c) for c in text) + '"'


def field(pod: Object, path: str, *, pod_ips: tuple[str, ...] = (), host_ips: tuple[str, ...] = ()) -> str:
    """The text of one fieldRef. Raises: ValueError for a path that is not supported."""
    meta, spec = pod["metadata"], pod["spec"]
    match = _SUBSCRIPT.match(path)
    if match:
        mapping = meta.get(match[1].partition(".")[2]) or {}
        return str(mapping.get(match[2], ""))
    if path in ("metadata.labels", "metadata.annotations"):
        return escaped(meta.get(path.partition(".")[2]) or {})
    values = {
        "metadata.name": meta["name"],
        "metadata.namespace": meta.get("namespace", ""),
        "metadata.uid": meta.get("uid", ""),
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName", ""),
        "status.podIP": pod_ips[0] if pod_ips else "",
        "status.podIPs": ",".join(pod_ips),
        "status.hostIP": host_ips[0] if host_ips else "",
        "status.hostIPs": ",".join(host_ips),
    }
    if path not in values:
        raise ValueError(f"unsupported fieldPath: {path}")
    return str(values[path])


def resource(pod: Object, reference: Object, container: Object, allocatable: Mapping[str, str]) -> str:
    """The number of one resourceFieldRef, in its divisor, rounded up; what the node has where no limit is set."""
    name = reference.get("containerName")
    if name and name != container.get("name"):
        found = pods.find_container(pod, name)
        if found is None:
            raise ValueError(f"container {name} not found")
        container = found[1]
    kind, _, what = reference["resource"].partition(".")
    resources = container.get("resources") or {}
    if kind not in ("limits", "requests"):
        raise ValueError(f"unsupported container resource : {reference['resource']}")
    value = (resources.get(kind) or {}).get(what)
    if value is None and kind == "limits":
        value = allocatable.get(what)
    divisor = amount(reference.get("divisor") or "1") or 1
    return str(math.ceil(amount(value or "0") / divisor))
