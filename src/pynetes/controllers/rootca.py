"""Publishes the cluster's root certificate in every namespace, as ConfigMap ``kube-root-ca.crt``.

Watches: Namespaces, ConfigMaps.
Owns: the data of ConfigMaps of that name.
Guarantees: one that is deleted or changed is put right, while its namespace is active.

Source: pkg/controller/certificates/rootcacertpublisher/publisher.go.
"""

from pynetes.client.informer import Change
from pynetes.client.kinds import CONFIG_MAPS, NAMESPACES
from pynetes.controllers.actions import Action, Create, Update, apply, namespace_is_terminating
from pynetes.controllers.ownership import named
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, annotations_of, name_of, namespace_of
from pynetes.meta.status import StatusError

NAME = "kube-root-ca.crt"
DESCRIPTION = "kubernetes.io/description"
TEXT = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)


def plan(namespace: Object, present: Object | None, ca_pem: str) -> list[Action]:
    if (namespace.get("status") or {}).get("phase") == "Terminating" or not ca_pem:
        return []
    data = {"ca.crt": ca_pem}
    if present is None:
        metadata: Object = {"name": NAME, "namespace": name_of(namespace), "annotations": {DESCRIPTION: TEXT}}
        return [Create(CONFIG_MAPS, {"kind": "ConfigMap", "apiVersion": "v1", "metadata": metadata, "data": data})]
    annotations = annotations_of(present)
    if present.get("data") == data and annotations.get(DESCRIPTION) == TEXT:
        return []
    metadata = {**present["metadata"], "annotations": {**annotations, DESCRIPTION: TEXT}}
    return [Update(CONFIG_MAPS, {**named(CONFIG_MAPS, present), "metadata": metadata, "data": data})]


class RootCertificates:
    """The acting half; keys are namespaces."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._namespaces = context.informers.get(NAMESPACES)
        self._maps = context.informers.get(CONFIG_MAPS)
        self._namespaces.add_handler(lambda change: context.queue.add(change.key) if change.new else None)
        self._maps.add_handler(self._map_changed)

    async def reconcile(self, key: str) -> float | None:
        namespace = self._namespaces.get(key)
        if namespace is None:
            return None
        try:
            actions = plan(namespace, self._maps.get(f"{key}/{NAME}"), self._context.settings.ca_pem)
            await apply(self._context, actions)
        except StatusError as error:
            if error.reason != "AlreadyExists" and not namespace_is_terminating(error):
                raise
        return None

    def _map_changed(self, change: Change) -> None:
        """Ours was deleted or changed by someone."""
        if change.type == "added" or not change.key.endswith(f"/{NAME}"):
            return
        entry = change.new or change.old
        if entry is not None:
            self._context.queue.add(namespace_of(entry.object))


CONTROLLER = Controller("root-ca-certificate-publisher-controller", RootCertificates)
