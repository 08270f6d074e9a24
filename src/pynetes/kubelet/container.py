"""From a pod's spec to what the runtime is told: the sandbox and the containers.

Source: kubernetes ``pkg/kubelet/kuberuntime/kuberuntime_{sandbox,container}*.go``, ``security_context.go``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from pynetes.kubelet import observed as labels
from pynetes.kubelet import pods
from pynetes.kubelet.environment import ConfigError, expand
from pynetes.kubelet.names import sandbox_host_name
from pynetes.kubelet.plan import container_hash
from pynetes.kubelet.resources import container_resources
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.sysctls import normalized
from pynetes.meta.objects import Object
from pynetes.runtime.types import (
    ContainerConfig,
    DNSConfig,
    IDRange,
    Image,
    LinuxSandbox,
    Mount,
    PortMapping,
    SandboxConfig,
    Security,
)

PROPAGATION = {"None": "private", "HostToContainer": "rslave", "Bidirectional": "rshared"}


def log_directory(pod: Object, settings: Settings) -> str:
    meta = pod["metadata"]
    return f"{settings.log_dir}/{meta['namespace']}_{meta['name']}_{meta['uid']}"


def sandbox_config(
    pod: Object,
    attempt: int,
    settings: Settings,
    dns: DNSConfig,
    cgroup_parent: str,
    handler: str = "",
    users: IDRange | None = None,
) -> SandboxConfig:
    """Raises: HostNameError."""
    meta, spec = pod["metadata"], pod["spec"]
    security = spec.get("securityContext") or {}
    host_network = pods.is_host_network(pod)
    return SandboxConfig(
        name=meta["name"],
        namespace=meta["namespace"],
        uid=meta["uid"],
        attempt=attempt,
        hostname="" if host_network else sandbox_host_name(pod, settings.cluster_domain),
        log_directory=log_directory(pod, settings),
        dns=dns,
        port_mappings=() if host_network else _ports(pod),
        labels={**(meta.get("labels") or {}), **_identity(pod)},
        annotations=dict(meta.get("annotations") or {}),
        runtime_handler=handler,
        linux=LinuxSandbox(
            cgroup_parent=cgroup_parent,
            host_network=host_network,
            host_pid=bool(spec.get("hostPID")),
            host_ipc=bool(spec.get("hostIPC")),
            share_process_namespace=bool(spec.get("shareProcessNamespace")),
            sysctls={normalized(s["name"]): s["value"] for s in security.get("sysctls") or ()},
            run_as_user=security.get("runAsUser"),
            run_as_group=security.get("runAsGroup"),
            supplemental_groups=tuple(security.get("supplementalGroups") or ()),
            privileged=any((c.get("securityContext") or {}).get("privileged") for _, c in pods.all_containers(pod)),
            users=users,
        ),
    )


def recursive_read_only(mount: Object, supported: bool) -> bool:
    """Whether also what is mounted below a mount is read-only. Raises: ConfigError."""
    mode = mount.get("recursiveReadOnly") or "Disabled"
    if mode == "Disabled":
        return False
    asked = f'volume "{mount["name"]}" requested recursive read-only mode, but it is not'
    if not mount.get("readOnly"):
        raise ConfigError(f"failed to resolve recursive read-only mode: {asked} read-only")
    propagation = mount.get("mountPropagation") or "None"
    if propagation != "None":
        why = f'{asked} compatible with propagation "{propagation}"'
        raise ConfigError(f"failed to resolve recursive read-only mode: {why}")
    if mode == "Enabled" and not supported:
        raise ConfigError(f"failed to resolve recursive read-only mode: {asked} supported by the runtime")
    return supported


def host_ports(pod: Object) -> list[tuple[str, str, int]]:
    """Host address, protocol and port of each port that a pod takes on its node."""
    containers = [*pods.containers(pod), *(c for c in pods.init_containers(pod) if pods.is_sidecar(c))]
    return [
        (port.get("hostIP") or "", port.get("protocol") or "TCP", int(port["hostPort"]))
        for container in containers
        for port in container.get("ports") or ()
        if port.get("hostPort")
    ]


def _ports(pod: Object) -> tuple[PortMapping, ...]:
    return tuple(
        PortMapping(p.get("protocol") or "TCP", int(p["containerPort"]), int(p["hostPort"]), p.get("hostIP") or "")
        for _, container in pods.all_containers(pod)
        for p in container.get("ports") or ()
        if p.get("hostPort")
    )


def _identity(pod: Object) -> dict[str, str]:
    meta = pod["metadata"]
    return {
        labels.POD_NAME: meta["name"],
        labels.POD_NAMESPACE: meta["namespace"],
        labels.POD_UID: meta["uid"],
    }


@dataclass(frozen=True, slots=True)
class Making:
    """What one container is made from, besides its spec."""

    attempt: int
    image: Image
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    settings: Settings
    memory_capacity: int
    processes_of: str = ""


def container_config(pod: Object, container: Object, making: Making) -> ContainerConfig:
    """Raises: ConfigError."""
    lookup = making.environment.get
    lifecycle = container.get("lifecycle") or {}
    return ContainerConfig(
        name=container["name"],
        attempt=making.attempt,
        image=container["image"],
        image_id=making.image.id,
        command=tuple(expand(word, lookup) for word in container.get("command") or ()),
        args=tuple(expand(word, lookup) for word in container.get("args") or ()),
        working_dir=container.get("workingDir") or "",
        envs=tuple(making.environment.items()),
        mounts=making.mounts,
        log_path=f"{container['name']}/{making.attempt}.log",
        stdin=bool(container.get("stdin")),
        stdin_once=bool(container.get("stdinOnce")),
        tty=bool(container.get("tty")),
        labels={labels.CONTAINER_NAME: container["name"], **_identity(pod)},
        annotations={
            labels.CONTAINER_HASH: container_hash(container),
            labels.RESTART_COUNT: str(making.attempt),
            labels.TERMINATION_PATH: container.get("terminationMessagePath") or "/dev/termination-log",
            labels.TERMINATION_POLICY: container.get("terminationMessagePolicy") or "File",
            labels.POD_GRACE: str(pods.grace_seconds(pod)),
        },
        resources=container_resources(pod, container, making.memory_capacity),
        security=security(pod, container, making.image, making.settings),
        stop_signal=lifecycle.get("stopSignal") or "",
        processes_of=making.processes_of,
    )


def security(pod: Object, container: Object, image: Image, settings: Settings) -> Security:
    """Raises: ConfigError when runAsNonRoot is violated."""
    of_pod = pod["spec"].get("securityContext") or {}
    own = container.get("securityContext") or {}

    def effective(name: str) -> object:
        return own[name] if own.get(name) is not None else of_pod.get(name)

    user, group = effective("runAsUser"), effective("runAsGroup")
    if effective("runAsNonRoot"):
        _refuse_root(pod, container, user, image)
    capabilities = own.get("capabilities") or {}
    groups = [] if of_pod.get("fsGroup") is None else [of_pod["fsGroup"]]
    groups += of_pod.get("supplementalGroups") or ()
    privileged = bool(own.get("privileged"))
    unmasked = privileged or own.get("procMount") == "Unmasked"
    return Security(
        run_as_user=None if user is None else int(str(user)),
        run_as_group=None if group is None else int(str(group)),
        supplemental_groups=tuple(int(g) for g in groups),
        supplemental_groups_policy=of_pod.get("supplementalGroupsPolicy") or "Merge",
        privileged=privileged,
        readonly_rootfs=bool(own.get("readOnlyRootFilesystem")),
        add_capabilities=tuple(capabilities.get("add") or ()),
        drop_capabilities=tuple(capabilities.get("drop") or ()),
        no_new_privileges=own.get("allowPrivilegeEscalation") is False,
        masked_paths=() if unmasked else None,
        readonly_paths=() if unmasked else None,
        seccomp="" if privileged else _seccomp(effective("seccompProfile"), settings),
    )


def _seccomp(profile: object, settings: Settings) -> str:
    if not isinstance(profile, dict) or profile.get("type") == "Unconfined":
        return ""
    if profile.get("type") == "Localhost":
        return f"localhost/{settings.root_dir}/seccomp/{profile.get('localhostProfile', '')}"
    return "runtime/default"


def _refuse_root(pod: Object, container: Object, user: object, image: Image) -> None:
    where = f'(pod: "{pods.describe(pod)}", container: {container["name"]})'
    if user is not None:
        if int(str(user)) == 0:
            raise ConfigError(f"container's runAsUser breaks non-root policy {where}")
        return
    name = image.user.partition(":")[0]
    if not name or name == "0":
        raise ConfigError(f"container has runAsNonRoot and image will run as root {where}")
    if not name.isdigit():
        raise ConfigError(
            f"container has runAsNonRoot and image has non-numeric user ({name}), "
            f"cannot verify user is non-root {where}"
        )
