"""Objects of built-in types in protobuf, as Go clients send and read them and upstream stores them, from and to JSON.

An object travels in an envelope that names its kind: ``k8s\\0``, then a ``runtime.Unknown``. A watch is a stream of
frames, each its length in four bytes and a bare ``WatchEvent`` that holds the object's envelope.
Source: apimachinery ``pkg/runtime/serializer/protobuf/protobuf.go``, ``pkg/runtime/types_proto.go``.
Differs: a time's zone and a nested message given in parts are not kept as Go keeps them; nobody sends these.
"""

from collections.abc import Iterable
from functools import lru_cache

from pynetes.meta.encoding import EVENT_LINES, NONE_HIDDEN, Entry, metadata_apart
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.protobuf.messages import META, ProtobufError, messages
from pynetes.meta.protobuf.reading import read_envelope, read_message
from pynetes.meta.protobuf.writing import sized, varint, writer
from pynetes.meta.schema import type_name_of

__all__ = [
    "MAGIC",
    "ProtobufError",
    "bookmark",
    "decode",
    "encode",
    "envelope",
    "event",
    "event_of",
    "list_body",
    "message_of",
    "metadata_of",
    "of_entry",
    "type_of",
]

MAGIC = b"k8s\x00"
_AFTER_RAW = b"\x1a\x00\x22\x00"
_META_KINDS = frozenset(
    (
        "APIGroup",
        "APIGroupList",
        "APIResourceList",
        "APIVersions",
        "DeleteOptions",
        "PartialObjectMetadata",
        "PartialObjectMetadataList",
        "Status",
    )
)
_METADATA = f"{META}ObjectMeta"
_LIST_METADATA = f"{META}ListMeta"


@lru_cache(1024)
def type_of(api_version: str, kind: str) -> str | None:
    """The message of a kind; None: it has none, as custom resources and Tables."""
    group, _, version = api_version.rpartition("/")
    name = type_name_of(group, version, kind)
    if name is None and kind in _META_KINDS:
        name = META + kind
    return name if name in messages() else None


def decode(body: bytes, default: GroupVersionKind | None = None) -> Object:
    """The object in an envelope, with its apiVersion and kind: the default's where the envelope does not say.

    Raises: ProtobufError.
    """
    if not body:
        raise ProtobufError("empty data")
    if not body.startswith(MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    if len(body) == len(MAGIC):
        raise ProtobufError("empty body")
    api_version, kind, raw = read_envelope(body, len(MAGIC))
    if default is not None:
        api_version, kind = api_version or default.api_version, kind or default.kind
    try:
        name = type_of(api_version, kind)
        if name is None:
            raise ProtobufError(
                f'no kind "{kind}" is registered for version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
            )
        return {"kind": kind, "apiVersion": api_version, **read_message(name, raw)}
    except ProtobufError as error:
        error.said = api_version, kind
        raise


def encode(obj: Object) -> bytes:
    """The object's envelope. Raises: KeyError for a kind without a message (ask ``type_of`` first)."""
    api_version, kind = obj.get("apiVersion") or "", obj["kind"]
    name = type_of(api_version, kind)
    if name is None:
        raise KeyError(f"{api_version} {kind} has no protobuf message")
    return envelope(api_version, kind, writer(name)(obj))


def envelope(api_version: str, kind: str, message: bytes) -> bytes:
    """``k8s\\0`` and the ``runtime.Unknown`` around a message."""
    return b"".join((_head(api_version, kind), varint(len(message)), message, _AFTER_RAW))


@lru_cache(1024)
def _head(api_version: str, kind: str) -> bytes:
    type_meta = sized(b"\n", api_version.encode()) + sized(b"\x12", kind.encode())
    return MAGIC + sized(b"\n", type_meta) + b"\x12"


def list_body(
    kind: str,
    api_version: str,
    revision: int,
    items: Iterable[bytes],
    continue_: str = "",
    remaining: int | None = None,
) -> bytes:
    """A list of messages; ``kind`` is the list's. Revision 0 is left out."""
    metadata: Object = {"resourceVersion": str(revision) if revision else "", "continue": continue_}
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    head = sized(b"\n", writer(_LIST_METADATA)(metadata))
    message = b"".join((head, *[sized(b"\x12", item) for item in items]))
    return envelope(api_version, kind, message)


def event(type: str, obj: bytes) -> bytes:
    """The frame of a watch event around an envelope."""
    bare = sized(b"\n", type.encode()) + sized(b"\x12", sized(b"\n", obj))
    return len(bare).to_bytes(4, "big") + bare


# -- of entries, each made once


def message_of(entry: Entry) -> bytes:
    """The entry's message, as an item of a list holds it. Raises: KeyError."""

    def make(entry: Entry) -> bytes:
        obj = entry.object
        name = type_of(obj["apiVersion"], obj["kind"])
        if name is None:
            raise KeyError(f"{obj['apiVersion']} {obj['kind']} has no protobuf message")
        return writer(name)(obj)

    found: bytes = entry.encoding("protobuf", make)
    return found


def metadata_of(entry: Entry, hidden: frozenset[str] = NONE_HIDDEN) -> bytes:
    """The message of the entry's PartialObjectMetadata."""

    def make(entry: Entry) -> bytes:
        return sized(b"\n", writer(_METADATA)(metadata_apart(entry.object["metadata"], hidden)))

    found: bytes = entry.encoding("protobuf metadata", make)
    return found


def of_entry(entry: Entry) -> bytes:
    """The entry's envelope."""
    obj = entry.object
    return envelope(obj["apiVersion"], obj["kind"], message_of(entry))


@lru_cache(EVENT_LINES)
def event_of(entry: Entry, type: str) -> bytes:
    """The frame of a watch event of the entry."""
    return event(type, of_entry(entry))
