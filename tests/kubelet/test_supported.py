"""Every field of a pod is honoured or refused by name (docs/design.md, idea 8)."""

import pytest

from pynetes.kubelet.supported import FIELDS, REFUSED, unsupported
from pynetes.meta.schema import type_data
from tests.kubelet.api import container, pod

TYPES = {
    "PodSpec": "PodSpec", "Container": "Container", "EphemeralContainer": "EphemeralContainer", "EnvVar": "EnvVar",
    "EnvVarSource": "EnvVarSource", "Lifecycle": "Lifecycle", "LifecycleHandler": "LifecycleHandler",
    "Probe": "Probe", "ResourceRequirements": "ResourceRequirements", "SecurityContext": "SecurityContext",
    "PodSecurityContext": "PodSecurityContext", "VolumeMount": "VolumeMount", "Volume": "Volume",
    "EmptyDir": "EmptyDirVolumeSource", "Projected": "ProjectedVolumeSource", "Projection": "VolumeProjection",
}  # fmt: skip


@pytest.mark.parametrize("type_", sorted(TYPES))
def test_every_field_of_the_type_is_in_the_table_once(type_: str) -> None:
    known = set(properties(TYPES[type_]))
    honoured, refused = set(FIELDS[type_]), set(REFUSED.get(type_, {}))
    assert honoured | refused == known
    assert not honoured & refused


def test_a_field_that_cannot_be_honoured_is_named_by_its_path() -> None:
    claims = [{"name": "c"}]
    wanted = pod("p", container("c", resources={"claims": claims}))
    assert unsupported(wanted) == "spec.containers[0].resources.claims"
    claim = [{"name": "v", "persistentVolumeClaim": {"claimName": "x"}}]
    assert unsupported(pod("p", volumes=claim)) == "spec.volumes[0].persistentVolumeClaim"


def test_a_field_that_upstream_does_not_have_is_refused_too() -> None:
    assert unsupported(pod("p", brandNew=1)) == "spec.brandNew"


def test_an_ordinary_pod_is_taken() -> None:
    token = {"projected": {"sources": [{"serviceAccountToken": {"path": "token"}}]}}
    ordinary = pod("p", volumes=[{"name": "t", **token}, {"name": "e", "emptyDir": {}}], hostUsers=True)
    assert unsupported(ordinary) is None


def properties(name: str) -> list[str]:
    found = type_data(f"io.k8s.api.core.v1.{name}")
    return sorted(found.get("properties", found) if isinstance(found, dict) else found.properties)
