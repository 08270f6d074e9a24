"""What is wrong with a pod's volumes.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateVolumes``.
"""

from collections.abc import Callable, Mapping, Sequence

from pynetes.kinds.core import volume_sources as sources
from pynetes.kinds.core.projections import projected
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required
from pynetes.meta.gotext import quoted
from pynetes.meta.names import dns1123_label, dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.status import Cause

_MORE = "may not specify more than 1 volume type"
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_CREATED_CLAIM = "must not reference a PVC that gets created for an ephemeral volume"

_Rule = Callable[[Path, Object], list[Cause]]


def volumes(
    path: Path, values: Sequence[Object], pod_name: str, is_pod: bool
) -> tuple[Mapping[str, Object], list[Cause]]:
    """The volumes by name that have no fault, and the causes. ``pod_name`` is ``""`` for a template."""
    causes: list[Cause] = []
    created = {f"{pod_name}-{v.get('name', '')}" for v in values if pod_name and v.get("ephemeral") is not None}
    good: dict[str, Object] = {}
    for i, volume in enumerate(values):
        at, name = f"{path}[{i}]", volume.get("name") or ""
        problems = _source(at, volume, name, pod_name, is_pod)
        if not name:
            problems.append(required(f"{at}.name"))
        else:
            problems += [invalid(f"{at}.name", name, p) for p in dns1123_label(name)]
        if name in good:
            problems.append(duplicate(f"{at}.name", name))
        if problems:
            causes += problems
        else:
            good[name] = volume
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName")
        if claim in created:
            causes.append(invalid(f"{at}.persistentVolumeClaim.claimName", claim, _CREATED_CLAIM))
    return good, causes


def _source(path: Path, volume: Object, name: str, pod_name: str, is_pod: bool) -> list[Cause]:
    causes: list[Cause] = []
    found = False
    for member, rule in _RULES.items():
        source = volume.get(member)
        if source is None:
            continue
        if found:
            causes.append(forbidden(f"{path}.{_MISSPELT_WHEN_SECOND.get(member, member)}", _MORE))
        else:
            found = True
            causes += rule(f"{path}.{_MISSPELT.get(member, member)}", source)
            if member == "ephemeral" and pod_name and name:
                claim = f"{pod_name}-{name}"
                for problem in dns1123_subdomain(claim):
                    causes.append(invalid(f"{path}.name", name, f"PVC name {quoted(claim)}: {problem}"))
            if member == "image" and is_pod and not source.get("reference"):
                causes.insert(len(causes) - len(_image("", source)), required(f"{path}.image.reference"))
        if member == "iscsi" and source.get("initiatorName") is not None:
            if len(f"{name}:{source.get('targetPortal', '')}") > 64:
                causes.append(invalid(f"{path}.name", name, sources.ISCSI_TOO_LONG))
    if not found:
        causes.append(required(path, "must specify a volume type"))
    return causes


def _empty_dir(path: Path, source: Object) -> list[Cause]:
    limit = source.get("sizeLimit")
    if limit is None or Quantity.parse(limit).nanos >= 0:
        return []
    return [forbidden(f"{path}.sizeLimit", "SizeLimit field must be a valid resource quantity")]


def pull_policy(path: Path, policy: str) -> list[Cause]:
    if not policy:
        return [required(path)]
    return [] if policy in _PULL_POLICIES else [not_supported(path, policy, _PULL_POLICIES)]


def _image(path: Path, source: Object) -> list[Cause]:
    return pull_policy(f"{path}.pullPolicy", source.get("pullPolicy") or "")


def _ephemeral(path: Path, source: Object) -> list[Cause]:
    from pynetes.kinds.core.claim_validation import claim_template

    template = source.get("volumeClaimTemplate")
    if template is None:
        return [required(f"{path}.volumeClaimTemplate")]
    return claim_template(f"{path}.volumeClaimTemplate", template)


_MISSPELT = {"gcePersistentDisk": "persistentDisk"}
_MISSPELT_WHEN_SECOND = {"downwardAPI": "downwarAPI", "cephfs": "cephFS"}

_RULES: Mapping[str, _Rule] = {
    "emptyDir": _empty_dir,
    "hostPath": sources.host_path,
    "gitRepo": sources.git_repo,
    "gcePersistentDisk": sources.gce_disk,
    "awsElasticBlockStore": sources.aws_disk,
    "secret": sources.secret,
    "nfs": sources.nfs,
    "iscsi": sources.iscsi,
    "glusterfs": sources.glusterfs,
    "flocker": sources.flocker,
    "persistentVolumeClaim": sources.claim,
    "rbd": sources.rbd,
    "cinder": sources.cinder,
    "cephfs": sources.cephfs,
    "quobyte": sources.quobyte,
    "downwardAPI": sources.downward_api,
    "fc": sources.fibre_channel,
    "flexVolume": sources.flex,
    "configMap": sources.config_map,
    "azureFile": sources.azure_file,
    "vsphereVolume": sources.vsphere,
    "photonPersistentDisk": sources.photon,
    "portworxVolume": sources.portworx,
    "azureDisk": sources.azure_disk,
    "storageos": sources.storage_os,
    "projected": projected,
    "scaleIO": sources.scale_io,
    "csi": sources.csi,
    "ephemeral": _ephemeral,
    "image": _image,
}
