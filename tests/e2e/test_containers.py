"""The embedded runtime with real namespaces, runc and conmon: what a container sees, how it ends, who survives whom."""

import asyncio
import os
import shutil
import signal
import stat
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from pynetes.aio.clock import RealClock
from pynetes.aio.commands import RealCommands
from pynetes.network import namespaces
from pynetes.network.cni import CNI
from pynetes.network.pods import conflist
from pynetes.runtime.oci import OCIRuntime, Settings, conmon, userns
from pynetes.runtime.oci.build import build
from pynetes.runtime.types import (
    Container,
    ContainerConfig,
    ContainerState,
    DNSConfig,
    IDRange,
    LinuxSandbox,
    Mount,
    Resources,
    RuntimeEvent,
    RuntimeFailure,
    Sandbox,
    SandboxConfig,
    SandboxState,
    Security,
)

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not all(map(shutil.which, ("runc", "conmon", "busybox"))), reason="needs runc, conmon, busybox"),
    pytest.mark.skipif(not Path("/usr/lib/cni/bridge").exists(), reason="needs the CNI plug-ins"),
]

DOCKERFILE = """
FROM scratch
COPY rootfs /
ENV FROM_IMAGE=yes
CMD ["sh", "-c", "echo hello; echo trouble >&2; exit 3"]
"""
NETNS = "pynetes-containertest"
CGROUP = "/pynetes-containertest"
SHARES = Path(f"/sys/fs/cgroup/cpu{CGROUP}")
CGROUP_V1 = Path("/sys/fs/cgroup/cpu").is_dir()


class Node:
    """One runtime at a time over one directory, in a network namespace of its own."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = RealClock()

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[OCIRuntime]:
        cni = CNI(
            RealCommands(self.clock),
            self.root / "cni",
            conflist=conflist(["10.96.77.0/24"], self.root / "cni" / "networks"),
        )
        runtime = OCIRuntime(self.clock, self.root / "runtime", cni, Settings(image_root=self.root / "images"))
        await runtime.start()
        try:
            yield runtime
        finally:
            await runtime.close()

    def act(self, main: Callable[[OCIRuntime], Awaitable[None]]) -> None:
        """Run inside the namespace, with all sandboxes removed at the end."""

        async def body() -> None:
            async with self.runtime() as runtime:
                try:
                    await main(runtime)
                finally:
                    for sandbox in await runtime.list_sandboxes():
                        await runtime.remove_sandbox(sandbox.id)

        namespaces.run_inside(namespaces.RUN_NETNS / NETNS, lambda: asyncio.run(body()))


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("node")
    for folder in (root, *root.parents[:2]):
        folder.chmod(folder.stat().st_mode | 0o011)  # the root of a user namespace has to get through
    context = root / "context" / "rootfs"
    (context / "bin").mkdir(parents=True)
    (context / "etc").mkdir()
    shutil.copy(str(shutil.which("busybox")), context / "bin" / "busybox")
    for applet in ("sh", "cat", "id", "sleep", "hostname", "ls", "stat", "mount", "tail", "ps", "nc", "env", "stty"):
        (context / "bin" / applet).symlink_to("busybox")
    (context / "etc" / "passwd").write_text("root:x:0:0::/root:/bin/sh\napp:x:1000:1000::/home/app:/bin/sh\n")
    (context / "etc" / "group").write_text("root:x:0:\napp:x:1000:\nextra:x:2000:app\n")
    namespaces.create(NETNS)
    made = Node(root)

    async def images(runtime: OCIRuntime) -> None:
        build(runtime.images, root / "context", DOCKERFILE, "busybox:test")

    try:
        made.act(images)
        yield made
        left = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(root) in line]
        assert left == [], "no mount is left behind"
        assert list((root / "runtime" / "containers").iterdir()) == []
        assert list((root / "cni" / "results").iterdir()) == []
    finally:
        namespaces.delete(NETNS)
        for directory in Path("/sys/fs/cgroup").glob(f"*{CGROUP}"):
            directory.rmdir()


def sandbox_config(tmp: Path, **linux: object) -> SandboxConfig:
    return SandboxConfig(
        "pod",
        "default",
        "uid-1",
        hostname="pod",
        log_directory=str(tmp),
        dns=DNSConfig(("10.96.0.10",), ("default.svc.cluster.local", "svc.cluster.local"), ("ndots:5",)),
        linux=LinuxSandbox(cgroup_parent=CGROUP, **linux),  # type: ignore[arg-type]
    )


async def run(runtime: OCIRuntime, sandbox: Sandbox, *args: str, **fields: object) -> str:
    name = str(fields.pop("name", "c"))
    config = ContainerConfig(name, 0, "busybox:test", args=args, log_path=f"{name}.log", **fields)  # type: ignore[arg-type]
    container_id = await runtime.create_container(sandbox.id, config)
    await runtime.start_container(container_id)
    return container_id


async def ended(runtime: OCIRuntime, container_id: str) -> Container:
    async with RealClock().timeout(20):
        while (found := await runtime.container(container_id)).state is not ContainerState.EXITED:
            await RealClock().sleep(0.01)
    return found


async def printed(runtime: OCIRuntime, tmp: Path, script: str, **fields: object) -> list[str]:
    """What a container's shell printed, line by line."""
    sandbox = await runtime.run_sandbox(sandbox_config(tmp))
    await ended(runtime, await run(runtime, sandbox, "sh", "-c", script, **fields))
    lines = (tmp / "c.log").read_text().splitlines()
    return [line.split(" ", 3)[3] for line in lines]


def test_a_container_runs_logs_and_ends_with_its_code(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        events = runtime.events()
        first = asyncio.ensure_future(anext(events))
        await asyncio.sleep(0)
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        assert (await first).sandbox_id == sandbox.id
        assert sandbox.state is SandboxState.READY
        assert sandbox.ips[0].startswith("10.96.77.")
        container_id = await run(runtime, sandbox)
        done = await ended(runtime, container_id)
        assert (done.exit_code, done.reason) == (3, "Error")
        assert done.created_at <= done.started_at <= done.finished_at
        lines = sorted(line.split(" ", 1)[1] for line in (tmp_path / "c.log").read_text().splitlines())
        assert lines == ["stderr F trouble", "stdout F hello"]
        kinds = [(await anext(events)).kind for _ in range(3)]
        assert kinds[0] is RuntimeEvent.CREATED
        assert set(kinds[1:]) == {RuntimeEvent.STARTED, RuntimeEvent.STOPPED}

    node.act(main)


def test_a_command_that_is_not_there_fails_the_start_with_code_128(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        container_id = await runtime.create_container(
            sandbox.id, ContainerConfig("c", 0, "busybox:test", args=("nope",))
        )
        with pytest.raises(RuntimeFailure, match='exec: "nope": executable file not found in \\$PATH'):
            await runtime.start_container(container_id)
        found = await runtime.container(container_id)
        assert (found.state, found.exit_code, found.reason) == (ContainerState.EXITED, 128, "StartError")
        assert found.message.startswith(
            "failed to create containerd task: failed to create shim task: OCI runtime create"
        )

    node.act(main)


def test_a_container_sees_the_sandboxs_names_and_the_images_environment(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        script = "hostname; cat /etc/hostname /etc/resolv.conf; echo $FROM_IMAGE $MINE $HOSTNAME; pwd"
        assert await printed(runtime, tmp_path, script, envs=(("MINE", "too"),), working_dir="/made/for/it") == [
            "pod",
            "pod",
            "search default.svc.cluster.local svc.cluster.local",
            "nameserver 10.96.0.10",
            "options ndots:5",
            "yes too pod",
            "/made/for/it",
        ]

    node.act(main)


def test_users_and_groups_come_from_the_pod_and_the_images_files(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        merged = Security(run_as_user=1000, supplemental_groups=(3000,))
        assert await printed(runtime, tmp_path, "id -u; id -g; id -G", security=merged) == [
            "1000",
            "1000",
            "1000 2000 3000",
        ]
        strict = Security(
            run_as_user=1000, run_as_group=5, supplemental_groups=(3000,), supplemental_groups_policy="Strict"
        )
        (tmp_path / "c.log").unlink()
        assert await printed(runtime, tmp_path, "id -u; id -g; id -G", security=strict) == ["1000", "5", "5 3000"]

    node.act(main)


def test_a_read_only_root_and_mounts_are_what_was_asked_for(node: Node, tmp_path: Path) -> None:
    volume = tmp_path / "volume"
    volume.mkdir()
    (volume / "f").write_text("from the volume\n")

    async def main(runtime: OCIRuntime) -> None:
        mounts = (Mount("/data", str(volume), readonly=True), Mount("/rw", str(tmp_path / "made")))
        script = "cat /data/f; for f in /x /data/x /rw/x /dev/shm/x; do (echo > $f) 2>/dev/null && echo yes $f || echo no $f; done"
        lines = await printed(runtime, tmp_path, script, mounts=mounts, security=Security(readonly_rootfs=True))
        assert lines == ["from the volume", "no /x", "no /data/x", "yes /rw/x", "yes /dev/shm/x"]

    node.act(main)


def test_the_default_profile_refuses_what_reaches_out(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        security = Security(seccomp="runtime/default", add_capabilities=("SYS_TIME",))
        script = "grep -c 'Seccomp:.2' /proc/self/status; busybox unshare -U true 2>/dev/null || echo refused; sh -c 'echo forks'"
        assert await printed(runtime, tmp_path, f"busybox {script}", security=security) == ["1", "refused", "forks"]

    node.act(main)


def test_memory_beyond_the_limit_is_an_oom_kill(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        limits = Resources(memory_limit=16 * 1024 * 1024)
        container_id = await run(runtime, sandbox, "sh", "-c", "exec tail /dev/zero", resources=limits)
        done = await ended(runtime, container_id)
        assert (done.exit_code, done.reason) == (137, "OOMKilled")

    node.act(main)


def test_stopping_sends_the_signal_then_kills(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        polite = await run(
            runtime, sandbox, "sh", "-c", "trap 'exit 6' USR1; while :; do sleep 0.05; done", stop_signal="SIGUSR1"
        )
        stubborn = await run(runtime, sandbox, "sh", "-c", "trap '' TERM; while :; do sleep 0.05; done", name="s")
        await RealClock().sleep(0.2)
        await runtime.stop_container(polite, 10)
        assert (await runtime.container(polite)).exit_code == 6
        await runtime.stop_container(stubborn, 0.2)
        assert (await runtime.container(stubborn)).exit_code == 137
        await runtime.stop_container(stubborn, 1)  # stopped already

    node.act(main)


def test_exec_gives_output_codes_and_a_terminal(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        container_id = await run(runtime, sandbox, "sleep", "100")
        done = await runtime.exec_sync(container_id, ["sh", "-c", "echo out; echo err >&2; exit 7"], 10)
        assert (done.exit_code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
        with pytest.raises(RuntimeFailure, match='exec: "nope"'):
            await runtime.exec_sync(container_id, ["nope"], 10)
        with pytest.raises(TimeoutError):
            await runtime.exec_sync(container_id, ["sleep", "77"], 0.3)
        assert b"sleep 77" not in (await runtime.exec_sync(container_id, ["ps"], 10)).stdout

        streams = await runtime.exec(container_id, ["cat"], tty=False, stdin=True)
        await streams.write(b"x" * 300_000)
        got = 0

        async def close() -> None:
            await streams.close_stdin()

        closing = asyncio.ensure_future(close())
        async for number, data in streams.output():
            assert number == 1
            got += len(data)
        await closing
        assert (got, await streams.wait()) == (300_000, 0)

        terminal = await runtime.exec(container_id, ["sh"], tty=True, stdin=True)
        terminal.resize(100, 40)
        await terminal.write(b"sleep 0.2; stty size; exit 4\n")
        output = b"".join([data async for _, data in terminal.output()])
        assert b"\n40 100\r" in output  # the shell may be editing lines by itself: then the end of line has one more
        assert await terminal.wait() == 4

    node.act(main)


def test_attach_reaches_the_first_process(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        container_id = await run(
            runtime, sandbox, "sh", "-c", "read line; echo got $line; exit 5", stdin=True, stdin_once=True
        )
        streams = await runtime.attach(container_id, tty=False, stdin=True)
        await streams.write(b"word\n")
        assert [pair async for pair in streams.output()] == [(1, b"got word\n")]
        assert await streams.wait() == 5

    node.act(main)


def test_limits_can_be_changed_and_usage_is_told(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        container_id = await run(runtime, sandbox, "sleep", "100")
        await runtime.update_resources(container_id, Resources(cpu_shares=512, memory_limit=64 * 1024 * 1024))
        used = await runtime.usage(container_id)
        assert used.cpu_nanoseconds > 0
        assert 0 < used.memory_working_set < 64 * 1024 * 1024
        if CGROUP_V1:
            assert (SHARES / container_id / "cpu.shares").read_text().strip() == "512"

    node.act(main)


def test_containers_of_a_pod_share_processes_where_asked(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path, share_process_namespace=True))
        await run(runtime, sandbox, "sleep", "123", name="one")
        two = await run(runtime, sandbox, "sleep", "100", name="two")
        listed = (await runtime.exec_sync(two, ["ps"], 10)).stdout
        assert b"/pause" in listed
        assert b"sleep 123" in listed
        # an orphan that ends is reaped by the first process
        await runtime.exec_sync(two, ["sh", "-c", "(sleep 0.1 &) ; exit 0"], 10)
        await RealClock().sleep(0.3)
        assert b"[sleep]" not in (await runtime.exec_sync(two, ["ps"], 10)).stdout

    node.act(main)


def test_host_namespaces_are_the_hosts(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        linux = {"host_network": True, "host_pid": True, "host_ipc": True}
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path, **linux))
        assert sandbox.ips == ()
        container_id = await run(runtime, sandbox, "sleep", "100")
        pid = int((node.root / "runtime" / "containers" / container_id / "pid").read_text())
        for kind in ("pid", "ipc", "uts"):
            assert os.readlink(f"/proc/{pid}/ns/{kind}") == os.readlink(f"/proc/self/ns/{kind}")
        await runtime.stop_container(container_id, 0)

    node.act(main)


@pytest.mark.skipif(not userns.supported(), reason="needs Linux 6.3 with user namespaces")
def test_the_root_of_a_user_namespace_is_nobody_outside(node: Node, tmp_path: Path) -> None:
    """concepts/workloads/pods/user-namespaces: files of volumes keep the owners that the pod sees."""
    volume = tmp_path / "volume"
    volume.mkdir()
    users = IDRange(65536 * 7, 65536)

    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path, users=users, share_process_namespace=True))
        script = "cat /proc/self/uid_map; id -u; stat -c %u /bin/sh /etc/resolv.conf /v; touch /v/made; sleep 100"
        container_id = await run(runtime, sandbox, "sh", "-c", script, mounts=(Mount("/v", str(volume)),))
        async with RealClock().timeout(20):
            while not (volume / "made").exists():
                await RealClock().sleep(0.01)
        lines = [line.split(" ", 3)[3] for line in (tmp_path / "c.log").read_text().splitlines()]
        assert lines[0].split() == ["0", str(users.first), "65536"]
        assert lines[1:] == ["0", "0", "0", "0"]
        assert (volume / "made").stat().st_uid == 0
        pid = int((node.root / "runtime" / "containers" / container_id / "pid").read_text())
        assert os.stat(f"/proc/{pid}").st_uid == users.first
        assert (await runtime.exec_sync(container_id, ("id", "-u"), 5)).stdout == b"0\n"

    node.act(main)


def test_a_privileged_container_has_the_devices_and_writes_to_sys(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        script = "mount | busybox grep -c '^sysfs on /sys .*rw'; [ -e /dev/kmsg ] && echo kmsg"
        assert await printed(runtime, tmp_path, script, security=Security(privileged=True)) == ["1", "kmsg"]

    node.act(main)


def test_sysctls_are_set_in_the_sandbox_only(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sysctls = {"kernel.shm_rmid_forced": "1", "net.ipv4.ip_local_port_range": "1024\t65000"}
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path, sysctls=sysctls))
        script = "cat /proc/sys/kernel/shm_rmid_forced /proc/sys/net/ipv4/ip_local_port_range"
        await ended(runtime, await run(runtime, sandbox, "sh", "-c", script))
        text = (tmp_path / "c.log").read_text()
        assert text.splitlines()[0].endswith("F 1")
        assert text.splitlines()[1].endswith("F 1024\t65000")

    node.act(main)


def test_a_restarted_runtime_adopts_what_runs_and_learns_what_ended(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        lasting = await run(runtime, sandbox, "sleep", "100", name="lasting")
        ending = await run(runtime, sandbox, "sh", "-c", "sleep 0.3; exit 9", name="ending")
        waiting = await runtime.create_container(
            sandbox.id, ContainerConfig("w", 0, "busybox:test", args=("sleep", "9"))
        )
        await runtime.close()
        await RealClock().sleep(0.6)
        # what a killed predecessor left half-made
        (node.root / "runtime" / "containers" / ("0" * 64) / "rootfs").mkdir(parents=True)
        (node.root / "runtime" / "sandboxes" / ("1" * 64) / "ns").mkdir(parents=True)
        async with node.runtime() as second:
            assert (await second.container(lasting)).state is ContainerState.RUNNING
            gone = await second.container(ending)
            assert (gone.state, gone.exit_code) == (ContainerState.EXITED, 9)
            assert (await second.container(waiting)).state is ContainerState.CREATED
            await second.start_container(waiting)
            assert [s.state for s in await second.list_sandboxes()] == [SandboxState.READY]
            assert len(list((node.root / "runtime" / "containers").iterdir())) == 3
            assert len(list((node.root / "runtime" / "sandboxes").iterdir())) == 1
            await second.stop_container(lasting, 0)
            assert (await second.container(lasting)).exit_code == 137
            await second.remove_sandbox(sandbox.id)
            assert await second.list_containers() == []
        runtime._state.sandboxes.clear()
        runtime._state.containers.clear()

    node.act(main)


def test_a_start_that_was_interrupted_is_finished_by_the_next_runtime(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        config = ContainerConfig("c", 0, "busybox:test", args=("sleep", "100"), log_path="c.log")
        made, broken, orphan = [await runtime.create_container(sandbox.id, config) for _ in range(3)]
        state = runtime._state
        pid = await conmon.create(state, state.container(made).record, str(tmp_path / "made.log"))
        await conmon.create(state, state.container(broken).record, str(tmp_path / "broken.log"))
        await state.commands.run(state.runc("delete", "--force", broken))  # runc was killed before it was done
        await conmon.create(state, state.container(orphan).record, str(tmp_path / "orphan.log"))
        os.kill(int((state.paths.container(orphan) / "conmon.pid").read_text()), signal.SIGKILL)
        await runtime.close()
        async with node.runtime() as second:
            found = await second.container(made)
            assert (found.state, second._state.container(made).record.pid) == (ContainerState.RUNNING, pid)
            for cleared in (broken, orphan):  # without a shim nobody would learn of an end
                assert (await second.container(cleared)).state is ContainerState.CREATED
                assert not (node.root / "runtime" / "runc" / cleared).exists()
            await second.stop_container(made, 0)
            assert (await second.container(made)).exit_code == 137
            await second.remove_sandbox(sandbox.id)
        state.sandboxes.clear()
        state.containers.clear()

    node.act(main)


def test_a_container_whose_shim_was_killed_counts_as_ended_when_its_process_is_gone(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        container_id = await run(runtime, sandbox, "sleep", "100")
        bundle = node.root / "runtime" / "containers" / container_id
        os.kill(int((bundle / "conmon.pid").read_text()), signal.SIGKILL)
        os.kill(int((bundle / "pid").read_text()), signal.SIGKILL)
        done = await ended(runtime, container_id)
        assert (done.exit_code, done.reason) == (255, "Unknown")

    node.act(main)


def test_images_are_loaded_removed_and_kept_while_a_container_stands_on_them(node: Node, tmp_path: Path) -> None:
    async def main(runtime: OCIRuntime) -> None:
        image = await runtime.image("busybox:test")
        assert image is not None
        assert image.tags == ("docker.io/library/busybox:test",)
        with pytest.raises(RuntimeFailure, match=r"failed to resolve image: .* connection refused") as failure:
            await runtime.pull_image("localhost:9/none:1")
        assert failure.value.reason == "ErrImagePull"
        extra = tmp_path / "extra"
        extra.mkdir()
        (extra / "f").write_text("x\n")
        build(runtime.images, extra, "FROM busybox:test\nCOPY f /f\nENV A=b\n", "child:1")
        sandbox = await runtime.run_sandbox(sandbox_config(tmp_path))
        config = ContainerConfig("c", 0, "child:1", args=("sh", "-c", "cat /f; echo $A"), log_path="c.log")
        container_id = await runtime.create_container(sandbox.id, config)
        await runtime.remove_image("child:1")
        assert await runtime.image("child:1") is None
        await runtime.start_container(container_id)
        assert (await ended(runtime, container_id)).exit_code == 0
        assert [line.split(" ", 3)[3] for line in (tmp_path / "c.log").read_text().splitlines()] == ["x", "b"]
        assert stat.S_ISDIR(os.stat(node.root / "images" / "layers").st_mode)

    node.act(main)
