"""The first process of a pod's shared process namespace: it does nothing, and orphans that end leave no zombie.

A few machine instructions, written to a file as an ELF program, so that no image is needed: ignore SIGCHLD (the kernel
then reaps what ends), and sleep for ever. runc runs it, with no capability and nothing in its root but itself.

Caveats: known for x86-64 only; elsewhere a shared process namespace is refused.
Source: man 2 sigaction (SIGCHLD with SIG_IGN), System V ABI chapter 4 (ELF).
"""

import os
import platform
import shutil
import struct
from typing import Any

import orjson

from pynetes.aio.commands import CommandFailed
from pynetes.network import namespaces
from pynetes.runtime.oci.spec import id_mappings
from pynetes.runtime.oci.state import State, process_start
from pynetes.runtime.types import LinuxSandbox, RuntimeFailure

_X86_64 = bytes.fromhex(
    "b80d000000"  # mov eax, 13: rt_sigaction
    "bf11000000"  # mov edi, 17: SIGCHLD
    "488d3517000000"  # lea rsi, [rip+23]: the action below
    "31d2"  # xor edx, edx
    "41ba08000000"  # mov r10d, 8
    "0f05"  # syscall
    "b822000000"  # again: mov eax, 34: pause
    "0f05"  # syscall
    "ebf7"  # jmp again
    "90909090"
) + struct.pack("<QQQQ", 1, 2, 0, 0)  # SIG_IGN, SA_NOCLDWAIT


def program() -> bytes:
    """The ELF file. Raises: RuntimeFailure on a machine that it is not known for."""
    if platform.machine() != "x86_64":
        raise RuntimeFailure(f"shareProcessNamespace is not supported on {platform.machine()}")
    base, headers = 0x400000, 64 + 56
    size = headers + len(_X86_64)
    ident = b"\x7fELF\x02\x01\x01".ljust(16, b"\0")
    header = ident + struct.pack("<HHIQQQIHHHHHH", 2, 62, 1, base + headers, 64, 0, 0, 64, 56, 1, 0, 0, 0)
    segment = struct.pack("<IIQQQQQQ", 1, 5, 0, base, base, size, size, 0x1000)
    return header + segment + _X86_64


async def start(state: State, sandbox_id: str, linux: LinuxSandbox) -> tuple[int, int]:
    """Run it for this sandbox and bind its process namespace to ``ns/pid``; its process number and start time."""
    bundle = state.paths.sandbox(sandbox_id) / "pause"
    rootfs = bundle / "rootfs"
    rootfs.mkdir(parents=True)
    if linux.users is not None:
        os.chown(rootfs, linux.users.first, linux.users.first)  # runc makes /proc and /dev as the namespace's root
    (rootfs / "pause").write_bytes(program())
    (rootfs / "pause").chmod(0o555)
    (bundle / "config.json").write_bytes(orjson.dumps(_config(state, sandbox_id, linux)))
    pid_file = bundle / "pid"
    command = state.runc("run", "--detach", "--bundle", str(bundle), "--pid-file", str(pid_file), _name(sandbox_id))
    try:
        await state.commands.run(command)
    except CommandFailed as error:
        raise RuntimeFailure(f"failed to start the process of the shared process namespace: {error}") from error
    pid = int(pid_file.read_text())
    file = state.paths.namespace(sandbox_id, "pid")
    file.parent.mkdir(exist_ok=True)
    file.touch()
    namespaces.mount(f"/proc/{pid}/ns/pid", file, "none", namespaces.MS_BIND)
    return pid, process_start(pid)


async def stop(state: State, sandbox_id: str) -> None:
    """End it, if there is one."""
    if not (state.paths.runc / _name(sandbox_id)).exists():
        return
    await state.commands.run(state.runc("delete", "--force", _name(sandbox_id)), check=False)
    namespaces.release(state.paths.namespace(sandbox_id, "pid"))
    shutil.rmtree(state.paths.runc / _name(sandbox_id), ignore_errors=True)


def _name(sandbox_id: str) -> str:
    return f"pause-{sandbox_id}"


def _config(state: State, sandbox_id: str, linux: LinuxSandbox) -> dict[str, Any]:
    joined = [
        {"type": {"net": "network"}.get(kind, kind), "path": str(path)}
        for kind in ("user", *namespaces.FLAGS)
        if (path := state.paths.namespace(sandbox_id, kind)).exists()
    ]
    return {
        "ociVersion": "1.0.2",
        "process": {
            "user": {"uid": 65535, "gid": 65535},
            "args": ["/pause"],
            "cwd": "/",
            "noNewPrivileges": True,
        },
        "root": {"path": "rootfs", "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc", "options": ["nosuid", "noexec", "nodev"]}
        ],
        "linux": {
            "cgroupsPath": os.path.join(linux.cgroup_parent or "/pynetes", _name(sandbox_id)),
            "namespaces": [*joined, {"type": "pid"}, {"type": "mount"}],
            **id_mappings(linux.users),
        },
    }
