"""Run, stop and remove sandboxes: the namespaces, the address and the files that a pod's containers share.

No pause container: the namespaces are held by bind mounts, so that a sandbox costs no process and outlives whoever made
it. A shared process namespace needs one that reaps (see ``pause``).

The record is written last and deleted first: a directory without a record is half-made, and ``discard`` clears it.
"""

import shutil
import socket
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pynetes.network import namespaces
from pynetes.network.cni import Attachment, CNIError
from pynetes.runtime.oci import pause, userns
from pynetes.runtime.oci.state import State, same_process
from pynetes.runtime.oci.types import SandboxRecord, Settings
from pynetes.runtime.types import (
    DNSConfig,
    LinuxSandbox,
    RuntimeEvent,
    RuntimeFailure,
    SandboxConfig,
)


async def run(state: State, config: SandboxConfig) -> SandboxRecord:
    """A new sandbox, ready. What was made is undone when anything fails."""
    sandbox_id = state.new_id()
    if config.runtime_handler not in state.settings.handlers:
        raise RuntimeFailure(
            f'unable to get OCI runtime for sandbox "{sandbox_id}": '
            f'no runtime for "{config.runtime_handler}" is configured'
        )
    try:
        users = config.linux.users
        if users is None:
            await state.clock.in_thread(_prepare, state, sandbox_id, config, 0)
        else:
            async with userns.holder(state.commands, state.clock, users) as pid:
                await state.clock.in_thread(_prepare, state, sandbox_id, config, pid)
        ips: tuple[str, ...] = ()
        if not config.linux.host_network:
            result = await state.cni.add(_attachment(state, sandbox_id, config))
            ips = result.ips
            if not ips:
                raise CNIError("the network's plug-ins gave no address")
        pid = ticks = 0
        if config.linux.share_process_namespace and not config.linux.host_pid:
            pid, ticks = await pause.start(state, sandbox_id, config.linux)
        record = SandboxRecord(sandbox_id, config, state.now(), True, ips, pid, ticks)
        state.keep_sandbox(record)
    except CNIError as error:
        await discard(state, sandbox_id)
        raise RuntimeFailure(f'failed to setup network for sandbox "{sandbox_id}": {error}') from error
    except OSError as error:
        await discard(state, sandbox_id)
        raise RuntimeFailure(f'failed to create sandbox "{sandbox_id}": {error}') from error
    except BaseException:
        await discard(state, sandbox_id)
        raise
    state.announce(RuntimeEvent.STARTED, sandbox_id, sandbox_id)
    return record


async def stop(state: State, sandbox_id: str) -> None:
    """Give back the address and the namespaces. Its containers have been stopped by the caller."""
    record = state.sandboxes.get(sandbox_id)
    if record is None:
        return
    was_ready = record.ready
    if was_ready:
        record = replace(record, ready=False)
        state.keep_sandbox(record)
    try:
        await state.cni.delete(_attachment(state, sandbox_id, record.config))
    except CNIError as error:
        raise RuntimeFailure(f'failed to destroy network for sandbox "{sandbox_id}": {error}') from error
    await pause.stop(state, sandbox_id)
    await state.clock.in_thread(_release, state, sandbox_id)
    if was_ready:
        state.announce(RuntimeEvent.STOPPED, sandbox_id, sandbox_id)


async def remove(state: State, sandbox_id: str) -> None:
    """Forget a stopped sandbox, which has no containers any more."""
    record = state.sandboxes.get(sandbox_id)
    if record is None:
        return
    (state.paths.sandbox(sandbox_id) / "record.json").unlink(missing_ok=True)
    await discard(state, sandbox_id)
    state.announce(RuntimeEvent.DELETED, sandbox_id, sandbox_id)
    state.sandboxes.pop(sandbox_id, None)


async def discard(state: State, sandbox_id: str) -> None:
    """Clear what there is of a sandbox, made by halves or done with."""
    await state.cni.delete(Attachment(sandbox_id, state.paths.namespace(sandbox_id, "net")))
    await pause.stop(state, sandbox_id)
    await state.clock.in_thread(_erase, state, sandbox_id)


def alive(state: State, record: SandboxRecord) -> bool:
    """Whether the kernel still has what the record says: after a reboot it has not."""
    if record.pause_pid and not same_process(record.pause_pid, record.pause_ticks):
        return False
    return all(namespaces.held(state.paths.namespace(record.id, kind)) for kind in own_namespaces(record.config.linux))


def own_namespaces(linux: LinuxSandbox) -> list[str]:
    """The kinds that the sandbox has to itself; with the host's network also the host's name is shared."""
    kinds = [] if linux.users is None else ["user"]
    kinds += [] if linux.host_network else ["net", "uts"]
    return kinds if linux.host_ipc else [*kinds, "ipc"]


def resolv_conf(dns: DNSConfig) -> str:
    """The pod's resolv.conf. Source: man 5 resolv.conf."""
    lines = [f"search {' '.join(dns.searches)}"] if dns.searches else []
    lines += [f"nameserver {server}" for server in dns.servers]
    if dns.options:
        lines.append(f"options {' '.join(dns.options)}")
    return "".join(f"{line}\n" for line in lines)


def sysctls(config: SandboxConfig, settings: Settings) -> dict[str, str]:
    """What is set in a new sandbox's namespaces. The pod's own come last."""
    values: dict[str, str] = {}
    if not config.linux.host_network:
        if settings.unprivileged_ports:
            values["net.ipv4.ip_unprivileged_port_start"] = "0"
        # its groups are not those of a user namespace
        if settings.unprivileged_icmp and config.linux.users is None:
            values["net.ipv4.ping_group_range"] = "0 2147483647"
    return values | dict(config.linux.sysctls)


def hostname(config: SandboxConfig) -> str:
    return config.hostname or socket.gethostname()


def _prepare(state: State, sandbox_id: str, config: SandboxConfig, holder: int) -> None:
    """Namespaces and files, on a thread. ``holder``: a process that has the namespaces already, or 0."""
    directory = state.paths.sandbox(sandbox_id)
    directory.mkdir(parents=True)
    linux = config.linux
    kinds = own_namespaces(linux)
    wanted = sysctls(config, state.settings)

    def inside() -> None:
        if "net" in kinds:
            namespaces.loopback_up()
        if "uts" in kinds:
            socket.sethostname(hostname(config))
        for name, value in wanted.items():
            _set_sysctl(name, value)

    files = {kind: state.paths.namespace(sandbox_id, kind) for kind in kinds}
    if holder:
        namespaces.hold_of(holder, files, inside)
    elif kinds:
        namespaces.hold(files, inside)
    if not linux.host_ipc:
        shm = directory / "shm"
        shm.mkdir()
        flags = namespaces.MS_NOSUID | namespaces.MS_NODEV | namespaces.MS_NOEXEC if linux.users else 0
        namespaces.mount("shm", shm, "tmpfs", flags, f"mode=1777,size={state.settings.shm_bytes}")
    _write(directory / "hostname", hostname(config) + "\n")
    if config.dns.servers or config.dns.searches or config.dns.options:
        _write(directory / "resolv.conf", resolv_conf(config.dns))
    else:
        shutil.copyfile("/etc/resolv.conf", directory / "resolv.conf")
    if config.log_directory:
        Path(config.log_directory).mkdir(parents=True, exist_ok=True)


def _set_sysctl(name: str, value: str) -> None:
    # both spellings are allowed: net.ipv4.conf.eth0/1.x and net/ipv4/conf/eth0.1/x
    first = next((c for c in name if c in "./"), ".")
    path = name if first == "/" else name.translate(str.maketrans("./", "/."))
    try:
        Path("/proc/sys", path).write_text(value)
    except OSError as error:
        raise RuntimeFailure(f"failed to set sysctl {name}={value}: {error.strerror}") from error


def _write(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o644)


def _release(state: State, sandbox_id: str) -> None:
    directory = state.paths.sandbox(sandbox_id)
    for kind in ("user", *namespaces.FLAGS):
        namespaces.release(directory / "ns" / kind)
    namespaces.unmount(directory / "shm")


def _erase(state: State, sandbox_id: str) -> None:
    _release(state, sandbox_id)
    shutil.rmtree(state.paths.sandbox(sandbox_id), ignore_errors=True)


def _attachment(state: State, sandbox_id: str, config: SandboxConfig) -> Attachment:
    ports = [
        {
            "hostPort": p.host_port,
            "containerPort": p.container_port,
            "protocol": p.protocol.lower(),
            "hostIP": p.host_ip,
        }
        for p in config.port_mappings
        if p.host_port
    ]
    capabilities: Mapping[str, Any] = {"portMappings": ports} if ports else {}
    arguments = {
        "IgnoreUnknown": "1",
        "K8S_POD_NAMESPACE": config.namespace,
        "K8S_POD_NAME": config.name,
        "K8S_POD_INFRA_CONTAINER_ID": sandbox_id,
        "K8S_POD_UID": config.uid,
    }
    return Attachment(sandbox_id, state.paths.namespace(sandbox_id, "net"), "eth0", arguments, capabilities)
