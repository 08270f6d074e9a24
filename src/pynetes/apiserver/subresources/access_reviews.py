"""Access reviews: may I, may they, what may I.

Source: kubernetes ``pkg/registry/authorization``, ``pkg/apis/authorization/validation``.
"""

from pynetes.apiserver.context import Context
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.apiserver.subresources.identity_reviews import answer, read
from pynetes.apiserver.users import User
from pynetes.http.types import Response
from pynetes.meta import fielderrors, status
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_GROUP = "authorization.k8s.io"
_ONE = "exactly one of nonResourceAttributes or resourceAttributes must be specified"
_BOTH = "cannot be specified in combination with resourceAttributes"


async def self_access(ctx: Context) -> Response:
    review = read(ctx)
    spec = review.setdefault("spec", {})
    _check(_attribute_causes(spec))
    return _decided(ctx, review, ctx.user, spec)


async def access(ctx: Context) -> Response:
    review = read(ctx)
    spec = review.setdefault("spec", {})
    _check(_subject_causes(spec))
    return _decided(ctx, review, _user(spec), spec)


async def local_access(ctx: Context) -> Response:
    review = read(ctx)
    spec, namespace = review.setdefault("spec", {}), ctx.info.namespace
    said = review["metadata"].get("namespace") or namespace
    if said != namespace:
        raise status.bad_request(f"namespace does not match: {said} != {namespace}")
    review["metadata"]["namespace"] = namespace
    causes = _subject_causes(spec)
    of_resource = spec.get("resourceAttributes")
    if of_resource is not None and (of_resource.get("namespace") or "") != namespace:
        causes.append(
            fielderrors.invalid(
                "spec.resourceAttributes.namespace", of_resource.get("namespace") or "", "must match metadata.namespace"
            )
        )
    if spec.get("nonResourceAttributes") is not None:
        causes.append(
            fielderrors.invalid(
                "spec.nonResourceAttributes",
                _shown(spec["nonResourceAttributes"]),
                "disallowed on this kind of request",
            )
        )
    _check(causes)
    return _decided(ctx, review, _user(spec), spec)


async def self_rules(ctx: Context) -> Response:
    review = read(ctx)
    namespace = (review.get("spec") or {}).get("namespace") or ""
    if not namespace:
        raise status.bad_request("no namespace on request")
    rules, errors = ctx.server.authorizer.rbac.rules_of(ctx.user, namespace)
    resources: list[Object] = []
    others: list[Object] = []
    for rule in rules:
        verbs = list(rule.get("verbs") or ())
        if rule.get("resources"):
            found = {
                "verbs": verbs,
                "apiGroups": list(rule.get("apiGroups") or ()),
                "resources": list(rule["resources"]),
            }
            if rule.get("resourceNames"):
                found["resourceNames"] = list(rule["resourceNames"])
            resources.append(found)
        if rule.get("nonResourceURLs"):
            others.append({"verbs": verbs, "nonResourceURLs": list(rule["nonResourceURLs"])})
    review["spec"] = {}
    review["status"] = {"resourceRules": resources, "nonResourceRules": others, "incomplete": bool(errors)}
    if errors:
        review["status"]["evaluationError"] = ", ".join(errors)
    return answer(ctx, review)


def _decided(ctx: Context, review: Object, user: User, spec: Object) -> Response:
    decision = ctx.server.authorizer.authorize(user, _info(spec))
    review["status"] = {"allowed": decision.allowed}
    if decision.reason:
        review["status"]["reason"] = decision.reason
    return answer(ctx, review)


def _info(spec: Object) -> RequestInfo:
    of_resource = spec.get("resourceAttributes")
    if of_resource is None:
        other = spec["nonResourceAttributes"]
        return RequestInfo(other.get("verb", ""), other.get("path", ""))
    return RequestInfo(
        of_resource.get("verb", ""),
        "",
        is_resource=True,
        group=of_resource.get("group", ""),
        version=of_resource.get("version", ""),
        namespace=of_resource.get("namespace", ""),
        resource=of_resource.get("resource", ""),
        subresource=of_resource.get("subresource", ""),
        name=of_resource.get("name", ""),
        field_selector=_field_selector(of_resource),
    )


def _field_selector(of_resource: Object) -> str:
    selector = of_resource.get("fieldSelector") or {}
    terms = [
        f"{r.get('key', '')}={r['values'][0]}"
        for r in selector.get("requirements") or ()
        if r.get("operator") == "In" and len(r.get("values") or ()) == 1
    ]
    text: str = selector.get("rawSelector") or ",".join(terms)
    return text


def _user(spec: Object) -> User:
    extra = tuple((k, tuple(v or ())) for k, v in (spec.get("extra") or {}).items())
    return User(spec.get("user") or "", tuple(spec.get("groups") or ()), spec.get("uid") or "", extra)


def _subject_causes(spec: Object) -> list[Cause]:
    causes = _attribute_causes(spec)
    if not spec.get("user") and not spec.get("groups"):
        causes.append(fielderrors.invalid("spec.user", "", "at least one of user or group must be specified"))
    return causes


def _attribute_causes(spec: Object) -> list[Cause]:
    of_resource, other = spec.get("resourceAttributes"), spec.get("nonResourceAttributes")
    if of_resource is not None and other is not None:
        return [fielderrors.invalid("spec.nonResourceAttributes", _shown(other), _BOTH)]
    if of_resource is None and other is None:
        return [fielderrors.invalid("spec.resourceAttributes", None, _ONE)]
    return []


def _shown(other: Object) -> Object:
    """As the message prints it: Go's names of the fields."""
    return {"Path": other.get("path", ""), "Verb": other.get("verb", "")}


def _check(causes: list[Cause]) -> None:
    if causes:
        raise status.invalid(_GROUP, "", "", causes)
