#!/usr/bin/env python3
"""How long kube-proxy's rules take: their text, the kernel's acceptance of it, and one service's change.

usage: bench/proxy.py [SERVICES ...]      (default: 1000 5000; three endpoints each)
Restores need root and run in a network namespace of their own, which is deleted at the end.
"""

import asyncio
import os
import sys
from collections.abc import Iterable, Sequence

from pynetes.aio.clock import RealClock, stopwatch
from pynetes.aio.commands import RealCommands
from pynetes.meta.objects import Object
from pynetes.network import namespaces
from pynetes.proxy.endpoints import endpoints, usable
from pynetes.proxy.iptables.kernel import Kernel
from pynetes.proxy.iptables.rules import options, port_rules, restore_text
from pynetes.proxy.proxy import Family
from pynetes.proxy.services import service_ports
from pynetes.proxy.settings import Settings

SETTINGS = Settings("node", ("10.0.0.0/8",), ("192.168.0.2",))
NAMESPACE = "pynetes-bench-proxy"


class Made:
    """Services ``ns/0`` ... with three endpoints each; ``shift`` moves the endpoints of one."""

    def __init__(self, count: int) -> None:
        self._services = {f"ns/s{number}": _service(number) for number in range(count)}
        self._slices = {f"ns/s{number}": [_slice(number)] for number in range(count)}

    def shift(self, key: str) -> None:
        self._slices[key] = [_slice(60_000)]

    def services(self) -> Iterable[Object]:
        return self._services.values()

    def service(self, key: str) -> Object | None:
        return self._services.get(key)

    def slices(self, key: str) -> Sequence[Object]:
        return self._slices[key]


def _service(number: int) -> Object:
    ip = f"172.16.{number >> 8}.{number & 255}"
    port = {"name": "http", "port": 80, "protocol": "TCP"}
    spec = {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ports": [port]}
    return {"metadata": {"namespace": "ns", "name": f"s{number}"}, "spec": spec}


def _slice(number: int) -> Object:
    found = [{"addresses": [f"10.{number >> 8}.{number & 255}.{n}"]} for n in (1, 2, 3)]
    return {"addressType": "IPv4", "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "endpoints": found}


async def measure(count: int) -> None:
    clock = RealClock()
    source = Made(count)
    with stopwatch(clock) as text_time:
        opts = options(SETTINGS, 4, large=count * 3 > 1000)
        made = []
        for service in source.services():
            for port in service_ports(service, 4):
                found = endpoints(source.slices(port.key), 4, "node").get((port.port_name, port.protocol), ())
                made.append(port_rules(port, usable(port, found, "node", {}), opts))
        text = restore_text(made, opts)
        text_seconds = text_time()
    row = f"{count:9} {len(text.splitlines()):9} {len(text) / 1e6:8.1f} {text_seconds * 1000:10.0f}"
    if os.geteuid() == 0:
        family = Family(4, SETTINGS, Kernel(RealCommands(clock), 4))
        with stopwatch(clock) as elapsed:
            await family.sync(source, None, {})
            full = elapsed()
        source.shift("ns/s1")
        with stopwatch(clock) as elapsed:
            await family.sync(source, {"ns/s1"}, {})
            partial = elapsed()
        row += f" {full * 1000:10.0f} {partial * 1000:10.0f}"
    print(row, flush=True)


def main() -> None:
    counts = [int(a) for a in sys.argv[1:]] or [1000, 5000]
    print(" services     lines       MB    text ms    full ms  change ms")
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
