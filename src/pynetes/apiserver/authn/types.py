"""What the ways to authenticate have in common."""

from dataclasses import dataclass

from pynetes.apiserver.users import User

USER_PREFIX = "system:serviceaccount:"
ALL_GROUP = "system:serviceaccounts"


class TokenRefused(Exception):
    """The token is not believed; the text is what a TokenReview shows."""


@dataclass(frozen=True, slots=True)
class Believed:
    """Whose credentials these are. ``audiences``: what a token is good for, of what was asked."""

    user: User
    audiences: tuple[str, ...] = ()
    warning: str = ""
    """What the one who shows them is told."""
    audit: tuple[tuple[str, str], ...] = ()
    """Annotations of the request's audit event."""


def groups_of(namespace: str) -> tuple[str, str]:
    """The groups of every account of a namespace, less those of everyone who is known."""
    return ALL_GROUP, f"{ALL_GROUP}:{namespace}"


def split_user(name: str) -> tuple[str, str] | None:
    """Namespace and name of a ServiceAccount's user name; None for any other name."""
    if not name.startswith(USER_PREFIX):
        return None
    namespace, colon, account = name[len(USER_PREFIX) :].partition(":")
    return (namespace, account) if colon and namespace and account and ":" not in account else None
