"""Makes sure that every namespace has its ServiceAccount ``default``.

Watches: Namespaces, ServiceAccounts.
Owns: ServiceAccounts named ``default``.
Guarantees: one that is deleted comes back, while its namespace is active.

Source: pkg/controller/serviceaccount/serviceaccounts_controller.go.
"""

from pynetes.client.informer import Change
from pynetes.client.kinds import NAMESPACES, SERVICE_ACCOUNTS
from pynetes.controllers.actions import Action, Create, apply, namespace_is_terminating
from pynetes.controllers.types import Context, Controller
from pynetes.meta.objects import Object, name_of, namespace_of
from pynetes.meta.status import StatusError

NAME = "default"


def plan(namespace: Object, present: Object | None) -> list[Action]:
    if (namespace.get("status") or {}).get("phase") == "Terminating" or present is not None:
        return []
    metadata = {"name": NAME, "namespace": name_of(namespace)}
    return [Create(SERVICE_ACCOUNTS, {"kind": "ServiceAccount", "apiVersion": "v1", "metadata": metadata})]


class ServiceAccounts:
    """The acting half; keys are namespaces."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._namespaces = context.informers.get(NAMESPACES)
        self._accounts = context.informers.get(SERVICE_ACCOUNTS)
        self._namespaces.add_handler(self._namespace_changed)
        self._accounts.add_handler(self._account_changed)

    async def reconcile(self, key: str) -> float | None:
        namespace = self._namespaces.get(key)
        if namespace is None:
            return None
        try:
            await apply(self._context, plan(namespace, self._accounts.get(f"{key}/{NAME}")))
        except StatusError as error:
            if error.reason != "AlreadyExists" and not namespace_is_terminating(error):
                raise
        return None

    def _namespace_changed(self, change: Change) -> None:
        if change.new is not None:
            self._context.queue.add(change.key)

    def _account_changed(self, change: Change) -> None:
        if change.new is None and change.old is not None and name_of(change.old.object) == NAME:
            self._context.queue.add(namespace_of(change.old.object))


CONTROLLER = Controller("serviceaccount-controller", ServiceAccounts, "service-account-controller")
