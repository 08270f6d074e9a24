"""Who a container runs as: numbers from the pod, names from the image's ``/etc/passwd`` and ``/etc/group``.

Source: containerd ``pkg/oci/spec_opts.go`` (WithUser, WithAdditionalGIDs); Kubernetes, "Configure a Security Context".
"""

from collections.abc import Callable
from dataclasses import dataclass

from pynetes.runtime.types import RuntimeFailure, Security

ReadFile = Callable[[str], str]
"""A file of the container's root by its absolute path; empty when there is none."""


@dataclass(frozen=True, slots=True)
class Identity:
    """``groups`` has the primary group first, as the kubelet reports them."""

    uid: int
    gid: int
    groups: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class _User:
    name: str
    uid: int
    gid: int


def identify(security: Security, image_user: str, read: ReadFile) -> Identity:
    """Raises: RuntimeFailure when a name is not in the image's files."""
    users = _users(read("/etc/passwd"))
    wanted, _, wanted_group = image_user.partition(":")
    if security.run_as_user is not None:
        wanted, wanted_group = str(security.run_as_user), ""
    user = _find_user(users, wanted or "0")
    gid = user.gid
    groups = _groups(read("/etc/group"))
    if security.run_as_group is not None:
        gid = security.run_as_group
    elif wanted_group:
        gid = _find_group(groups, wanted_group)
    memberships: list[int] = []
    if security.supplemental_groups_policy != "Strict" and user.name:
        memberships = [number for _, number, members in groups if user.name in members]
    return Identity(user.uid, gid, tuple(sorted({gid, *memberships, *security.supplemental_groups})))


def _find_user(users: list[_User], wanted: str) -> _User:
    for user in users:
        if wanted in (user.name, str(user.uid)):
            return user
    if wanted.isdigit():
        return _User("", int(wanted), 0)
    raise RuntimeFailure(f"unable to find user {wanted}: no matching entries in passwd file", "CreateContainerError")


def _find_group(groups: list[tuple[str, int, list[str]]], wanted: str) -> int:
    if wanted.isdigit():
        return int(wanted)
    for name, number, _ in groups:
        if name == wanted:
            return number
    raise RuntimeFailure(f"unable to find group {wanted}: no matching entries in group file", "CreateContainerError")


def _users(text: str) -> list[_User]:
    rows = (line.split(":") for line in text.splitlines())
    return [_User(r[0], int(r[2]), int(r[3])) for r in rows if len(r) >= 4 and r[2].isdigit() and r[3].isdigit()]


def _groups(text: str) -> list[tuple[str, int, list[str]]]:
    rows = (line.split(":") for line in text.splitlines())
    return [(r[0], int(r[2]), r[3].split(",") if len(r) > 3 else []) for r in rows if len(r) >= 3 and r[2].isdigit()]
