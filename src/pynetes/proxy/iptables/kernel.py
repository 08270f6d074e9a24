"""The acting half: what the kernel has, and what it is told, by ``iptables-save`` and ``iptables-restore``.

The legacy programs are taken where they work: a table of 5,000 services is restored in a thirtieth of the time.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.proxy.iptables.rules import CANARY, is_ours

LOCK_SECONDS = "5"


class Kernel:
    """One IP family's packet filter in the network namespace of this process."""

    def __init__(self, commands: Commands, clock: Clock, family: int) -> None:
        self._commands = commands
        self._clock = clock
        self._base = "ip6tables" if family == 6 else "iptables"
        self._family = family
        self._variant = ""

    async def saved(self) -> Mapping[str, list[str]]:
        """All chains and the rules of those that are not ours, as lines by table."""
        done = await self._commands.run([await self._program("save")])
        return await self._clock.in_thread(parse_save, done.stdout)  # tens of thousands of lines

    async def restore(self, text: str) -> None:
        """Raises: CommandFailed; then nothing of the failed table was changed."""
        program = await self._program("restore")
        command = [program, "-w", LOCK_SECONDS, "--noflush", "--counters"]
        await self._commands.run(command, stdin=text.encode())

    async def canary(self) -> bool:
        """Whether our mark is still in every table: if not, somebody flushed it."""
        program = (await self._program("save")).removesuffix("-save")
        for table in ("mangle", "nat", "filter"):
            done = await self._commands.run([program, "-w", LOCK_SECONDS, "-t", table, "-S", CANARY], check=False)
            if done.code != 0:
                return False
        return True

    def allow_localnet(self) -> None:
        """Let node ports be reached by 127.0.0.1. Source: issue 90259, ``route_localnet``."""
        _write("/proc/sys/net/ipv4/conf/all/route_localnet", "1")

    def bridged_traffic_is_seen(self) -> bool:
        """Have packets between pods on one bridge pass the packet filter, without which their answers would not be
        translated back. False: the kernel's br_netfilter is not there."""
        name = "ip6tables" if self._family == 6 else "iptables"
        return _write(f"/proc/sys/net/bridge/bridge-nf-call-{name}", "1")

    def liberal(self) -> bool:
        """Whether connection tracking takes packets out of their window for valid."""
        try:
            return Path("/proc/sys/net/netfilter/nf_conntrack_tcp_be_liberal").read_text().strip() != "0"
        except OSError:
            return False

    async def _program(self, verb: str) -> str:
        if not self._variant:
            legacy = f"{self._base}-legacy"
            self._variant = legacy if await self._works(f"{legacy}-save") else self._base
        return f"{self._variant}-{verb}"

    async def _works(self, program: str) -> bool:
        try:
            return (await self._commands.run([program, "-t", "nat"], check=False)).code == 0
        except FileNotFoundError:
            return False


def parse_save(output: bytes) -> dict[str, list[str]]:
    """The ``:CHAIN`` lines by table, and the ``-A`` lines of the chains that are not ours."""
    tables: dict[str, list[str]] = {}
    current: list[str] = []
    for line in output.decode(errors="replace").splitlines():
        if line.startswith("*"):
            current = tables.setdefault(line[1:].strip(), [])
        elif line.startswith(":") or (line.startswith("-A ") and not is_ours(line.split(" ", 2)[1])):
            current.append(line)
    return tables


def _write(path: str, value: str) -> bool:
    try:
        if Path(path).read_text().strip() != value:
            fd = os.open(path, os.O_WRONLY)
            try:
                os.write(fd, value.encode())
            finally:
                os.close(fd)
    except OSError:
        return False
    return True
