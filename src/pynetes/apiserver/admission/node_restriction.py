"""NodeRestriction: a kubelet writes its own Node, its own lease, and the status of its own pods.

Source: kubernetes ``plugin/pkg/admission/noderestriction/admission.go``.
Differs: upstream leaves it off by default and turns it on in every kubeadm cluster; here it is on. The audiences of
tokens and certificate requests are not looked at yet.
"""

from pynetes.apiserver.admission import CREATE, DELETE, UPDATE, Attributes, Plugin
from pynetes.apiserver.authz.node import node_name
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

_MIRROR = "kubernetes.io/config.mirror"
_RESTRICTED = "node-restriction.kubernetes.io"
_LABELS = frozenset(
    {
        "kubernetes.io/hostname",
        "topology.kubernetes.io/zone",
        "topology.kubernetes.io/region",
        "failure-domain.beta.kubernetes.io/zone",
        "failure-domain.beta.kubernetes.io/region",
        "beta.kubernetes.io/instance-type",
        "node.kubernetes.io/instance-type",
        "kubernetes.io/os",
        "kubernetes.io/arch",
        "beta.kubernetes.io/os",
        "beta.kubernetes.io/arch",
        "node.kubernetes.io/windows-build",
    }
)
_LABEL_PREFIXES = ("kubelet.kubernetes.io/", "node.kubernetes.io/")


def mutate(asked: Attributes) -> None:
    node = node_name(asked.ctx.user)
    if node is None:
        return
    if not node:
        raise asked.forbidden(f"could not determine node from user {quoted(asked.ctx.user.name)}")
    match asked.resource.group, asked.resource.plural:
        case "", "pods":
            _pod(asked, node)
        case "", "nodes":
            _node(asked, node)
        case "", "persistentvolumeclaims":
            if asked.subresource != "status":
                raise asked.forbidden("may only update PVC status")
        case "", "serviceaccounts":
            _token(asked, node)
        case "coordination.k8s.io", "leases":
            _lease(asked, node)
        case "storage.k8s.io", "csinodes":
            if _name(asked) != node:
                raise asked.forbidden("can only access CSINode with the same name as the requesting node")


def _name(asked: Attributes) -> str:
    if asked.name:
        return asked.name
    name: str = ((asked.obj or {}).get("metadata") or {}).get("name") or ""
    return name


def _pod(asked: Attributes, node: str) -> None:
    match asked.subresource:
        case "":
            _whole_pod(asked, node)
        case "status":
            if ((asked.old or {}).get("spec") or {}).get("nodeName") != node:
                raise asked.forbidden(
                    f"node {quoted(node)} can only update pod status for pods with spec.nodeName set to itself"
                )
            if _meta(asked.obj, "labels") != _meta(asked.old, "labels"):
                raise asked.forbidden(f"node {quoted(node)} cannot update labels through pod status")
        case "eviction":
            if ((asked.old or {}).get("spec") or {}).get("nodeName") != node:
                raise asked.forbidden(f"node {node} can only evict pods with spec.nodeName set to itself")
        case other:
            raise asked.forbidden(
                f"unexpected pod subresource {quoted(other)}, only 'status' and 'eviction' are allowed"
            )


def _meta(obj: Object | None, field: str) -> Object:
    return ((obj or {}).get("metadata") or {}).get(field) or {}


def _whole_pod(asked: Attributes, node: str) -> None:
    if asked.operation == DELETE:
        if ((asked.old or {}).get("spec") or {}).get("nodeName") != node:
            raise asked.forbidden(f"node {quoted(node)} can only delete pods with spec.nodeName set to itself")
        return
    if asked.operation != CREATE:
        raise asked.forbidden(
            f"unexpected operation {quoted(asked.operation)}, "
            f"node {quoted(node)} can only create and delete mirror pods"
        )
    pod = asked.obj or {}
    spec = pod.get("spec") or {}
    if _MIRROR not in _meta(pod, "annotations"):
        raise asked.forbidden(
            f'pod does not have "{_MIRROR}" annotation, node {quoted(node)} can only create mirror pods'
        )
    if spec.get("nodeName") != node:
        raise asked.forbidden(f"node {quoted(node)} can only create pods with spec.nodeName set to itself")
    _mirror_owner(asked, node, pod["metadata"].get("ownerReferences") or [])
    if spec.get("serviceAccountName"):
        raise asked.forbidden(f"node {quoted(node)} can not create pods that reference a service account")
    for volume in spec.get("volumes") or ():
        for kind in ("secret", "configMap", "persistentVolumeClaim"):
            if kind in volume:
                raise asked.forbidden(f"node {quoted(node)} can not create pods that reference {kind}s")


def _mirror_owner(asked: Attributes, node: str, owners: list[Object]) -> None:
    if len(owners) > 1:
        raise asked.forbidden(f"node {quoted(node)} can only create pods with a single owner reference set to itself")
    owner = owners[0] if owners else {}
    if (owner.get("apiVersion"), owner.get("kind"), owner.get("name")) != ("v1", "Node", node):
        raise asked.forbidden(f"node {quoted(node)} can only create pods with an owner reference set to itself")
    if not owner.get("controller"):
        raise asked.forbidden(
            f"node {quoted(node)} can only create pods with a controller owner reference set to itself"
        )
    if owner.get("blockOwnerDeletion"):
        raise asked.forbidden(f"node {quoted(node)} must not set blockOwnerDeletion on an owner reference")
    resource = asked.server.resources.get("", "nodes")
    assert resource is not None
    entry = asked.server.cache.of(resource).get(resource.storage_key("", node))
    uid = "" if entry is None else entry.object["metadata"]["uid"]
    if owner.get("uid") != uid:
        raise asked.forbidden(f"node {node} UID mismatch: expected {owner.get('uid', '')} got {uid}")


def _node(asked: Attributes, node: str) -> None:
    if _name(asked) != node:
        raise asked.forbidden(f"node {quoted(node)} is not allowed to modify node {quoted(_name(asked))}")
    new, old = asked.obj or {}, asked.old or {}
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if asked.operation == CREATE:
        if spec.get("configSource") is not None:
            raise asked.forbidden(f"node {quoted(node)} is not allowed to create pods with a non-nil configSource")
        if labels := _forbidden_labels(_meta(new, "labels"), {}):
            raise _labels_refused(asked, labels)
        if new["metadata"].get("ownerReferences"):
            raise asked.forbidden(f"node {quoted(node)} is not allowed to set ownerReferences")
    elif asked.operation == UPDATE:
        if spec.get("taints") != before.get("taints"):
            raise asked.forbidden(f"node {quoted(node)} is not allowed to modify taints")
        if labels := _forbidden_labels(_meta(new, "labels"), _meta(old, "labels")):
            raise _labels_refused(asked, labels)
        if new["metadata"].get("ownerReferences") != old["metadata"].get("ownerReferences"):
            raise asked.forbidden(f"node {quoted(node)} is not allowed to modify ownerReferences")


def _labels_refused(asked: Attributes, labels: list[str]) -> StatusError:
    verb = "set the following" if asked.operation == CREATE else "modify"
    return asked.forbidden(f"is not allowed to {verb} labels: {', '.join(labels)}")


def _forbidden_labels(new: Object, old: Object) -> list[str]:
    """The changed labels that are not a kubelet's to change."""
    changed = [key for key in {*new, *old} if new.get(key) != old.get(key)]
    return sorted(key for key in changed if _forbidden_label(key))


def _forbidden_label(key: str) -> bool:
    domain = key.partition("/")[0] if "/" in key else ""
    if domain == _RESTRICTED or domain.endswith("." + _RESTRICTED):
        return True
    if key in _LABELS or key.startswith(_LABEL_PREFIXES):
        return False
    if any(domain == d or domain.endswith("." + d) for d in ("kubelet.kubernetes.io", "node.kubernetes.io")):
        return False
    return any(domain == d or domain.endswith("." + d) for d in ("kubernetes.io", "k8s.io"))


def _token(asked: Attributes, node: str) -> None:
    if asked.operation != CREATE or asked.subresource != "token":
        return
    reference = ((asked.obj or {}).get("spec") or {}).get("boundObjectRef") or {}
    if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not reference.get("name"):
        raise asked.forbidden("node requested token not bound to a pod")
    if not reference.get("uid"):
        raise asked.forbidden("node requested token with a pod binding without a uid")
    resource = asked.server.resources.get("", "pods")
    assert resource is not None
    entry = asked.server.cache.of(resource).get(resource.storage_key(asked.namespace, reference["name"]))
    if entry is None:
        raise asked.forbidden(f'pod "{reference["name"]}" not found')
    if entry.object["metadata"]["uid"] != reference["uid"]:
        raise asked.forbidden(
            f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
    if (entry.object.get("spec") or {}).get("nodeName") != node:
        raise asked.forbidden("node requested token bound to a pod scheduled on a different node")


def _lease(asked: Attributes, node: str) -> None:
    if asked.namespace != "kube-node-lease":
        raise asked.forbidden('can only access leases in the "kube-node-lease" system namespace')
    if asked.operation == CREATE and _name(asked) != node:
        raise asked.forbidden("can only access node lease with the same name as the requesting node")


PLUGIN = Plugin("NodeRestriction", frozenset({CREATE, UPDATE, DELETE}), mutate=mutate)
