"""The plug-ins in their order, and the chain that asks those which a request concerns."""

from collections.abc import Sequence

from pynetes.apiserver.admission import (
    Name,
    Plugin,
    Step,
    certificates,
    escalation,
    limit_ranger,
    namespace_lifecycle,
    node_restriction,
    pod_updates,
    pods,
    resource_quota,
    service_account,
    storage,
)
from pynetes.apiserver.admission.podsecurity import plugin as pod_security
from pynetes.apiserver.admission.webhooks.dispatch import plugins as webhooks
from pynetes.apiserver.context import Attributes, Server


def plugins(server: Server) -> Sequence[Plugin]:
    """All there are, in upstream's order. Those it has and we do not: the admission policies."""
    mutating_webhooks, validating_webhooks = webhooks(server)
    return (
        namespace_lifecycle.PLUGIN,
        limit_ranger.PLUGIN,
        service_account.PLUGIN,
        node_restriction.PLUGIN,
        pods.TAINT_NODES_BY_CONDITION,
        pod_security.plugin(server),
        pods.PRIORITY,
        pods.DEFAULT_TOLERATION_SECONDS,
        storage.DEFAULT_STORAGE_CLASS,
        storage.STORAGE_OBJECT_IN_USE_PROTECTION,
        storage.CLAIM_RESIZE,
        pods.RUNTIME_CLASS,
        certificates.REQUESTER,
        certificates.APPROVAL,
        certificates.SIGNING,
        certificates.SUBJECT_RESTRICTION,
        storage.DEFAULT_INGRESS_CLASS,
        pods.POD_TOPOLOGY_LABELS,
        pod_updates.DECLARED_FEATURES,
        pod_updates.POD_RESIZE,
        escalation.PLUGIN,
        mutating_webhooks,
        validating_webhooks,
        resource_quota.plugin(server),
    )


class Chain:
    """One server's chain, less what its settings turn off.

    Raises: ValueError when the settings turn on or off what there is not.
    """

    def __init__(self, server: Server) -> None:
        known = plugins(server)
        settings = server.settings
        unknown = {*settings.enable_admission, *settings.disable_admission} - {p.name for p in known}
        if unknown:
            raise ValueError(f"unknown admission plug-ins: {', '.join(sorted(unknown))}")
        self._plugins = tuple(p for p in known if p.name not in settings.disable_admission)
        self._plans: dict[tuple[str, Name], tuple[tuple[Step, ...], tuple[Step, ...]]] = {}

    def _plan(self, asked: Attributes) -> tuple[tuple[Step, ...], tuple[Step, ...]]:
        name = (asked.resource.group, asked.resource.plural, asked.subresource)
        key = (asked.operation, name)
        plan = self._plans.get(key)
        if plan is None:
            chosen = [p for p in self._plugins if p.handles(asked.operation, name)]
            plan = self._plans[key] = (
                tuple(p.mutate for p in chosen if p.mutate is not None),
                tuple(p.validate for p in chosen if p.validate is not None),
            )
        return plan

    async def mutate(self, asked: Attributes) -> None:
        """Raises: StatusError, mostly 403."""
        steps = self._plan(asked)[0]
        await _run(steps, asked)
        if asked.reinvocation is not None and asked.reinvocation.is_wanted:
            asked.reinvocation.is_second = True
            await _run(steps, asked)

    async def validate(self, asked: Attributes) -> None:
        """Raises: StatusError, mostly 403."""
        await _run(self._plan(asked)[1], asked)


async def _run(steps: Sequence[Step], asked: Attributes) -> None:
    for step in steps:
        if (waiting := step(asked)) is not None:
            await waiting
