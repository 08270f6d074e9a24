"""Static pods: what a file on the node says, made a pod. Pure.

A file holds one pod, or a list of them, as YAML or JSON. Its pod gets the node's name behind its own, a uid made of
what the file says, and no API server is needed to run it.

Source: kubernetes ``pkg/kubelet/config/{common,file}.go``, ``pkg/api/pod/util.go`` (HasAPIObjectReference).
"""

import copy
import hashlib
from collections.abc import Iterable

import orjson

from pynetes.kinds import resource_for
from pynetes.kubelet import pods
from pynetes.meta.body import BodyError, parse
from pynetes.meta.decoder import DecodeError, decoder
from pynetes.meta.negotiation import YAML
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

NO_EXECUTE = {"operator": "Exists", "effect": "NoExecute"}


class StaticPodError(ValueError):
    """A file that is no static pod."""


def read(path: str, data: bytes, node: str) -> list[Object]:
    """The pods of a file, defaulted and checked. Raises: StaticPodError."""
    try:
        value, _ = parse(data, YAML)
    except BodyError as error:
        raise StaticPodError(error.message) from None
    if not isinstance(value, dict) or value.get("kind") not in ("Pod", "PodList", "List"):
        raise StaticPodError("invalid pod: kind Pod or PodList expected")
    return [_pod(item, path, node) for item in (value.get("items") or () if value["kind"] != "Pod" else (value,))]


def _pod(value: Object, path: str, node: str) -> Object:
    try:
        pod = decoder("io.k8s.api.core.v1.Pod").decode(value, "Pod").object
    except DecodeError as error:
        raise StaticPodError(error.message) from None
    meta = pod.setdefault("metadata", {})
    if not meta.get("name"):
        raise StaticPodError("invalid pod: name is needed for the pod")
    rules = _rules()
    if rules.default is not None:
        rules.default(pod)
    if not meta.get("uid"):
        said = orjson.dumps(pod, option=orjson.OPT_SORT_KEYS) + f"host:{node}file:{path}".encode()
        meta["uid"] = hashlib.sha256(said).hexdigest()[:32]
    meta["name"] = f"{meta['name']}-{node.lower()}"
    meta.setdefault("namespace", "default")
    meta["annotations"] = {
        **(meta.get("annotations") or {}),
        pods.STATIC_HASH: meta["uid"],
        pods.STATIC_SOURCE: "file",
    }
    spec = pod["spec"]
    spec["nodeName"] = node
    others = [t for t in spec.get("tolerations") or () if t != NO_EXECUTE]
    spec["tolerations"] = [*others, dict(NO_EXECUTE)]
    pod["status"] = {"phase": "Pending"}
    pod["apiVersion"], pod["kind"] = "v1", "Pod"
    _check(pod)
    return pod


def _check(pod: Object) -> None:
    rules = _rules()
    if rules.validate is not None:
        checked = copy.deepcopy(pod)
        checked["metadata"]["annotations"].pop(pods.STATIC_HASH)
        causes = rules.validate(checked, WriteContext())
        if causes:
            raise StaticPodError("invalid pod: " + "; ".join(f"{c.field}: {c.message}" for c in causes))
    if (named := _references(pod)) is not None:
        raise StaticPodError(f"static pods may not reference {named}")


def _rules() -> Hooks:
    pods = resource_for("", "pods")
    assert pods is not None
    return pods.hooks


def _references(pod: Object) -> str | None:
    """What the pod wants of the API, if anything: a static pod must not need it."""
    spec = pod["spec"]
    if spec.get("serviceAccountName"):
        return "serviceaccounts"
    words = {"secretRef": "secrets", "secretKeyRef": "secrets", "configMapRef": "configmaps"}
    words["configMapKeyRef"] = "configmaps"
    if spec.get("imagePullSecrets"):
        return "secrets"
    for _, container in pods.all_containers(pod):
        sources = [*(container.get("envFrom") or ()), *((e.get("valueFrom") or {}) for e in container.get("env") or ())]
        for key, named in words.items():
            if any(key in source for source in sources):
                return named
    if spec.get("resourceClaims"):
        return "resourceclaims"
    return _of_volumes(spec.get("volumes") or ())


def _of_volumes(volumes: Iterable[Object]) -> str | None:
    words = {
        "configMap": "configmaps (via configmap volumes)",
        "secret": "secrets (via secret volumes)",
        "csi": "csidrivers (via CSI volumes)",
        "persistentVolumeClaim": "persistentvolumeclaims",
        "ephemeral": "persistentvolumeclaims (via ephemeral volumes)",
    }
    projections = {
        "clusterTrustBundle": "clustertrustbundles",
        "podCertificate": "podcertificates",
        "serviceAccountToken": "serviceaccounts (via projected volumes)",
        "configMap": "configmaps (via projected volumes)",
        "secret": "secrets (via projected volumes)",
    }
    for volume in volumes:
        for key, named in words.items():
            if key in volume:
                return named
        for source in (volume.get("projected") or {}).get("sources") or ():
            for key, named in projections.items():
                if key in source:
                    return named
    return None
