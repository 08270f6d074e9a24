"""The pods that a pod should be spread among when it says nothing of it: those of its services and of its controller.

Source: pkg/scheduler/framework/plugins/helper/spread.go (``DefaultSelector``).
"""

from collections.abc import Mapping

from pynetes.client.informer import Change, Informers
from pynetes.client.kinds import REPLICA_SETS, REPLICATION_CONTROLLERS, SERVICES, STATEFUL_SETS
from pynetes.meta.objects import Object, controller_of, key_of, labels_of, namespace_of


class Siblings:
    """Follows services; looks the controllers of pods up as they are asked for."""

    def __init__(self, informers: Informers) -> None:
        self._services: dict[str, dict[str, Mapping[str, str]]] = {}
        """What services select, by namespace and key."""
        self._owners = {
            ("v1", "ReplicationController"): informers.get(REPLICATION_CONTROLLERS),
            ("apps/v1", "ReplicaSet"): informers.get(REPLICA_SETS),
            ("apps/v1", "StatefulSet"): informers.get(STATEFUL_SETS),
        }
        informers.get(SERVICES).add_handler(self._service_changed)

    def selector(self, pod: Object) -> Object | None:
        """A LabelSelector; None when there are no siblings."""
        labels, namespace = labels_of(pod), namespace_of(pod)
        wanted: dict[str, str] = {}
        for selector in self._services.get(namespace, {}).values():
            if selector.items() <= labels.items():
                wanted.update(selector)
        owned = self._selector_of_owner(pod, namespace)
        expressions = list(owned.get("matchExpressions") or ())
        wanted.update(owned.get("matchLabels") or {})
        if not wanted and not expressions:
            return None
        return {"matchLabels": wanted, "matchExpressions": expressions}

    def _selector_of_owner(self, pod: Object, namespace: str) -> Object:
        reference = controller_of(pod)
        if reference is None:
            return {}
        informer = self._owners.get((reference["apiVersion"], reference["kind"]))
        owner = informer.get(f"{namespace}/{reference['name']}") if informer is not None else None
        if owner is None:
            return {}
        selector: Object = owner["spec"].get("selector") or {}
        return {"matchLabels": selector} if reference["kind"] == "ReplicationController" else selector

    def _service_changed(self, change: Change) -> None:
        service = change.new.object if change.new is not None else None
        selector = (service["spec"].get("selector") or {}) if service is not None else {}
        if service is not None and selector:
            self._services.setdefault(namespace_of(service), {})[key_of(service)] = selector
            return
        namespace = change.key.partition("/")[0]
        held = self._services.get(namespace, {})
        held.pop(change.key, None)
        if not held:
            self._services.pop(namespace, None)
