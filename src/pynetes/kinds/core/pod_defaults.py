"""What a pod spec that says nothing means. The rules of a template stand first, those of a pod only at the end.

Source: kubernetes ``pkg/apis/core/v1/defaults.go`` and its generated ``SetObjectDefaults_Pod``.
"""

from collections.abc import Callable
from typing import Any

from pynetes.kinds.core.images import default_pull_policy
from pynetes.kinds.pods.resources import container_totals, is_pod_level
from pynetes.meta.objects import Object
from pynetes.meta.quantity import canonical_milli_quantity

_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
_MODE = 0o644


def fill(obj: Object, **values: Any) -> None:
    """Sets what is absent or null."""
    for name, value in values.items():
        if obj.get(name) is None:
            obj[name] = value


def fill_empty(obj: Object, **values: Any) -> None:
    """Sets what is absent, null, ``""`` or 0."""
    for name, value in values.items():
        if not obj.get(name):
            obj[name] = value


def default_template(template: Object | None) -> None:
    """A ``PodTemplateSpec``; its spec is there from now on."""
    if template is not None:
        default_pod_spec(template.setdefault("spec", {}))


def _name_account(spec: Object) -> None:
    """Its old name says the same. Source: ``Convert_core_PodSpec_To_v1_PodSpec``."""
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account


def default_pod_spec(spec: Object) -> None:
    if not spec.get("dnsPolicy"):
        spec["dnsPolicy"] = "ClusterFirst"
    if not spec.get("restartPolicy"):
        spec["restartPolicy"] = "Always"
    if spec.get("securityContext") is None:
        spec["securityContext"] = {}
    if spec.get("terminationGracePeriodSeconds") is None:
        spec["terminationGracePeriodSeconds"] = 30
    if not spec.get("schedulerName"):
        spec["schedulerName"] = "default-scheduler"
    _name_account(spec)
    for volume in spec.get("volumes") or ():
        default_volume(volume)
    for where in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(where) or ():
            _default_container(container)
    round_resources(spec.get("resources"))
    if "overhead" in spec:
        round_amounts(spec["overhead"])


def _default_container(container: Object) -> None:
    if not container.get("imagePullPolicy"):
        container["imagePullPolicy"] = default_pull_policy(container.get("image") or "")
    if not container.get("terminationMessagePath"):
        container["terminationMessagePath"] = "/dev/termination-log"
    if not container.get("terminationMessagePolicy"):
        container["terminationMessagePolicy"] = "File"
    for port in container.get("ports") or ():
        if not port.get("protocol"):
            port["protocol"] = "TCP"
    for variable in container.get("env") or ():
        if source := variable.get("valueFrom"):
            if (reference := source.get("fieldRef")) is not None:
                fill_empty(reference, apiVersion="v1")
            if (reference := source.get("fileKeyRef")) is not None:
                fill(reference, optional=False)
    if resources := container.get("resources"):
        round_resources(resources)
    for name in _PROBES:
        if (probe := container.get(name)) is not None:
            fill_empty(probe, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)
            _default_handler(probe)
    if lifecycle := container.get("lifecycle"):
        for name in ("postStart", "preStop"):
            if handler := lifecycle.get(name):
                _default_handler(handler)


def _default_handler(handler: Object) -> None:
    if (http := handler.get("httpGet")) is not None:
        fill_empty(http, path="/", scheme="HTTP")
    if (grpc := handler.get("grpc")) is not None:
        fill(grpc, service="")


def round_resources(resources: Object | None) -> None:
    for side in ("limits", "requests"):
        if resources and resources.get(side):
            round_amounts(resources[side])


def round_amounts(amounts: Object) -> None:
    """Nothing is finer than a thousandth; it is rounded up."""
    for name, text in amounts.items():
        amounts[name] = canonical_milli_quantity(text)


def _default_host_ports(container: Object) -> None:
    for port in container.get("ports") or ():
        if not port.get("hostPort"):
            port["hostPort"] = port.get("containerPort", 0)


# Volumes


def default_volume(volume: Object) -> None:
    sources = [name for name, source in volume.items() if name != "name" and source is not None]
    if not sources:
        volume["emptyDir"] = {}
        return
    for name in sources:
        if name in _SOURCES:
            _SOURCES[name](volume[name])


def default_claim_spec(spec: Object) -> None:
    """A ``PersistentVolumeClaimSpec``."""
    fill(spec, volumeMode="Filesystem")
    round_resources(spec.get("resources"))


def _with_mode(source: Object) -> None:
    fill(source, defaultMode=_MODE)


def _downward(source: Object) -> None:
    _with_mode(source)
    _downward_items(source)


def _downward_items(source: Object) -> None:
    for item in source.get("items") or ():
        if (reference := item.get("fieldRef")) is not None:
            fill_empty(reference, apiVersion="v1")


def _projected(source: Object) -> None:
    _with_mode(source)
    for projection in source.get("sources") or ():
        if (downward := projection.get("downwardAPI")) is not None:
            _downward_items(downward)
        if (token := projection.get("serviceAccountToken")) is not None:
            fill(token, expirationSeconds=3600)


def _ephemeral(source: Object) -> None:
    if (template := source.get("volumeClaimTemplate")) is not None:
        default_claim_spec(template.setdefault("spec", {}))


def _image(source: Object) -> None:
    fill_empty(source, pullPolicy=default_pull_policy(source.get("reference") or ""))


_SOURCES: dict[str, Callable[[Object], None]] = {
    "hostPath": lambda source: fill(source, type=""),
    "secret": _with_mode,
    "configMap": _with_mode,
    "downwardAPI": _downward,
    "projected": _projected,
    "ephemeral": _ephemeral,
    "image": _image,
    "iscsi": lambda source: fill_empty(source, iscsiInterface="default"),
    "rbd": lambda source: fill_empty(source, pool="rbd", user="admin", keyring="/etc/ceph/keyring"),
    "scaleIO": lambda source: fill_empty(source, storageMode="ThinProvisioned", fsType="xfs"),
    "azureDisk": lambda source: fill(source, cachingMode="ReadWrite", fsType="ext4", readOnly=False, kind="Shared"),
}


def default_volume_source(name: str, source: Object) -> None:
    """A source that persistent volumes have, too."""
    if name in _SOURCES:
        _SOURCES[name](source)


# Pods only

_INIT_ANNOTATIONS = frozenset(
    f"pod.{stage}.kubernetes.io/init-container{what}" for stage in ("alpha", "beta") for what in ("s", "-statuses")
)


def default_pod(pod: Object) -> None:
    spec = pod.setdefault("spec", {})
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    annotations = pod["metadata"].get("annotations")
    if annotations and not _INIT_ANNOTATIONS.isdisjoint(annotations):
        pod["metadata"]["annotations"] = {k: v for k, v in annotations.items() if k not in _INIT_ANNOTATIONS}
    for where in ("containers", "initContainers"):
        for container in spec.get(where) or ():
            if resources := container.get("resources"):
                _default_requests(resources)
    if resources := spec.get("resources"):
        _default_pod_level(pod, resources)
    if spec.get("enableServiceLinks") is None:
        spec["enableServiceLinks"] = True
    if spec.get("hostNetwork"):
        for where in ("containers", "initContainers"):
            for container in spec.get(where) or ():
                _default_host_ports(container)
    default_pod_spec(spec)
    if status := pod.get("status"):
        _round_status(status)


def _round_status(status: Object) -> None:
    if ip := status.get("podIP"):
        if ((status.get("podIPs") or [{}])[0]).get("ip") != ip:
            status["podIPs"] = [{"ip": ip}]
    elif status.get("podIPs"):
        status["podIP"] = status["podIPs"][0].get("ip", "")
    for where in ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses"):
        for container in status.get(where) or ():
            _round_status_amounts(container)
    _round_status_amounts(status)


def _round_status_amounts(status: Object) -> None:
    if status.get("allocatedResources"):
        round_amounts(status["allocatedResources"])
    round_resources(status.get("resources"))


def _default_requests(resources: Object) -> None:
    """A limit without a request is also the request."""
    if limits := resources.get("limits"):
        requests = resources.setdefault("requests", {})
        for name, amount in limits.items():
            requests.setdefault(name, amount)


def _default_pod_level(pod: Object, resources: Object) -> None:
    """Huge page limits from the containers', then requests from theirs and from the limits. Source: KEP-2837."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    if not limits and not requests:
        return
    for name, amount in container_totals(pod, "limits").items():
        if name.startswith("hugepages-") and name not in requests:
            limits.setdefault(name, amount.canonical())
    if not limits:
        return
    resources["limits"] = limits
    for name, amount in container_totals(pod, "requests").items():
        if name in ("cpu", "memory"):
            requests.setdefault(name, amount.canonical())
    for name, limit in limits.items():
        if is_pod_level(name):
            requests.setdefault(name, limit)
    if requests:
        resources["requests"] = requests
