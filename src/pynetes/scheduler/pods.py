"""What the scheduler needs to know of a pod, read once from its spec.

Pods with equal ``rules`` are placed by the same rules and cost the same: what was worked out for one serves all.

Source: component-helpers ``resource/helpers.go`` (requests), scheduler ``framework/types.go`` (PodInfo).
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from pynetes.meta.objects import Object, key_of, labels_of, namespace_of, uid_of
from pynetes.meta.quantity import Quantity
from pynetes.meta.times import parse_time
from pynetes.scheduler.terms import Term, terms_of

DEFAULT_MILLI_CPU = 100
DEFAULT_MEMORY = 200 * 1024 * 1024
"""What a container without a request counts for when nodes are scored."""

Requests = dict[str, int]
"""Resource name to amount: milli-units for cpu, units for all others."""


@dataclass(frozen=True, slots=True)
class HostPort:
    ip: str
    protocol: str
    port: int


@dataclass(slots=True, eq=False)
class PodInfo:
    """A pod as the scheduler sees it. ``requests`` are what it asks for, ``nonzero_*`` what it counts for in scores."""

    object: Object
    key: str
    uid: str
    namespace: str
    priority: int
    created: float
    requests: Requests
    nonzero_cpu: int
    nonzero_memory: int
    ports: tuple[HostPort, ...]
    signature: bytes
    node: str = ""
    images: tuple[str, ...] = ()
    refused_fields: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    deleted: bool = False
    terms: tuple[Term, ...] = ()
    """What the pod demands of, or would like from, the pods near it."""
    siblings: Object | None = None
    """The LabelSelector of those among whom it is spread when it names no constraints of its own."""

    @property
    def rules(self) -> tuple[bytes, bytes]:
        """Equal for pods that are placed alike: the signature, and what is known of their siblings."""
        return self.signature, orjson.dumps(self.siblings, option=orjson.OPT_SORT_KEYS)

    @property
    def spec(self) -> Object:
        spec: Object = self.object["spec"]
        return spec


def read(pod: Object) -> PodInfo:
    spec = pod["spec"]
    requests = pod_requests(spec)
    counted = pod_requests(spec, {"cpu": DEFAULT_MILLI_CPU, "memory": DEFAULT_MEMORY})
    ports = tuple(_host_ports(spec))
    images = tuple(_images(spec))
    created = pod["metadata"].get("creationTimestamp")
    rules = (
        namespace_of(pod),
        labels_of(pod),
        requests,
        counted.get("cpu", 0),
        counted.get("memory", 0),
        spec.get("nodeSelector"),
        spec.get("affinity"),
        spec.get("tolerations"),
        spec.get("topologySpreadConstraints"),
        [(port.ip, port.protocol, port.port) for port in ports],
        images,
    )
    return PodInfo(
        object=pod,
        key=key_of(pod),
        uid=uid_of(pod),
        namespace=namespace_of(pod),
        priority=spec.get("priority") or 0,
        created=parse_time(created) if created else 0.0,
        requests=requests,
        nonzero_cpu=counted.get("cpu", 0),
        nonzero_memory=counted.get("memory", 0),
        ports=ports,
        signature=orjson.dumps(rules, option=orjson.OPT_SORT_KEYS),
        node=spec.get("nodeName", ""),
        images=images,
        refused_fields=tuple(not_implemented(spec)),
        labels=labels_of(pod),
        deleted="deletionTimestamp" in pod["metadata"],
        terms=tuple(terms_of(pod)) if spec.get("affinity") else (),
    )


def not_implemented(spec: Object) -> Iterable[str]:
    """Paths of hard constraints that this scheduler cannot honour yet: such a pod is refused, never placed anyhow."""
    for index, volume in enumerate(spec.get("volumes") or ()):
        for source in ("persistentVolumeClaim", "ephemeral"):
            if source in volume:
                yield f"spec.volumes[{index}].{source}"
    if spec.get("resourceClaims"):
        yield "spec.resourceClaims"
    if spec.get("schedulingGroup"):
        yield "spec.schedulingGroup"
    if spec.get("workloadRef"):
        yield "spec.workloadRef"


def pod_requests(spec: Object, missing: Mapping[str, int] | None = None) -> Requests:
    """What a pod asks of its node: containers and sidecars together, or the highest step of its initialisation.

    ``missing``: what a container counts for that does not name a resource.
    """
    total: Requests = {}
    for container in spec.get("containers") or ():
        _add(total, _requests_of(container, missing))
    sidecars: Requests = {}
    highest: Requests = {}
    for container in spec.get("initContainers") or ():
        own = _requests_of(container, missing)
        if container.get("restartPolicy") == "Always":
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        _raise_to(highest, own)
    _raise_to(total, highest)
    for name, text in ((spec.get("resources") or {}).get("requests") or {}).items():
        total[name] = amount(name, text)
    for name, text in (spec.get("overhead") or {}).items():
        total[name] = total.get(name, 0) + amount(name, text)
    return total


def _requests_of(container: Object, missing: Mapping[str, int] | None) -> Requests:
    requests = (container.get("resources") or {}).get("requests") or {}
    found = {name: amount(name, text) for name, text in requests.items()}
    if missing is not None:
        for name, count in missing.items():
            found.setdefault(name, count)
    return found


def _add(total: Requests, more: Mapping[str, int]) -> None:
    for name, count in more.items():
        total[name] = total.get(name, 0) + count


def _raise_to(total: Requests, least: Mapping[str, int]) -> None:
    for name, count in least.items():
        if count > total.get(name, 0):
            total[name] = count


@functools.lru_cache(maxsize=4096)
def amount(name: str, text: Any) -> int:
    """A quantity as the scheduler counts it: milli-units of cpu, units of everything else, rounded up."""
    quantity = Quantity.parse(str(text))
    return quantity.milli_value() if name == "cpu" else quantity.value()


def _host_ports(spec: Object) -> Iterable[HostPort]:
    sidecars = [c for c in spec.get("initContainers") or () if c.get("restartPolicy") == "Always"]
    for container in [*(spec.get("containers") or ()), *sidecars]:
        for port in container.get("ports") or ():
            if port.get("hostPort"):
                yield HostPort(port.get("hostIP") or "0.0.0.0", port.get("protocol") or "TCP", port["hostPort"])


def _images(spec: Object) -> Iterable[str]:
    for container in [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]:
        if image := container.get("image"):
            yield image_name(image)


def image_name(image: str) -> str:
    """An image's name with its tag, as nodes report it."""
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
