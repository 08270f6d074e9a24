"""The record that declares a resource, built-in or custom. It drives discovery, OpenAPI, decoding, tables and storage.

Source: docs/design.md, idea 2.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pynetes.meta.apply.fields import Filter
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

if TYPE_CHECKING:
    from pynetes.meta.structural.compiled import Structural


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the resource's Table. ``priority`` 0 is shown always, 1 and more in ``-o wide``.

    ``path``: for custom resources, the JSONPath of what it shows.
    """

    name: str
    type: str
    format: str = ""
    priority: int = 0
    description: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class ScalePaths:
    """Where a custom resource keeps what its Scale shows: simple paths (``.spec.replicas``)."""

    replicas: str
    status_replicas: str
    selector: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a resource. ``type_name`` is its type in the schema data (``io.k8s.api.core.v1.Pod``).

    Custom resources have no type but a ``structural`` schema. ``deprecated``: the warning to whoever uses it.
    """

    name: str
    type_name: str
    served: bool = True
    feature_gate: str = ""
    columns: tuple[Column, ...] = ()
    selectable_fields: tuple[str, ...] = ("metadata.name", "metadata.namespace")
    structural: "Structural | None" = None
    scale: ScalePaths | None = None
    deprecated: str = ""


@dataclass(frozen=True, slots=True)
class Subresource:
    """A path below an object: its own kind, and the verbs that it answers to.

    ``columns`` and ``table_row`` are set where its Table is not that of the resource.
    """

    name: str
    kind: GroupVersionKind
    verbs: tuple[str, ...]
    type_name: str = ""
    has_table: bool = False
    columns: tuple[Column, ...] = ()
    table_row: Callable[[Object, float], list[Any]] | None = None


@dataclass(frozen=True, slots=True)
class WriteContext:
    """What a hook may know besides the objects. ``subresource`` is ``""`` for the main resource, or ``status`` ...

    ``warnings`` takes what the client hears although the object may turn out to be invalid; ``namespace_labels()`` are
    those of the object's namespace.
    """

    now: float = 0.0
    user: str = ""
    subresource: str = ""
    dry_run: bool = False
    warnings: list[str] = field(default_factory=list)
    namespace_labels: Callable[[], Mapping[str, str]] = dict


@dataclass(frozen=True, slots=True)
class Hooks:
    """A kind's own rules: pure functions, all optional. Objects are in the storage version.

    default(obj): fills what is absent, in place; also run on what is read from a client's update and patch.
    prepare_create(obj, context): before validation of a create, in place (drop status, set generation ...).
    prepare_update(obj, old, context): likewise; keeps what this path may not change, in place.
    validate(obj, context): the causes against a create.
    validate_update(obj, old, context): the causes against an update, those of ``validate`` included.
    warnings(obj, old): texts for ``Warning`` headers; ``old`` is None on create.
    table_row(obj, now): the cells, one a column of the version.
    row_conditions(obj): the conditions of that row, which say whether the object is done with.
    fields(obj): values of the selectable fields besides metadata.name and metadata.namespace.
    zero(obj): completes Go's zero value, in place, where upstream's internal type makes another one than the version's.
    hidden_annotations: those that only the whole object shows, for upstream's internal type has fields for them.
    """

    default: Callable[[Object], None] | None = None
    prepare_create: Callable[[Object, WriteContext], None] | None = None
    prepare_update: Callable[[Object, Object, WriteContext], None] | None = None
    validate: Callable[[Object, WriteContext], Sequence[Cause]] | None = None
    validate_update: Callable[[Object, Object, WriteContext], Sequence[Cause]] | None = None
    warnings: Callable[[Object, Object | None], Sequence[str]] | None = None
    table_row: Callable[[Object, float], list[Any]] | None = None
    row_conditions: Callable[[Object], Sequence[Object]] | None = None
    fields: Callable[[Object], Mapping[str, str]] | None = None
    zero: Callable[[Object], None] | None = None
    hidden_annotations: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class Resource:
    """A kind that the API serves. ``storage_prefix`` is upstream's (``/registry/pods``); None: never stored.

    ``grace_period(obj, requested)`` is set where deletion is graceful (pods): the seconds to leave, 0 for now.
    ``load_hooks`` gives what ``hooks`` is, when that is first asked for.
    ``convert(obj, api_version)``: the object in that apiVersion (``autoscaling/v1``); itself when it already is.
    ``reads``: ``convert`` also has something to do for an object that is in the wanted version (defaults, pruning).
    ``custom``: from a CustomResourceDefinition. ``no_creates`` says why nothing may be created (any more).
    ``storage_group`` is set where a resource shares the storage of another group's (events.k8s.io: core).
    ``reset_fields``: by subresource (``""``: the resource itself), what writes there do not decide on.
    """

    group: str
    plural: str
    kind: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    versions: tuple[Version, ...]
    storage_version: str
    storage_prefix: str | None
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    load_hooks: Callable[[], Hooks] = Hooks
    convert: Callable[[Object, str], Object] | None = None
    grace_period: Callable[[Object, int | None], int] | None = None
    name_is: str = "dns1123-subdomain"
    storage_group: str | None = None
    reset_fields: Mapping[str, Filter] = field(default_factory=dict)
    reads: bool = False
    custom: bool = False
    no_creates: str = ""
    own_list_kind: str = ""

    @cached_property
    def hooks(self) -> Hooks:
        """The kind's own rules, imported when first asked for."""
        return self.load_hooks()

    @property
    def storage_api_version(self) -> str:
        """The apiVersion of the stored objects, as hooks see them."""
        group = self.group if self.storage_group is None else self.storage_group
        return f"{group}/{self.storage_version}" if group else self.storage_version

    @property
    def list_kind(self) -> str:
        return self.own_list_kind or self.kind + "List"

    @property
    def group_resource(self) -> str:
        """``deployments.apps``, or ``pods`` for the core group: as error texts name it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def version(self, name: str) -> Version | None:
        return next((v for v in self.versions if v.name == name), None)

    def gvk(self, version: str) -> GroupVersionKind:
        return GroupVersionKind(self.group, version, self.kind)

    def storage_key(self, namespace: str, name: str) -> bytes:
        """The key of one object in the store. Raises: ValueError for a resource that is never stored."""
        if self.storage_prefix is None:
            raise ValueError(f"{self.group_resource} are never stored")
        path = f"{self.storage_prefix}/{namespace}/{name}" if self.namespaced else f"{self.storage_prefix}/{name}"
        return path.encode()
