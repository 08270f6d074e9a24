#!/usr/bin/env python3
"""Scheduling end to end, as a table: pods bound a second through the real API, in one process, from create to bound.

usage: bench/scheduling.py [--nodes N ...] [--pods N]     (default: 1000 and 5000 nodes, 2000 pods)
API server over memory, informers, decisions, bindings. Nodes are Node objects alone: no controllers, no kubelets.
"""

import argparse
import asyncio
import os
import sys
import time
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from pynetes.aio.clock import RealClock
from pynetes.client.kinds import NAMESPACES, NODES, PODS, SERVICE_ACCOUNTS
from pynetes.cluster.inprocess import InProcessCluster, Parts


async def measure(nodes: int, pods: int) -> tuple[float, float]:
    """Bound pods a second: while they are created, and of pods that all wait when the scheduler may begin."""
    cluster = InProcessCluster(RealClock(), Parts(nodes=0, controllers=False, scheduler=True))
    await cluster.start()
    try:
        client = cluster.client
        await client.create(NAMESPACES, {"metadata": {"name": "bench"}})
        await client.create(SERVICE_ACCOUNTS, {"metadata": {"name": "default"}}, "bench")
        rates = []
        for waiting in (False, True):
            if not waiting:
                await make_nodes(client, nodes)
            gates = [{"name": "bench/wait"}] if waiting else []
            begun = time.perf_counter()
            names = [f"{'w' if waiting else 'p'}-{number}" for number in range(pods)]
            await spread([create(client, name, gates) for name in names])
            if waiting:
                begun = time.perf_counter()
                await spread([client.patch(PODS, n, {"spec": {"schedulingGates": None}}, "bench") for n in names])
            goal = pods * (2 if waiting else 1)
            while len((await client.list(PODS, "bench", fields="spec.nodeName="))[0]) > 0:
                await asyncio.sleep(0.02)
            assert len((await client.list(PODS, "bench"))[0]) == goal
            rates.append(pods / (time.perf_counter() - begun))
        return rates[0], rates[1]
    finally:
        await cluster.close()


async def spread(writes: list) -> None:  # type: ignore[type-arg]
    """32 at a time."""
    todo = iter(writes)

    async def worker() -> None:
        for write in todo:
            await write

    await asyncio.gather(*(worker() for _ in range(32)))


async def make_nodes(client, count: int) -> None:  # type: ignore[no-untyped-def]
    def node(number: int) -> dict[str, object]:
        name = f"n{number}"
        labels = {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": f"z{number % 4}"}
        room = {"cpu": "32", "memory": "128Gi", "pods": "250"}
        return {"metadata": {"name": name, "labels": labels}, "status": {"allocatable": room, "capacity": room}}

    await spread([client.create(NODES, node(number)) for number in range(count)])


def create(client, name: str, gates: list[dict[str, str]]):  # type: ignore[no-untyped-def]
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    spec = {
        "containers": [container],
        "schedulingGates": gates,
        "tolerations": [{"operator": "Exists"}],  # nodes are born with the taint not-ready
        "automountServiceAccountToken": False,
    }
    return client.create(PODS, {"metadata": {"name": name, "labels": {"app": "web"}}, "spec": spec}, "bench")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int, nargs="+", default=[1000, 5000])
    parser.add_argument("--pods", type=int, default=2000)
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores, CPython {sys.version.split()[0]}; creates, decisions and bindings in one process")
    print(f"{'nodes':>6} {'pods':>6} {'create and bind/s':>18} {'ungate and bind/s':>18}")
    for nodes in options.nodes:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            first, second = runner.run(measure(nodes, options.pods))
        print(f"{nodes:>6} {options.pods:>6} {first:>18,.0f} {second:>18,.0f}", flush=True)


if __name__ == "__main__":
    main()
