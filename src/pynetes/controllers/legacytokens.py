"""Takes away tokens in Secrets that upstream once made unasked, when nobody has used them for a year.

Watches: Secrets of the type ``kubernetes.io/service-account-token``, ServiceAccounts, Pods.
Owns: the label ``kubernetes.io/legacy-token-invalid-since`` of these Secrets.
Guarantees: only Secrets that their account lists, that no pod mounts and that are old enough are marked as invalid;
    one that stays unused for another period is deleted. Nothing happens before the server has noted uses for a period.

Source: pkg/controller/serviceaccount/legacy_serviceaccount_token_cleaner.go.
"""

from collections.abc import Iterable, Mapping, Set

from pynetes.client.kinds import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS
from pynetes.controllers import podstate
from pynetes.controllers.actions import MERGE, Action, Delete, Patch, apply
from pynetes.controllers.serviceaccounttokens import FIELDS, account_key, is_of
from pynetes.controllers.types import Context, Controller
from pynetes.kinds.core.account_secrets import INVALID_SINCE, LAST_USED
from pynetes.kinds.pods import references
from pynetes.meta.objects import Object, key_of, labels_of, name_of, namespace_of, uid_of
from pynetes.meta.times import parse_time, rfc3339

TRACKING = "kube-apiserver-legacy-service-account-token-tracking"
DAY_SECONDS = 86400.0


def plan(
    secrets: Iterable[Object], accounts: Mapping[str, Object], mounted: Set[str], now: float, unused_seconds: float
) -> list[Action]:
    """``accounts`` and ``mounted`` Secrets: by ``namespace/name``."""
    today, last_day = _day(now), _day(now - unused_seconds)
    actions: list[Action] = []
    for secret in secrets:
        labels = labels_of(secret)
        if podstate.is_deleted(secret) or parse_time(secret["metadata"]["creationTimestamp"]) >= now - unused_seconds:
            continue
        used = labels.get(LAST_USED)
        if used is not None and (_start_of(used) is None or used >= last_day):
            continue
        account = accounts.get(account_key(secret))
        if account is None or not is_of(secret, account) or not _lists(account, secret) or key_of(secret) in mounted:
            continue
        since = labels.get(INVALID_SINCE, "")
        if _start_of(since) is None:
            mark = {"metadata": {"uid": uid_of(secret), "labels": {INVALID_SINCE: today}}}
            actions.append(Patch(SECRETS, namespace_of(secret), name_of(secret), mark, patch_type=MERGE))
        elif since < last_day:
            revision = secret["metadata"]["resourceVersion"]
            actions.append(Delete(SECRETS, namespace_of(secret), name_of(secret), revision=revision))
    return actions


def is_tracked(tracking: Object, now: float, unused_seconds: float) -> bool:
    """Whether uses have been noted for a whole period, counted from the day after they began to be."""
    begun = _start_of((tracking.get("data") or {}).get("since", ""))
    return begun is not None and now >= begun + DAY_SECONDS + unused_seconds


def _lists(account: Object, secret: Object) -> bool:
    return any(reference.get("name") == name_of(secret) for reference in account.get("secrets") or ())


def _day(moment: float) -> str:
    return rfc3339(moment)[:10]


def _start_of(day: str) -> float | None:
    """The first moment of a day such as 2026-01-31; None for anything else."""
    try:
        moment = parse_time(f"{day}T00:00:00Z")
    except ValueError:
        return None
    return moment if _day(moment) == day else None


class LegacyTokens:
    """The acting half; its only key is reconciled once a day."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._secrets = context.informers.get(SECRETS, fields=FIELDS)
        self._accounts = context.informers.get(SERVICE_ACCOUNTS)
        self._pods = context.informers.get(PODS)
        context.queue.add("all")

    async def reconcile(self, key: str) -> float | None:
        now, unused = self._context.clock.now(), self._context.settings.legacy_token_unused_seconds
        secrets = self._secrets.list()
        if not secrets:
            return DAY_SECONDS
        tracking = await self._context.client.get(CONFIG_MAPS, TRACKING, "kube-system")
        if not is_tracked(tracking, now, unused):
            return DAY_SECONDS
        accounts = {key: account for key in map(account_key, secrets) if (account := self._accounts.get(key))}
        mounted: set[str] = set()
        for namespace in set(map(namespace_of, secrets)):
            for pod in self._pods.list(namespace):
                mounted.update(f"{namespace}/{name}" for name in references.secrets(pod))
        for action in plan(secrets, accounts, mounted, now, unused):
            await apply(self._context, [action])
        return DAY_SECONDS


CONTROLLER = Controller("legacy-serviceaccount-token-cleaner-controller", LegacyTokens, workers=1)
