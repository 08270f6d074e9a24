#!/usr/bin/env python3
"""How long kube-proxy's rules take, and for how long at a time they hold the node's loop: all services at first, all of
them again, one service's change, and a change that changes no rule.

usage: bench/proxy.py [SERVICES ...]      (default: 1000 5000; three endpoints each)
As root the rules go to the kernel, in a network namespace of their own, which is deleted at the end; without root they
go nowhere, and only the time to make them is in the figures. "held" is the longest time without a turn for the loop.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Sequence

import orjson

from pynetes.aio.clock import Clock, RealClock, stopwatch
from pynetes.aio.commands import Commands, RealCommands, RecordingCommands
from pynetes.aio.turns import Turns
from pynetes.meta.objects import Object
from pynetes.network import namespaces
from pynetes.proxy.iptables.backend import IPTables
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted

SETTINGS = Settings("node", ("10.0.0.0/8",), ("192.168.0.2",))
NAMESPACE = "pynetes-bench-proxy"


class Made:
    """Services ``ns/0`` ... with three endpoints each, kept as informers keep them; ``shift`` moves those of one."""

    def __init__(self, count: int) -> None:
        self._services = {f"ns/s{number}": orjson.dumps(_service(number)) for number in range(count)}
        self._slices = {f"ns/s{number}": orjson.dumps(_slice(number)) for number in range(count)}

    def shift(self, key: str) -> None:
        self._slices[key] = orjson.dumps(_slice(60_000))

    def keys(self) -> Iterable[str]:
        return self._services

    def service(self, key: str) -> Object | None:
        return orjson.loads(self._services[key])

    def slices(self, key: str) -> Sequence[Object]:
        return [orjson.loads(self._slices[key])]


def _service(number: int) -> Object:
    ip = f"172.16.{number >> 8}.{number & 255}"
    port = {"name": "http", "port": 80, "protocol": "TCP"}
    spec = {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ports": [port]}
    return {"metadata": {"namespace": "ns", "name": f"s{number}"}, "spec": spec}


def _slice(number: int) -> Object:
    found = [{"addresses": [f"10.{number >> 8}.{number & 255}.{n}"]} for n in (1, 2, 3)]
    return {"addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": found}


class Ticker:
    """A task that wants a turn all the time; ``held``: the longest that it had to wait, in seconds."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.held = 0.0

    async def run(self) -> None:
        while True:
            begun = self._clock.monotonic()
            await self._clock.sleep(0.0005)
            self.held = max(self.held, self._clock.monotonic() - begun)


async def measure(count: int) -> None:
    clock = RealClock()
    source = Made(count)
    commands: Commands = RealCommands(clock) if os.geteuid() == 0 else RecordingCommands()
    wanted, backend = Wanted(4, "node"), IPTables(4, SETTINGS, commands, clock)
    row = f"{count:9}"

    async def timed(changed: set[str] | None) -> str:
        ticker = Ticker(clock)
        ticking = asyncio.ensure_future(ticker.run())
        await clock.sleep(0)
        with stopwatch(clock) as elapsed:
            await wanted.refresh(source, changed, "", Turns(clock))
            await backend.sync(wanted, changed)
            seconds = elapsed()
        await clock.sleep(0.01)
        ticking.cancel()
        return f" {seconds * 1000:9.0f} {ticker.held * 1000:7.1f}"

    row += await timed(None)
    row += await timed(None)
    source.shift("ns/s1")
    row += await timed({"ns/s1"})
    row += await timed({"ns/s1"})
    print(row, flush=True)


def main() -> None:
    counts = [int(a) for a in sys.argv[1:]] or [1000, 5000]
    print(" services  first ms    held  again ms    held change ms    held  none ms     held")
    for count in counts:
        if os.geteuid() != 0:
            asyncio.run(measure(count))
            continue
        namespace = namespaces.create(NAMESPACE)
        try:
            namespaces.run_inside(namespace, lambda count=count: asyncio.run(measure(count)))
        finally:
            namespaces.delete(NAMESPACE)


if __name__ == "__main__":
    main()
