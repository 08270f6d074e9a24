"""What goes on the wire, made from stored bytes by splicing: single objects, list items, watch events, tables, YAML.

A stored value is JSON that begins ``{"kind":...,"apiVersion":...,"metadata":{``, without a resourceVersion; where the
revision belongs is therefore known without parsing. Values that something else wrote in another order are encoded anew,
once.
Source: apimachinery ``pkg/apis/meta/v1`` (Table, PartialObjectMetadata, WatchEvent), sigs.k8s.io/yaml for the YAML.
"""

import re
from collections.abc import Callable, Hashable, Iterable, Sequence
from functools import lru_cache
from typing import Any

import orjson

from pynetes.meta.decoder import decoder
from pynetes.meta.objects import Object
from pynetes.meta.resource import Column

_HEAD = re.compile(rb'\{"kind":"[^"\\]*","apiVersion":"[^"\\]*",(?="metadata":\{)')
_METADATA = b'"metadata":{'
_VERSION_FIELD = b'"metadata":{"resourceVersion":'
_NOT_STORED = frozenset(("resourceVersion", "selfLink"))
DECODED_ENTRIES = 4096
EVENT_LINES = 2048


def stored(obj: Object) -> bytes:
    """The bytes that the store keeps: kind, apiVersion and metadata first, without resourceVersion and selfLink."""
    metadata = obj.get("metadata")
    if metadata is None:
        metadata = {}
    elif "resourceVersion" in metadata or "selfLink" in metadata:
        metadata = {key: value for key, value in metadata.items() if key not in _NOT_STORED}
    ordered = {"kind": obj.get("kind", ""), "apiVersion": obj.get("apiVersion", ""), "metadata": metadata}
    for key, value in obj.items():
        if key not in ordered:
            ordered[key] = value
    return orjson.dumps(ordered)


class Entry:
    """One object at one revision. The bytes are what the store holds; everything else is made of them when asked for.

    ``object`` is shared between all callers and read-only; ``fresh()`` is the caller's own.
    """

    __slots__ = ("__weakref__", "_at", "_encodings", "_value", "create_revision", "key", "revision")

    def __init__(self, key: bytes, value: bytes, revision: int, create_revision: int = 0) -> None:
        self.key = key
        self.revision = revision
        self.create_revision = create_revision
        self._value = value
        self._at = 0
        self._encodings: dict[Hashable, Any] | None = None

    def __repr__(self) -> str:
        return f"Entry({self.key!r}, revision={self.revision})"

    @property
    def value(self) -> bytes:
        """The stored bytes, in the order that ``stored`` writes."""
        if not self._at:
            self._find()
        return self._value

    def _find(self) -> None:
        head = _HEAD.match(self._value)
        if head is None:
            self._value = stored(orjson.loads(self._value))
            head = _HEAD.match(self._value)
        if head is None:
            raise ValueError(f"no API object is stored at {self.key!r}")
        self._at = head.end()

    @property
    def object(self) -> Object:
        """Decoded, with its resourceVersion. Shared: read-only."""
        return _decoded(self)

    def fresh(self) -> Object:
        """Decoded anew, with its resourceVersion; the caller owns it."""
        obj: Object = orjson.loads(self._value)
        obj.setdefault("metadata", {})["resourceVersion"] = str(self.revision)
        return obj

    def json(self) -> bytes:
        """The whole object with its resourceVersion."""
        value = self.value
        return value[: self._at] + self._tail(value)

    def list_item(self) -> bytes:
        """The object as an item of its kind's own list: without kind and apiVersion.

        Lists of custom resources hold whole objects: use ``json`` for them.
        """
        return b"{" + self._tail(self.value)

    def _tail(self, value: bytes) -> bytes:
        """From ``"metadata"`` to the end, the revision put in."""
        after = self._at + len(_METADATA)
        comma = b'",' if value[after : after + 1] != b"}" else b'"'
        return b'%b"%d%b%b' % (_VERSION_FIELD, self.revision, comma, value[after:])

    def event(self, type: str) -> bytes:
        """A watch event's line."""
        return _event(self, type)

    def encoding(self, key: Hashable, make: Callable[["Entry"], Any]) -> Any:
        """What ``make`` makes of this entry, made once for each key (metadata-only, another version, YAML ...)."""
        if self._encodings is None:
            self._encodings = {}
        found = self._encodings.get(key)
        if found is None:
            found = self._encodings[key] = make(self)
        return found

    def converted(self, api_version: str, convert: Callable[[Object, str], Object]) -> "Entry":
        """This object in another version of its kind, as an entry of its own with the same key and revision."""

        def make(entry: Entry) -> Entry:
            value = stored(convert(orjson.loads(entry.value), api_version))
            return Entry(entry.key, value, entry.revision, entry.create_revision)

        found: Entry = self.encoding(("version", api_version, convert), make)
        return found


@lru_cache(DECODED_ENTRIES)
def _decoded(entry: Entry) -> Object:
    return entry.fresh()


@lru_cache(EVENT_LINES)
def _event(entry: Entry, type: str) -> bytes:
    return event_line(type, entry.json())


def event_line(type: str, obj: bytes) -> bytes:
    """The line of a watch event around an encoded object."""
    return b'{"type":"%b","object":%b}\n' % (type.encode(), obj)


def bookmark_object(
    kind: str,
    api_version: str,
    type_name: str,
    revision: int,
    *,
    initial_events_end: bool = False,
    zero: Callable[[Object], None] | None = None,
) -> Object:
    """What a BOOKMARK event of a watch of this kind shows: Go's zero value of the type, with a revision.

    ``type_name`` is ``""`` for a kind that is not built in; ``zero`` is ``Hooks.zero``.
    """
    obj = decoder(type_name).canonical({"metadata": {}}) if type_name else {"metadata": {}}
    obj |= {"kind": kind, "apiVersion": api_version}
    if zero is not None:
        zero(obj)
    obj["metadata"]["resourceVersion"] = str(revision)
    if initial_events_end:
        obj["metadata"].setdefault("annotations", {})["k8s.io/initial-events-end"] = "true"
    return obj


def list_body(
    kind: str,
    api_version: str,
    revision: int,
    items: Iterable[bytes],
    continue_: str = "",
    remaining: int | None = None,
    *,
    custom: bool = False,
) -> bytes:
    """A list: ``kind`` is the list's (``PodList``), ``items`` are encoded. Revision 0 is left out.

    Those of custom resources always say ``continue``.
    """
    said = _list_metadata(revision, continue_, remaining)
    metadata = orjson.dumps({"continue": "", **said} if custom else said)
    head = b'{"kind":%b,"apiVersion":%b,"metadata":%b,"items":[' % (
        orjson.dumps(kind),
        orjson.dumps(api_version),
        metadata,
    )
    return b"".join((head, b",".join(items), b"]}"))


def _list_metadata(revision: int, continue_: str, remaining: int | None) -> Object:
    metadata: Object = {}
    if revision:
        metadata["resourceVersion"] = str(revision)
    if continue_:
        metadata["continue"] = continue_
    if remaining is not None:
        metadata["remainingItemCount"] = remaining
    return metadata


NONE_HIDDEN: frozenset[str] = frozenset()


def partial_metadata(entry: Entry, version: str = "v1", hidden: frozenset[str] = NONE_HIDDEN) -> bytes:
    """The entry's PartialObjectMetadata. Made once; ``hidden`` is always the same for a kind."""

    def make(entry: Entry) -> bytes:
        return partial_metadata_of(entry.object, version, hidden)

    found: bytes = entry.encoding(("metadata", version), make)
    return found


def partial_metadata_of(obj: Object, version: str = "v1", hidden: frozenset[str] = NONE_HIDDEN) -> bytes:
    metadata = metadata_apart(obj.get("metadata") or {}, hidden)
    return orjson.dumps({"kind": "PartialObjectMetadata", "apiVersion": f"meta.k8s.io/{version}", "metadata": metadata})


def metadata_apart(metadata: Object, hidden: frozenset[str]) -> Object:
    """The metadata without the annotations that only the whole object shows (``Hooks.hidden_annotations``)."""
    annotations = metadata.get("annotations")
    if not hidden or not annotations or hidden.isdisjoint(annotations):
        return metadata
    kept = {key: value for key, value in annotations.items() if key not in hidden}
    rest = {name: value for name, value in metadata.items() if name != "annotations"}
    return {**rest, "annotations": kept} if kept else rest


def partial_metadata_list(
    revision: int, items: Iterable[bytes], version: str = "v1", continue_: str = "", remaining: int | None = None
) -> bytes:
    """``items`` are encodings made by ``partial_metadata``; upstream writes null where there are none."""
    kind, api_version = "PartialObjectMetadataList", f"meta.k8s.io/{version}"
    body = list_body(kind, api_version, revision, items, continue_, remaining)
    return body.removesuffix(b"[]}") + b"null}" if body.endswith(b'"items":[]}') else body


def column_definitions(columns: Sequence[Column]) -> bytes:
    return orjson.dumps(
        [
            {"name": c.name, "type": c.type, "format": c.format, "description": c.description, "priority": c.priority}
            for c in columns
        ]
    )


def table_row(cells: Sequence[Any], obj: bytes | None, conditions: Sequence[Object] = ()) -> bytes:
    """One row; ``obj`` is the encoded object or metadata, None for ``includeObject=None``."""
    marks = b',"conditions":' + orjson.dumps(list(conditions)) if conditions else b""
    return b'{"cells":%b%b,"object":%b}' % (orjson.dumps(list(cells)), marks, obj if obj is not None else b"null")


def table(
    columns: Sequence[Column] | None,
    rows: Iterable[bytes] | None,
    revision: int = 0,
    *,
    version: str = "v1",
    continue_: str = "",
    remaining: int | None = None,
) -> bytes:
    """A Table of rows made by ``table_row``; ``rows`` None: null.

    Columns None: left null, as in all but the first event of a watch.
    """
    metadata = orjson.dumps(_list_metadata(revision, continue_, remaining))
    definitions = b"null" if columns is None else column_definitions(columns)
    head = b'{"kind":"Table","apiVersion":"meta.k8s.io/%b","metadata":%b,"columnDefinitions":%b,"rows":' % (
        version.encode(),
        metadata,
        definitions,
    )
    body = b"null}" if rows is None else b"[%b]}" % b",".join(rows)
    return head + body


def pretty(body: bytes) -> bytes:
    """JSON indented by two spaces, as ``?pretty=1`` gives it."""
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2)


def yaml(body: bytes) -> bytes:
    """JSON as sigs.k8s.io/yaml writes it: keys sorted, block style."""
    import yaml as pyyaml

    text: str = pyyaml.dump(
        orjson.loads(body),
        Dumper=_dumper(),
        sort_keys=True,
        default_flow_style=False,
        allow_unicode=True,
        width=80,
    )
    return text.encode()


_AMBIGUOUS = re.compile(
    r"""(?x)
    | [yYnN~] | [yY]es | YES | [nN]o | NO | [oO]n | ON | [oO]ff | OFF
    | [tT]rue | TRUE | [fF]alse | FALSE | [nN]ull | NULL
    | [-+]?(0b[01_]+ | 0o?[0-7_]+ | 0x[0-9a-fA-F_]+ | [0-9][0-9_]*)
    | [-+]?(\.[0-9]+ | [0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
    | [-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?
    | [-+]?\.(inf|Inf|INF) | \.(nan|NaN|NAN) | << | =
    | [0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt\ ].*)?
    """
)


@lru_cache(1)
def _dumper() -> Any:
    """PyYAML's dumper, with strings styled as Go's library styles them."""
    import yaml as pyyaml

    base: Any = getattr(pyyaml, "CSafeDumper", pyyaml.SafeDumper)

    class Dumper(base):  # type: ignore[misc]
        def ignore_aliases(self, data: Any) -> bool:
            return True

    def represent_text(dumper: Any, text: str) -> Any:
        style = None
        if "\n" in text:
            style = "|"
        elif _AMBIGUOUS.fullmatch(text):
            style = '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)

    Dumper.add_representer(str, represent_text)
    return Dumper
