"""What a namespace's labels ask of its pods: a level and a version of it, to enforce, to audit, to warn of.

Source: k8s.io/pod-security-admission ``api/{constants,helpers}.go``;
https://kubernetes.io/docs/concepts/security/pod-security-admission/.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

from pynetes.meta.fielderrors import invalid
from pynetes.meta.status import Cause

PREFIX = "pod-security.kubernetes.io/"
PRIVILEGED, BASELINE, RESTRICTED = "privileged", "baseline", "restricted"
_STRICTNESS = {PRIVILEGED: 0, BASELINE: 1, RESTRICTED: 2}
_VERSION = re.compile(r"v1\.([0-9]|[1-9][0-9]*)", re.ASCII)
_LARGEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Level:
    """``minor``: of the version 1.x whose rules count; None: the latest."""

    name: str = PRIVILEGED
    minor: int | None = None

    def __str__(self) -> str:
        return f"{self.name}:latest" if self.minor is None else f"{self.name}:v1.{self.minor}"

    @property
    def strictness(self) -> int:
        return _STRICTNESS[self.name]

    def amounts_to(self, other: "Level") -> bool:
        """All versions of ``privileged`` allow everything."""
        return self == other or self.name == other.name == PRIVILEGED


@dataclass(frozen=True, slots=True)
class Policy:
    enforce: Level = Level()
    audit: Level = Level()
    warn: Level = Level()

    @property
    def allows_everything(self) -> bool:
        return self.enforce.name == self.audit.name == self.warn.name == PRIVILEGED

    def amounts_to(self, other: "Policy") -> bool:
        return all(getattr(self, mode).amounts_to(getattr(other, mode)) for mode in ("enforce", "audit", "warn"))


def policy_of(labels: Mapping[str, str], defaults: Policy) -> tuple[Policy, list[Cause]]:
    """The policy, and what is wrong with the labels: then the strictest is enforced, and nothing audited or warned of.

    A namespace that enforces more than it warns of warns of that, too, unless it says otherwise.
    """
    if not any(label.startswith(PREFIX) for label in labels):
        return defaults, []
    causes: list[Cause] = []
    enforce, stated = _level(labels, "enforce", defaults.enforce, RESTRICTED, causes)
    audit, _ = _level(labels, "audit", defaults.audit, PRIVILEGED, causes)
    warn, _ = _level(labels, "warn", defaults.warn, PRIVILEGED, causes)
    if stated and f"{PREFIX}warn" not in labels and enforce.strictness > warn.strictness:
        own_version = f"{PREFIX}warn-version" in labels
        warn = Level(enforce.name, warn.minor if own_version else enforce.minor)
    return Policy(enforce, audit, warn), causes


def _level(
    labels: Mapping[str, str], mode: str, default: Level, when_wrong: str, causes: list[Cause]
) -> tuple[Level, bool]:
    """What the labels of a mode say, and whether they name a level that there is."""
    level, stated = default, False
    if (name := labels.get(PREFIX + mode)) is not None:
        stated = name in _STRICTNESS
        level = replace(level, name=name if stated else when_wrong)
        if not stated:
            causes.append(_wrong(mode, name, f"must be one of {', '.join(_STRICTNESS)}"))
    if (version := labels.get(f"{PREFIX}{mode}-version")) is not None:
        match = _VERSION.fullmatch(version)
        known = match is not None and int(match[1]) <= _LARGEST
        level = replace(level, minor=int(match[1]) if match is not None and known else None)
        if not known and version != "latest":
            causes.append(_wrong(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
    return level, stated


def _wrong(label: str, value: str, why: str) -> Cause:
    return invalid(f"metadata.labels[{PREFIX}{label}]", value, why)
