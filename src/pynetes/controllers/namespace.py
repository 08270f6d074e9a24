"""Empties a namespace that is being deleted, then lets it go.

Watches: Namespaces.
Owns: all that a terminating namespace holds; its finalizer ``kubernetes``; its conditions.
Guarantees: pods go first and get their grace period; the rest is deleted only when no pod is left; the finalizer is
    taken away only when a list of every resource was empty.
Caveats: finalizers of others hold an object, and with it the namespace, for as long as they like: the conditions say
    which, and the namespace is looked at again.

Source: pkg/controller/namespace/deletion/namespaced_resources_deleter.go; KEP-5080 (ordered deletion).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pynetes.client.informer import Change
from pynetes.client.kinds import NAMESPACES, PODS
from pynetes.client.types import Kind
from pynetes.controllers import podstate
from pynetes.controllers.actions import Update, perform
from pynetes.controllers.discovery import Served, group_of, served
from pynetes.controllers.ownership import named
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.pods import lifecycle
from pynetes.meta.objects import Object, name_of
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time, rfc3339

FINALIZER = "kubernetes"
FINALIZERS_ESTIMATE_SECONDS = 15
SETTLE_SECONDS = 5.0
"""How long a namespace rests before its content is deleted, so that what is being created in it has arrived."""

_FINE = {
    "NamespaceDeletionDiscoveryFailure": ("ResourcesDiscovered", "All resources successfully discovered"),
    "NamespaceDeletionGroupVersionParsingFailure": ("ParsedGroupVersions", "All legacy kube types successfully parsed"),
    "NamespaceDeletionContentFailure": (
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
    "NamespaceContentRemaining": ("ContentRemoved", "All content successfully removed"),
    "NamespaceFinalizersRemaining": ("ContentHasNoFinalizers", "All content-preserving finalizers finished"),
}


@dataclass(slots=True)
class Found:
    """What one pass over the content came to."""

    discovery_error: str = ""
    errors: list[str] = field(default_factory=list)
    remaining: dict[Kind, int] = field(default_factory=dict)
    finalizers: Counter[str] = field(default_factory=Counter)
    estimate_seconds: float = 0.0


def plan(namespace: Object, found: Found, pods_only: bool, now: float) -> list[Object]:
    """The namespace's conditions after a pass. ``pods_only``: pods remain, the rest was not touched yet."""
    bad: dict[str, tuple[str, str]] = {}
    if found.discovery_error:
        bad["NamespaceDeletionDiscoveryFailure"] = ("DiscoveryFailed", found.discovery_error)
    if found.errors:
        text = f"Failed to delete all resource types, {len(found.errors)} remaining: {', '.join(sorted(found.errors))}"
        bad["NamespaceDeletionContentFailure"] = ("ContentDeletionFailed", text)
    if found.remaining and not pods_only:
        kinds = sorted(
            f"{kind.plural}.{group_of(kind)} has {count} resource instances" for kind, count in found.remaining.items()
        )
        bad["NamespaceContentRemaining"] = (
            "SomeResourcesRemain",
            f"Some resources are remaining: {', '.join(kinds)}",
        )
    if found.finalizers and not pods_only:
        texts = sorted(f"{name} in {count} resource instances" for name, count in found.finalizers.items())
        text = f"Some content in the namespace has finalizers remaining: {', '.join(texts)}"
        bad["NamespaceFinalizersRemaining"] = ("SomeFinalizersRemain", text)
    return _conditions((namespace.get("status") or {}).get("conditions") or (), bad, now)


def _conditions(present: Sequence[Object], bad: Mapping[str, tuple[str, str]], now: float) -> list[Object]:
    conditions = list(present)
    for type_, fine in _FINE.items():
        reason, message = bad.get(type_, fine)
        status = "True" if type_ in bad else "False"
        wanted = {
            "type": type_,
            "status": status,
            "lastTransitionTime": rfc3339(now),
            "reason": reason,
            "message": message,
        }
        index = next((i for i, c in enumerate(conditions) if c["type"] == type_), None)
        if index is None:
            conditions.append(wanted)
        else:
            old = conditions[index]
            kept = old.get("lastTransitionTime") if old["status"] == status else wanted["lastTransitionTime"]
            conditions[index] = {**wanted, "lastTransitionTime": kept}
    return conditions


def pods_estimate(pods: Sequence[Object], deleted_at: float, now: float) -> float:
    """The longest grace period of the pods that still run; 0 when it is over."""
    graces = [pod["spec"].get("terminationGracePeriodSeconds") or 0 for pod in pods if not lifecycle.is_terminal(pod)]
    estimate: float = max(graces, default=0)
    return 0.0 if now - deleted_at >= estimate else estimate


class Namespaces:
    """The acting half."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._namespaces = context.informers.get(NAMESPACES)
        self._namespaces.add_handler(self._changed)

    async def reconcile(self, key: str) -> float | None:
        client, clock = self._context.client, self._context.clock
        cached = self._namespaces.get(key)
        if cached is None or not podstate.is_deleted(cached):
            return None
        try:
            namespace = await client.get(NAMESPACES, key)
        except StatusError as error:
            if error.code == 404:
                return None
            raise
        if not podstate.is_deleted(namespace) or FINALIZER not in (namespace["spec"].get("finalizers") or ()):
            return None
        if (namespace.get("status") or {}).get("phase") != "Terminating":
            namespace["status"] = {**(namespace.get("status") or {}), "phase": "Terminating"}
            namespace = await client.update(NAMESPACES, namespace, subresource="status")
        found, pods_only = await self._empty(key, parse_time(namespace["metadata"]["deletionTimestamp"]))
        conditions = plan(namespace, found, pods_only, clock.now())
        if conditions != ((namespace.get("status") or {}).get("conditions") or []):
            status = {**(namespace.get("status") or {}), "conditions": conditions}
            update = Update(NAMESPACES, {**named(NAMESPACES, namespace), "status": status}, "status")
            namespace = await perform(self._context, update) or namespace
        if found.errors or found.discovery_error:
            raise ValueError(f"namespace {key}: {'; '.join([*found.errors, found.discovery_error])}")
        if found.remaining:
            return found.estimate_seconds // 2 + 1
        await self._finalize(namespace)
        return None

    async def _empty(self, namespace: str, deleted_at: float) -> tuple[Found, bool]:
        """Delete the content; whether it stopped at the pods."""
        found = Found()
        resources: list[Served] = []
        try:
            resources = await served(self._context.client)
        except (StatusError, OSError) as error:
            found.discovery_error = str(error)
        await self._delete(
            Served(PODS, frozenset({"list", "delete", "deletecollection"})), namespace, deleted_at, found
        )
        if found.remaining:
            return found, True
        for resource in resources:
            kind = resource.kind
            if kind.namespaced and "delete" in resource.verbs and (kind.plural, resource.group) != ("pods", ""):
                await self._delete(resource, namespace, deleted_at, found)
        return found, False

    async def _delete(self, resource: Served, namespace: str, deleted_at: float, found: Found) -> None:
        client, kind = self._context.client, resource.kind
        options = {"propagationPolicy": "Background"}
        try:
            items = (await client.list(kind, namespace))[0] if "list" in resource.verbs else []
            if not items:
                return
            estimate = pods_estimate(items, deleted_at, self._context.clock.now()) if kind == PODS else 0.0
            if "deletecollection" in resource.verbs:
                await client.delete_collection(kind, namespace, options=options)
            else:
                for item in items:
                    await self._delete_one(kind, namespace, name_of(item), options)
            items = (await client.list(kind, namespace))[0]
        except (StatusError, OSError) as error:
            found.errors.append(str(error))
            return
        if not items:
            return
        finalizers = Counter(name for item in items for name in item["metadata"].get("finalizers") or ())
        found.remaining[kind] = len(items)
        found.finalizers += finalizers
        if not estimate and finalizers:
            estimate = FINALIZERS_ESTIMATE_SECONDS
        found.estimate_seconds = max(found.estimate_seconds, estimate)
        if not estimate:
            group, _, version = kind.api_version.rpartition("/")
            gvr = f"{group}/{version}, Resource={kind.plural}"
            found.errors.append(f"unexpected items still remain in namespace: {namespace} for gvr: {gvr}")

    async def _delete_one(self, kind: Kind, namespace: str, name: str, options: Object) -> None:
        try:
            await self._context.client.delete(kind, name, namespace, options=options)
        except StatusError as error:
            if error.code != 404:
                raise

    async def _finalize(self, namespace: Object) -> None:
        finalizers = [name for name in namespace["spec"].get("finalizers") or () if name != FINALIZER]
        final = {**named(NAMESPACES, namespace), "spec": {**namespace["spec"], "finalizers": finalizers}}
        try:
            await self._context.client.update(NAMESPACES, final, subresource="finalize")
        except StatusError as error:
            if error.code != 404:
                raise

    def _changed(self, change: Change) -> None:
        if change.new is not None and podstate.is_deleted(change.new.object):
            self._context.queue.add_after(change.key, SETTLE_SECONDS)


CONTROLLER = Controller("namespace-controller", Namespaces, workers=10)
