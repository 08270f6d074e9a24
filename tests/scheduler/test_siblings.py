"""Pods that ask for no spreading are spread among the pods of their services and controllers."""

import random

from pynetes.client.kinds import NODES, PODS, REPLICA_SETS, SERVICES
from pynetes.scheduler.decide import Decider
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import read
from pynetes.scheduler.settings import WEIGHTS

from .make import make_node, make_pod
from .test_scheduler import node_of, play

ZONE = "topology.kubernetes.io/zone"
ONLY_SPREAD = {**dict.fromkeys(WEIGHTS, 0), "PodTopologySpread": 2}
WEB = {"matchLabels": {"app": "web"}, "matchExpressions": []}


def sibling(siblings=WEB, **spec):
    info = read(make_pod(labels={"app": "web"}, **spec))
    info.siblings = siblings
    return info


def crowded(table, node, count):
    for _ in range(count):
        table.add_pod(read(make_pod(labels={"app": "web"})), node)


def decide(table, pod):
    return Decider(table, random.Random(0)).decide(pod).node


def test_siblings_go_where_there_are_fewer_of_them():
    table = NodeTable(2)
    for name in ("a", "b", "c"):
        table.set_node(make_node(name))
    crowded(table, "a", 1)
    crowded(table, "b", 1)
    assert {Decider(table, random.Random(n)).decide(sibling()).node for n in range(8)} == {"c"}


def test_a_zone_with_fewer_counts_even_where_some_nodes_have_none():
    table = NodeTable(2)
    for name, zone in (("a", "1"), ("b", "1"), ("c", "2"), ("d", "")):
        table.set_node(make_node(name, labels={ZONE: zone} if zone else {}))
    crowded(table, "a", 4)
    order = []
    for _ in range(3):
        pod = sibling()
        order.append(decide(table, pod))
        table.set_node(make_node(order[-1], unschedulable=True))
    assert order == ["d", "c", "b"]


def test_constraints_of_its_own_come_before():
    table = NodeTable(2)
    for name, zone in (("a", "1"), ("b", "2")):
        table.set_node(make_node(name, labels={ZONE: zone}))
    crowded(table, "a", 1)
    away = {
        "topologyKey": ZONE,
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": "nobody"}},
    }
    nodes = {
        Decider(table, random.Random(n), ONLY_SPREAD).decide(sibling(topologySpreadConstraints=[away])).node
        for n in range(8)
    }
    assert nodes == {"a", "b"}


def owned_by(pod, kind, name):
    reference = {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": "u", "controller": True}
    pod["metadata"]["ownerReferences"] = [reference]
    return pod


def test_the_pods_of_a_replica_set_are_siblings_and_so_are_those_of_a_service():
    async def script(world):
        for name in ("n1", "n2", "n3"):
            world.api.put(NODES, make_node(name))
        selector = {"matchLabels": {"app": "web"}}
        replica_set = {"metadata": {"name": "rs", "namespace": "default"}, "spec": {"selector": selector}}
        service = {"metadata": {"name": "s", "namespace": "default"}, "spec": {"selector": {"tier": "back"}}}
        world.api.put(REPLICA_SETS, replica_set)
        world.api.put(SERVICES, service)
        await world.clock.sleep(1)
        for i in range(3):
            world.api.put(PODS, owned_by(make_pod(f"w{i}", labels={"app": "web"}), "ReplicaSet", "rs"))
            world.api.put(PODS, make_pod(f"b{i}", labels={"tier": "back", "more": str(i)}))
        await world.clock.sleep(2)
        assert {node_of(world, f"w{i}") for i in range(3)} == {"n1", "n2", "n3"}
        assert {node_of(world, f"b{i}") for i in range(3)} == {"n1", "n2", "n3"}

    play(script)
