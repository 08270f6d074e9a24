"""The checks that the level ``restricted`` adds: hardening.

Source: k8s.io/pod-security-admission ``policy/check_*.go``;
https://kubernetes.io/docs/concepts/security/pod-security-standards/#restricted.
"""

from pynetes.apiserver.admission.podsecurity import baseline
from pynetes.apiserver.admission.podsecurity.baseline import added_capabilities
from pynetes.apiserver.admission.podsecurity.findings import (
    Check,
    Finding,
    containers,
    names,
    quoted,
    security,
    setters,
    the,
    use,
)
from pynetes.meta.objects import Object

_VOLUMES = (
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
)
_RESTRICTED_VOLUMES = (
    "hostPath",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "gitRepo",
    "nfs",
    "iscsi",
    "glusterfs",
    "rbd",
    "flexVolume",
    "cinder",
    "cephfs",
    "flocker",
    "fc",
    "azureFile",
    "vsphereVolume",
    "quobyte",
    "azureDisk",
    "photonPersistentDisk",
    "portworxVolume",
    "scaleIO",
    "storageos",
)


def unless_on_windows(check: Check) -> Check:
    """What Windows has no notion of cannot be asked of its pods; the API refuses these fields there."""
    return lambda metadata, spec: None if (spec.get("os") or {}).get("name") == "windows" else check(metadata, spec)


def privilege_escalation(metadata: Object, spec: Object) -> Finding | None:
    bad = [c for c in containers(spec) if security(c, "allowPrivilegeEscalation") is not False]
    detail = f"{the('container', names(bad))} must set securityContext.allowPrivilegeEscalation=false"
    return Finding("allowPrivilegeEscalation != false", detail) if bad else None


def capabilities(metadata: Object, spec: Object) -> Finding | None:
    told = []
    if keeping := [c for c in containers(spec) if "ALL" not in (security(c, "capabilities", "drop") or ())]:
        told.append(f'{the("container", names(keeping))} must set securityContext.capabilities.drop=["ALL"]')
    if adding := [c for c in containers(spec) if set(added_capabilities(c)) - {"NET_BIND_SERVICE"}]:
        added = sorted({name for c in adding for name in added_capabilities(c)} - {"NET_BIND_SERVICE"})
        told.append(
            f"{the('container', names(adding))} must not include {quoted(added)} in securityContext.capabilities.add"
        )
    return Finding("unrestricted capabilities", "; ".join(told)) if told else None


def volumes(metadata: Object, spec: Object) -> Finding | None:
    bad, kinds = [], set()
    for volume in spec.get("volumes") or ():
        if not any(volume.get(kind) is not None for kind in _VOLUMES):
            bad.append(volume["name"])
            kinds.add(next((kind for kind in _RESTRICTED_VOLUMES if volume.get(kind) is not None), "unknown"))
    if not bad:
        return None
    detail = f"{the('volume', bad)} {use(len(bad))} {the('restricted volume type', sorted(kinds))}"
    return Finding("restricted volume types", detail)


def run_as_non_root(metadata: Object, spec: Object) -> Finding | None:
    def said(owner: Object) -> bool | None:
        value: bool | None = security(owner, "runAsNonRoot")
        return value

    reason = "runAsNonRoot != true"
    as_root = [container for container in containers(spec) if said(container) is False]
    if who := setters(said(spec) is False, names(as_root)):
        return Finding(reason, f"{who} must not set securityContext.runAsNonRoot=false")
    silent = [container for container in containers(spec) if said(container) is None]
    if said(spec) or not silent:
        return None
    return Finding(reason, f"pod or {the('container', names(silent))} must set securityContext.runAsNonRoot=true")


def run_as_user(metadata: Object, spec: Object) -> Finding | None:
    def is_root(owner: Object) -> bool:
        user = security(owner, "runAsUser")
        return user is not None and user == 0

    who = setters(is_root(spec), names(filter(is_root, containers(spec))))
    return Finding("runAsUser=0", f"{who} must not set runAsUser=0") if who else None


def seccomp(metadata: Object, spec: Object) -> Finding | None:
    """A profile is demanded, of the pod or of each container."""
    if (found := baseline.seccomp(metadata, spec)) is not None:
        return found
    silent = [container for container in containers(spec) if security(container, "seccompProfile") is None]
    if security(spec, "seccompProfile") is not None or not silent:
        return None
    who = f"pod or {the('container', names(silent))}"
    detail = f'{who} must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost"'
    return Finding("seccompProfile", detail)
