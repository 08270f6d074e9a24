"""The discovery documents, made from the resources that are served: aggregated (apidiscovery.k8s.io/v2) and one by one.

Source: apiserver ``pkg/endpoints/discovery`` (``aggregated/``, ``legacy.go``, ``group.go``, ``storageversionhash.go``),
apimachinery ``pkg/version/helpers.go``.
"""

import re
from base64 import b64encode
from collections.abc import Iterable
from hashlib import sha256, sha512

from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource, Subresource, Version

_KUBE_VERSION = re.compile(r"v([1-9][0-9]*)(?:(alpha|beta)([1-9][0-9]*))?", re.ASCII)
_STAGES = {None: 2, "beta": 1, "alpha": 0}
API_VERSION = "apidiscovery.k8s.io/v2"


def version_priority(name: str) -> tuple[int, int, int, int]:
    """Sorts version names, the preferred last: v2, v1, v1beta1, v1alpha1, anything else."""
    match = _KUBE_VERSION.fullmatch(name)
    if match is None:
        return (0, 0, 0, 0)
    return (1, _STAGES[match[2]], int(match[1]), int(match[3] or 0))


def groups(resources: Iterable[Resource]) -> dict[str, list[str]]:
    """The served versions of each group, the preferred first; groups in the order in which their resources come."""
    found: dict[str, list[str]] = {}
    for resource in resources:
        names = found.setdefault(resource.group, [])
        names += [v.name for v in resource.versions if v.served and v.name not in names]
    return {
        group: sorted(names, key=lambda n: (version_priority(n), n), reverse=True)
        for group, names in found.items()
        if names
    }


def etag(document: bytes) -> str:
    """The ETag of a document, with its quotes."""
    return f'"{sha512(document).hexdigest().upper()}"'


# One by one.


def api_versions(server_address: str) -> Object:
    """``/api``. ``server_address`` is ``host:port``."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}],
    }


def api_group_list(resources: Iterable[Resource]) -> Object:
    """``/apis``."""
    return {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [_group(name, versions) for name, versions in groups(resources).items() if name],
    }


def api_group(resources: Iterable[Resource], group: str) -> Object | None:
    """``/apis/GROUP``; None for a group that is not served."""
    versions = groups(resources).get(group)
    if not group or versions is None:
        return None
    return {"kind": "APIGroup", "apiVersion": "v1", **_group(group, versions)}


def _group(name: str, versions: list[str]) -> Object:
    listed = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": listed, "preferredVersion": listed[0]}


def api_resource_list(resources: Iterable[Resource], group: str, version: str) -> Object | None:
    """``/api/v1`` and ``/apis/GROUP/VERSION``; None for a version that is not served."""
    rows: list[Object] = []
    found = False
    for resource in resources:
        served = resource.version(version)
        if resource.group != group or served is None or not served.served:
            continue
        found = True
        rows.append(_resource_row(resource))
        rows += [_subresource_row(resource, version, s) for s in _subresources(resource)]
    if not found:
        return None
    group_version = f"{group}/{version}" if group else version
    out: Object = {"kind": "APIResourceList", "groupVersion": group_version, "resources": rows}
    if group:
        out["apiVersion"] = "v1"
    return out


def _resource_row(resource: Resource) -> Object:
    row: Object = {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    _add_names(row, resource)
    if resource.storage_prefix is not None:
        row["storageVersionHash"] = storage_version_hash(resource)
    return row


def _subresources(resource: Resource) -> Iterable[Subresource]:
    """By name; those of a custom resource as they come."""
    subs = resource.subresources
    return subs.values() if resource.custom else (subs[name] for name in sorted(subs))


def _subresource_row(resource: Resource, version: str, sub: Subresource) -> Object:
    row: Object = {
        "name": f"{resource.plural}/{sub.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
        "kind": sub.kind.kind,
        "verbs": list(sub.verbs),
    }
    if _is_foreign(resource, sub):
        row["group"] = sub.kind.group
        row["version"] = sub.kind.version
    return row


def _is_foreign(resource: Resource, sub: Subresource) -> bool:
    return sub.kind.group != resource.group or resource.version(sub.kind.version) is None


def _add_names(row: Object, resource: Resource) -> None:
    if resource.short_names:
        row["shortNames"] = list(resource.short_names)
    if resource.categories:
        row["categories"] = list(resource.categories)


def storage_version_hash(resource: Resource) -> str:
    """Changes when the version does that the resource is stored in."""
    group, _, version = resource.storage_api_version.rpartition("/")
    digest = sha256(f"{group}/{version}/{resource.kind}".encode()).digest()
    return b64encode(digest[:8]).decode()


# Aggregated.


def aggregated(resources: Iterable[Resource], *, core: bool, version: str = "v2") -> Object:
    """``/api`` (``core``) or ``/apis`` as one APIGroupDiscoveryList."""
    listed = [r for r in resources if (r.group == "") == core]
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [_aggregated_group(name, names, listed) for name, names in groups(listed).items()],
    }


def _aggregated_group(name: str, versions: list[str], resources: list[Resource]) -> Object:
    return {
        "metadata": {"name": name} if name else {},
        "versions": [
            {
                "version": version,
                "resources": [
                    _aggregated_resource(r, served)
                    for r in resources
                    if r.group == name and (served := r.version(version)) is not None and served.served
                ],
                "freshness": "Current",
            }
            for version in versions
        ],
    }


def _aggregated_resource(resource: Resource, version: Version) -> Object:
    own = {"group": "", "version": "", "kind": resource.kind}
    row: Object = {
        "resource": resource.plural,
        "responseKind": own if version.type_name else {**own, "group": resource.group, "version": version.name},
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    _add_names(row, resource)
    if resource.subresources:
        row["subresources"] = [_aggregated_sub(resource, version, s) for s in _subresources(resource)]
    return row


def _aggregated_sub(resource: Resource, version: Version, sub: Subresource) -> Object:
    kind = {"group": "", "version": "", "kind": sub.kind.kind}
    if _is_foreign(resource, sub):
        kind = {"group": sub.kind.group, "version": sub.kind.version, "kind": sub.kind.kind}
    elif not version.type_name:
        kind = {"group": resource.group, "version": version.name, "kind": sub.kind.kind}
    return {"subresource": sub.name, "responseKind": kind, "verbs": list(sub.verbs)}
