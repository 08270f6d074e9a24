"""Who a pod of a StatefulSet is: its name, ordinal, revision and volumes.

Source: pkg/controller/statefulset/stateful_set_utils.go.
"""

import re

from pynetes.client.kinds import STATEFUL_SETS
from pynetes.controllers.history import HASH_LABEL
from pynetes.controllers.ownedpods import from_template
from pynetes.meta.objects import Object, labels_of, name_of, namespace_of

NAME_LABEL = "statefulset.kubernetes.io/pod-name"
INDEX_LABEL = "apps.kubernetes.io/pod-index"
_MEMBER = re.compile(r"(.*)-([0-9]+)", re.DOTALL)
_LARGEST = 2**31 - 1


def parent_and_ordinal(pod: Object) -> tuple[str, int]:
    """``("web", 3)`` of a pod named web-3; ``("", -1)`` when its name has no number, ``-1`` for one too big."""
    found = _MEMBER.fullmatch(name_of(pod))
    if found is None:
        return "", -1
    ordinal = int(found[2])
    return found[1], ordinal if ordinal <= _LARGEST else -1


def ordinal_of(pod: Object) -> int:
    return parent_and_ordinal(pod)[1]


def is_member(stateful_set: Object, pod: Object) -> bool:
    return parent_and_ordinal(pod)[0] == name_of(stateful_set)


def ordinals(stateful_set: Object) -> range:
    """The ordinals that there should be."""
    spec = stateful_set["spec"]
    start = (spec.get("ordinals") or {}).get("start", 0)
    return range(start, start + spec.get("replicas", 1))


def revision_of(pod: Object) -> str:
    return labels_of(pod).get(HASH_LABEL, "")


def claim_name(stateful_set: Object, template: Object, ordinal: int) -> str:
    return f"{name_of(template)}-{name_of(stateful_set)}-{ordinal}"


def claim_templates(stateful_set: Object) -> list[Object]:
    return stateful_set["spec"].get("volumeClaimTemplates") or []


def new_claim(stateful_set: Object, template: Object, ordinal: int) -> Object:
    """The claim of one ordinal; it is labelled so that the set's selector finds it."""
    selected = (stateful_set["spec"].get("selector") or {}).get("matchLabels") or {}
    metadata = {
        **template["metadata"],
        "name": claim_name(stateful_set, template, ordinal),
        "namespace": namespace_of(stateful_set),
        "labels": {**labels_of(template), **selected},
    }
    return {"kind": "PersistentVolumeClaim", "apiVersion": "v1", "metadata": metadata, "spec": template.get("spec", {})}


def new_pod(stateful_set: Object, template: Object, revision: str, ordinal: int) -> Object:
    """A pod by the template of a revision."""
    name = f"{name_of(stateful_set)}-{ordinal}"
    labels = (template.get("metadata") or {}).get("labels") or {}
    own = {NAME_LABEL: name, INDEX_LABEL: str(ordinal), HASH_LABEL: revision}
    pod = from_template(stateful_set, STATEFUL_SETS, template, name=name, labels={**labels, **own})
    pod["spec"] = {**pod["spec"], "hostname": name, "volumes": volumes(stateful_set, pod, ordinal)}
    if not pod["spec"]["volumes"]:
        del pod["spec"]["volumes"]
    if service := stateful_set["spec"].get("serviceName"):
        pod["spec"]["subdomain"] = service
    return pod


def volumes(stateful_set: Object, pod: Object, ordinal: int) -> list[Object]:
    """The pod's volumes with those of its claims, which come before others of the same name."""
    claims: dict[str, Object] = {}
    for template in claim_templates(stateful_set):
        source = {"claimName": claim_name(stateful_set, template, ordinal)}
        claims[name_of(template)] = {"name": name_of(template), "persistentVolumeClaim": source}
    others = [volume for volume in pod["spec"].get("volumes") or () if volume["name"] not in claims]
    return [*claims.values(), *others]


def identity_matches(stateful_set: Object, pod: Object) -> bool:
    parent, ordinal = parent_and_ordinal(pod)
    return ordinal >= 0 and parent == name_of(stateful_set) and labels_of(pod).get(NAME_LABEL) == name_of(pod)


def storage_matches(stateful_set: Object, pod: Object) -> bool:
    """Whether each claim of the pod is one of its volumes."""
    present = {volume["name"]: volume for volume in pod["spec"].get("volumes") or ()}
    for template in claim_templates(stateful_set):
        source = present.get(name_of(template), {}).get("persistentVolumeClaim") or {}
        if source.get("claimName") != claim_name(stateful_set, template, ordinal_of(pod)):
            return False
    return True
