"""Create a container: a bundle on disk that can be started. No program runs yet.

As containerd does, runc itself comes in when the container is started, so that a command that cannot be run is a
failure of the start (``StartError``), with a container to show for it.
"""

import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from pynetes.network import namespaces
from pynetes.runtime.oci.layers import within
from pynetes.runtime.oci.propagation import complaint
from pynetes.runtime.oci.remove import erase
from pynetes.runtime.oci.sandboxes import hostname, own_namespaces
from pynetes.runtime.oci.spec import ALL_CAPABILITIES, Device, Surroundings, spec
from pynetes.runtime.oci.state import Life, Live, State
from pynetes.runtime.oci.types import ContainerRecord, ImageRecord, SandboxRecord, save
from pynetes.runtime.oci.userns import mount_mapped
from pynetes.runtime.oci.users import identify
from pynetes.runtime.types import ContainerConfig, IDRange, Mount, NotFound, RuntimeEvent, RuntimeFailure, Security


async def create(state: State, sandbox_id: str, config: ContainerConfig) -> str:
    """The new container's id. What was made is undone when anything fails."""
    sandbox = state.sandbox(sandbox_id)
    if not sandbox.ready:
        raise RuntimeFailure(f'failed to get sandbox "{sandbox_id}": it is not ready')
    image = _image(state, config)
    container_id = state.new_id()
    try:
        record = await state.clock.in_thread(_prepare, state, sandbox, image, container_id, config)
    except BaseException as error:
        await state.clock.in_thread(erase, state, container_id)
        if isinstance(error, OSError):
            raise RuntimeFailure(f"failed to create containerd container: {error}", "CreateContainerError") from error
        raise
    state.containers[container_id] = Live(record)
    state.announce(RuntimeEvent.CREATED, sandbox_id, container_id)
    return container_id


def _image(state: State, config: ContainerConfig) -> ImageRecord:
    for reference in (config.image_id, config.image):
        if reference and (record := state.images.get(reference)) is not None:
            return record
    raise NotFound(f'failed to resolve image "{config.image}": not found', "CreateContainerError")


def _prepare(
    state: State, sandbox: SandboxRecord, image: ImageRecord, container_id: str, config: ContainerConfig
) -> ContainerRecord:
    """On a thread: pin the image, mount the root, write the bundle; the record comes last."""
    bundle = state.paths.container(container_id)
    bundle.mkdir(parents=True)
    state.images.pin(container_id, image, bundle)
    linux = sandbox.config.linux
    mapped = _Mapped(bundle, state.paths.namespace(sandbox.id, "user"), linux.users)
    rootfs = _mount_root(state, bundle, image, mapped)
    config = replace(
        config,
        mounts=tuple(
            _image_volume(state, container_id, number, m, mapped)
            if m.image
            else mapped.mount(_resolved(container_id, m))
            for number, m in enumerate(config.mounts)
        ),
    )

    def read(path: str) -> str:
        try:
            with open(within(rootfs, path.split("/")), encoding="utf-8", errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    identity = identify(config.security, str(image.config.get("User") or ""), read)
    cgroup = os.path.join(sandbox.config.linux.cgroup_parent or "/pynetes", container_id)
    available = available_capabilities()
    around = Surroundings(
        rootfs=str(rootfs),
        hostname=hostname(sandbox.config),
        namespaces=_namespaces(state, sandbox, config.processes_of),
        cgroup=cgroup,
        identity=identity,
        files=_files(state, sandbox, config.security.readonly_rootfs, mapped),
        image=image.config,
        devices=_host_devices() if config.security.privileged else (),
        available=available,
        oom_score_floor=oom_score_floor(available),
        cgroup_v2=state.cgroups.v2,
        seccomp=_profile(config.security),
        users=linux.users,
    )
    document = spec(config, around, state.settings)
    (bundle / "config.json").write_bytes(orjson.dumps(document))
    record = ContainerRecord(
        id=container_id,
        sandbox_id=sandbox.id,
        config=config,
        created_at=state.now(),
        image_id=image.id,
        layers=image.layers,
        stop_signal=config.stop_signal or str(image.config.get("StopSignal") or ""),
        cgroup=cgroup,
        user=(identity.uid, identity.gid, identity.groups),
    )
    save(bundle / "record.json", record)
    return record


@dataclass(slots=True)
class _Mapped:
    """Mounts of a container with the owners that its user namespace knows; as they are where it has none."""

    bundle: Path
    namespace: Path
    users: IDRange | None
    count: int = 0

    def path(self, source: str) -> str:
        """Where the mapped mount of a file or directory is."""
        if self.users is None:
            return source
        place = self.bundle / "mapped" / str(self.count)
        self.count += 1
        place.parent.mkdir(exist_ok=True)
        place.mkdir() if os.path.isdir(source) else place.touch()
        mount_mapped(source, place, self.namespace)
        return str(place)

    def mount(self, mount: Mount) -> Mount:
        return mount if self.users is None else replace(mount, host_path=self.path(mount.host_path))

    def own(self, path: Path) -> None:
        """Give a directory of ours to the namespace's root."""
        if self.users is not None:
            os.chown(path, self.users.first, self.users.first)


def _mount_root(state: State, bundle: Path, image: ImageRecord, mapped: _Mapped) -> Path:
    rootfs = bundle / "rootfs"
    for name in ("rootfs", "upper", "work", "empty"):
        (bundle / name).mkdir()
    (bundle / "upper").chmod(0o755)
    mapped.own(bundle / "upper")
    lower = [mapped.path(str(p)) for p in reversed(state.images.layer_paths(image.layers))] or [str(bundle / "empty")]
    # volatile: nobody mounts this upper directory a second time, so its file system need not be flushed at the end
    options = f"lowerdir={':'.join(lower)},upperdir={bundle}/upper,workdir={bundle}/work,volatile"
    if len(options) >= os.sysconf("SC_PAGE_SIZE"):
        raise RuntimeFailure(f"image {image.id} has too many layers: {len(lower)}", "CreateContainerError")
    namespaces.mount("overlay", rootfs, "overlay", 0, options)
    return rootfs


def _image_volume(state: State, container_id: str, number: int, mount: Mount, mapped: _Mapped) -> Mount:
    """The mount with an image's files for its source: its layers without one to write to."""
    image = state.images.get(mount.image)
    if image is None:
        raise NotFound(f'failed to mount image "{mount.image}": not found', "CreateContainerError")
    bundle = mapped.bundle
    place, empty = bundle / "images" / str(number), bundle / "empty"
    place.mkdir(parents=True)
    # the pin lasts as long as the bundle; the container's own is taken away by name
    state.images.pin(f"{container_id}-{number}", image, bundle)
    lower = [mapped.path(str(p)) for p in reversed(state.images.layer_paths(image.layers))]
    if lower:
        # the kernel wants two lower layers where there is no upper one
        namespaces.mount("overlay", place, "overlay", 0, f"lowerdir={':'.join([*lower, str(empty)])}")
    source = within(place, mount.image_sub_path.split("/"))
    if not os.path.exists(source):
        raise RuntimeFailure(
            f'failed to mount image volume: image sub path "{mount.image_sub_path}" does not exist',
            "CreateContainerError",
        )
    return replace(mount, host_path=source, readonly=True)


def _resolved(container_id: str, mount: Mount) -> Mount:
    """The mount with its source made where it is missing, and links on its way followed."""
    source = Path(mount.host_path)
    if not source.exists():
        source.mkdir(parents=True, exist_ok=True)
    path = str(source.resolve())
    if mount.propagation != "private":
        why = complaint(path, mount.propagation, Path("/proc/self/mountinfo").read_text().splitlines())
        if why:
            text = f'failed to generate container "{container_id}" spec: failed to generate spec: {why}'
            raise RuntimeFailure(text, "CreateContainerError")
    return replace(mount, host_path=path)


def _namespaces(state: State, sandbox: SandboxRecord, processes_of: str) -> dict[str, str]:
    linux = sandbox.config.linux
    wanted = {
        {"net": "network"}.get(kind, kind): str(state.paths.namespace(sandbox.id, kind))
        for kind in own_namespaces(linux)
    }
    if processes_of:
        target = state.container(processes_of)
        if target.life is not Life.RUNNING:
            why = f'container "{processes_of}" is not running - in state {target.life.name}'
            raise RuntimeFailure(f"failed to get target container info: {why}", "CreateContainerError")
        return {"pid": f"/proc/{target.record.pid}/ns/pid", **wanted}
    if linux.host_pid:
        return wanted
    shared = linux.share_process_namespace
    return {"pid": str(state.paths.namespace(sandbox.id, "pid")) if shared else "", **wanted}


def _files(state: State, sandbox: SandboxRecord, readonly: bool, mapped: _Mapped) -> tuple[Mount, ...]:
    directory = state.paths.sandbox(sandbox.id)
    shm = "/dev/shm" if sandbox.config.linux.host_ipc else str(directory / "shm")
    return (
        mapped.mount(Mount("/etc/hostname", str(directory / "hostname"), readonly)),
        mapped.mount(Mount("/etc/resolv.conf", str(directory / "resolv.conf"), readonly)),
        Mount("/dev/shm", shm),
    )


def _profile(security: Security) -> Mapping[str, Any] | None:
    """The profile of the node that the container names."""
    if security.privileged or not security.seccomp.startswith("localhost/"):
        return None
    path = security.seccomp.removeprefix("localhost/")
    try:
        profile: Mapping[str, Any] = orjson.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        why = f"open {path}: no such file or directory" if isinstance(error, FileNotFoundError) else str(error)
        raise RuntimeFailure(
            f'failed to create containerd container: cannot load seccomp profile "{path}": {why}',
            "CreateContainerError",
        ) from error
    return profile


def available_capabilities() -> frozenset[str]:
    """Those that this process may pass on: its bounding set."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapBnd:"):
            bits = int(line.split()[1], 16)
            return frozenset(name for number, name in enumerate(ALL_CAPABILITIES) if bits >> number & 1)
    return frozenset(ALL_CAPABILITIES)


def oom_score_floor(available: frozenset[str]) -> int:
    """Without SYS_RESOURCE a process cannot make another likelier to survive than itself."""
    if "SYS_RESOURCE" in available:
        return -1000
    return int(Path("/proc/self/oom_score_adj").read_text())


def _host_devices() -> list[Device]:
    """Every device node below /dev, but not what a container gets of its own."""
    skipped = {"pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", ".udev"}
    found: list[Device] = []
    for directory, names, files in os.walk("/dev"):
        if directory == "/dev":
            names[:] = [n for n in names if n not in skipped]
        for name in files:
            path = os.path.join(directory, name)
            status = os.lstat(path)
            if path == "/dev/console" or not (stat.S_ISCHR(status.st_mode) or stat.S_ISBLK(status.st_mode)):
                continue
            kind = "c" if stat.S_ISCHR(status.st_mode) else "b"
            major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
            mode = stat.S_IMODE(status.st_mode)
            found.append(Device(path, kind, major, minor, mode, status.st_uid, status.st_gid))
    return sorted(found, key=lambda d: d.path)
