"""As whom each controller writes: a service account of its own, which may do what its work needs and nothing else.

Reads by informers are the manager's, shared by all; everything else a controller asks for goes by its own account. An
account and its tokens are made at the controller's first request, by the manager, and made anew when they are lost.

Source: kube-controller-manager ``--use-service-account-credentials``, controller-manager
``pkg/clientbuilder/client_builder_dynamic.go``, cmd/kube-controller-manager/app for the names.
Differs: accounts of controllers that never ask for anything are not made.
"""

import asyncio

from pynetes.aio.clock import Clock
from pynetes.client.bearer import Bearer
from pynetes.client.client import Client
from pynetes.client.kinds import SERVICE_ACCOUNTS
from pynetes.client.types import Transport
from pynetes.controllers.types import Controller
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

NAMESPACE = "kube-system"
TOKEN_SECONDS = 3600
RENEWED_AT = 0.8
"""The part of its life after which a token is replaced."""

NAMES = {
    "bootstrap-signer-controller": "bootstrap-signer",
    "certificatesigningrequest-approving-controller": "certificate-controller",
    "certificatesigningrequest-cleaner-controller": "certificate-controller",
    "certificatesigningrequest-signing-controller": "certificate-controller",
    "clusterrole-aggregation-controller": "clusterrole-aggregation-controller",
    "cronjob-controller": "cronjob-controller",
    "daemonset-controller": "daemon-set-controller",
    "deployment-controller": "deployment-controller",
    "device-taint-eviction-controller": "device-taint-eviction-controller",
    "disruption-controller": "disruption-controller",
    "endpoints-controller": "endpoint-controller",
    "endpointslice-controller": "endpointslice-controller",
    "endpointslice-mirroring-controller": "endpointslicemirroring-controller",
    "ephemeral-volume-controller": "ephemeral-volume-controller",
    "garbage-collector-controller": "generic-garbage-collector",
    "horizontal-pod-autoscaler-controller": "horizontal-pod-autoscaler",
    "job-controller": "job-controller",
    "legacy-serviceaccount-token-cleaner-controller": "legacy-service-account-token-cleaner",
    "namespace-controller": "namespace-controller",
    "node-ipam-controller": "node-controller",
    "node-lifecycle-controller": "node-controller",
    "persistentvolume-attach-detach-controller": "attachdetach-controller",
    "persistentvolume-binder-controller": "persistent-volume-binder",
    "persistentvolume-expander-controller": "expand-controller",
    "persistentvolume-protection-controller": "pv-protection-controller",
    "persistentvolumeclaim-protection-controller": "pvc-protection-controller",
    "pod-garbage-collector-controller": "pod-garbage-collector",
    "replicaset-controller": "replicaset-controller",
    "replicationcontroller-controller": "replication-controller",
    "resourceclaim-controller": "resource-claim-controller",
    "resourcequota-controller": "resourcequota-controller",
    "root-ca-certificate-publisher-controller": "root-ca-cert-publisher",
    "selinux-warning-controller": "selinux-warning-controller",
    "service-cidr-controller": "service-cidrs-controller",
    "serviceaccount-controller": "service-account-controller",
    "statefulset-controller": "statefulset-controller",
    "taint-eviction-controller": "node-controller",
    "token-cleaner-controller": "token-cleaner",
    "ttl-after-finished-controller": "ttl-after-finished-controller",
    "ttl-controller": "ttl-controller",
    "validatingadmissionpolicy-status-controller": "validatingadmissionpolicy-status-controller",
    "volumeattributesclass-protection-controller": "volumeattributesclass-protection-controller",
}
"""The accounts of upstream's controllers; the roles ``system:controller:*`` are bound to them."""

MANAGERS_OWN = frozenset({"serviceaccount-token-controller"})
"""Controllers that act as the manager itself: what they do is what makes accounts usable."""


class Accounts:
    """Makes the controllers' clients. ``transport`` has no identity: a token is shown with each request."""

    def __init__(self, manager: Client, transport: Transport, clock: Clock) -> None:
        self._manager = manager
        self._transport = transport
        self._clock = clock
        self._clients: dict[str, Client] = {}

    def client(self, controller: Controller) -> Client:
        """Raises: KeyError for a controller whose account nobody has named."""
        if controller.name in MANAGERS_OWN:
            return self._manager
        name = NAMES[controller.name]
        if name not in self._clients:
            tokens = _AccountTokens(self._manager, name, self._clock)
            self._clients[name] = Client(Bearer(self._transport, tokens), self._clock, self._manager.user_agent)
        return self._clients[name]


class _AccountTokens:
    """The tokens of one account, asked for by the manager; one request at a time."""

    def __init__(self, manager: Client, name: str, clock: Clock) -> None:
        self._manager = manager
        self._name = name
        self._clock = clock
        self._lock = asyncio.Lock()
        self._token = ""
        self._renew_at = 0.0

    async def token(self) -> str:
        async with self._lock:
            if not self._token or self._clock.monotonic() >= self._renew_at:
                self._token = await self._request()
                self._renew_at = self._clock.monotonic() + RENEWED_AT * TOKEN_SECONDS
            return self._token

    def refused(self, token: str) -> bool:
        """Its account was deleted, or the server has other keys now."""
        if token == self._token:
            self._token = ""
        return True

    async def _request(self) -> str:
        try:
            answer = await self._ask()
        except StatusError as error:
            if error.code != 404:
                raise
            await self._make()
            answer = await self._ask()
        token: str = answer["status"]["token"]
        return token

    async def _ask(self) -> Object:
        request = {
            "kind": "TokenRequest",
            "apiVersion": "authentication.k8s.io/v1",
            "spec": {"expirationSeconds": TOKEN_SECONDS},
        }
        return await self._manager.create(SERVICE_ACCOUNTS, request, NAMESPACE, "token", self._name)

    async def _make(self) -> None:
        try:
            account = {"metadata": {"name": self._name, "namespace": NAMESPACE}}
            await self._manager.create(SERVICE_ACCOUNTS, account)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
