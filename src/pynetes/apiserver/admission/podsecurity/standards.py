"""Which checks a level has in which version, and what they find together.

Source: k8s.io/pod-security-admission ``policy/{registry,checks}.go``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from pynetes.apiserver.admission.podsecurity import baseline, restricted
from pynetes.apiserver.admission.podsecurity.findings import Check, Finding
from pynetes.apiserver.admission.podsecurity.levels import PRIVILEGED, RESTRICTED, Level
from pynetes.meta.objects import Object


@dataclass(frozen=True, slots=True)
class _Standard:
    """``since``: the check from each minor version on; ``instead_of``: the baseline check that it makes idle."""

    name: str
    since: tuple[tuple[int, Check], ...]
    instead_of: str = ""

    def at(self, minor: int) -> Check | None:
        found = None
        for first, check in self.since:
            if first <= minor:
                found = check
        return found


# in the order in which upstream tells of them
_BASELINE = (
    _Standard("appArmorProfile", ((0, baseline.app_armor),)),
    _Standard("capabilities", ((0, baseline.capabilities),)),
    _Standard("hostNamespaces", ((0, baseline.host_namespaces),)),
    _Standard("hostPathVolumes", ((0, baseline.host_path_volumes),)),
    _Standard("hostPorts", ((0, baseline.host_ports),)),
    _Standard("hostProbesAndHostLifecycle", ((34, baseline.probe_hosts),)),
    _Standard("privileged", ((0, baseline.privileged),)),
    _Standard("procMount", ((0, baseline.proc_mount), (35, baseline.unless_in_user_namespace(baseline.proc_mount)))),
    _Standard(
        "seLinuxOptions",
        ((0, baseline.se_linux(baseline.SE_LINUX_TYPES_1_0)), (31, baseline.se_linux(baseline.SE_LINUX_TYPES_1_31))),
    ),
    _Standard("seccompProfile", ((0, baseline.seccomp_annotations), (19, baseline.seccomp))),
    _Standard(
        "sysctls",
        (
            (0, baseline.sysctls(baseline.SYSCTLS_1_0)),
            (27, baseline.sysctls(baseline.SYSCTLS_1_27)),
            (29, baseline.sysctls(baseline.SYSCTLS_1_29)),
            (32, baseline.sysctls(baseline.SYSCTLS_1_32)),
        ),
    ),
    _Standard("windowsHostProcess", ((0, baseline.windows_host_process),)),
)
_RESTRICTED = (
    _Standard(
        "allowPrivilegeEscalation",
        (
            (8, restricted.privilege_escalation),
            (25, restricted.unless_on_windows(restricted.privilege_escalation)),
        ),
    ),
    _Standard(
        "capabilities_restricted",
        ((22, restricted.capabilities), (25, restricted.unless_on_windows(restricted.capabilities))),
        "capabilities",
    ),
    _Standard("procMount_restricted", ((35, baseline.proc_mount),), "procMount"),
    _Standard("restrictedVolumes", ((0, restricted.volumes),), "hostPathVolumes"),
    _Standard(
        "runAsNonRoot",
        (
            (0, restricted.run_as_non_root),
            (35, baseline.unless_in_user_namespace(restricted.run_as_non_root)),
        ),
    ),
    _Standard(
        "runAsUser",
        ((23, restricted.run_as_user), (35, baseline.unless_in_user_namespace(restricted.run_as_user))),
    ),
    _Standard(
        "seccompProfile_restricted",
        ((19, restricted.seccomp), (25, restricted.unless_on_windows(restricted.seccomp))),
        "seccompProfile",
    ),
)
_NEWEST = max(minor for standard in _BASELINE + _RESTRICTED for minor, _ in standard.since)


def checks(level: Level) -> Sequence[Check]:
    if level.name == PRIVILEGED:
        return ()
    return _checks(level.name == RESTRICTED, _NEWEST if level.minor is None else min(level.minor, _NEWEST))


@lru_cache(128)
def _checks(strict: bool, minor: int) -> Sequence[Check]:
    added = [s for s in _RESTRICTED if s.at(minor)] if strict else []
    idle = {standard.instead_of for standard in added}
    found = (standard.at(minor) for standard in (*_BASELINE, *added) if standard.name not in idle)
    return tuple(check for check in found if check is not None)


def violations(level: Level, metadata: Object, spec: Object) -> list[Finding]:
    return [found for check in checks(level) if (found := check(metadata, spec)) is not None]


def details(found: Sequence[Finding]) -> str:
    return ", ".join(f"{finding.reason} ({finding.detail})" for finding in found)


def reasons(found: Sequence[Finding]) -> str:
    return ", ".join(finding.reason for finding in found)
