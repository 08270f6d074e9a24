"""Mounts that are to travel between a container and its node: whether those of the node do travel. Pure.

Source: containerd ``internal/cri/opts/spec_linux_opts.go`` (ensureShared, ensureSharedOrSlave); Linux
``Documentation/filesystems/sharedsubtree.rst``; man 5 proc_pid_mountinfo.
"""

from collections.abc import Iterable, Mapping

WANTED: Mapping[str, tuple[tuple[str, ...], str]] = {
    "rshared": (("shared:",), "shared mount"),
    "rslave": (("shared:", "master:"), "shared or slave mount"),
}
"""By propagation: the marks of which the node's mount has one, and what such a mount is called."""


def complaint(path: str, propagation: str, mountinfo: Iterable[str]) -> str:
    """Why nothing would travel; ``""`` when it does. ``mountinfo``: the lines of the file of that name."""
    if propagation not in WANTED:
        return ""
    marks, word = WANTED[propagation]
    point, fields = "/", []
    for line in mountinfo:
        parts = line.split(" ")
        found = _unescaped(parts[4])
        # of mounts at one place the last one is on top
        if (path == found or path.startswith(found.rstrip("/") + "/")) and len(found) >= len(point):
            point, fields = found, parts[6 : parts.index("-")]
    if any(field.startswith(mark) for field in fields for mark in marks):
        return ""
    return f'path "{path}" is mounted on "{point}" but it is not a {word}'


def _unescaped(text: str) -> str:
    return text.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
