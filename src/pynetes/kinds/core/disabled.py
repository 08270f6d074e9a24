"""What a pod's spec may not hold while upstream's gates for it are off: it is dropped, unless it was there already.

Source: kubernetes ``pkg/api/pod/util.go`` ``dropDisabledFields``.
"""

from collections.abc import Iterator

from pynetes.meta.objects import Object

_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_PROJECTIONS = ("clusterTrustBundle", "podCertificate")


def drop_disabled(spec: Object, old: Object | None) -> None:
    """Gates: GenericWorkload, ContainerStopSignals, ClusterTrustBundleProjection, PodCertificateRequest."""
    if "schedulingGroup" in spec and (old or {}).get("schedulingGroup") is None:
        del spec["schedulingGroup"]
    _drop_stop_signals(spec, old)
    if spec.get("volumes"):
        for name in _PROJECTIONS:
            _drop_projections(spec, old, name)


def _drop_stop_signals(spec: Object, old: Object | None) -> None:
    found = [c for c in _containers(spec) if c.get("lifecycle") and "stopSignal" in c["lifecycle"]]
    if not found or any((c.get("lifecycle") or {}).get("stopSignal") is not None for c in _containers(old or {})):
        return
    for container in found:
        container["lifecycle"] = {k: v for k, v in container["lifecycle"].items() if k != "stopSignal"}
        if not container["lifecycle"]:
            del container["lifecycle"]


def _containers(spec: Object) -> Iterator[Object]:
    for member in _CONTAINERS:
        yield from spec.get(member) or ()


def _drop_projections(spec: Object, old: Object | None, name: str) -> None:
    found = [source for source in _sources(spec) if source.get(name) is not None]
    if found and not any(source.get(name) is not None for source in _sources(old or {})):
        for source in found:
            del source[name]


def _sources(spec: Object) -> Iterator[Object]:
    for volume in spec.get("volumes") or ():
        yield from (volume.get("projected") or {}).get("sources") or ()
