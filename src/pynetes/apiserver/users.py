"""Who asks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class User:
    """Who asks. Source: the ``user.Info`` of apiserver ``pkg/authentication/user``."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: tuple[tuple[str, tuple[str, ...]], ...] = ()


ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
