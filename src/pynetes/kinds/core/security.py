"""What is wrong with the security contexts of pods and containers.

Source: kubernetes ``pkg/apis/core/validation/validation.go``.
"""

import re
from collections.abc import Iterator

from pynetes.kinds.core.field_paths import descending
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required, too_long
from pynetes.meta.names import dns1123_subdomain, size, user_id
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_PROFILES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL_TEXT = r"^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$"
_sysctl = re.compile(_SYSCTL_TEXT[1:-1]).fullmatch
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "kernel.sem", "fs.mqueue.")
_NOT_ON_WINDOWS = "cannot be set for a windows pod"
_WINDOWS_POD = (
    ("securityContext", "appArmorProfile"),
    ("securityContext", "seLinuxOptions"),
    ("", "hostUsers"),
    ("", "hostPID"),
    ("", "hostIPC"),
    ("securityContext", "seccompProfile"),
    ("securityContext", "fsGroup"),
    ("securityContext", "fsGroupChangePolicy"),
    ("securityContext", "sysctls"),
    ("", "shareProcessNamespace"),
    ("securityContext", "runAsUser"),
    ("securityContext", "runAsGroup"),
    ("securityContext", "supplementalGroups"),
    ("securityContext", "supplementalGroupsPolicy"),
    ("securityContext", "seLinuxChangePolicy"),
)
_WINDOWS_CONTAINER = (
    "appArmorProfile",
    "seLinuxOptions",
    "seccompProfile",
    "capabilities",
    "readOnlyRootFilesystem",
    "privileged",
    "allowPrivilegeEscalation",
    "procMount",
    "runAsUser",
    "runAsGroup",
)


def all_containers(path: Path, spec: Object) -> Iterator[tuple[Path, Object]]:
    """Every container of a pod spec, with its path."""
    for where in ("initContainers", "containers", "ephemeralContainers"):
        for i, container in enumerate(spec.get(where) or ()):
            yield f"{path}.{where}[{i}]", container


def _ids(path: Path, context: Object, *names: str) -> list[Cause]:
    causes = []
    for name in names:
        if (value := context.get(name)) is not None:
            causes += [invalid(f"{path}.{name}", value, p) for p in user_id(value)]
    return causes


def security_context(path: Path, context: Object, host_users: bool) -> list[Cause]:
    """Of one container."""
    if not context:
        return []
    causes = _ids(path, context, "runAsUser", "runAsGroup")
    mount = context.get("procMount")
    if mount is not None:
        if mount not in ("Default", "Unmasked"):
            causes.append(not_supported(f"{path}.procMount", mount, ("Default", "Unmasked")))
        if host_users and mount == "Unmasked":
            causes.append(invalid(f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"))
    causes += _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    if context.get("allowPrivilegeEscalation") is False:
        causes += _escalation(path, context)
    causes += _windows_options(f"{path}.windowsOptions", context.get("windowsOptions"))
    return causes + app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))


def _escalation(path: Path, context: Object) -> list[Cause]:
    from pynetes.kinds.internal import internal_json

    causes = []
    denied = "cannot set `allowPrivilegeEscalation` to false and"
    if context.get("privileged"):
        causes.append(invalid(path, internal_json("SecurityContext", context), f"{denied} `privileged` to true"))
    for capability in (context.get("capabilities") or {}).get("add") or ():
        if capability == "CAP_SYS_ADMIN":
            shown = internal_json("SecurityContext", context)
            causes.append(invalid(path, shown, f"{denied} `capabilities.Add` CAP_SYS_ADMIN"))
    return causes


def pod_security_context(path: Path, spec: Object) -> list[Cause]:
    """Of a pod; ``path`` is that of the context."""
    context = spec.get("securityContext")
    if not context and not spec.get("shareProcessNamespace"):
        return []
    context = context or {}
    causes = _ids(path, context, "fsGroup", "runAsUser", "runAsGroup")
    for i, group in enumerate(context.get("supplementalGroups") or ()):
        causes += [invalid(f"{path}.supplementalGroups[{i}]", group, p) for p in user_id(group)]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        detail = "ShareProcessNamespace and HostPID cannot both be enabled"
        causes.append(invalid(f"{path}.shareProcessNamespace", True, detail))
    causes += _sysctls(f"{path}.sysctls", context.get("sysctls") or (), spec)
    causes += _choice(f"{path}.fsGroupChangePolicy", context, ("Always", "OnRootMismatch"))
    causes += _seccomp(f"{path}.seccompProfile", context.get("seccompProfile"))
    causes += _windows_options(f"{path}.windowsOptions", context.get("windowsOptions"))
    causes += app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
    causes += _choice(f"{path}.supplementalGroupsPolicy", context, ("Merge", "Strict"))
    # MountOption is behind the gate SELinuxMount
    return causes + _choice(f"{path}.seLinuxChangePolicy", context, ("Recursive",))


def _choice(path: Path, context: Object, supported: tuple[str, ...]) -> list[Cause]:
    value = context.get(path.rpartition(".")[2])
    return [] if value is None or value in supported else [not_supported(path, value, supported)]


def _sysctls(path: Path, sysctls: object, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    names = set()
    assert isinstance(sysctls, (list, tuple))
    for i, sysctl in enumerate(sysctls):
        at, name = f"{path}[{i}].name", sysctl.get("name") or ""
        if not name:
            causes.append(required(at))
        elif size(name) > 253 or not _sysctl(name):
            causes.append(invalid(at, name, f"must have at most 253 characters and match regex {_SYSCTL_TEXT}"))
        elif name in names:
            causes.append(duplicate(at, name))
        names.add(name)
        dotted = name.replace("/", ".") if "/" in name.partition(".")[0] else name
        if spec.get("hostNetwork") and dotted.startswith("net."):
            causes.append(invalid(at, name, "may not be specified when 'hostNetwork' is true"))
        elif spec.get("hostIPC") and dotted.startswith(_IPC_SYSCTLS):
            causes.append(invalid(at, name, "may not be specified when 'hostIPC' is true"))
    return causes


def _seccomp(path: Path, profile: Object | None) -> list[Cause]:
    if profile is None:
        return []
    kind, name = profile.get("type") or "", profile.get("localhostProfile")
    causes: list[Cause] = []
    if not kind:
        causes.append(required(f"{path}.type", "type is required when seccompProfile is set"))
    elif kind not in _PROFILES:
        causes.append(not_supported(f"{path}.type", kind, _PROFILES))
    if kind == "Localhost":
        if name is None:
            causes.append(required(f"{path}.localhostProfile", "must be set when seccomp type is Localhost"))
        else:
            causes += descending(f"{path}.localhostProfile", name)
    elif name is not None:
        shown = {"Type": kind, "LocalhostProfile": name}
        causes.append(invalid(f"{path}.localhostProfile", shown, "can only be set when seccomp type is Localhost"))
    return causes


def app_armor(path: Path, profile: Object | None) -> list[Cause]:
    if profile is None:
        return []
    kind, name = profile.get("type") or "", profile.get("localhostProfile")
    at = f"{path}.localhostProfile"
    if kind == "Localhost":
        if not name:
            return [required(at, "must be set when AppArmor type is Localhost")]
        causes = []
        if name != name.strip():
            causes.append(invalid(at, name, "must not be padded with whitespace"))
        if size(name) > 4095:
            causes.append(too_long(at, 4095))
        return causes
    if not kind:
        return [required(f"{path}.type", "type is required when appArmorProfile is set")]
    if kind not in _PROFILES:
        return [not_supported(f"{path}.type", kind, _PROFILES)]
    return [] if name is None else [invalid(at, name, "can only be set when AppArmor type is Localhost")]


_DOMAIN = re.compile(
    r"[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)*"
)
_NET_BIOS = re.compile(r'[^\\/:*?"<>|.][^\\/:*?"<>|]{0,14}')
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_USER_CHARACTERS = re.compile(r'["/\\:;|=,+*?<>@\[\]]')
_DOTS = re.compile(r"[. ]+")


def _windows_options(path: Path, options: Object | None) -> list[Cause]:
    if options is None:
        return []
    causes: list[Cause] = []
    if (name := options.get("gmsaCredentialSpecName")) is not None:
        causes += [invalid(f"{path}.gmsaCredentialSpecName", name, p) for p in dns1123_subdomain(name)]
    if (spec := options.get("gmsaCredentialSpec")) is not None:
        if not spec:
            detail = "gmsaCredentialSpec cannot be an empty string"
            causes.append(invalid(f"{path}.gmsaCredentialSpec", spec, detail))
        elif size(spec) > 64 * 1024:
            causes.append(invalid(f"{path}.gmsaCredentialSpec", spec, "gmsaCredentialSpec size must be under 64 KiB"))
    if (user := options.get("runAsUserName")) is not None:
        causes += [invalid(f"{path}.runAsUserName", user, f"runAsUserName{p}") for p in _user_problems(user)]
    return causes


def _user_problems(text: str) -> list[str]:
    if not text:
        return [" cannot be an empty string"]
    if _CONTROL.search(text):
        return [" cannot contain control characters"]
    if text.count("\\") > 1:
        return [" cannot contain more than one backslash"]
    domain, backslash, user = text.rpartition("\\")
    problems = []
    if len(domain) >= 256:
        problems.append("'s Domain length must be under 256 characters")
    if backslash and not _NET_BIOS.fullmatch(domain) and not _DOMAIN.fullmatch(domain):
        problems.append("'s Domain doesn't match the NetBios nor the DNS format")
    if not user:
        problems.append("'s User cannot be empty")
    elif len(user) > 104:
        problems.append("'s User length must not be longer than 104 characters")
    if _DOTS.fullmatch(user):
        problems.append("'s User cannot contain only periods or spaces")
    if _USER_CHARACTERS.search(user):
        problems.append("'s User cannot contain the following characters: \"/\\:;|=,+*?<>@[]")
    return problems


def host_process(path: Path, spec: Object) -> list[Cause]:
    """Windows containers that run as processes of the host: all or none, and only with its network."""
    pod = ((spec.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
    causes: list[Cause] = []
    count = total = 0
    for at, container in all_containers(path, spec):
        total += 1
        own = ((container.get("securityContext") or {}).get("windowsOptions") or {}).get("hostProcess")
        if pod is not None and own is not None and pod != own:
            shown = "true" if pod else "false"
            detail = f"pod hostProcess value must be identical if both are specified, was {shown}"
            causes.append(invalid(f"{at}.securityContext.windowsOptions.hostProcess", own, detail))
        count += bool(own if own is not None else pod)
    if count and count != total:
        detail = "If pod contains any hostProcess containers then all containers must be HostProcess containers"
        causes.append(invalid(path, "", detail))
    if count and not spec.get("hostNetwork"):
        detail = "hostNetwork must be true if pod contains any hostProcess containers"
        causes.append(invalid(f"{path}.hostNetwork", False, detail))
    return causes


def host_users(path: Path, spec: Object) -> list[Cause]:
    """A user namespace of the pod's own goes with no other namespace of the host."""
    if spec.get("hostUsers") is not False:
        return []
    causes = []
    for member, name in (("hostNetwork", "hostNetwork"), ("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(member):
            causes.append(forbidden(f"{path}.{name}", "when `hostUsers` is false"))
    for at, container in all_containers(path, spec):
        if container.get("volumeDevices"):
            causes.append(forbidden(f"{at}.volumeDevices", "when `hostUsers` is false"))
    return causes


def operating_system(path: Path, spec: Object) -> list[Cause]:
    """Against ``spec.os``, and what the other system's pods may not have."""
    value = spec.get("os")
    if value is None:
        return []
    name = value.get("name") or ""
    if not name:
        return [required(f"{path}.os.name")]
    if name not in ("linux", "windows"):
        return [not_supported(f"{path}.os", name, ("linux", "windows"))]
    causes: list[Cause] = []
    context = spec.get("securityContext") or {}
    if name == "linux":
        detail = "windows options cannot be set for a linux pod"
        if context.get("windowsOptions") is not None:
            causes.append(forbidden(f"{path}.securityContext.windowsOptions", detail))
        for at, container in all_containers(path, spec):
            if (container.get("securityContext") or {}).get("windowsOptions") is not None:
                causes.append(forbidden(f"{at}.securityContext.windowsOptions", detail))
        return causes
    for where, member in _WINDOWS_POD:
        found = (context if where else spec).get(member)
        present = bool(found) if member in ("hostPID", "hostIPC", "sysctls") else found is not None
        if present:
            at = f"{path}.{where}.{member}" if where else f"{path}.{member}"
            causes.append(forbidden(at, _NOT_ON_WINDOWS))
    for at, container in all_containers(path, spec):
        own = container.get("securityContext") or {}
        for member in _WINDOWS_CONTAINER:
            if own.get(member) is not None:
                causes.append(forbidden(f"{at}.securityContext.{member}", _NOT_ON_WINDOWS))
    return causes
