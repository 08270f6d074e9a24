"""``LinuxHost``: the real machine: /proc, the disk, cgroups, sockets to pods.

Source: kubernetes ``pkg/kubelet/cadvisor``, ``pkg/probe``.
"""

import asyncio
import contextlib
import os
import shutil
import ssl
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from pynetes.aio.clock import Clock
from pynetes.http.failures import refusal, tls
from pynetes.kubelet import grpc
from pynetes.kubelet.cgroups import Cgroups
from pynetes.kubelet.disk import LinuxVolumes
from pynetes.kubelet.hooks import http_target, resolve_port
from pynetes.kubelet.host import Machine, Outcome, ProbeTarget
from pynetes.kubelet.images import duration
from pynetes.kubelet.inotify import watch
from pynetes.kubelet.settings import Settings
from pynetes.meta.objects import Object
from pynetes.runtime.types import Runtime, RuntimeFailure

MAX_OUTPUT = 10 * 1024
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}


class LinuxHost:
    """``host.Host`` for a runtime with real containers."""

    def __init__(self, settings: Settings, runtime: Runtime, clock: Clock) -> None:
        self.volumes = LinuxVolumes(clock)
        self._settings = settings
        self._runtime = runtime
        self._clock = clock
        self._cgroups = Cgroups(parent=settings.cgroup_root) if settings.cgroups else None
        self._facts: Machine | None = None
        self._insecure = ssl.create_default_context()
        self._insecure.check_hostname = False
        self._insecure.verify_mode = ssl.CERT_NONE

    async def machine(self) -> Machine:
        if self._facts is None:
            os.makedirs(self._settings.root_dir, exist_ok=True)
            self._facts = _machine(self._settings.root_dir)
        return self._facts

    async def start(self) -> None:
        os.makedirs(f"{self._settings.root_dir}/pods", mode=0o750, exist_ok=True)
        os.makedirs(self._settings.log_dir, mode=0o755, exist_ok=True)
        if self._cgroups is not None:
            self._cgroups.start((await self.machine()).cpus * 1000)

    async def close(self) -> None:
        pass

    async def ensure_cgroup(self, pod: Object) -> str:
        os.makedirs(f"{self._settings.root_dir}/pods/{pod['metadata']['uid']}", mode=0o750, exist_ok=True)
        return self._cgroups.ensure(pod) if self._cgroups is not None else ""

    async def remove_cgroup(self, pod_uid: str) -> None:
        if self._cgroups is not None:
            self._cgroups.remove(pod_uid)

    async def remaining_pods(self) -> Sequence[str]:
        try:
            return sorted(os.listdir(f"{self._settings.root_dir}/pods"))
        except FileNotFoundError:
            return ()

    async def write_file(self, path: str, data: bytes, mode: int = 0o644) -> None:
        _write(path, data, mode)

    async def read_file(self, path: str, limit: int = 0, *, tail: bool = False) -> bytes:
        return _read(path, limit, tail)

    async def remove_logs(self, directory: str) -> None:
        await self._clock.in_thread(shutil.rmtree, directory, True)

    async def static_files(self, folder: str) -> Mapping[str, bytes]:
        return _files(folder)

    def watch_folder(self, folder: str, changed: Callable[[], None]) -> Callable[[], None]:
        return watch(folder, changed)

    async def rotate_logs(self, path: str, max_bytes: int, max_files: int) -> bool:
        try:
            if os.stat(path).st_size < max_bytes:
                return False
        except OSError:
            return False
        await self._clock.in_thread(_rotate, path, max_files)
        return True

    async def resolv_conf(self, path: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
        return parse_resolv_conf((await self.read_file(path)).decode(errors="replace") if path else "")

    async def probe(self, target: ProbeTarget) -> tuple[Outcome, str]:
        probe = target.probe
        seconds = float(probe.get("timeoutSeconds") or 1)
        try:
            if "exec" in probe:
                return await self._exec(target, probe["exec"].get("command") or [], seconds)
            if "httpGet" in probe:
                return await self._http(target, seconds)
            if "tcpSocket" in probe:
                host = probe["tcpSocket"].get("host") or target.pod_ip
                return await self._tcp(host, resolve_port(probe["tcpSocket"]["port"], target.spec), seconds)
            if "grpc" in probe:
                asked = probe["grpc"]
                return await grpc.check(
                    self._clock, target.pod_ip, int(asked["port"]), asked.get("service") or "", seconds
                )
        except ValueError as error:
            return Outcome.UNKNOWN, str(error)
        return Outcome.UNKNOWN, f"missing probe handler for {target.spec['name']}"

    async def http_get(self, url: str, headers: Sequence[tuple[str, str]], timeout_seconds: float) -> tuple[int, bytes]:
        async with self._clock.timeout(timeout_seconds):
            return await self._get(url, headers)

    async def _exec(self, target: ProbeTarget, command: Sequence[str], seconds: float) -> tuple[Outcome, str]:
        try:
            result = await self._runtime.exec_sync(target.container.id, command, seconds)
        except TimeoutError:
            text = f'command timed out: "{" ".join(command)}" timed out after {duration(seconds)}'
            return Outcome.FAILURE, text
        except RuntimeFailure as error:
            return Outcome.UNKNOWN, f"rpc error: code = Unknown desc = {error}"
        output = (result.stdout + result.stderr)[:MAX_OUTPUT].decode(errors="replace")
        return (Outcome.SUCCESS if result.exit_code == 0 else Outcome.FAILURE), output

    async def _tcp(self, host: str, port: int, seconds: float) -> tuple[Outcome, str]:
        address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        try:
            async with self._clock.timeout(seconds):
                _, writer = await asyncio.open_connection(host, port)
            writer.close()
        except TimeoutError:
            return Outcome.FAILURE, f"dial tcp {address}: i/o timeout"
        except OSError as error:
            return Outcome.FAILURE, f"dial tcp {address}: connect: {refusal(error)}"
        return Outcome.SUCCESS, ""

    async def _http(self, target: ProbeTarget, seconds: float) -> tuple[Outcome, str]:
        url, headers = http_target(target.probe["httpGet"], target.spec, target.pod_ip)
        parts = urlsplit(url)
        try:
            async with self._clock.timeout(seconds):
                code, body = await self._get(url, headers)
        except TimeoutError:
            why = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return Outcome.FAILURE, f'Get "{url}": {why}'
        except ConnectionError as error:
            if isinstance(error, ConnectionRefusedError):
                return Outcome.FAILURE, f'Get "{url}": dial tcp {parts.netloc}: connect: {refusal(error)}'
            return Outcome.FAILURE, f'Get "{url}": {refusal(error)}'
        except ssl.SSLError as error:
            return Outcome.FAILURE, f'Get "{url}": {tls(error)}'
        except OSError as error:
            return Outcome.FAILURE, f'Get "{url}": dial tcp {parts.netloc}: connect: {refusal(error)}'
        if 200 <= code < 400:
            return Outcome.SUCCESS, body[:MAX_OUTPUT].decode(errors="replace")
        return Outcome.FAILURE, f"HTTP probe failed with statuscode: {code}"

    async def _get(self, url: str, headers: Sequence[tuple[str, str]], hops: int = 10) -> tuple[int, bytes]:
        """GET over a connection of its own, following redirects on the same host."""
        parts = urlsplit(url)
        secure = self._insecure if parts.scheme == "https" else None
        port = parts.port or (443 if secure else 80)
        reader, writer = await asyncio.open_connection(parts.hostname, port, ssl=secure)
        try:
            writer.write(_request(parts.netloc, parts.path or "/", parts.query, headers))
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").split("\r\n")
            code = int(lines[0].split(" ", 2)[1])
            fields = {n.strip().lower(): v.strip() for n, _, v in (line.partition(":") for line in lines[1:])}
            body = b""
            with contextlib.suppress(OSError):
                body = await reader.read(MAX_OUTPUT)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            raise ConnectionResetError("malformed HTTP response") from error
        finally:
            writer.close()
        location = fields.get("location", "")
        if code in (301, 302, 303, 307, 308) and location and hops:
            following = location if "://" in location else f"{parts.scheme}://{parts.netloc}{location}"
            if urlsplit(following).hostname == parts.hostname:
                return await self._get(following, headers, hops - 1)
        return code, body


def _write(path: str, data: bytes, mode: int) -> None:
    """Small files only: not worth a thread."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).write_bytes(data)
    os.chmod(path, mode)


def _read(path: str, limit: int, tail: bool) -> bytes:
    try:
        with open(path, "rb") as file:
            if limit and tail:
                file.seek(max(os.fstat(file.fileno()).st_size - limit, 0))
            return file.read(limit or -1)
    except OSError:
        return b""


def _files(folder: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder)):
            path = os.path.join(folder, name)
            if not name.startswith(".") and os.path.isfile(path):
                found[path] = _read(path, 0, False)
    return found


def _request(netloc: str, path: str, query: str, headers: Sequence[tuple[str, str]]) -> bytes:
    fields = {"Host": netloc, "User-Agent": "kube-probe/1.36", "Accept": "*/*", "Connection": "close"}
    own = {name.title(): (name, value) for name, value in headers}
    for name in list(fields):
        if name in own:
            fields[name] = own.pop(name)[1]
    lines = [f"GET {path}{'?' + query if query else ''} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in fields.items() if value]
    lines += [f"{name}: {value}" for name, value in own.values()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def parse_resolv_conf(text: str) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Servers, searches (the last line of them counts), options."""
    servers: list[str] = []
    searches: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    for line in text.splitlines():
        words = line.split()
        if len(words) < 2 or line.startswith(("#", ";")):
            continue
        if words[0] == "nameserver":
            servers.append(words[1])
        elif words[0] == "search":
            searches = tuple(word if word == "." else word.rstrip(".") for word in words[1:])
        elif words[0] == "options":
            options = tuple(words[1:])
    return tuple(servers), searches, options


def _machine(root: str) -> Machine:
    memory = _meminfo()
    disk = os.statvfs(root)
    system = os.uname()
    return Machine(
        cpus=len(os.sched_getaffinity(0)),
        memory=memory.get("MemTotal", 0),
        ephemeral_storage=disk.f_blocks * disk.f_frsize,
        hugepages=_hugepages(),
        hostname=system.nodename,
        machine_id=_text("/etc/machine-id"),
        system_uuid=_text("/sys/class/dmi/id/product_uuid") or _text("/etc/machine-id"),
        boot_id=_text("/proc/sys/kernel/random/boot_id"),
        kernel_version=system.release,
        os_image=_os_image(),
        architecture=ARCHITECTURES.get(system.machine, system.machine),
        swap=memory.get("SwapTotal", 0),
        apparmor=_text("/sys/module/apparmor/parameters/enabled") == "Y",
        selinux=os.path.exists("/sys/fs/selinux/enforce"),
    )


def _text(path: str) -> str:
    try:
        return Path(path).read_text().strip()
    except OSError:
        return ""


def _meminfo() -> dict[str, int]:
    found = {}
    for line in _text("/proc/meminfo").splitlines():
        name, _, value = line.partition(":")
        words = value.split()
        if words and words[-1] == "kB":
            found[name] = int(words[0]) * 1024
    return found


def _hugepages() -> dict[str, int]:
    """Bytes by size, as the node names them (``2Mi``, ``1Gi``)."""
    found = {}
    with contextlib.suppress(OSError):
        for folder in sorted(os.listdir("/sys/kernel/mm/hugepages")):
            kib = int(folder.removeprefix("hugepages-").removesuffix("kB"))
            size = f"{kib >> 20}Gi" if kib >= 1 << 20 else f"{kib >> 10}Mi"
            count = int(_text(f"/sys/kernel/mm/hugepages/{folder}/nr_hugepages") or 0)
            found[size] = count * kib * 1024
    return found


def _os_image() -> str:
    for line in _text("/etc/os-release").splitlines():
        if line.startswith("PRETTY_NAME="):
            return line.partition("=")[2].strip('"')
    return "Linux"


def _rotate(path: str, max_files: int) -> None:
    """Copy and cut in place: the writer keeps its descriptor, which appends. ``path.1`` is the newest copy."""
    for number in range(max_files - 1, 0, -1):
        older, newer = f"{path}.{number}", f"{path}.{number - 1}" if number > 1 else ""
        if newer and os.path.exists(newer):
            os.replace(newer, older)
    shutil.copyfile(path, f"{path}.1")
    os.truncate(path, 0)
