"""Everything below an object that is not the object itself, and the resources that are never stored.

``HANDLERS[(group, resource, subresource)][verb]``; subresource "": a resource without storage (reviews, the old
bindings); group and resource "*": any. The generic ``status`` is not here: update and patch look at the context's
subresource.
"""

from collections.abc import Awaitable, Callable, Mapping

from pynetes.apiserver.context import Context
from pynetes.apiserver.subresources import (
    access_reviews,
    binding,
    component_status,
    connect,
    eviction,
    generic,
    identity_reviews,
    logs,
    scale,
    token,
)
from pynetes.http.types import Answer

Handler = Callable[[Context], Answer | Awaitable[Answer]]

_SCALE: Mapping[str, Handler] = {"get": scale.get, "update": scale.update, "patch": scale.patch}
_CONNECT = {"create": connect.connect, "get": connect.connect}
_PROXY = {verb: connect.proxy for verb in ("create", "get", "update", "patch", "delete", "connect")}

HANDLERS: Mapping[tuple[str, str, str], Mapping[str, Handler]] = {
    ("", "pods", "binding"): {"create": binding.create_binding},
    ("", "bindings", ""): {"create": binding.create_binding},
    ("", "componentstatuses", ""): {"get": component_status.get, "list": component_status.list_all},
    ("", "pods", "eviction"): {"create": eviction.create},
    ("", "pods", "log"): {"get": logs.get},
    ("", "pods", "exec"): _CONNECT,
    ("", "pods", "attach"): _CONNECT,
    ("", "pods", "portforward"): _CONNECT,
    ("", "pods", "proxy"): _PROXY,
    ("", "services", "proxy"): _PROXY,
    ("", "nodes", "proxy"): _PROXY,
    ("", "pods", "ephemeralcontainers"): generic.HANDLERS,
    ("", "pods", "resize"): generic.HANDLERS,
    ("", "namespaces", "finalize"): {"update": generic.update},
    ("certificates.k8s.io", "certificatesigningrequests", "approval"): generic.HANDLERS,
    ("", "serviceaccounts", "token"): {"create": token.create},
    ("*", "*", "scale"): _SCALE,
    ("", "replicationcontrollers", "scale"): _SCALE,
    ("apps", "deployments", "scale"): _SCALE,
    ("apps", "replicasets", "scale"): _SCALE,
    ("apps", "statefulsets", "scale"): _SCALE,
    ("authentication.k8s.io", "selfsubjectreviews", ""): {"create": identity_reviews.self_subject},
    ("authentication.k8s.io", "tokenreviews", ""): {"create": identity_reviews.token},
    ("authorization.k8s.io", "selfsubjectaccessreviews", ""): {"create": access_reviews.self_access},
    ("authorization.k8s.io", "subjectaccessreviews", ""): {"create": access_reviews.access},
    ("authorization.k8s.io", "localsubjectaccessreviews", ""): {"create": access_reviews.local_access},
    ("authorization.k8s.io", "selfsubjectrulesreviews", ""): {"create": access_reviews.self_rules},
}
