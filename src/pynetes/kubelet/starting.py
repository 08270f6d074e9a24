"""Starting one container: back-off, image, configuration, create, start, postStart; and the words about each failure.

Source: kubernetes ``pkg/kubelet/kuberuntime/kuberuntime_container.go`` (startContainer),
``kuberuntime_manager.go`` (doBackOff).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pynetes.aio.backoff import Backoff
from pynetes.aio.clock import Clock
from pynetes.kubelet import pods
from pynetes.kubelet.container import PROPAGATION, Making, container_config, recursive_read_only
from pynetes.kubelet.environment import ConfigError, Place, Sources, environment, expand
from pynetes.kubelet.hooks import HookFailed, Hooks
from pynetes.kubelet.host import Host, MountError
from pynetes.kubelet.images import ImageError, Images, duration
from pynetes.kubelet.names import hosts_file
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.plan import container_hash
from pynetes.kubelet.resize import memory_request
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.supported import unsupported_ephemeral
from pynetes.kubelet.volumes.manager import VolumeManager
from pynetes.kubelet.workers import Worker
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerState, Image, Mount, Runtime, RuntimeFailure

TellContainer = Callable[[Object, str, Object, str, str, str], None]
TellPod = Callable[[Object, str, str, str], None]


class StartFailed(Exception):
    """A container did not start: its waiting reason and message, and when to try again (None: in the usual time)."""

    def __init__(self, reason: str, message: str, retry_at: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.retry_at = retry_at


class HookKills(StartFailed):
    """postStart failed: the container runs and has to be killed."""

    def __init__(self, container_id: str) -> None:
        super().__init__("PostStartHookError", "PostStartHook failed")
        self.container_id = container_id


@dataclass(slots=True)
class NodeFacts:
    """What containers are told of their node; kept up to date by the node's own status."""

    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)
    memory_capacity: int = 1
    apparmor: bool = False
    selinux: bool = False
    services: Callable[[str, bool], Mapping[str, str]] = lambda namespace, links: {}


class Starter:
    def __init__(
        self,
        runtime: Runtime,
        host: Host,
        clock: Clock,
        settings: Settings,
        *,
        images: Images,
        volumes: VolumeManager,
        sources: Sources,
        hooks: Hooks,
        facts: NodeFacts,
        tell: TellContainer,
        tell_pod: TellPod,
    ) -> None:
        self._runtime = runtime
        self._host = host
        self._clock = clock
        self._settings = settings
        self._images = images
        self._volumes = volumes
        self._sources = sources
        self._hooks = hooks
        self._facts = facts
        self._tell = tell
        self._tell_pod = tell_pod
        self._backoff = Backoff(settings.crash_backoff_seconds, settings.crash_backoff_limit_seconds)

    async def start(
        self, worker: Worker, where: str, container: Object, observed: PodRuntime, planned_on: PodRuntime
    ) -> None:
        """``planned_on`` is what the plan saw: a container that was killed since then by the plan itself (a probe, a
        new image) is started again without waiting. Raises: StartFailed."""
        pod = worker.pod
        self._check_backoff(pod, where, container, planned_on)

        def tell(type_: str, reason: str, message: str) -> None:
            self._tell(pod, where, container, type_, reason, message)

        references = {v["name"]: v["image"].get("reference", "") for v in _image_volumes(pod)}
        for mount in container.get("volumeMounts") or ():
            failed = worker.image_volumes.get(mount["name"])
            if isinstance(failed, ImageError):
                raise self._no_image(worker, references[mount["name"]], failed, tell)
        try:
            worker.interruptible = True
            image = await self._images.ensure(
                worker.uid, container["image"], container.get("imagePullPolicy") or "", tell, worker.pull_secrets
            )
        except ImageError as error:
            raise self._no_image(worker, container["image"], error, tell) from None
        finally:
            worker.interruptible = False
        sandbox = observed.sandbox
        assert sandbox is not None, "a container is started in a sandbox"
        try:
            config = container_config(pod, container, await self._making(worker, container, observed, image))
        except (ConfigError, MountError) as error:
            tell("Warning", "Failed", f"Error: {error}")
            raise StartFailed("CreateContainerConfigError", str(error)) from None
        try:
            container_id = await self._runtime.create_container(sandbox.id, config)
        except RuntimeFailure as error:
            tell("Warning", "Failed", f"Error: {error}")
            raise StartFailed(error.reason or "CreateContainerError", str(error)) from None
        worker.memory_requests[container_id] = memory_request(container)
        tell("Normal", "Created", "Container created")
        try:
            await self._runtime.start_container(container_id)
        except RuntimeFailure as error:
            tell("Warning", "Failed", f"Error: {error}")
            raise StartFailed("RunContainerError", str(error)) from None
        tell("Normal", "Started", "Container started")
        hook = (container.get("lifecycle") or {}).get("postStart")
        if hook:
            await self._post_start(worker, where, container, container_id, hook, observed)

    async def pull_volumes(self, worker: Worker) -> None:
        """See to the images that are volumes; what is missing is told when a container wants it."""
        pod = worker.pod

        def tell(type_: str, reason: str, message: str) -> None:
            self._tell_pod(pod, type_, reason, message)

        worker.image_volumes.clear()
        for volume in _image_volumes(pod):
            spec = volume["image"]
            try:
                worker.interruptible = True
                worker.image_volumes[volume["name"]] = await self._images.ensure(
                    worker.uid, spec.get("reference", ""), spec.get("pullPolicy") or "", tell, worker.pull_secrets
                )
            except ImageError as error:
                worker.image_volumes[volume["name"]] = error
            finally:
                worker.interruptible = False

    def _no_image(
        self, worker: Worker, reference: str, error: ImageError, tell: Callable[[str, str, str], None]
    ) -> StartFailed:
        tell("Warning", "Failed", f"Error: {error.reason}")
        wait = self._images.delay(worker.uid, reference)
        later = self._clock.now() + wait if wait > 0 and error.reason == "ImagePullBackOff" else None
        return StartFailed(error.reason, str(error), later)

    def collect(self) -> None:
        self._backoff.collect(self._clock.now())

    async def _post_start(
        self, worker: Worker, where: str, container: Object, container_id: str, hook: Object, observed: PodRuntime
    ) -> None:
        try:
            worker.interruptible = True
            await self._hooks.run(hook, container, container_id, (observed.ips or ("",))[0])
        except HookFailed:
            self._tell(worker.pod, where, container, "Warning", "FailedPostStartHook", "PostStartHook failed")
            raise HookKills(container_id) from None
        finally:
            worker.interruptible = False

    def _check_backoff(self, pod: Object, where: str, container: Object, observed: PodRuntime) -> None:
        """The first restart is at once; each later one waits, from the end of the last run, twice as long."""
        ended = _last_ended(container["name"], observed)
        if ended is None:
            return
        key = (pod["metadata"]["uid"], container["name"], container_hash(container))
        finished, now = ended.finished_at / 1e9, self._clock.now()
        delay = self._backoff.delay(key, finished)
        # a container's end is known to the nanosecond, a timer fires a rounding error early: never busy-wait on it
        if now + 1e-6 < finished + delay:
            name = container["name"]
            self._tell(
                pod, where, container, "Warning", "BackOff",
                f"Back-off restarting failed container {name} in pod {pods.describe(pod)}",
            )  # fmt: skip
            message = f"back-off {duration(delay)} restarting failed container={name} pod={pods.describe(pod)}"
            raise StartFailed("CrashLoopBackOff", message, finished + delay)
        self._backoff.next(key, now)

    async def _making(self, worker: Worker, container: Object, observed: PodRuntime, image: Image) -> Making:
        """Raises: ConfigError, MountError."""
        pod, name = worker.pod, container["name"]
        refused = unsupported_ephemeral(pod, name)
        if refused is not None:
            raise ConfigError(f"Pynetes does not support the field {refused} yet")
        latest = observed.latest(name)
        known = _known_restarts(pod, name)
        attempt = max(latest.config.attempt + 1 if latest is not None else 0, known)
        links = pod["spec"].get("enableServiceLinks", True)
        ips = observed.ips or (self._facts.host_ips if pods.is_host_network(pod) else ())
        variables = await environment(
            pod,
            container,
            self._sources,
            self._facts.services(pod["metadata"]["namespace"], links),
            Place(
                ips, self._facts.host_ips, self._facts.allocatable, self._volumes.paths(pod), self._host.volumes.file
            ),
        )
        mounts = await self._mounts(worker, container, variables, ips, attempt)
        return Making(
            attempt,
            image,
            variables,
            mounts,
            self._settings,
            self._facts.memory_capacity,
            _target(container, observed),
        )

    async def _mounts(
        self, worker: Worker, container: Object, variables: Mapping[str, str], ips: tuple[str, ...], attempt: int
    ) -> tuple[Mount, ...]:
        pod = worker.pod
        paths = self._volumes.paths(pod)
        volumes = {v["name"]: v for v in pod["spec"].get("volumes") or ()}
        mounts = []
        root = self._volumes.pod_dir(pod["metadata"]["uid"])
        for index, mount in enumerate(container.get("volumeMounts") or ()):
            name, target = mount["name"], mount["mountPath"]
            if isinstance(image := worker.image_volumes.get(name), Image):
                mounts.append(
                    Mount("/" + target.lstrip("/"), "", True, "private", image.id, _sub_path(mount, variables))
                )
                continue
            if name not in paths:
                raise ConfigError(f'cannot find volume "{name}" to mount into container "{container["name"]}"')
            readonly = bool(mount.get("readOnly")) or self._volumes.read_only(volumes[name])
            path = paths[name]
            sub_path = _sub_path(mount, variables)
            if sub_path:
                spot = f"{root}/volume-subpaths/{name}/{container['name']}/{index}"
                try:
                    path = await self._host.volumes.sub_path(path, sub_path, spot)
                except MountError as error:
                    # no more than that: details would tell of the node's files
                    whose = f'for volumeMount "{name}" of container "{container["name"]}"'
                    raise ConfigError(f"{error} {whose}") from None
            if not target.startswith("/"):
                target = "/" + target
            propagation = PROPAGATION[mount.get("mountPropagation") or "None"]
            recursive = recursive_read_only(mount, self._runtime.features.recursive_read_only_mounts)
            mounts.append(Mount(target, path, readonly, propagation, recursive_readonly=recursive))
        taken = {m.container_path for m in mounts}
        if "/etc/hosts" not in taken and (ips or pods.is_host_network(pod)):
            path = f"{root}/etc-hosts"
            node_hosts = b""
            if pods.is_host_network(pod):
                node_hosts = await self._host.read_file("/etc/hosts")
            text = hosts_file(pod, ips, self._settings.cluster_domain, node_hosts.decode(errors="replace"))
            await self._host.write_file(path, text.encode())
            mounts.append(Mount("/etc/hosts", path))
        message_path = container.get("terminationMessagePath") or "/dev/termination-log"
        if message_path not in taken:
            path = f"{root}/containers/{container['name']}/{attempt}"
            await self._host.write_file(path, b"", 0o666)
            mounts.append(Mount(message_path, path))
        return tuple(mounts)


def _image_volumes(pod: Object) -> list[Object]:
    return [v for v in pod["spec"].get("volumes") or () if "image" in v]


def _target(container: Object, observed: PodRuntime) -> str:
    """The id of the container whose processes an ephemeral one is to see. Raises: ConfigError."""
    name = container.get("targetContainerName")
    if not name:
        return ""
    target = observed.latest(name)
    if target is None:
        raise ConfigError(f"unable to find target container {name}")
    return target.id


def _sub_path(mount: Object, variables: Mapping[str, str]) -> str:
    text: str = mount.get("subPath") or ""
    if mount.get("subPathExpr"):
        missing: list[str] = []

        def lookup(name: str) -> str | None:
            if name not in variables:
                missing.append(name)
            return variables.get(name)

        text = expand(mount["subPathExpr"], lookup)
        if missing:
            errors = [f"missing value for {n}" for n in dict.fromkeys(missing)]
            raise ConfigError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    if text.startswith("/"):
        raise ConfigError(f"error SubPath `{text}` must not be an absolute path")
    if ".." in text.split("/"):
        raise ConfigError(f"unable to provision SubPath `{text}`: must not contain '..'")
    return text


def _last_ended(name: str, observed: PodRuntime) -> Container | None:
    return next((c for c in observed.containers if c.config.name == name and c.state is ContainerState.EXITED), None)


def _known_restarts(pod: Object, name: str) -> int:
    """What the API knows: where the runtime has lost the container."""
    status = pod.get("status") or {}
    for key in ("containerStatuses", "initContainerStatuses"):
        for container in status.get(key) or ():
            if container["name"] == name:
                return int(container.get("restartCount") or 0)
    return 0
