"""SelfSubjectReview and TokenReview: who am I, and whose token is this.

Source: kubernetes ``pkg/registry/authentication/{selfsubjectreview,tokenreview}``.
"""

from pynetes.apiserver import respond
from pynetes.apiserver.authn import TokenRefused
from pynetes.apiserver.context import Context
from pynetes.apiserver.users import User
from pynetes.apiserver.verbs import bodies
from pynetes.apiserver.verbs.options import write_options
from pynetes.http.types import Response
from pynetes.meta import status
from pynetes.meta.decoder import decoder
from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339


async def self_subject(ctx: Context) -> Response:
    """201 with what the server takes the asker for."""
    review = read(ctx)
    review["metadata"] = {"creationTimestamp": rfc3339(ctx.server.clock.now())}
    review["status"] = {"userInfo": user_info(ctx.user)}
    return answer(ctx, review)


async def token(ctx: Context) -> Response:
    """201 with whose token it is, or why it is nobody's."""
    review = read(ctx)
    spec = review.setdefault("spec", {})
    text, audiences = spec.get("token") or "", tuple(spec.get("audiences") or ())
    if not text:
        raise status.bad_request("token is required for TokenReview in authentication")
    try:
        found = ctx.server.authenticator.bearer_of(text, audiences)
    except TokenRefused as refused:
        review["status"] = {"user": {}, "error": str(refused)}
    else:
        ctx.remark(found)
        review["status"] = {"authenticated": True, "user": user_info(found.user)}
        if found.audiences or audiences:
            review["status"]["audiences"] = list(found.audiences)
    return answer(ctx, review)


def user_info(user: User) -> Object:
    """A UserInfo; empty parts are left out."""
    info: Object = {"username": user.name}
    if user.uid:
        info["uid"] = user.uid
    if user.groups:
        info["groups"] = list(user.groups)
    if user.extra:
        info["extra"] = {key: list(values) for key, values in user.extra}
    return info


def read(ctx: Context) -> Object:
    """The review in the body. Raises: StatusError 400, 415, 422."""
    ctx.media = respond.negotiate(ctx)
    options = write_options(ctx, "CreateOptions")
    return bodies.read(ctx, bodies.main_kind(ctx), options.field_validation)


def answer(ctx: Context, review: Object) -> Response:
    review["metadata"].pop("managedFields", None)
    return respond.respond(ctx, decoder(bodies.main_kind(ctx).type_name).canonical(review), 201)
