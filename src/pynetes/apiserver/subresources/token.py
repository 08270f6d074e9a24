"""POST of serviceaccounts/NAME/token: a TokenRequest.

Source: kubernetes ``pkg/registry/core/serviceaccount/storage/token.go``, ``pkg/apis/authentication/validation``.
"""

from pynetes.apiserver import respond
from pynetes.apiserver.admission import CREATE, Attributes
from pynetes.apiserver.context import Context
from pynetes.apiserver.verbs import bodies, writes
from pynetes.apiserver.verbs.options import write_options
from pynetes.http.types import Response
from pynetes.meta import fielderrors, status
from pynetes.meta.decoder import decoder
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339

_GROUP, _KIND = "authentication.k8s.io", "TokenRequest"
_TYPE = "io.k8s.api.authentication.v1.TokenRequest"
_DEFAULT_SECONDS, _LEAST_SECONDS, _MOST_SECONDS = 3600, 600, 1 << 32
# what the projected volumes of older pods ask for: honoured for a year, with a warning in the claims after its time
_EXTENDED_FROM, _EXTENDED_SECONDS = 3607, 365 * 24 * 3600
_BOUND = {"Pod": ("pod", "pods"), "Secret": ("secret", "secrets"), "Node": ("node", "nodes")}


async def create(ctx: Context) -> Response:
    """201 with the request and its token."""
    ctx.media = respond.negotiate(ctx)
    options = write_options(ctx, "CreateOptions")
    request = bodies.read(ctx, bodies.sub_kind(ctx), options.field_validation)
    target = writes.target(ctx)
    meta, spec = request["metadata"], request.setdefault("spec", {})
    asked = Attributes(
        ctx,
        CREATE,
        target.resource,
        target.namespace,
        target.name,
        request,
        subresource="token",
        dry_run=options.dry_run,
    )
    await ctx.server.admission.mutate(asked)
    for field, value, what in (("name", target.name, "name"), ("namespace", target.namespace, "namespace")):
        if meta.get(field) and meta[field] != value:
            detail = f"must match the service account {what} if specified"
            cause = fielderrors.invalid(f"metadata.{field}", meta[field], detail)
            raise status.invalid(_GROUP, _KIND, target.name, [cause])
    entry = target.current()
    if entry is None:
        raise target.not_found()
    account = entry.object
    uid = account["metadata"]["uid"]
    if meta.get("uid") and meta["uid"] != uid:
        why = f"the UID in the token request ({meta['uid']}) does not match the UID of the service account ({uid})"
        raise status.conflict(_GROUP, _KIND, target.name, why)
    tokens = ctx.server.authenticator.tokens
    spec["audiences"] = spec.get("audiences") or list(tokens.audiences)
    seconds = spec.setdefault("expirationSeconds", _DEFAULT_SECONDS)
    _check(seconds)
    await ctx.server.admission.validate(asked)
    bound = _bound_objects(ctx, target.name, spec.get("boundObjectRef"))
    now = ctx.server.clock.now()
    lifetime = _lifetime(tokens.audiences, spec, bound)
    token, _ = await tokens.issue(account, spec["audiences"], *lifetime, bound)
    own = {"name": target.name, "namespace": target.namespace, "uid": uid, "creationTimestamp": rfc3339(now)}
    request["metadata"] = {**meta, **own}
    request["status"] = {"token": token, "expirationTimestamp": rfc3339(now + seconds)}
    return respond.respond(ctx, decoder(_TYPE).canonical(request), 201)


def _check(seconds: int) -> None:
    """Raises: StatusError 422."""
    detail = ""
    if seconds < _LEAST_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
    elif seconds > _MOST_SECONDS:
        detail = "may not specify a duration larger than 2^32 seconds"
    if detail:
        raise status.invalid(_GROUP, _KIND, "", [fielderrors.invalid("spec.expirationSeconds", seconds, detail)])


def _lifetime(own: tuple[str, ...], spec: Object, bound: dict[str, Object]) -> tuple[int, int]:
    """The seconds until the token ends and those until it warns (0: never)."""
    seconds: int = spec["expirationSeconds"]
    if "pod" in bound and seconds == _EXTENDED_FROM and set(spec["audiences"]) <= set(own):
        return _EXTENDED_SECONDS, seconds
    return seconds, 0


def _bound_objects(ctx: Context, account: str, reference: Object | None) -> dict[str, Object]:
    """By claim the objects that the token lives with; a pod brings its node. Raises: StatusError 400, 404, 409."""
    if reference is None:
        return {}
    kind, name = reference.get("kind", ""), reference.get("name", "")
    group, _, version = (reference.get("apiVersion") or "").rpartition("/")
    if group or kind not in _BOUND:
        raise status.bad_request(f"cannot bind token to object of type {group}/{version}, Kind={kind}")
    claim, plural = _BOUND[kind]
    obj = _get(ctx, plural, "" if kind == "Node" else ctx.info.namespace, name)
    if obj is None:
        raise status.not_found("", plural, name)
    bound = {claim: obj}
    if kind == "Pod":
        spec = obj.get("spec") or {}
        if spec.get("serviceAccountName") != account:
            raise status.bad_request(
                f'cannot bind token for serviceaccount "{account}" to pod running with different serviceaccount name.'
            )
        if node_name := spec.get("nodeName"):
            node = _get(ctx, "nodes", "", node_name)
            bound["node"] = node if node is not None else {"metadata": {"name": node_name}}
    uid = reference.get("uid") or ""
    if uid and uid != obj["metadata"]["uid"]:
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. "
            "The object might have been deleted and then recreated"
        )
        raise status.conflict("", kind, name, why)
    return bound


def _get(ctx: Context, plural: str, namespace: str, name: str) -> Object | None:
    resource = ctx.server.resources.get("", plural)
    assert resource is not None
    entry = ctx.server.cache.of(resource).get(resource.storage_key(namespace, name))
    return None if entry is None else entry.object
