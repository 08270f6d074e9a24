"""The Node authorizer: a kubelet reads its own Node, its pods, and what its pods name; it writes what the node rules
say.

A kubelet is a user ``system:node:NAME`` in the group ``system:nodes``. Which secret, config map, claim or account a
node may read is decided from the pods in the cache that are bound to it.

Source: kubernetes ``plugin/pkg/auth/authorizer/node/node_authorizer.go``.
Differs: volumes' own secrets are found through the claim, never through CSI drivers; resource claims by template are
found in the pod's status.
"""

from collections.abc import Iterator
from functools import cache

from pynetes.apiserver.authz import Decision
from pynetes.apiserver.authz.rbac import RBAC, Rule, compile_rule
from pynetes.apiserver.initial import data
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.users import User
from pynetes.kinds.pods import references
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object

NODES = "system:nodes"
_PREFIX = "system:node:"
_ALLOWED = Decision(True)
_DENIED = Decision(False)


def node_name(user: User) -> str | None:
    """The node that the user is the kubelet of; "" for one that cannot be told; None for everybody else."""
    if not user.name.startswith(_PREFIX) or NODES not in user.groups:
        return None
    return user.name[len(_PREFIX) :]


class NodeAuthorizer:
    def __init__(self, server: Parts, rbac: RBAC) -> None:
        self._server = server
        self._rbac = rbac

    def concerns(self, user: User) -> bool:
        return NODES in user.groups and user.name.startswith(_PREFIX)

    def authorize(self, user: User, info: RequestInfo) -> Decision:
        node = node_name(user)
        if not node:
            return Decision(False, f"unknown node for user {quoted(user.name)}")
        if not info.is_resource:
            return self._by_rules(info)
        match info.group, info.resource:
            case "", "secrets" | "configmaps":
                return self._read(node, info)
            case "", "persistentvolumeclaims":
                if info.subresource == "status":
                    if info.verb not in ("update", "patch"):
                        return Decision(False, "can only get/update/patch this type")
                    return self._related(node, info)
                return self._get(node, info)
            case (
                ("", "persistentvolumes")
                | ("resource.k8s.io", "resourceclaims")
                | ("storage.k8s.io", "volumeattachments")
            ):
                return self._get(node, info)
            case "", "serviceaccounts":
                return self._service_account(node, info)
            case "coordination.k8s.io", "leases":
                return _lease(node, info)
            case "storage.k8s.io", "csinodes":
                return _csi_node(node, info)
            case "resource.k8s.io", "resourceslices":
                return self._slice(node, info)
            case "", "nodes":
                return _node(node, info)
            case "", "pods":
                return self._pod(node, info)
        return self._by_rules(info)

    def _by_rules(self, info: RequestInfo) -> Decision:
        """The static rules are those of the bootstrap ClusterRole ``system:node``."""
        return _ALLOWED if any(rule.allows(info) for rule in node_rules()) else _DENIED

    def _get(self, node: str, info: RequestInfo) -> Decision:
        if info.verb != "get":
            return Decision(False, "can only get individual resources of this type")
        if info.subresource:
            return Decision(False, "cannot get subresource")
        return self._related(node, info)

    def _read(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in ("get", "list", "watch"):
            return Decision(False, "can only read resources of this type")
        if info.subresource:
            return Decision(False, "cannot read subresource")
        if not info.namespace:
            return Decision(False, "can only read namespaced object of this type")
        return self._related(node, info)

    def _service_account(self, node: str, info: RequestInfo) -> Decision:
        if info.verb == "get" and not info.subresource:
            return self._read(node, info)
        if info.verb != "create" or not info.name:
            return Decision(False, "can only create tokens for individual service accounts")
        if info.subresource != "token":
            return Decision(False, "can only create token subresource of serviceaccount")
        return self._related(node, info)

    def _pod(self, node: str, info: RequestInfo) -> Decision:
        match info.subresource, info.verb:
            case "", "get":
                return self._get(node, info)
            case "", "list" | "watch":
                if _selects(info.field_selector, "spec.nodeName", node):
                    return _ALLOWED
                if info.name:
                    return self._related(node, info)
                return Decision(False, "can only list/watch pods with spec.nodeName field selector")
            case ("", "create" | "delete") | ("status", "update" | "patch") | ("eviction", "create"):
                return _ALLOWED  # the NodeRestriction admission looks at the object
        return _DENIED

    def _slice(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource:
            return Decision(False, "cannot authorize ResourceSlice subresources")
        if info.verb == "create":
            return _ALLOWED
        if info.verb in ("watch", "list", "deletecollection"):
            if _selects(info.field_selector, "spec.nodeName", node):
                return _ALLOWED
            return Decision(False, "can only list/watch/deletecollection resourceslices with nodeName field selector")
        return self._related(node, info)

    def _related(self, node: str, info: RequestInfo) -> Decision:
        if not info.name:
            return Decision(False, "No Object name found")
        if self._has_path(node, info):
            return _ALLOWED
        return Decision(False, f"no relationship found between node '{node}' and this object")

    def _has_path(self, node: str, info: RequestInfo) -> bool:
        name, namespace = info.name, info.namespace
        match info.resource:
            case "pods":
                pod = self._object("", "pods", namespace, name)
                return pod is not None and (pod.get("spec") or {}).get("nodeName") == node
            case "persistentvolumes":
                volume = self._object("", "persistentvolumes", "", name)
                claim = ((volume or {}).get("spec") or {}).get("claimRef") or {}
                namespace, name = claim.get("namespace", ""), claim.get("name", "")
                return any(name in references.claims(pod) for pod in self._pods(node, namespace))
            case "volumeattachments":
                attachment = self._object("storage.k8s.io", "volumeattachments", "", name)
                return ((attachment or {}).get("spec") or {}).get("nodeName") == node
            case "resourceslices":
                piece = self._object("resource.k8s.io", "resourceslices", "", name)
                return ((piece or {}).get("spec") or {}).get("nodeName") == node
        names = _NAMED_BY[info.resource]
        return any(name in names(pod) for pod in self._pods(node, namespace))

    def _object(self, group: str, plural: str, namespace: str, name: str) -> Object | None:
        resource = self._server.resources.get(group, plural)
        if resource is None:
            return None
        entry = self._server.cache.of(resource).get(resource.storage_key(namespace, name))
        return None if entry is None else entry.object

    def _pods(self, node: str, namespace: str) -> Iterator[Object]:
        resource = self._server.resources.get("", "pods")
        if resource is None or not namespace:
            return
        mark = b'"nodeName":"%b"' % node.encode()
        for entry in self._server.cache.of(resource).list(f"{resource.storage_prefix}/{namespace}/".encode()):
            # the bytes rule out most pods without decoding them
            if mark in entry.value and (entry.object.get("spec") or {}).get("nodeName") == node:
                yield entry.object


def _lease(node: str, info: RequestInfo) -> Decision:
    if info.verb not in ("get", "create", "update", "patch", "delete"):
        return Decision(False, "can only get, create, update, patch, or delete a node lease")
    if info.namespace != "kube-node-lease":
        return Decision(False, 'can only access leases in the "kube-node-lease" system namespace')
    if info.verb != "create" and info.name != node:
        return Decision(False, "can only access node lease with the same name as the requesting node")
    return _ALLOWED


def _csi_node(node: str, info: RequestInfo) -> Decision:
    if info.verb not in ("get", "create", "update", "patch", "delete"):
        return Decision(False, "can only get, create, update, patch, or delete a CSINode")
    if info.subresource:
        return Decision(False, "cannot authorize CSINode subresources")
    if info.verb != "create" and info.name != node:
        return Decision(False, "can only access CSINode with the same name as the requesting node")
    return _ALLOWED


def _node(node: str, info: RequestInfo) -> Decision:
    match info.subresource, info.verb:
        case ("", "create" | "update" | "patch") | ("status", "update" | "patch"):
            return _ALLOWED  # the NodeRestriction admission looks at the object
        case "", "get" | "list" | "watch":
            if info.name == node:
                return _ALLOWED
            if not info.name:
                return Decision(False, f"node '{node}' cannot read all nodes, only its own Node object")
            return Decision(False, f"node '{node}' cannot read '{info.name}', only its own Node object")
    return _DENIED


def _selects(field_selector: str, field: str, value: str) -> bool:
    terms = field_selector.split(",")
    return f"{field}={value}" in terms or f"{field}=={value}" in terms


_NAMED_BY = {
    "secrets": references.secrets,
    "configmaps": references.config_maps,
    "persistentvolumeclaims": references.claims,
    "serviceaccounts": references.accounts,
    "resourceclaims": references.resource_claims,
}


@cache
def node_rules() -> tuple[Rule, ...]:
    """What every kubelet may: the rules of the ClusterRole ``system:node``."""
    role = next(role for role in data()["clusterroles"] if role["metadata"]["name"] == "system:node")
    return tuple(compile_rule(rule) for rule in role["rules"])
