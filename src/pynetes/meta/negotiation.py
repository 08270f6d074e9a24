"""Which form an answer takes: the Accept header against what an endpoint offers.

Upstream looks twice: its router takes a request only if the plain media type is in the route's list (``application/*``
is not), then the handler weighs the clauses with their parameters. Source: apiserver
``pkg/endpoints/handlers/negotiation/negotiate.go``, go-restful ``route.go``, goautoneg.
Differs: aggregated discovery is not offered in protobuf: a clause that asks for it is passed over.
"""

from dataclasses import dataclass, replace
from functools import lru_cache

from pynetes.meta.status import StatusError, _error, not_acceptable, unsupported_media_type

JSON = "application/json"
YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
TEXT = "text/plain"
OBJECT_TYPES = (JSON, YAML, PROTOBUF)
STREAM_TYPES = (f"{JSON};stream=watch", f"{PROTOBUF};stream=watch")
PATCH_TYPES = (
    "application/json-patch+json",
    "application/merge-patch+json",
    "application/strategic-merge-patch+json",
    "application/apply-patch+yaml",
)
_META_VERSIONS = ("v1", "v1beta1")


@dataclass(frozen=True, slots=True)
class Media:
    """The negotiated form. ``as_``: Table, PartialObjectMetadata, PartialObjectMetadataList, APIGroupDiscoveryList, or
    "" for the object itself; ``group`` and ``version`` are that projection's."""

    type: str = JSON
    as_: str = ""
    group: str = ""
    version: str = ""
    stream: str = ""
    pretty: bool = False
    profile: str = ""

    @property
    def content_type(self) -> str:
        """What the Content-Type header of the answer says."""
        return f"{self.type};stream={self.stream}" if self.stream else self.type


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an endpoint offers. ``types``: as its 406 lists them; ``projections``: (group, version, kind)s.

    ``messages``: the objects themselves have protobuf messages (custom resources have none).
    """

    types: tuple[str, ...] = OBJECT_TYPES
    projections: frozenset[tuple[str, str, str]] = frozenset()
    offered: tuple[str, ...] = OBJECT_TYPES
    stream: bool = False
    messages: bool = True


_TABLES = frozenset(
    ("meta.k8s.io", version, kind)
    for version in _META_VERSIONS
    for kind in ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
)
_NO_MESSAGES = frozenset(("Table", "APIGroupDiscoveryList"))
_OBJECTS = Allowed(OBJECT_TYPES, _TABLES)
_WITHOUT_TABLE = Allowed(OBJECT_TYPES, frozenset(p for p in _TABLES if p[2] != "Table"))
_LISTS = Allowed(OBJECT_TYPES + STREAM_TYPES, _TABLES)
_WATCHES = Allowed(OBJECT_TYPES + STREAM_TYPES, _TABLES, (JSON, PROTOBUF), stream=True)
PLAIN = Allowed()
"""An endpoint that offers no projections: ``/version``, legacy discovery, statuses."""
DISCOVERY = Allowed(
    OBJECT_TYPES,
    frozenset(("apidiscovery.k8s.io", version, "APIGroupDiscoveryList") for version in ("v2", "v2beta1")),
)
"""``/api`` and ``/apis``."""


def allowed_for(verb: str, *, messages: bool = True, has_table: bool = True) -> Allowed:
    """What the endpoints of a resource offer, by the request's verb. ``messages``: as in ``Allowed``.

    Without a table the objects are built in: all others have one.
    """
    if not has_table:
        return _WITHOUT_TABLE
    found = _BY_VERB.get(verb, (_OBJECTS, _CUSTOM_OBJECTS))
    return found[0] if messages else found[1]


_CUSTOM_OBJECTS = replace(_OBJECTS, messages=False)
_BY_VERB = {"list": (_LISTS, replace(_LISTS, messages=False)), "watch": (_WATCHES, replace(_WATCHES, messages=False))}


@dataclass(frozen=True, slots=True)
class _Clause:
    type: str
    subtype: str
    quality: float
    params: tuple[tuple[str, str], ...]


@lru_cache(1024)
def negotiate(accept: str, allowed: Allowed = PLAIN) -> Media:
    """The best form that is offered. Raises: StatusError 406 in upstream's words."""
    if not accept:
        return Media(allowed.offered[0], stream="watch" if allowed.stream else "")
    if not _routed(accept, allowed.types):
        listed = ", ".join(allowed.types)
        raise not_acceptable(f"406: Not Acceptable\n\nAvailable representations: {listed}")
    if (media := _best(accept, allowed)) is not None:
        return media
    # a stream must have a form as an object first, then one as a stream
    streams = allowed.stream and _best(accept, replace(allowed, offered=OBJECT_TYPES)) is not None
    listed = ", ".join(STREAM_TYPES if streams else OBJECT_TYPES)
    error: StatusError = _error(406, "NotAcceptable", f"only the following media types are accepted: {listed}")
    raise error


def _best(accept: str, allowed: Allowed) -> Media | None:
    for clause in _clauses(accept):
        for offered in allowed.offered:
            if _matches(clause, offered):
                media = _media(clause, offered, allowed)
                if media is not None:
                    return media
    return None


def _routed(accept: str, types: tuple[str, ...]) -> bool:
    names = {t.partition(";")[0] for t in types}
    return any(part.partition(";")[0].strip() in names | {"*/*"} for part in accept.split(","))


def _matches(clause: _Clause, offered: str) -> bool:
    kind, _, subtype = offered.partition("/")
    if clause.type == kind and clause.subtype in (subtype, "*"):
        return True
    return clause.type == "*" and clause.subtype == "*"


def _media(clause: _Clause, offered: str, allowed: Allowed) -> Media | None:
    """The clause's parameters on this type; None when the endpoint does not allow them."""
    params = dict(clause.params)
    stream = params.get("stream", "")
    if stream not in ("", "watch") or (stream and not allowed.stream and offered == YAML):
        return None
    if params.get("sv"):
        return None
    wanted = (params.get("g", ""), params.get("v", ""), params.get("as", ""))
    if any(key in params for key in ("as", "g", "v")):
        if wanted not in allowed.projections or (offered == PROTOBUF and wanted[2] in _NO_MESSAGES):
            return None
    else:
        if offered == PROTOBUF and not allowed.messages:
            return None
        wanted = ("", "", "")
    return Media(
        offered,
        as_=wanted[2],
        group=wanted[0],
        version=wanted[1],
        stream="watch" if allowed.stream else "",
        pretty=params.get("pretty") == "1",
        profile=params.get("profile", ""),
    )


def _clauses(accept: str) -> list[_Clause]:
    """In the order in which they are tried: by quality, then the more specific, then as written."""
    clauses = []
    for part in accept.split(","):
        head, *rest = part.strip(" ").split(";")
        kind, slash, subtype = (text.strip(" ") for text in head.partition("/"))
        if not slash and kind == "*":
            subtype = "*"
        if not subtype or "/" in subtype:
            continue
        quality, params = 1.0, []
        for item in rest:
            key, _, value = item.partition("=")
            key = key.strip(" ")
            if not value or "=" in value:
                continue
            if key == "q":
                quality = _quality(value)
            else:
                params.append((key, value.strip(" ")))
        clauses.append(_Clause(kind, subtype, quality, tuple(params)))
    return sorted(clauses, key=lambda c: (-c.quality, c.type == "*", c.subtype == "*"))


def _quality(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def request_media_type(content_type: str) -> str:
    """The media type of a body: JSON when the header is missing. Raises: StatusError 415."""
    if not content_type:
        return JSON
    media = content_type.partition(";")[0].strip().lower()
    if media in (JSON, YAML, PROTOBUF):
        return media
    listed = ", ".join(OBJECT_TYPES)
    error = unsupported_media_type(
        f"the body of the request was in an unknown format - accepted media types include: {listed}"
    )
    del error.status["details"]
    raise error


def patch_media_type(content_type: str) -> str:
    """The media type of a patch, of ``PATCH_TYPES``. Raises: StatusError 415."""
    media = content_type.partition(";")[0].strip()
    if media in PATCH_TYPES:
        return media
    raise unsupported_media_type("415: Unsupported Media Type")
