"""The checks of the level ``baseline``: known privilege escalations.

Source: k8s.io/pod-security-admission ``policy/check_*.go``;
https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline.
"""

from collections.abc import Iterator

from pynetes.apiserver.admission.podsecurity.findings import (
    Check,
    Finding,
    containers,
    names,
    quoted,
    security,
    setters,
    several,
    the,
    use,
)
from pynetes.meta import gotext
from pynetes.meta.objects import Object

_APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
_SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
_SECCOMP = "container.seccomp.security.alpha.kubernetes.io/"
PROFILES = ("RuntimeDefault", "Localhost")
_CAPABILITIES = frozenset(
    (
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    )
)
SE_LINUX_TYPES_1_0 = frozenset(("", "container_t", "container_init_t", "container_kvm_t"))
SE_LINUX_TYPES_1_31 = SE_LINUX_TYPES_1_0 | {"container_engine_t"}
SYSCTLS_1_0 = frozenset(
    (
        "kernel.shm_rmid_forced",
        "net.ipv4.ip_local_port_range",
        "net.ipv4.tcp_syncookies",
        "net.ipv4.ping_group_range",
        "net.ipv4.ip_unprivileged_port_start",
    )
)
SYSCTLS_1_27 = SYSCTLS_1_0 | {"net.ipv4.ip_local_reserved_ports"}
SYSCTLS_1_29 = SYSCTLS_1_27 | {
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_fin_timeout",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
}
SYSCTLS_1_32 = SYSCTLS_1_29 | {"net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"}


def in_user_namespace(spec: Object) -> bool:
    return spec.get("hostUsers") is False


def app_armor(metadata: Object, spec: Object) -> Finding | None:
    def forbidden(owner: Object) -> bool:
        profile = security(owner, "appArmorProfile")
        return profile is not None and profile.get("type", "") not in PROFILES

    bad = [container for container in containers(spec) if forbidden(container)]
    owners = [spec, *bad] if forbidden(spec) else bad
    values = sorted({security(owner, "appArmorProfile").get("type", "") for owner in owners})
    annotations = sorted(
        f"{key}={gotext.quoted(value)}"
        for key, value in (metadata.get("annotations") or {}).items()
        if key.startswith(_APP_ARMOR) and value not in ("", "runtime/default") and not value.startswith("localhost/")
    )
    who = setters(forbidden(spec), names(bad))
    if annotations:
        told = several("annotation", len(annotations))
        who = f"{who} and {told}" if who else told
    if not who:
        return None
    values += annotations
    reason = several("forbidden AppArmor profile", len(values))
    return Finding(reason, f"{who} must not set AppArmor profile type to {quoted(values)}")


def added_capabilities(container: Object) -> list[str]:
    return list(security(container, "capabilities", "add") or ())


def capabilities(metadata: Object, spec: Object) -> Finding | None:
    bad = [c for c in containers(spec) if not _CAPABILITIES.issuperset(added_capabilities(c))]
    if not bad:
        return None
    added = sorted({name for c in bad for name in added_capabilities(c)} - _CAPABILITIES)
    detail = f"{the('container', names(bad))} must not include {quoted(added)} in securityContext.capabilities.add"
    return Finding("non-default capabilities", detail)


def host_namespaces(metadata: Object, spec: Object) -> Finding | None:
    bad = [f"{field}=true" for field in ("hostNetwork", "hostPID", "hostIPC") if spec.get(field)]
    return Finding("host namespaces", ", ".join(bad)) if bad else None


def host_path_volumes(metadata: Object, spec: Object) -> Finding | None:
    bad = [volume["name"] for volume in spec.get("volumes") or () if volume.get("hostPath") is not None]
    return Finding("hostPath volumes", the("volume", bad)) if bad else None


def host_ports(metadata: Object, spec: Object) -> Finding | None:
    def ports(container: Object) -> list[str]:
        return [str(port["hostPort"]) for port in container.get("ports") or () if port.get("hostPort")]

    bad = [container for container in containers(spec) if ports(container)]
    if not bad:
        return None
    used = sorted({port for container in bad for port in ports(container)})
    what = f"{several('hostPort', len(used))} {', '.join(used)}"
    return Finding("hostPort", f"{the('container', names(bad))} {use(len(bad))} {what}")


def probe_hosts(metadata: Object, spec: Object) -> Finding | None:
    bad = [container for container in containers(spec) if any(_hosts(container))]
    if not bad:
        return None
    who = sorted(set(names(bad)))
    hosts = sorted({host for container in bad for host in _hosts(container)})
    what = the("probe or lifecycle host", hosts)
    return Finding("probe or lifecycle host", f"{the('container', who)} {use(len(who))} {what}")


def _hosts(container: Object) -> Iterator[str]:
    lifecycle = container.get("lifecycle") or {}
    handlers = [container.get(probe) for probe in ("livenessProbe", "readinessProbe", "startupProbe")]
    handlers += [lifecycle.get("postStart"), lifecycle.get("preStop")]
    for handler in handlers:
        for kind in ("httpGet", "tcpSocket"):
            if host := ((handler or {}).get(kind) or {}).get("host"):
                yield host


def privileged(metadata: Object, spec: Object) -> Finding | None:
    bad = [container for container in containers(spec) if security(container, "privileged")]
    detail = f"{the('container', names(bad))} must not set securityContext.privileged=true"
    return Finding("privileged", detail) if bad else None


def proc_mount(metadata: Object, spec: Object) -> Finding | None:
    bad = [container for container in containers(spec) if security(container, "procMount") not in (None, "Default")]
    if not bad:
        return None
    kinds = quoted(sorted({security(container, "procMount") for container in bad}))
    return Finding("procMount", f"{the('container', names(bad))} must not set securityContext.procMount to {kinds}")


def unless_in_user_namespace(check: Check) -> Check:
    return lambda metadata, spec: None if in_user_namespace(spec) else check(metadata, spec)


def se_linux(types: frozenset[str]) -> Check:
    def check(metadata: Object, spec: Object) -> Finding | None:
        def forbidden(owner: Object) -> bool:
            options = security(owner, "seLinuxOptions") or {}
            return options.get("type", "") not in types or bool(options.get("user") or options.get("role"))

        bad = [container for container in containers(spec) if forbidden(container)]
        owners = [spec, *bad] if forbidden(spec) else bad
        if not owners:
            return None
        options = [security(owner, "seLinuxOptions") for owner in owners]
        told = []
        if wrong := sorted({option.get("type", "") for option in options} - types):
            told.append(the("type", wrong))
        told += [f"{field} may not be set" for field in ("user", "role") if any(o.get(field) for o in options)]
        who = setters(forbidden(spec), names(bad))
        return Finding("seLinuxOptions", f"{who} set forbidden securityContext.seLinuxOptions: {'; '.join(told)}")

    return check


def seccomp_annotations(metadata: Object, spec: Object) -> Finding | None:
    """Before there were fields, in the versions up to 1.18."""
    annotations = metadata.get("annotations") or {}
    keys = (_SECCOMP_POD, *(_SECCOMP + name for name in names(containers(spec))))
    bad = sorted(
        {
            f"{key}={gotext.quoted(annotations[key])}"
            for key in keys
            if key in annotations
            and annotations[key] not in ("runtime/default", "docker/default")
            and not annotations[key].startswith("localhost/")
        }
    )
    detail = f"forbidden {several('annotation', len(bad))} {', '.join(bad)}"
    return Finding("seccompProfile", detail) if bad else None


def seccomp(metadata: Object, spec: Object) -> Finding | None:
    def forbidden(owner: Object) -> bool:
        profile = security(owner, "seccompProfile")
        return profile is not None and profile.get("type", "") not in PROFILES

    bad = [container for container in containers(spec) if forbidden(container)]
    who = setters(forbidden(spec), names(bad))
    if not who:
        return None
    owners = [spec, *bad] if forbidden(spec) else bad
    values = quoted(sorted({security(owner, "seccompProfile").get("type", "") for owner in owners}))
    return Finding("seccompProfile", f"{who} must not set securityContext.seccompProfile.type to {values}")


def sysctls(allowed: frozenset[str]) -> Check:
    def check(metadata: Object, spec: Object) -> Finding | None:
        bad = [s["name"] for s in security(spec, "sysctls") or () if s["name"] not in allowed]
        return Finding("forbidden sysctls", ", ".join(bad)) if bad else None

    return check


def windows_host_process(metadata: Object, spec: Object) -> Finding | None:
    def forbidden(owner: Object) -> bool:
        return bool(security(owner, "windowsOptions", "hostProcess"))

    who = setters(forbidden(spec), names(filter(forbidden, containers(spec))))
    detail = f"{who} must not set securityContext.windowsOptions.hostProcess=true"
    return Finding("hostProcess", detail) if who else None
