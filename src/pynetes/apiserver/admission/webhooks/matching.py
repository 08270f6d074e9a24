"""Which requests a webhook is asked about, and in which version it wants to see them. Pure.

Source: apiserver ``pkg/admission/plugin/webhook/{generic/webhook.go,predicates}``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pynetes.apiserver.admission.webhooks.hooks import Webhook
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object, labels_of
from pynetes.meta.selectors import LabelSelector

Labels = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Request:
    """A write, as webhooks see it: of a resource (``group``, ``plural``) in the path's version, one of ``versions``.

    ``kind`` is what ``obj`` and ``old`` are; ``has_own_kind``: another one than the resource's (a Binding), which has
    one version only. ``namespace`` is, for a namespace itself, its name. ``namespace_labels`` is None where there is no
    namespace.
    """

    operation: str
    kind: GroupVersionKind
    group: str
    plural: str
    version: str
    versions: Sequence[str]
    subresource: str
    namespace: str
    namespace_labels: Labels | None
    obj: Object | None
    old: Object | None
    has_own_kind: bool = False

    @property
    def is_namespace(self) -> bool:
        return self.group == "" and self.plural == "namespaces"


@dataclass(frozen=True, slots=True)
class Invocation:
    """A webhook that is to be asked. ``version``: of the resource; it is shown the object in that."""

    webhook: Webhook
    version: str


def invocation(webhook: Webhook, request: Request) -> Invocation | None:
    """None: the request does not concern the webhook."""
    if request.namespace_labels is not None and not webhook.namespaces.matches(request.namespace_labels):
        return None
    if not _any_object(webhook.objects, request):
        return None
    rules = webhook.spec.get("rules") or ()
    if any(_matches(rule, request, request.version) for rule in rules):
        return Invocation(webhook, request.version)
    if webhook.spec.get("matchPolicy") == "Equivalent":
        for rule in rules:
            for version in request.versions:
                if version != request.version and _matches(rule, request, version):
                    return Invocation(webhook, request.version if request.has_own_kind else version)
    return None


def _any_object(selector: LabelSelector, request: Request) -> bool:
    """By the labels of the object or of the old one."""
    if selector.empty:
        return True
    return any(obj is not None and selector.matches(labels_of(obj)) for obj in (request.obj, request.old))


def _matches(rule: Object, request: Request, version: str) -> bool:
    operations: Sequence[str] = rule.get("operations") or ()
    return (
        _in_scope(rule.get("scope") or "*", request)
        and ("*" in operations or request.operation in operations)
        and _has(rule.get("apiGroups") or (), request.group)
        and _has(rule.get("apiVersions") or (), version)
        and any(_is_resource(text, request) for text in rule.get("resources") or ())
    )


def _has(wanted: Sequence[str], value: str) -> bool:
    return "*" in wanted or value in wanted


def _is_resource(text: str, request: Request) -> bool:
    plural, _, subresource = text.partition("/")
    return plural in ("*", request.plural) and subresource in ("*", request.subresource)


def _in_scope(scope: str, request: Request) -> bool:
    clustered = request.is_namespace or not request.namespace
    return scope == "*" or clustered == (scope == "Cluster")
