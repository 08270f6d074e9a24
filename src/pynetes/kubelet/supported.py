"""The one table of pod fields: which this kubelet honours, which it refuses. A field in neither is refused.

A pod that says what cannot be honoured yet is failed by name, never run without it (docs/design.md, idea 8). The list
of refusals only shrinks; a test walks all fields of the pod's type and finds each of them here. What depends on the
node (AppArmor, SELinux) is judged in ``admission``; options for Windows mean nothing here, as upstream.
"""

from collections.abc import Callable, Mapping
from typing import Any

from pynetes.meta.objects import Object

Refuses = Callable[[Any, Object], bool]
"""Given the field's value and the pod's spec: is this value one that cannot be honoured?"""

HONOURED: Mapping[str, str] = {
    "PodSpec": "activeDeadlineSeconds affinity automountServiceAccountToken containers:Container dnsConfig "
    "dnsPolicy enableServiceLinks ephemeralContainers:EphemeralContainer hostAliases hostIPC hostNetwork hostPID "
    "hostUsers hostname hostnameOverride imagePullSecrets initContainers:Container nodeName nodeSelector os overhead "
    "preemptionPolicy priority priorityClassName readinessGates resources:ResourceRequirements restartPolicy "
    "schedulerName schedulingGates schedulingGroup securityContext:PodSecurityContext serviceAccount "
    "serviceAccountName setHostnameAsFQDN shareProcessNamespace subdomain terminationGracePeriodSeconds tolerations "
    "topologySpreadConstraints runtimeClassName volumes:Volume",
    "Container": "args command env:EnvVar envFrom image imagePullPolicy lifecycle:Lifecycle livenessProbe:Probe name "
    "ports readinessProbe:Probe resizePolicy resources:ResourceRequirements restartPolicy restartPolicyRules "
    "securityContext:SecurityContext startupProbe:Probe stdin stdinOnce terminationMessagePath "
    "terminationMessagePolicy tty volumeMounts:VolumeMount workingDir",
    "EphemeralContainer": "args command env:EnvVar envFrom image imagePullPolicy lifecycle:Lifecycle "
    "livenessProbe:Probe name ports readinessProbe:Probe resizePolicy resources:ResourceRequirements restartPolicy "
    "restartPolicyRules securityContext:SecurityContext startupProbe:Probe stdin stdinOnce targetContainerName "
    "terminationMessagePath terminationMessagePolicy tty volumeMounts:VolumeMount workingDir",
    "EnvVar": "name value valueFrom:EnvVarSource",
    "EnvVarSource": "configMapKeyRef fieldRef fileKeyRef resourceFieldRef secretKeyRef",
    "Lifecycle": "postStart:LifecycleHandler preStop:LifecycleHandler stopSignal",
    "LifecycleHandler": "exec httpGet sleep tcpSocket",
    "Probe": "exec failureThreshold grpc httpGet initialDelaySeconds periodSeconds successThreshold tcpSocket "
    "terminationGracePeriodSeconds timeoutSeconds",
    "ResourceRequirements": "limits requests",
    "SecurityContext": "allowPrivilegeEscalation appArmorProfile capabilities privileged procMount "
    "readOnlyRootFilesystem runAsGroup runAsNonRoot runAsUser seLinuxOptions seccompProfile windowsOptions",
    "PodSecurityContext": "appArmorProfile fsGroup fsGroupChangePolicy runAsGroup runAsNonRoot runAsUser "
    "seLinuxChangePolicy seLinuxOptions seccompProfile supplementalGroups supplementalGroupsPolicy sysctls "
    "windowsOptions",
    "VolumeMount": "mountPath mountPropagation name readOnly recursiveReadOnly subPath subPathExpr",
    "Volume": "configMap downwardAPI emptyDir:EmptyDir gitRepo hostPath image:Image name projected:Projected secret",
    "Image": "pullPolicy reference",
    "EmptyDir": "medium sizeLimit",
    "Projected": "defaultMode sources:Projection",
    "Projection": "configMap downwardAPI secret serviceAccountToken",
}
"""By type: the fields, with the type to look into after a colon."""


def _always(value: Any, spec: Object) -> bool:
    return bool(value) or value == {}


_ABSENT_VOLUMES = (
    "awsElasticBlockStore azureDisk azureFile cephfs cinder csi ephemeral fc flexVolume flocker gcePersistentDisk "
    "glusterfs iscsi nfs persistentVolumeClaim photonPersistentDisk portworxVolume quobyte rbd scaleIO "
    "storageos vsphereVolume"
)

REFUSED: Mapping[str, Mapping[str, Refuses]] = {
    "PodSpec": {
        "resourceClaims": _always,
    },
    "Container": {"volumeDevices": _always},
    "EphemeralContainer": {"volumeDevices": _always},
    "ResourceRequirements": {"claims": _always},
    "Volume": {name: _always for name in _ABSENT_VOLUMES.split()},
    "Projection": {"clusterTrustBundle": _always, "podCertificate": _always},
}
"""By type: the fields, and which of their values are refused."""

FIELDS: Mapping[str, Mapping[str, str]] = {
    type_: {name: nested for name, _, nested in (word.partition(":") for word in words.split())}
    for type_, words in HONOURED.items()
}


def unsupported(pod: Object) -> str | None:
    """The path of the first field that cannot be honoured (``spec.containers[0].livenessProbe.grpc``), or None."""
    spec = {key: value for key, value in pod["spec"].items() if key != "ephemeralContainers"}
    return _walk(spec, "PodSpec", "spec", pod["spec"])


def unsupported_ephemeral(pod: Object, name: str) -> str | None:
    """The same for one ephemeral container: it comes to a pod that runs already, and fails alone."""
    for index, container in enumerate(pod["spec"].get("ephemeralContainers") or ()):
        if container["name"] == name:
            return _walk(container, "EphemeralContainer", f"spec.ephemeralContainers[{index}]", pod["spec"])
    return None


def _walk(value: Any, type_: str, path: str, spec: Object) -> str | None:
    if isinstance(value, list):
        found = (_walk(item, type_, f"{path}[{index}]", spec) for index, item in enumerate(value))
        return next((f for f in found if f is not None), None)
    if not isinstance(value, dict):
        return None
    fields, refused = FIELDS[type_], REFUSED.get(type_, {})
    for key, inner in value.items():
        where = f"{path}.{key}"
        if key in refused:
            if refused[key](inner, spec):
                return where
        elif key not in fields:
            return where
        elif fields[key]:
            deeper = _walk(inner, fields[key], where, spec)
            if deeper is not None:
                return deeper
    return None
