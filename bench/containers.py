#!/usr/bin/env python3
"""How long the embedded runtime takes: a sandbox, a container, an exec, and many pods at once.

usage: bench/containers.py [PODS]      (default: 30; needs root, runc, conmon, busybox and the CNI plug-ins)
Runs in a directory and a network namespace of its own, both deleted at the end.
"""

import asyncio
import shutil
import sys
import tempfile
from pathlib import Path

from pynetes.aio.clock import RealClock, stopwatch
from pynetes.aio.commands import RealCommands
from pynetes.network import namespaces
from pynetes.network.cni import CNI
from pynetes.network.pods import conflist
from pynetes.runtime.oci import OCIRuntime
from pynetes.runtime.oci.build import build
from pynetes.runtime.oci.cgroups import Cgroups
from pynetes.runtime.types import ContainerConfig, LinuxSandbox, SandboxConfig

NAMESPACE = "pynetes-bench-containers"
CGROUP = "/pynetes-bench-containers"
SINGLE = 5


def sandbox_config(name: str) -> SandboxConfig:
    return SandboxConfig(name, "default", name, hostname=name, linux=LinuxSandbox(cgroup_parent=CGROUP))


async def measure(root: Path, pods: int) -> None:
    clock = RealClock()
    network = conflist(["10.96.77.0/24"], root / "cni" / "networks")
    runtime = OCIRuntime(clock, root / "runtime", CNI(RealCommands(clock), root / "cni", conflist=network))
    await runtime.start()
    build(runtime.images, root / "context", 'FROM scratch\nCOPY . /\nENTRYPOINT ["/busybox"]\n', "bench")
    container = ContainerConfig("c", 0, "bench", args=("sleep", "1000"))

    async def pod(name: str) -> str:
        sandbox = await runtime.run_sandbox(sandbox_config(name))
        container_id = await runtime.create_container(sandbox.id, container)
        await runtime.start_container(container_id)
        return container_id

    print("one at a time, milliseconds:  sandbox  create  start  exec")
    for number in range(SINGLE):
        with stopwatch(clock) as elapsed:
            sandbox = await runtime.run_sandbox(sandbox_config(f"single-{number}"))
            sandboxed = elapsed()
            container_id = await runtime.create_container(sandbox.id, container)
            created = elapsed()
            await runtime.start_container(container_id)
            started = elapsed()
            await runtime.exec_sync(container_id, ["/busybox", "true"], 10)
            steps = (sandboxed, created - sandboxed, started - created, elapsed() - started)
        print(" " * 28, *(f"{seconds * 1000:7.0f}" for seconds in steps))
    with stopwatch(clock) as elapsed:
        await asyncio.gather(*(pod(f"pod-{number}") for number in range(pods)))
        print(f"{pods} pods at once: {elapsed():.2f} s")
    with stopwatch(clock) as elapsed:
        await asyncio.gather(*(runtime.remove_sandbox(s.id) for s in await runtime.list_sandboxes()))
        print(f"all removed: {elapsed():.2f} s")
    await runtime.close()
    Cgroups(Path("/sys/fs/cgroup")).remove(CGROUP)


def main() -> None:
    pods = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    with tempfile.TemporaryDirectory(prefix="pynetes-bench-") as name:
        root = Path(name)
        (root / "context").mkdir()
        shutil.copy(shutil.which("busybox") or "busybox", root / "context" / "busybox")
        namespace = namespaces.create(NAMESPACE)
        try:
            namespaces.run_inside(namespace, lambda: asyncio.run(measure(root, pods)))
        finally:
            namespaces.delete(NAMESPACE)


if __name__ == "__main__":
    main()
