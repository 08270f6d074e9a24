"""The objects of its namespace that a pod refers to, by name. An empty name is a reference that is not there.

Source: kubernetes ``pkg/api/v1/pod/util.go`` (``VisitPodSecretNames``), ``plugin/pkg/auth/authorizer/node/graph.go``.
"""

from collections.abc import Iterable, Iterator

from pynetes.meta.objects import Object


def secrets(pod: Object) -> set[str]:
    found = _referenced(pod, "secret", "secret", "secretName")
    found.update(s.get("name", "") for s in (pod.get("spec") or {}).get("imagePullSecrets") or ())
    for volume in _volumes(pod):
        found.add((volume.get("azureFile") or {}).get("secretName", ""))
        for source in volume.values():
            if isinstance(source, dict):
                for field in ("secretRef", "nodePublishSecretRef"):
                    found.add((source.get(field) or {}).get("name", ""))
    return found


def config_maps(pod: Object) -> set[str]:
    return _referenced(pod, "configMap", "configMap", "name")


def claims(pod: Object) -> set[str]:
    found = {(v.get("persistentVolumeClaim") or {}).get("claimName", "") for v in _volumes(pod)}
    # a volume with a claim template owns a claim of the pod's and its own name
    found.update(f"{pod['metadata']['name']}-{v['name']}" for v in _volumes(pod) if "ephemeral" in v)
    return found


def accounts(pod: Object) -> set[str]:
    return {(pod.get("spec") or {}).get("serviceAccountName", "")}


def resource_claims(pod: Object) -> set[str]:
    found = {c.get("resourceClaimName", "") for c in (pod.get("spec") or {}).get("resourceClaims") or ()}
    found.update(c.get("resourceClaimName", "") for c in (pod.get("status") or {}).get("resourceClaimStatuses") or ())
    return found


def _volumes(pod: Object) -> Iterable[Object]:
    return (pod.get("spec") or {}).get("volumes") or ()


def _containers(pod: Object) -> Iterator[Object]:
    spec = pod.get("spec") or {}
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


def _referenced(pod: Object, volume: str, source: str, name: str) -> set[str]:
    """Names of secrets or config maps that a pod's volumes and environment use."""
    found: set[str] = set()
    for v in _volumes(pod):
        found.add((v.get(volume) or {}).get(name, ""))
        for part in (v.get("projected") or {}).get("sources") or ():
            found.add((part.get(volume) or {}).get("name", ""))
    for container in _containers(pod):
        for env in container.get("env") or ():
            found.add(((env.get("valueFrom") or {}).get(f"{source}KeyRef") or {}).get("name", ""))
        for env in container.get("envFrom") or ():
            found.add((env.get(f"{source}Ref") or {}).get("name", ""))
    return found
