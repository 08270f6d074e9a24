"""How many pods a second the scheduler decides on: pure decisions, no API and no binding.

    python bench/scheduler.py            # the table below
    python bench/scheduler.py 1000 20000 # nodes, pods

Each row places its pods on empty nodes (32 cpu, 128 GiB, 250 pods) one after another; every decision sees those before
it. *alike*: one Deployment's pods. *ten kinds*: ten different requests, taken in turn. *selector*: pods that name one
of four zones. *siblings*: the pods of one ReplicaSet, spread over nodes and zones. *all different*: no two
pods have the same labels, as pods of StatefulSets have not: nothing can be reused.
"""

import random
import sys
import time

from pynetes.meta.objects import Object
from pynetes.scheduler.decide import Decider
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo, read


def node(index: int) -> Object:
    labels = {"kubernetes.io/hostname": f"n{index}", "topology.kubernetes.io/zone": f"z{index % 4}"}
    allocatable = {"cpu": "32", "memory": "128Gi", "pods": "250"}
    return {"metadata": {"name": f"n{index}", "labels": labels}, "spec": {}, "status": {"allocatable": allocatable}}


def pod(index: int, kind: str) -> Object:
    cpu = f"{100 + 10 * (index % 10)}m" if kind == "ten kinds" else "100m"
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
    spec: Object = {"containers": [container]}
    labels = {"app": "web"}
    if kind == "selector":
        spec["nodeSelector"] = {"topology.kubernetes.io/zone": f"z{index % 4}"}
    if kind == "all different":
        labels["statefulset.kubernetes.io/pod-name"] = f"web-{index}"
    return {"metadata": {"name": f"p{index}", "namespace": "d", "uid": str(index), "labels": labels}, "spec": spec}


def measure(nodes: int, pods: int, kind: str) -> tuple[float, float]:
    """Pods a second, deciding only; and together with reading the pods' specs."""
    table = NodeTable()
    for index in range(nodes):
        table.set_node(node(index))
    decider = Decider(table, random.Random(0))
    objects = [pod(index, kind) for index in range(pods)]
    begun = time.perf_counter()
    infos: list[PodInfo] = [read(obj) for obj in objects]
    reading = time.perf_counter() - begun
    if kind == "siblings":
        for info in infos:
            info.siblings = {"matchLabels": {"app": "web"}}
    begun = time.perf_counter()
    for info in infos:
        decision = decider.decide(info)
        assert decision.node
        table.add_pod(info, decision.node)
    deciding = time.perf_counter() - begun
    return pods / deciding, pods / (deciding + reading)


def main() -> None:
    cases = [(1000, 10000), (5000, 10000)]
    if len(sys.argv) == 3:
        cases = [(int(sys.argv[1]), int(sys.argv[2]))]
    print(f"{'nodes':>6} {'pods':>6}  {'pods are':<14} {'decisions/s':>12} {'with reading/s':>15}")
    for nodes, pods in cases:
        for kind in ("alike", "ten kinds", "selector", "siblings", "all different"):
            deciding, whole = measure(nodes, pods if kind != "all different" else pods // 5, kind)
            print(f"{nodes:>6} {pods:>6}  {kind:<14} {deciding:>12,.0f} {whole:>15,.0f}", flush=True)


if __name__ == "__main__":
    main()
