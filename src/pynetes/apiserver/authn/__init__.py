"""Who asks: a verified client certificate, a bearer token, or nobody (anonymous).

``Authenticator.authenticate`` is synchronous. A certificate's user is made once per connection; a token's signature is
checked once, the objects that it is bound to every time (a lookup in the cache each).

Source: kubernetes ``pkg/kubeapiserver/authenticator/config.go``, apiserver ``pkg/authentication/request``.
"""

from dataclasses import replace

from pynetes.apiserver.authn.serviceaccount import CREDENTIAL_ID, ServiceAccountTokens
from pynetes.apiserver.authn.types import Believed, TokenRefused
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.users import ANONYMOUS, User
from pynetes.http.types import PeerCertificate, Request
from pynetes.meta import status

__all__ = ["AUTHENTICATED", "Authenticator", "Believed", "TokenRefused"]

AUTHENTICATED = "system:authenticated"
_STATE = "user"
_NOBODY = Believed(ANONYMOUS)


class Authenticator:
    """One server's ways to tell who asks. ``tokens`` also signs what TokenRequests ask for."""

    def __init__(self, server: Parts) -> None:
        self.tokens = ServiceAccountTokens(server)
        self._static = {t.token: t for t in server.settings.static_tokens}
        self._anonymous = server.settings.anonymous_auth

    def authenticate(self, request: Request) -> Believed:
        """Raises: StatusError 401 for credentials that are not good, and for none where that is not allowed."""
        if request.peer is not None:
            known: Believed | None = request.state.get(_STATE)
            if known is None:
                known = request.state[_STATE] = Believed(user_of(request.peer))
            return known
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() == "bearer" and token:
            try:
                return self.bearer_of(token)
            except TokenRefused:
                raise status.unauthorized() from None
        if not self._anonymous:
            raise status.unauthorized()
        return _NOBODY

    def bearer_of(self, token: str, audiences: tuple[str, ...] = ()) -> Believed:
        """Whose token it is, and for which of these audiences (none: the server's).

        Raises: TokenRefused.
        """
        if (static := self._static.get(token)) is not None:
            return Believed(User(static.user, (*static.groups, AUTHENTICATED), static.uid))
        found = self.tokens.authenticate(token, audiences)
        user = found.user
        return replace(found, user=replace(user, groups=(*user.groups, AUTHENTICATED)))


def user_of(peer: PeerCertificate) -> User:
    """A certificate's common name is the user, its organizations are the groups; an extra says which one it was."""
    extra = ((CREDENTIAL_ID, (f"X509SHA256={peer.sha256}",)),) if peer.sha256 else ()
    return User(peer.common_name, (*peer.organizations, AUTHENTICATED), extra=extra)
