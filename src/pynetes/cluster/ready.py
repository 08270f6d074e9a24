"""Wait until a cluster is really ready: say what a long wait is for, and give up where it is in vain.

Really ready: the API says so, every node is Ready, and a pod could be created in namespace ``default`` (its
ServiceAccount and root certificate are there).
"""

import asyncio
import re
import shutil
from collections.abc import Callable

from pynetes.aio.clock import Clock, stopwatch
from pynetes.client.client import Client
from pynetes.client.kinds import CONFIG_MAPS, NODES, SERVICE_ACCOUNTS
from pynetes.cluster import components
from pynetes.cluster.config import ClusterConfig, ClusterDir
from pynetes.cluster.status import process_names
from pynetes.cluster.supervisor import read_ends, read_record
from pynetes.meta.objects import Object, name_of
from pynetes.meta.status import StatusError

READY_SECONDS = 90.0

SAY_SECONDS = 5.0
"""How often a long wait tells what it waits for."""

LOOK_SECONDS = 0.2
FAILING_ENDS = 3
"""A process that ended so often while we waited is not coming up."""

ABSENT_SECONDS = 10.0
"""Nor is one that was away for so long, all in all: with a full disk nobody counts its ends."""

ROOM_BYTES = 1 << 20


class NotReady(Exception):
    """The cluster did not become ready; the message says what is missing and where to look."""


async def wait_ready(
    config: ClusterConfig, folder: ClusterDir, clock: Clock, done: Callable[[str], None], say: Callable[[str], None]
) -> None:
    """Return when the cluster is really ready. ``done`` is told each step, ``say`` what a long one waits for.

    Raises: NotReady, also as soon as it is clear that it never will be.
    """
    waiting = _Waiting(config, folder, clock, say)
    client: Client | None = None
    try:
        async with clock.timeout(READY_SECONDS):
            with stopwatch(clock):
                connecting = asyncio.ensure_future(
                    components.connect(components.access(config, folder, "admin"), clock, "pynetes")
                )
                try:
                    while not connecting.done():
                        await waiting.a_while(0.02, "the API server")
                    client = connecting.result()
                finally:
                    connecting.cancel()
                done(f"API server at https://127.0.0.1:{config.api_port}")
                wanted = {*config.node_names, *config.simulated_node_names}
                ready: set[str] = set()
                while ready != wanted:
                    lacking = summary(sorted(wanted - ready, key=lambda name: (len(name), name)))
                    await waiting.a_while(0.02 if ready or len(wanted) < 50 else 0.2, f"{lacking} to be ready")
                    nodes, _ = await client.list(NODES)
                    ready = {name_of(node) for node in nodes if node_ready(node)} & wanted
                done("nodes ready: " + summary(sorted(ready, key=lambda name: (len(name), name))))
                while not await default_namespace_ready(client):
                    await waiting.a_while(0.02, "the controllers (ServiceAccount and root certificate of default)")
                done("controllers and scheduler")
    except TimeoutError:
        raise NotReady(f"not ready after {READY_SECONDS:.0f} s: waiting for {waiting.what}; {waiting.look()}") from None
    finally:
        if client is not None:
            await client.close()


class _Waiting:
    """Waits step by step, says now and then what for, and gives up when a process cannot stay up."""

    def __init__(self, config: ClusterConfig, folder: ClusterDir, clock: Clock, say: Callable[[str], None]) -> None:
        self._folder = folder
        self._clock = clock
        self._say = say
        self._said_at = self._looked_at = clock.monotonic()
        self._absent = dict.fromkeys((name for name in process_names(config) if name != "supervisor"), 0.0)
        self.what = ""
        self._cluster = config.name

    def look(self, component: str = "COMPONENT") -> str:
        return f"look at `pynetes logs --name {self._cluster} {component}` ({self._folder.logs})"

    async def a_while(self, seconds: float, what: str) -> None:
        """Raises: NotReady."""
        self.what = what
        now = self._clock.monotonic()
        if now - self._said_at > SAY_SECONDS:
            self._said_at = now
            self._say(f"   waiting for {what} ...")
        if now - self._looked_at > LOOK_SECONDS:
            self._check(now - self._looked_at)
            self._looked_at = now
        await self._clock.sleep(seconds)

    def _check(self, seconds: float) -> None:
        """``seconds``: since the last look."""
        ends = read_ends(self._folder.run)
        failing = max(ends, key=lambda name: ends[name].count, default="")
        if not self._folder.exists:
            raise NotReady("the cluster was taken down meanwhile")
        if read_record(self._folder.run / "supervisor.json") is None:
            raise NotReady(f"the supervisor has ended{self._last_words('supervisor')}; {self.look('supervisor')}")
        if failing and ends[failing].count >= FAILING_ENDS:
            raise self._in_vain(failing, f"{ends[failing].how}, again and again")
        for name in self._absent:
            if read_record(self._folder.run / f"{name}.json") is None:
                self._absent[name] += seconds
            if self._absent[name] > ABSENT_SECONDS:
                raise self._in_vain(name, "does not stay up")

    def _in_vain(self, name: str, how: str) -> NotReady:
        full = "; there is no room on the disk" if shutil.disk_usage(self._folder.path).free < ROOM_BYTES else ""
        return NotReady(
            f"{name} {how}{self._last_words(name)}{full}; {self.look(name)}. "
            "It is tried further: `pynetes up` again waits for it, `pynetes down` gives up"
        )

    def _last_words(self, name: str) -> str:
        """The last error in a component's log: the last line of a traceback, or of a message."""
        try:
            lines = (self._folder.logs / f"{name}.log").read_text(errors="replace").splitlines()
        except OSError:
            return ""
        words = [line for line in lines[-50:] if re.match(r"[A-Za-z_.]+(Error|Exception|Failed|Failure)\b", line)]
        return f" ({words[-1]})" if words else ""


def node_ready(node: Object) -> bool:
    """Ready, and with a pod network address range where one is given out."""
    conditions = node.get("status", {}).get("conditions") or ()
    return any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)


def summary(names: list[str]) -> str:
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:3])} ... {names[-1]} ({len(names)})"


async def default_namespace_ready(client: Client, with_root_certificate: bool = True) -> bool:
    """Whether a pod could be created in namespace ``default`` and mount its token."""
    try:
        await client.get(SERVICE_ACCOUNTS, "default", "default")
        if with_root_certificate:
            await client.get(CONFIG_MAPS, "kube-root-ca.crt", "default")
    except StatusError as error:
        if error.code != 404:
            raise
        return False
    return True
