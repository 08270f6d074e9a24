"""``SimulatedHost``: a machine with no disk, no cgroups and no network; probes answer by the pods' scripts."""

from collections.abc import Callable, Mapping, Sequence

from pynetes.aio.clock import Clock
from pynetes.kubelet.host import File, Machine, Medium, Outcome, ProbeTarget
from pynetes.meta.objects import Object
from pynetes.runtime.simulated import SimulatedRuntime
from pynetes.runtime.types import RuntimeFailure

MACHINE = Machine(
    cpus=32,
    memory=256 * 1024**3,
    ephemeral_storage=1024**4,
    hugepages={"1Gi": 0, "2Mi": 0},
    kernel_version="6.1.0-simulated",
    os_image="Pynetes simulated node",
)


class SimulatedVolumes:
    """Every volume can be made; nothing is."""

    needs_tokens = False

    async def directory(self, path: str, *, mode: int = 0o750) -> None:
        pass

    async def empty_dir(self, path: str, medium: Medium, *, fs_group: int | None) -> None:
        pass

    async def payload(self, path: str, files: Mapping[str, File], *, memory: bool, fs_group: int | None) -> bool:
        return False

    async def host_path(self, path: str, type_: str) -> None:
        pass

    async def sub_path(self, volume: str, sub_path: str, target: str) -> str:
        return f"{volume}/{sub_path}"

    async def file(self, volume: str, path: str) -> bytes | None:
        return None

    async def usage(self, path: str) -> int:
        return 0

    async def tear_down(self, pod_dir: str) -> None:
        pass


class SimulatedHost:
    """``host.Host`` for a simulated runtime."""

    def __init__(self, runtime: SimulatedRuntime, clock: Clock, machine: Machine = MACHINE) -> None:
        self.volumes = SimulatedVolumes()
        self._runtime = runtime
        self._clock = clock
        self._machine = machine

    async def machine(self) -> Machine:
        return self._machine

    async def start(self) -> None:
        pass

    async def close(self) -> None:
        pass

    async def ensure_cgroup(self, pod: Object) -> str:
        return ""

    async def remove_cgroup(self, pod_uid: str) -> None:
        pass

    async def remaining_pods(self) -> Sequence[str]:
        return ()

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        pass

    async def read_file(self, path: str, limit: int = 0, *, tail: bool = False) -> bytes:
        """Only logs can be read."""
        data = self._runtime.log(path)
        if not limit:
            return data
        return data[-limit:] if tail else data[:limit]

    async def remove_logs(self, directory: str) -> None:
        pass

    async def static_files(self, folder: str) -> Mapping[str, bytes]:
        return {}

    def watch_folder(self, folder: str, changed: Callable[[], None]) -> Callable[[], None]:
        return lambda: None

    async def rotate_logs(self, path: str, max_bytes: int, max_files: int) -> bool:
        return False

    async def resolv_conf(self, path: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return (), (), ()

    async def probe(self, target: ProbeTarget) -> tuple[Outcome, str]:
        try:
            script = self._runtime.script(target.container.id)
        except RuntimeFailure as error:
            return Outcome.FAILURE, str(error)
        age = self._clock.now() - target.container.started_at / 1e9
        # ages are differences of large numbers: what is due at this very moment counts
        if script.probe(target.kind, age + 1e-6):
            return Outcome.SUCCESS, ""
        return Outcome.FAILURE, "simulated"

    async def http_get(self, url: str, headers: Sequence[tuple[str, str]], timeout_seconds: float) -> tuple[int, bytes]:
        return 200, b""
