"""Fills Secrets of the type ``kubernetes.io/service-account-token``, and deletes them with their account.

Watches: ServiceAccounts; Secrets of that type.
Owns: the entries ``token``, ``namespace`` and ``ca.crt`` of these Secrets and their account's annotations; the
    references of accounts to Secrets that are gone.
Guarantees: a token is made once and has no end; it goes with its Secret, its Secret goes with its account. No Secret
    is deleted before the API has been asked for the account.
Caveats: without a signing key in the settings Secrets wait.

Source: pkg/controller/serviceaccount/tokens_controller.go.
"""

import base64
from collections.abc import Callable

from pynetes.client.informer import Change
from pynetes.client.kinds import SECRETS, SERVICE_ACCOUNTS
from pynetes.controllers.actions import Action, Delete, Update, apply
from pynetes.controllers.ownership import named
from pynetes.controllers.types import Context, Controller, NotYet
from pynetes.kinds.core.account_secrets import ACCOUNT, ACCOUNT_UID, CLAIM, ISSUER, TYPE
from pynetes.meta.names import path_segment
from pynetes.meta.objects import Object, annotations_of, name_of, namespace_of, uid_of
from pynetes.meta.status import StatusError

FIELDS = f"type={TYPE}"
BY_ACCOUNT = "account"
"""Name of the informer index of these Secrets by their account, as ``namespace/name``."""
Sign = Callable[[Object], str]
"""The token with these claims."""


def plan(secret: Object, account: Object | None, ca_pem: str, sign: Sign) -> list[Action]:
    if account is None:
        return [Delete(SECRETS, namespace_of(secret), name_of(secret), uid=uid_of(secret))]
    data = secret.get("data") or {}
    filled = dict(data)
    if ca_pem:
        filled["ca.crt"] = _encoded(ca_pem)
    if not filled.get("namespace"):
        filled["namespace"] = _encoded(namespace_of(secret))
    if not filled.get("token"):
        filled["token"] = _encoded(sign(claims(secret, account)))
    if filled == data:
        return []
    annotations = annotations_of(secret) | {ACCOUNT: name_of(account), ACCOUNT_UID: uid_of(account)}
    metadata = {**secret["metadata"], "annotations": annotations}
    return [Update(SECRETS, {**named(SECRETS, secret), "metadata": metadata, "data": filled})]


def plan_without(name: str, account: Object) -> list[Action]:
    """What is done to an account when a Secret of this name is gone."""
    references = account.get("secrets") or ()
    kept = [reference for reference in references if reference.get("name") != name]
    if len(kept) == len(references):
        return []
    return [Update(SERVICE_ACCOUNTS, {**named(SERVICE_ACCOUNTS, account), "secrets": kept})]


def claims(secret: Object, account: Object) -> Object:
    return {
        "iss": ISSUER,
        f"{CLAIM}namespace": namespace_of(account),
        f"{CLAIM}secret.name": name_of(secret),
        f"{CLAIM}service-account.name": name_of(account),
        f"{CLAIM}service-account.uid": uid_of(account),
        "sub": f"system:serviceaccount:{namespace_of(account)}:{name_of(account)}",
    }


def is_of(secret: Object, account: Object) -> bool:
    """Whether the Secret means this account, and not another of its name."""
    annotations = annotations_of(secret)
    return annotations.get(ACCOUNT) == name_of(account) and annotations.get(ACCOUNT_UID) in (None, "", uid_of(account))


def account_key(secret: Object) -> str:
    return f"{namespace_of(secret)}/{annotations_of(secret).get(ACCOUNT, '')}"


def _encoded(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


class AccountTokens:
    """The acting half; keys are ``namespace/secret/account``."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sign: Sign | None = None
        self._accounts = context.informers.get(SERVICE_ACCOUNTS)
        self._secrets = context.informers.get(
            SECRETS, fields=FIELDS, indexes={BY_ACCOUNT: lambda secret: [account_key(secret)]}
        )
        self._accounts.add_handler(self._account_changed)
        self._secrets.add_handler(self._secret_changed)

    async def reconcile(self, key: str) -> float | None:
        namespace, name, account_name = key.split("/", 2)
        if path_segment(account_name):
            return None  # no account is called so
        account = self._accounts.get(f"{namespace}/{account_name}")
        secret = self._secrets.get(f"{namespace}/{name}")
        if secret is None:
            if account is not None:
                await apply(self._context, plan_without(name, account))
        elif annotations_of(secret).get(ACCOUNT) == account_name:
            if account is None or not is_of(secret, account):
                account = await self._asked_for(namespace, account_name)
                account = account if account is not None and is_of(secret, account) else None
            await apply(self._context, plan(secret, account, self._context.settings.ca_pem, self._signed))
        return None

    async def _asked_for(self, namespace: str, name: str) -> Object | None:
        try:
            return await self._context.client.get(SERVICE_ACCOUNTS, name, namespace)
        except StatusError as error:
            if error.code != 404:
                raise
            return None

    def _signed(self, said: Object) -> str:
        if self._sign is None:
            key = self._context.settings.service_account_key()
            if not key:
                raise NotYet("there is no key to sign tokens with")
            from pynetes.pki.tokens import TokenSigner

            self._sign = TokenSigner(key, ISSUER).sign
        return self._sign(said)

    def _account_changed(self, change: Change) -> None:
        """Gone, or another of the same name."""
        if change.old is None or (change.new and uid_of(change.new.object) == uid_of(change.old.object)):
            return
        for secret in self._secrets.by_index(BY_ACCOUNT, change.key):
            self._add(secret)

    def _secret_changed(self, change: Change) -> None:
        entry = change.new or change.old
        assert entry is not None
        self._add(entry.object)

    def _add(self, secret: Object) -> None:
        self._context.queue.add(f"{namespace_of(secret)}/{name_of(secret)}/{annotations_of(secret).get(ACCOUNT, '')}")


CONTROLLER = Controller("serviceaccount-token-controller", AccountTokens)
