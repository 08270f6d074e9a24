"""How an object, a list or an error becomes an answer: media type, projection, prettiness, compression, warnings.

Source: apiserver ``pkg/endpoints/handlers/responsewriters/writers.go``.
"""

import json

import orjson

from pynetes.apiserver.context import Context
from pynetes.http.types import Request, Response
from pynetes.meta import encoding, negotiation
from pynetes.meta.encoding import Entry
from pynetes.meta.negotiation import Media
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

GZIP_FROM = 128 * 1024
_BROWSERS = ("curl", "Wget", "Mozilla/5.0")


def negotiate(ctx: Context) -> Media:
    """The form that the answer to this request takes. Raises: StatusError 406."""
    return negotiation.negotiate(ctx.request.headers.get("accept", ""), negotiation.allowed_for(ctx.info.verb))


def respond(ctx: Context, what: Entry | Object, status: int = 200) -> Response:
    """One object, or a ``Status``, in the form that was negotiated."""
    raise NotImplementedError


def status(ctx: Context | Request, body: Object) -> Response:
    """An error's ``Status``, with its own code."""
    raise NotImplementedError
