"""What a pod refers to."""

import pytest

from pynetes.kinds.pods import references


def make_pod(**spec):
    return {"metadata": {"name": "p", "namespace": "default"}, "spec": {"containers": [], **spec}}


@pytest.mark.parametrize(
    "spec",
    [
        {"imagePullSecrets": [{"name": "s"}]},
        {"volumes": [{"name": "v", "secret": {"secretName": "s"}}]},
        {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {"name": "s"}}]}}]},
        {"volumes": [{"name": "v", "azureFile": {"secretName": "s", "shareName": "x"}}]},
        {"volumes": [{"name": "v", "iscsi": {"secretRef": {"name": "s"}}}]},
        {"volumes": [{"name": "v", "csi": {"nodePublishSecretRef": {"name": "s"}}}]},
        {"initContainers": [{"name": "c", "envFrom": [{"secretRef": {"name": "s"}}]}]},
        {"ephemeralContainers": [{"env": [{"name": "E", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}}]}]},
    ],
    ids=lambda spec: next(iter(spec)),
)
def test_a_pod_refers_to_secrets(spec):
    pod = make_pod(**spec)
    assert references.secrets(pod) - {""} == {"s"}
    assert references.config_maps(pod) - {""} == set()


def test_a_volume_with_a_template_has_a_claim_of_the_pods_and_its_own_name():
    volumes = [{"name": "v", "ephemeral": {}}, {"name": "w", "persistentVolumeClaim": {"claimName": "c"}}]
    assert references.claims(make_pod(volumes=volumes)) - {""} == {"p-v", "c"}
