"""NamespaceLifecycle: nothing is made in a namespace that is not there or is ending; the first namespaces stay.

Source: apiserver ``pkg/admission/plugin/namespace/lifecycle/admission.go``.
"""

from pynetes.apiserver.admission import CREATE, DELETE, UPDATE, Attributes, Plugin
from pynetes.meta import status
from pynetes.meta.encoding import Entry

_IMMORTAL = frozenset({"default", "kube-system", "kube-public"})
_REVIEWS = frozenset({("authorization.k8s.io", "localsubjectaccessreviews")})


async def mutate(asked: Attributes) -> None:
    resource = asked.resource
    if resource.plural == "namespaces" and not resource.group:
        if asked.operation == DELETE and asked.name in _IMMORTAL:
            raise asked.forbidden("this namespace may not be deleted")
        return
    if asked.operation != CREATE or not asked.namespace or (resource.group, resource.plural) in _REVIEWS:
        return
    entry = await namespace_entry(asked)
    if entry is None:
        raise status.not_found("", "namespaces", asked.namespace)
    # the bytes rule out most namespaces without decoding them
    if b'"phase":"Terminating"' not in entry.value and b'"deletionTimestamp"' not in entry.value:
        return
    if not _ending(entry):
        return
    error = asked.forbidden(
        f"unable to create new content in namespace {asked.namespace} because it is being terminated"
    )
    cause = {
        "reason": "NamespaceTerminating",
        "message": f"namespace {asked.namespace} is being terminated",
        "field": "metadata.namespace",
    }
    error.status["details"]["causes"] = [cause]
    raise error


def _ending(entry: Entry) -> bool:
    obj = entry.object
    return (obj.get("status") or {}).get("phase") == "Terminating" or bool(obj["metadata"].get("deletionTimestamp"))


async def namespace_entry(asked: Attributes) -> Entry | None:
    """The request's namespace, from the cache or, when it is not there, from the store: another server may just have
    made it.
    """
    resource = asked.server.resources.get("", "namespaces")
    assert resource is not None
    key = resource.storage_key("", asked.namespace)
    entry = asked.server.cache.of(resource).get(key)
    if entry is None:
        pair = await asked.server.store.get(key)
        entry = None if pair is None else Entry(pair.key, pair.value, pair.mod_revision, pair.create_revision)
    return entry


PLUGIN = Plugin("NamespaceLifecycle", frozenset({CREATE, UPDATE, DELETE}), mutate=mutate)
