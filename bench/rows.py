"""The rows of ``bench/api.py``: what is measured, by its name."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine, Iterator
from dataclasses import dataclass, replace
from typing import Any

from crowd import EVENT_BYTES, Crowded, beside_fan_out, fan_out
from load import NAMESPACE, Result, Target, ask, handshakes, run
from objects import config_maps, pods


async def prepare(target: Target) -> None:
    """The namespace, its service account, and nothing of an earlier run."""
    await ask(target, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/configmaps")
    await ask(target, "DELETE", f"/api/v1/namespaces/{NAMESPACE}/pods?gracePeriodSeconds=0")
    body = json.dumps({"metadata": {"name": NAMESPACE}}).encode()
    await ask(target, "POST", "/api/v1/namespaces", body)
    account = json.dumps({"metadata": {"name": "default"}}).encode()
    await ask(target, "POST", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts", account)
    first = json.dumps({"metadata": {"name": "first"}}).encode()
    while (await ask(target, "POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", first))[0] not in (201, 409):
        await asyncio.sleep(0.1)  # upstream's admission hears of a new namespace a little later


Measured = Callable[[], Coroutine[Any, Any, Result]]


@dataclass
class Bench:
    """All the rates, one after the other; those whose names ``only`` matches."""

    target: Target
    connections: int
    scale: float
    watchers: int
    only: str = ""
    size: int = EVENT_BYTES

    async def measure(self) -> list[Result]:
        await prepare(self.target)
        results = []
        for name, measured in self.rows().items():
            if not re.search(self.only, name):
                continue
            results.append(replace(await measured(), name=name))
        return results

    def rows(self) -> dict[str, Measured]:
        """What is measured, by its name. The pods that are read and patched are those that are created here."""
        base = f"/api/v1/namespaces/{NAMESPACE}"
        to = self.target.request
        patch = b'{"metadata":{"annotations":{"n":"%d"}}}'

        def sent(requests: Iterator[bytes], connections: int = self.connections) -> Measured:
            return lambda: run(self.target, requests, connections)

        rows = {
            "CREATE config map": sent(to("POST", f"{base}/configmaps", b) for b in config_maps("c", self._times(6000))),
            "CREATE pod": sent(to("POST", f"{base}/pods", b) for b in pods("p", 1000)),
            "GET pod": sent(to("GET", f"{base}/pods/p-{i % 1000}") for i in range(self._times(20000))),
            "LIST 1,000 pods": sent(
                (to("GET", f"{base}/pods") for _ in range(self._times(400))), min(self.connections, 8)
            ),
            "PATCH pod, 1 connection": sent(
                (
                    to("PATCH", f"{base}/pods/p-{i % 1000}", patch % i, "application/merge-patch+json")
                    for i in range(self._times(3000))
                ),
                1,
            ),
        }
        rows["handshake, GET /version"] = lambda: handshakes(self.target, self._times(1000))
        if self.watchers:
            events = max(50, int(500 * self.scale))
            one, many = Crowded(1, events, self.size, 1), Crowded(self.watchers, events, self.size)
            beside = f"{base}/configmaps/first"
            rows["watch, 1 watcher, 1 writer"] = lambda: fan_out(self.target, one)
            rows[f"watch, {self.watchers} watchers"] = lambda: fan_out(self.target, many)
            rows[f"GET beside {self.watchers} watchers"] = lambda: beside_fan_out(self.target, many, beside)
        return rows

    def _times(self, number: int) -> int:
        return max(self.connections, int(number * self.scale))
