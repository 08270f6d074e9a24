#!/usr/bin/env python3
"""Pod start latency, as a table: from the API's 201 to the watch event that says Running; image present.

usage: bench/pods.py --kubeconfig FILE --image IMAGE [--turns 20] [--at-once 30] [--node NAME]
Works against any cluster. In turn: one pod after the other. At once: all are created together; the time is of the last.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import uvloop

sys.path.insert(0, str(Path(__file__).parent))
import load

NAMESPACE = "bench-pods"


def manifest(name: str, image: str, node: str) -> bytes:
    container = {"name": "c", "image": image, "imagePullPolicy": "IfNotPresent", "command": ["sleep", "3600"]}
    spec: dict[str, Any] = {"containers": [container], "terminationGracePeriodSeconds": 0}
    if node:
        spec["nodeName"] = node
    return json.dumps({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}).encode()


class Running:
    """Watches the namespace; when each pod was first seen Running."""

    def __init__(self) -> None:
        self.at: dict[str, float] = {}
        self.changed = asyncio.Event()

    async def watch(self, target: load.Target, revision: str) -> None:
        reader, writer = await asyncio.open_connection(target.host, target.port, ssl=target.context, limit=1 << 24)
        path = f"/api/v1/namespaces/{NAMESPACE}/pods?watch=1&resourceVersion={revision}&timeoutSeconds=3600"
        writer.write(target.request("GET", path))
        await reader.readuntil(b"\r\n\r\n")
        buffer = b""
        while True:
            size = int(await reader.readline(), 16)
            buffer += await reader.readexactly(size)
            await reader.readexactly(2)
            *lines, buffer = buffer.split(b"\n")
            for line in lines:
                event = json.loads(line)
                pod = event["object"]
                if pod.get("status", {}).get("phase") == "Running":
                    self.at.setdefault(pod["metadata"]["name"], time.perf_counter())
            self.changed.set()

    async def wait(self, names: list[str]) -> float:
        while not all(name in self.at for name in names):
            self.changed.clear()
            await self.changed.wait()
        return max(self.at[name] for name in names)


async def create(target: load.Target, name: str, options: argparse.Namespace) -> float:
    """When the 201 came."""
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    status, answer = await load.ask(target, "POST", path, manifest(name, options.image, options.node))
    if status != 201:
        sys.exit(f"POST {path}: {status} {answer.get('message')}")
    return time.perf_counter()


async def measure(options: argparse.Namespace) -> None:
    target = load.Target.from_kubeconfig(options.kubeconfig)
    await load.ask(target, "POST", "/api/v1/namespaces", json.dumps({"metadata": {"name": NAMESPACE}}).encode())
    while (await load.ask(target, "GET", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/default"))[0] != 200:
        await asyncio.sleep(0.05)
    _, answer = await load.ask(target, "GET", f"/api/v1/namespaces/{NAMESPACE}/pods?limit=1")
    running = Running()
    watch = asyncio.ensure_future(running.watch(target, answer["metadata"]["resourceVersion"]))
    times = []
    for number in range(options.turns):
        begun = await create(target, f"turn-{number}", options)
        times.append(await asyncio.wait_for(running.wait([f"turn-{number}"]), 60) - begun)
    ordered = sorted(times)
    print(
        f"{len(times)} pods in turn:   median {statistics.median(times):.3f} s, least {ordered[0]:.3f}, most {ordered[-1]:.3f}"
    )
    names = [f"once-{number}" for number in range(options.at_once)]
    begun = time.perf_counter()
    await asyncio.gather(*(create(target, name, options) for name in names))
    last = await asyncio.wait_for(running.wait(names), 120) - begun
    print(f"{len(names)} pods at once:   all Running after {last:.2f} s")
    watch.cancel()
    await load.ask(target, "DELETE", f"/api/v1/namespaces/{NAMESPACE}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig", default=os.environ.get("KUBECONFIG", str(Path.home() / ".kube/config")))
    parser.add_argument("--image", required=True)
    parser.add_argument("--turns", type=int, default=20)
    parser.add_argument("--at-once", type=int, default=30)
    parser.add_argument("--node", default="", help="bind to this node, past the scheduler")
    options = parser.parse_args()
    print(f"{os.cpu_count()} cores; from 201 to the watch event Running; image present")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(measure(options))


if __name__ == "__main__":
    main()
