"""Warnings of files in one volume that take each other's place.

Source: kubernetes ``pkg/api/pod/warnings.go`` ``warningsForOverlappingVirtualPaths``.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object


class _File(NamedTuple):
    path: str
    source: str

    def __str__(self) -> str:
        return f"{quoted(self.path)} ({self.source})" if self.source else quoted(self.path)


def overlapping_paths(volumes: Sequence[Object]) -> list[str]:
    found = []
    for volume in volumes:
        name = quoted(volume.get("name", ""))
        for member, kind, named in (("configMap", "ConfigMap", "name"), ("secret", "Secret", "secretName")):
            if source := volume.get(member):
                said = f"{kind} {quoted(source.get(named) or '')}"
                found += [f"volume {name} ({said}): {text}" for text in _overlaps(_items(source, ""))]
        if source := volume.get("downwardAPI"):
            found += [f"volume {name} (DownwardAPI): {text}" for text in _overlaps(_items(source, ""))]
        if source := volume.get("projected"):
            found += _projected(name, source)
    return found


def _projected(name: str, volume: Object) -> list[str]:
    found = []
    files: list[_File] = []
    for source in volume.get("sources") or ():
        if not any(value is not None for value in source.values()):
            found.append(f"volume {name} (Projected) has no sources provided")
        files += _files(source)
    return found + [f"volume {name} (Projected): {text}" for text in _overlaps(files)]


def _files(source: Object) -> Iterable[_File]:
    for member, kind in (("configMap", "ConfigMap"), ("secret", "Secret")):
        if (given := source.get(member)) is not None:
            return _items(given, f"{kind} {quoted(given.get('name') or '')}")
    if (given := source.get("downwardAPI")) is not None:
        return _items(given, "DownwardAPI")
    if (given := source.get("serviceAccountToken")) is not None:
        return [_File(given.get("path") or "", "ServiceAccountToken")]
    if (given := source.get("clusterTrustBundle")) is not None:
        name = given.get("name") if given.get("name") is not None else given.get("signerName")
        return [_File(given.get("path") or "", f"ClusterTrustBundle {quoted(name or '')}")]
    given = source.get("podCertificate") or {}
    parts = (("certificateChainPath", "chain"), ("keyPath", "key"), ("credentialBundlePath", "credential bundle"))
    return [_File(given[member], f"PodCertificate {said}") for member, said in parts if given.get(member)]


def _items(source: Object, said: str) -> list[_File]:
    return [_File(item.get("path") or "", said) for item in source.get("items") or ()]


def _overlaps(files: Iterable[_File]) -> list[str]:
    """Each file with those before it that are the same path, above it or below it."""
    found = []
    seen: list[_File] = []
    for given in files:
        file = _File(given.path.rstrip("/"), given.source)
        for other in seen:
            if file.path and other.path and (_within(file.path, other.path) or _within(other.path, file.path)):
                found.append(f"overlapping paths: {file} with {other}")
        seen.append(file)
    return found


def _within(path: str, other: str) -> bool:
    return f"{path}/".startswith(f"{other}/")
