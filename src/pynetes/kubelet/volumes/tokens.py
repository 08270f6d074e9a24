"""Service account tokens for pods: asked for through TokenRequest, kept, renewed at 80 % of their life or after a day.

Source: kubernetes ``pkg/kubelet/token/token_manager.go``.
"""

from dataclasses import dataclass

from pynetes.aio.clock import Clock
from pynetes.client.client import Client
from pynetes.client.kinds import SERVICE_ACCOUNTS
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_time

MAX_AGE_SECONDS = 24 * 3600.0
RENEW_AT = 0.8


@dataclass(slots=True)
class _Token:
    text: str
    made: float
    expires: float

    def is_due(self, now: float) -> bool:
        return now - self.made > min(RENEW_AT * (self.expires - self.made), MAX_AGE_SECONDS)


class TokenManager:
    """One token a (pod, audience, lifetime)."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock
        self._tokens: dict[tuple[str, str, int], _Token] = {}

    async def token(self, pod: Object, audience: str, seconds: int) -> str:
        """Raises: StatusError, only when there is no token that still holds."""
        meta = pod["metadata"]
        key = (meta["uid"], audience, seconds)
        held = self._tokens.get(key)
        now = self._clock.now()
        if held is not None and not held.is_due(now):
            return held.text
        try:
            held = self._tokens[key] = await self._ask(pod, audience, seconds, now)
        except (StatusError, OSError):
            if held is None or held.expires <= now:
                raise
        return held.text

    def forget(self, uid: str) -> None:
        for key in [k for k in self._tokens if k[0] == uid]:
            del self._tokens[key]

    async def _ask(self, pod: Object, audience: str, seconds: int, now: float) -> _Token:
        meta = pod["metadata"]
        account = pod["spec"].get("serviceAccountName") or "default"
        request: Object = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {},
            "spec": {
                "audiences": [audience] if audience else [],
                "expirationSeconds": seconds,
                "boundObjectRef": {"apiVersion": "v1", "kind": "Pod", "name": meta["name"], "uid": meta["uid"]},
            },
        }
        answer = await self._client.create(
            SERVICE_ACCOUNTS, request, meta["namespace"], subresource="token", name=account
        )
        status = answer["status"]
        return _Token(status["token"], now, parse_time(status["expirationTimestamp"]))
