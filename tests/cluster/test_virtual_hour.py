"""An hour of a whole cluster under virtual time: when a failing container is restarted, and that one seed is one history.

Quoted: kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle, "Container restarts": "exponential back-off delay
(10s, 20s, 40s, …), capped at 300 seconds".
"""

import asyncio
import hashlib
import itertools
import json
import os
import subprocess
import sys

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.kinds import DEPLOYMENTS, PODS
from pynetes.cluster.inprocess import InProcessCluster, Parts
from pynetes.controllers.settings import Settings as ControllerSettings
from pynetes.meta.objects import Object
from pynetes.meta.times import parse_time
from pynetes.runtime.simulated import ANNOTATION
from pynetes.store.types import StoreEvent

HOUR = 3600.0


def crashing() -> Object:
    """A pod whose container ends at once, with code 1."""
    return {
        "metadata": {"name": "crash", "annotations": {ANNOTATION: json.dumps({"containers": {"*": {"run": "0", "exitCode": 1}}})}},
        "spec": {"containers": [{"name": "c", "image": "example.com/crash:1"}]},
    }  # fmt: skip


def deployment() -> Object:
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "example.com/web:1"}]}}
    spec = {"replicas": 5, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


def hour(seed: int, *, nodes: int = 1, with_deployment: bool = False) -> tuple[list[StoreEvent], Object]:
    """Every event of the store in the cluster's first hour, and the crashing pod at its end."""
    clock = VirtualClock(seed)

    async def main() -> tuple[list[StoreEvent], Object]:
        cluster = InProcessCluster(clock, Parts(nodes=nodes), controller_settings=ControllerSettings(ca_pem="any"))
        events: list[StoreEvent] = []
        watch = cluster.store.watch(b"/", b"0", from_revision=1)

        async def record() -> None:
            async for batch in watch:
                events.extend(batch)

        recorder = asyncio.ensure_future(record())
        await cluster.start()
        await cluster.client.create(PODS, crashing(), "default")
        if with_deployment:
            await cluster.client.create(DEPLOYMENTS, deployment(), "default")
            await clock.sleep(30)
            await cluster.client.delete(DEPLOYMENTS, "web", "default")
        await clock.sleep(HOUR)
        pod = await cluster.client.get(PODS, "crash", "default")
        await cluster.close()
        await recorder
        return events, pod

    return run_virtual(main(), clock)


def starts(events: list[StoreEvent]) -> list[float]:
    """When the crashing container was started, once for each of its ids."""
    found: dict[str, float] = {}
    for event in events:
        if event.key == b"/registry/pods/default/crash" and event.value is not None:
            for status in json.loads(event.value).get("status", {}).get("containerStatuses", ()):
                for state in (status["state"], status["lastState"]):
                    for one in state.values():
                        if "startedAt" in one:
                            identity = one.get("containerID") or status["containerID"]
                            found.setdefault(identity, parse_time(one["startedAt"]))
    return list(found.values())


def test_a_pod_that_exits_at_once_is_restarted_at_once_then_after_10_20_40_up_to_300_seconds() -> None:
    events, pod = hour(0)
    begun = starts(events)
    waits = [later - earlier for earlier, later in itertools.pairwise(begun)]
    assert waits[:6] == [0, 10, 20, 40, 80, 160]
    assert waits[6:] == [300] * 10
    status = pod["status"]["containerStatuses"][0]
    assert status["restartCount"] == len(waits) == 16
    assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"


@pytest.mark.parametrize("seed", [0, 7])
def test_two_runs_of_one_seed_write_the_same_in_the_same_order(seed: int) -> None:
    one, _ = hour(seed, nodes=3, with_deployment=True)
    other, _ = hour(seed, nodes=3, with_deployment=True)
    assert len(one) == len(other) > 1000
    for mine, its in zip(one, other, strict=True):
        assert mine == its


def test_the_history_does_not_depend_on_how_the_interpreter_orders_sets() -> None:
    program = "import sys; from tests.cluster.test_virtual_hour import digest; sys.stdout.write(digest())"

    def run(hash_seed: str) -> str:
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": os.pathsep.join(sys.path)}
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    assert run("1") == run("2") != ""


def digest() -> str:
    events, _ = hour(0, nodes=3, with_deployment=True)
    return hashlib.sha256(repr([(e.key, e.revision, e.value) for e in events]).encode()).hexdigest()


def test_another_seed_is_another_history() -> None:
    assert hour(1)[0] != hour(2)[0]
