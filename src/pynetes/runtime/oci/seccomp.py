"""System calls that a container may not make: the ``RuntimeDefault`` profile.

What reaches beyond a container (mounting, modules, clocks, keys, other processes' memory, new namespaces) is refused
unless the capability that is meant for it was given.

Differs: upstream's runtimes list what is allowed; this profile lists what is refused, so that a program made for a
newer kernel is not stopped by an old list. What both refuse is the same.
Source: Docker documentation, "Seccomp security profiles", significant calls blocked by the default profile.
"""

from collections.abc import Collection
from typing import Any

EPERM, ENOSYS = 1, 38

_ALWAYS = ("add_key", "create_module", "get_kernel_syms", "io_uring_enter", "io_uring_register", "io_uring_setup",
           "keyctl", "nfsservctl", "query_module", "request_key", "sysfs", "_sysctl", "uselib", "userfaultfd", "ustat",
           "vm86", "vm86old")  # fmt: skip

_BY_CAPABILITY: dict[str, tuple[str, ...]] = {
    "CAP_SYS_ADMIN": ("bpf", "fanotify_init", "fsconfig", "fsmount", "fsopen", "fspick", "lookup_dcookie", "mount",
                      "mount_setattr", "move_mount", "open_tree", "perf_event_open", "pivot_root", "quotactl",
                      "quotactl_fd", "setns", "swapon", "swapoff", "umount", "umount2", "unshare"),
    "CAP_SYS_BOOT": ("reboot", "kexec_load", "kexec_file_load"),
    "CAP_SYS_MODULE": ("delete_module", "init_module", "finit_module"),
    "CAP_SYS_PACCT": ("acct",),
    "CAP_SYS_PTRACE": ("kcmp", "pidfd_getfd"),
    "CAP_SYS_RAWIO": ("iopl", "ioperm"),
    "CAP_SYS_TIME": ("settimeofday", "stime", "clock_settime", "clock_settime64", "clock_adjtime", "clock_adjtime64"),
    "CAP_SYS_NICE": ("get_mempolicy", "mbind", "move_pages", "set_mempolicy", "set_mempolicy_home_node"),
    "CAP_DAC_READ_SEARCH": ("open_by_handle_at",),
    "CAP_SYSLOG": ("syslog",),
}  # fmt: skip
"""The capability that is meant for them lets these through."""

_ALSO = {"CAP_BPF": ("bpf",), "CAP_PERFMON": ("perf_event_open",)}
"""Smaller capabilities that let single ones through."""

_NEW_NAMESPACES = (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000)
"""The flags of clone(2) that make namespaces."""

_AF_VSOCK = 40


def default_profile(capabilities: Collection[str]) -> dict[str, Any]:
    """The ``linux.seccomp`` of a container with these capabilities (with ``CAP_``)."""
    allowed = {name for key in capabilities for name in (*_BY_CAPABILITY.get(key, ()), *_ALSO.get(key, ()))}
    refused = [*_ALWAYS, *(name for names in _BY_CAPABILITY.values() for name in names)]
    rules: list[dict[str, Any]] = [
        {"names": sorted(set(refused) - allowed), "action": "SCMP_ACT_ERRNO", "errnoRet": EPERM},
        {
            "names": ["socket"],
            "action": "SCMP_ACT_ERRNO",
            "errnoRet": EPERM,
            "args": [{"index": 0, "value": _AF_VSOCK, "op": "SCMP_CMP_EQ"}],
        },
    ]
    if "CAP_SYS_ADMIN" not in capabilities:
        rules += [
            {
                "names": ["clone"],
                "action": "SCMP_ACT_ERRNO",
                "errnoRet": EPERM,
                "args": [{"index": 0, "value": flag, "valueTwo": flag, "op": "SCMP_CMP_MASKED_EQ"}],
            }
            for flag in _NEW_NAMESPACES
        ]
        # its flags lie in memory, where a filter cannot look: C libraries fall back to clone
        rules.append({"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": ENOSYS})
    return {
        "defaultAction": "SCMP_ACT_ALLOW",
        "architectures": [
            *("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32", "SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"),
        ],
        "syscalls": rules,
    }
