"""Who asks: a verified client certificate, a bearer token, or nobody (anonymous).

``Authenticator.authenticate`` is synchronous. A certificate's user is made once per connection; a token's signature is
checked once, the objects that it is bound to every time (a lookup in the cache each).

Source: kubernetes ``pkg/kubeapiserver/authenticator/config.go``, apiserver ``pkg/authentication/request``.
"""

from pynetes.apiserver.authn.serviceaccount import CREDENTIAL_ID, ServiceAccountTokens, TokenRefused
from pynetes.apiserver.parts import Parts
from pynetes.apiserver.users import ANONYMOUS, User
from pynetes.http.types import PeerCertificate, Request
from pynetes.meta import status

__all__ = ["AUTHENTICATED", "Authenticator", "TokenRefused"]

AUTHENTICATED = "system:authenticated"
_STATE = "user"


class Authenticator:
    """One server's ways to tell who asks. ``tokens`` also signs what TokenRequests ask for."""

    def __init__(self, server: Parts) -> None:
        self.tokens = ServiceAccountTokens(server)
        self._static = {t.token: t for t in server.settings.static_tokens}
        self._anonymous = server.settings.anonymous_auth

    def authenticate(self, request: Request) -> User:
        """Raises: StatusError 401 for credentials that are not good, and for none where that is not allowed."""
        if request.peer is not None:
            user: User | None = request.state.get(_STATE)
            if user is None:
                user = request.state[_STATE] = user_of(request.peer)
            return user
        kind, _, token = request.headers.get("authorization", "").partition(" ")
        token = token.strip()
        if kind.lower() == "bearer" and token:
            try:
                return self.user_of_token(token)[0]
            except TokenRefused:
                raise status.unauthorized() from None
        if not self._anonymous:
            raise status.unauthorized()
        return ANONYMOUS

    def user_of_token(self, token: str, audiences: tuple[str, ...] = ()) -> tuple[User, tuple[str, ...]]:
        """The bearer and the audiences that the token is good for, of those asked (none: the server's).

        Raises: TokenRefused.
        """
        if (static := self._static.get(token)) is not None:
            return User(static.user, (*static.groups, AUTHENTICATED), static.uid), ()
        user, good_for = self.tokens.authenticate(token, audiences)
        return User(user.name, (*user.groups, AUTHENTICATED), user.uid, user.extra), good_for


def user_of(peer: PeerCertificate) -> User:
    """A certificate's common name is the user, its organizations are the groups; an extra says which one it was."""
    extra = ((CREDENTIAL_ID, (f"X509SHA256={peer.sha256}",)),) if peer.sha256 else ()
    return User(peer.common_name, (*peer.organizations, AUTHENTICATED), extra=extra)
