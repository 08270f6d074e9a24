"""What runc is told about a container: a pure function from what the kubelet asked for to ``config.json``.

Source: OCI runtime specification 1.0.2; the defaults are containerd's (``pkg/oci/spec.go``, ``internal/cri/server``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pynetes.runtime.oci.seccomp import default_profile
from pynetes.runtime.oci.types import Settings
from pynetes.runtime.oci.users import Identity
from pynetes.runtime.types import ContainerConfig, IDRange, Mount, Resources, RuntimeFailure, Security

PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

ALL_CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "DAC_READ_SEARCH", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
    "LINUX_IMMUTABLE", "NET_BIND_SERVICE", "NET_BROADCAST", "NET_ADMIN", "NET_RAW", "IPC_LOCK", "IPC_OWNER",
    "SYS_MODULE", "SYS_RAWIO", "SYS_CHROOT", "SYS_PTRACE", "SYS_PACCT", "SYS_ADMIN", "SYS_BOOT", "SYS_NICE",
    "SYS_RESOURCE", "SYS_TIME", "SYS_TTY_CONFIG", "MKNOD", "LEASE", "AUDIT_WRITE", "AUDIT_CONTROL", "SETFCAP",
    "MAC_OVERRIDE", "MAC_ADMIN", "SYSLOG", "WAKE_ALARM", "BLOCK_SUSPEND", "AUDIT_READ", "PERFMON", "BPF",
    "CHECKPOINT_RESTORE",
)  # fmt: skip
"""By number: the kernel's last one says how many of them there are."""

MASKED_PATHS = (
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/sys/firmware",
    "/sys/devices/virtual/powercap",
)
READONLY_PATHS = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")


@dataclass(frozen=True, slots=True)
class Device:
    """A device node of the host, for a privileged container. ``kind``: ``c`` or ``b``."""

    path: str
    kind: str
    major: int
    minor: int
    mode: int
    uid: int = 0
    gid: int = 0


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sandbox and the host give to a container.

    ``namespaces``: kind to the path of one to join, ``""`` for a new one; kinds that are missing are the host's.
    ``files``: mounts for ``/etc/hostname``, ``/etc/resolv.conf``, ``/dev/shm``: a mount of the pod's takes precedence.
    ``available``: the capabilities that we may give; ``oom_score_floor``: the least score that we may set.
    ``users``: the ids of the pod's user namespace, where it has one.
    ``seccomp``: the profile that the node's administrator wrote, where the container names one.
    """

    rootfs: str
    hostname: str
    namespaces: Mapping[str, str]
    cgroup: str
    identity: Identity
    files: tuple[Mount, ...] = ()
    image: Mapping[str, Any] = field(default_factory=dict)
    devices: Sequence[Device] = ()
    available: Collection[str] = ALL_CAPABILITIES
    oom_score_floor: int = -1000
    cgroup_v2: bool = False
    seccomp: Mapping[str, Any] | None = None
    users: IDRange | None = None


def spec(config: ContainerConfig, around: Surroundings, settings: Settings) -> dict[str, Any]:
    """Raises: RuntimeFailure when there is no command."""
    security = config.security
    mounts = _mounts(config, around)
    linux: dict[str, Any] = {
        "namespaces": [{"type": kind, **({"path": path} if path else {})} for kind, path in _namespaces(around)],
        "cgroupsPath": around.cgroup,
        "resources": {
            "devices": [{"allow": security.privileged, "access": "rwm"}],
            **resources(config.resources, around.cgroup_v2),
        },
        "rootfsPropagation": _propagation(config.mounts),
        **id_mappings(around.users),
    }
    if security.privileged:
        linux["devices"] = [_device(d) for d in around.devices]
    else:
        linux["maskedPaths"] = list(MASKED_PATHS if security.masked_paths is None else security.masked_paths)
        linux["readonlyPaths"] = list(READONLY_PATHS if security.readonly_paths is None else security.readonly_paths)
        if security.seccomp == "runtime/default":
            linux["seccomp"] = default_profile(capabilities(security, settings.capabilities, around.available))
        elif around.seccomp is not None:
            linux["seccomp"] = dict(around.seccomp)
    document: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": _process(config, around, settings),
        "root": {"path": around.rootfs, "readonly": security.readonly_rootfs},
        "mounts": mounts,
        "annotations": {k: v for k, v in sorted(config.annotations.items())},
        "linux": linux,
    }
    if "uts" in around.namespaces and not around.namespaces["uts"]:
        document["hostname"] = around.hostname
    return document


def command(config: ContainerConfig, image: Mapping[str, Any]) -> list[str]:
    """The pod's command and args over the image's: a command without args takes none from the image."""
    entrypoint = list(config.command) or list(image.get("Entrypoint") or ())
    arguments = list(config.args)
    if not config.command and not arguments:
        arguments = list(image.get("Cmd") or ())
    return entrypoint + arguments


def environment(config: ContainerConfig, around: Surroundings) -> list[str]:
    """Later ones win, and stand where the first of their name stood."""
    values: dict[str, str] = {}
    for entry in (PATH, f"HOSTNAME={around.hostname}", *(around.image.get("Env") or ())):
        name, _, value = entry.partition("=")
        values[name] = value
    if config.tty:
        values["TERM"] = "xterm"
    values.update(config.envs)
    return [f"{name}={value}" for name, value in values.items()]


def capabilities(security: Security, defaults: Sequence[str], available: Collection[str]) -> list[str]:
    """What is left after adding, then dropping, with ``ALL`` on either side; a name that no kernel knows is nothing."""
    known = [c for c in ALL_CAPABILITIES if c in available]
    if security.privileged:
        return [f"CAP_{c}" for c in known]
    added = {c.upper().removeprefix("CAP_") for c in security.add_capabilities}
    dropped = {c.upper().removeprefix("CAP_") for c in security.drop_capabilities}
    held = set(known) if "ALL" in added else set(defaults)
    if "ALL" in dropped:
        held = set()
    held |= added - {"ALL"}
    held -= dropped
    return [f"CAP_{c}" for c in known if c in held]


def resources(wanted: Resources, cgroup_v2: bool) -> dict[str, Any]:
    """The ``linux.resources`` of what is limited; what is not is left out."""
    out: dict[str, Any] = {}
    cpu: dict[str, Any] = {}
    if wanted.cpu_shares:
        cpu["shares"] = wanted.cpu_shares
    if wanted.cpu_quota:
        cpu |= {"quota": wanted.cpu_quota, "period": wanted.cpu_period}
    if cpu:
        out["cpu"] = cpu
    if wanted.memory_limit:
        # with version 2 a limit on swap equal to that on memory means none of it; version 1 may not account for it
        out["memory"] = {"limit": wanted.memory_limit, **({"swap": wanted.memory_limit} if cgroup_v2 else {})}
    if wanted.pids_limit:
        out["pids"] = {"limit": wanted.pids_limit}
    if wanted.hugepages:
        out["hugepageLimits"] = [{"pageSize": size, "limit": limit} for size, limit in sorted(wanted.hugepages.items())]
    if wanted.unified and cgroup_v2:
        out["unified"] = dict(wanted.unified)
    return out


def _process(config: ContainerConfig, around: Surroundings, settings: Settings) -> dict[str, Any]:
    security = config.security
    arguments = command(config, around.image)
    if not arguments:
        raise RuntimeFailure("failed to create containerd container: no command specified", "CreateContainerError")
    held = capabilities(security, settings.capabilities, around.available)
    process: dict[str, Any] = {
        "terminal": config.tty,
        "user": {
            "uid": around.identity.uid,
            "gid": around.identity.gid,
            "additionalGids": list(around.identity.groups),
        },
        "args": arguments,
        "env": environment(config, around),
        "cwd": config.working_dir or around.image.get("WorkingDir") or "/",
        "capabilities": {"bounding": held, "effective": held, "permitted": held},
        "noNewPrivileges": security.no_new_privileges,
        "oomScoreAdj": max(config.resources.oom_score_adj, around.oom_score_floor),
    }
    if settings.rlimits:
        process["rlimits"] = [{"type": kind, "soft": soft, "hard": hard} for kind, soft, hard in settings.rlimits]
    return process


def id_mappings(users: IDRange | None) -> dict[str, Any]:
    """What stands in ``linux`` for a user namespace: runc wants it also for one that is joined."""
    if users is None:
        return {}
    mapping = {"containerID": 0, "hostID": users.first, "size": users.count}
    return {"uidMappings": [mapping], "gidMappings": [dict(mapping)]}


def _namespaces(around: Surroundings) -> list[tuple[str, str]]:
    order = ("user", "pid", "network", "ipc", "uts", "mount", "cgroup")
    wanted = {**around.namespaces, "mount": ""}
    if around.cgroup_v2:
        wanted["cgroup"] = ""
    return [(kind, wanted[kind]) for kind in order if kind in wanted]


def _mounts(config: ContainerConfig, around: Surroundings) -> list[dict[str, Any]]:
    """The usual ones, the sandbox's files, then the pod's, which take the place of any at the same path."""
    security = config.security
    access = "rw" if security.privileged else "ro"
    usual: list[dict[str, Any]] = [
        _special("/proc", "proc", "proc", "nosuid", "noexec", "nodev"),
        _special("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k"),
        _special(
            "/dev/pts", "devpts", "devpts", "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"
        ),
        _special("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"),
        _special("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", access),
        _special("/sys/fs/cgroup", "cgroup", "cgroup", "nosuid", "noexec", "nodev", "relatime", access),
    ]
    ours = [_bind(m) for m in around.files]
    theirs = [_bind(m) for m in config.mounts]
    taken = {m["destination"] for m in theirs}
    kept = [m for m in usual if m["destination"] not in taken]
    # a mount comes after what it lies in; among equals the order stays, the pod's own first
    binds = theirs + [m for m in ours if m["destination"] not in taken]
    return kept + sorted(binds, key=lambda m: m["destination"].count("/") if m["destination"] != "/" else 0)


def _special(destination: str, kind: str, source: str, *options: str) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": list(options)}


def _bind(mount: Mount) -> dict[str, Any]:
    propagation = {"private": "rprivate", "rslave": "rslave", "rshared": "rshared"}[mount.propagation]
    path = "/" + mount.container_path.strip("/")
    access = "rro" if mount.recursive_readonly else "ro" if mount.readonly else "rw"
    options = ["rbind", propagation, access]
    return {"destination": path, "type": "bind", "source": mount.host_path, "options": options}


def _propagation(mounts: Sequence[Mount]) -> str:
    kinds = {m.propagation for m in mounts}
    return "rshared" if "rshared" in kinds else "rslave" if "rslave" in kinds else "rprivate"


def _device(device: Device) -> dict[str, Any]:
    return {
        "path": device.path,
        "type": device.kind,
        "major": device.major,
        "minor": device.minor,
        "fileMode": device.mode,
        "uid": device.uid,
        "gid": device.gid,
    }
