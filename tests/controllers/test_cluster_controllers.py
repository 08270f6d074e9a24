"""Namespaces, accounts, root certificates, node ranges, lost pods: each run against a small API."""

import pytest

from pynetes.client.kinds import CONFIG_MAPS, NAMESPACES, NODES, PODS, SECRETS, SERVICE_ACCOUNTS
from pynetes.controllers import namespace, nodeipam, podgc, rootca, serviceaccount
from pynetes.controllers.nodeipam import Ranges, ranges_of
from pynetes.controllers.settings import Settings

from .mini_api import play


def make_namespace(name="team", **more):
    return {"metadata": {"name": name, **more}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}


def make_node(name, **spec):
    return {"metadata": {"name": name}, "spec": spec, "status": {}}


def make_pod(name, node="", phase="Running", **metadata):
    spec = {"containers": [{"name": "c"}], "terminationGracePeriodSeconds": 30}
    if node:
        spec["nodeName"] = node
    return {"metadata": {"name": name, **metadata}, "spec": spec, "status": {"phase": phase}}


async def rests(world, controller, key):
    """A second run with no change writes nothing."""
    world.api.writes.clear()
    world.manager.enqueue(controller, key)
    await world.clock.sleep(60)
    assert world.api.writes == []


def test_every_namespace_gets_its_default_account_and_gets_it_back():
    async def script(world):
        world.api.put(NAMESPACES, make_namespace())
        await world.clock.sleep(1)
        assert world.api.get(SERVICE_ACCOUNTS, "default", "team")
        await rests(world, "serviceaccount-controller", "team")
        world.api.remove(SERVICE_ACCOUNTS, "default", "team")
        await world.clock.sleep(1)
        assert world.api.get(SERVICE_ACCOUNTS, "default", "team")

    play(script, serviceaccount.CONTROLLER)


def test_every_namespace_gets_the_root_certificate_and_it_is_put_right():
    async def script(world):
        world.api.put(NAMESPACES, make_namespace())
        await world.clock.sleep(1)
        assert world.api.get(CONFIG_MAPS, "kube-root-ca.crt", "team")["data"] == {"ca.crt": "PEM"}
        await rests(world, "root-ca-certificate-publisher-controller", "team")
        world.api.change(CONFIG_MAPS, "kube-root-ca.crt", lambda m: m.update(data={"ca.crt": "x"}), "team")
        await world.clock.sleep(1)
        assert world.api.get(CONFIG_MAPS, "kube-root-ca.crt", "team")["data"] == {"ca.crt": "PEM"}

    play(script, rootca.CONTROLLER, settings=Settings(ca_pem="PEM"))


def test_a_namespace_goes_after_its_pods_and_then_its_other_content():
    async def script(world):
        world.api.put(NAMESPACES, make_namespace())
        world.api.put(PODS, make_pod("p", node="n1", namespace="team"))
        world.api.put(SECRETS, {"metadata": {"name": "s", "namespace": "team"}})
        await world.clock.sleep(1)
        await world.client.delete(NAMESPACES, "team")
        await world.clock.sleep(10)
        found = world.api.get(NAMESPACES, "team")
        assert found["status"]["phase"] == "Terminating"
        assert "deletionTimestamp" in world.api.get(PODS, "p", "team")["metadata"]
        assert world.api.get(SECRETS, "s", "team"), "pods go first"
        world.api.remove(PODS, "p", "team")
        await world.clock.sleep(20)
        assert world.api.get(SECRETS, "s", "team") is None
        assert world.api.get(NAMESPACES, "team") is None

    play(script, namespace.CONTROLLER)


def test_a_finalizer_in_a_namespace_is_named_in_its_conditions():
    async def script(world):
        world.api.put(NAMESPACES, make_namespace())
        world.api.put(SECRETS, {"metadata": {"name": "s", "namespace": "team", "finalizers": ["example.com/keep"]}})
        await world.client.delete(NAMESPACES, "team")
        await world.clock.sleep(10)
        conditions = {c["type"]: c for c in world.api.get(NAMESPACES, "team")["status"]["conditions"]}
        assert {t: c["status"] for t, c in conditions.items()} == {
            "NamespaceDeletionDiscoveryFailure": "False",
            "NamespaceDeletionGroupVersionParsingFailure": "False",
            "NamespaceDeletionContentFailure": "False",
            "NamespaceContentRemaining": "True",
            "NamespaceFinalizersRemaining": "True",
        }
        assert conditions["NamespaceContentRemaining"]["message"] == (
            "Some resources are remaining: secrets. has 1 resource instances"
        )
        assert conditions["NamespaceFinalizersRemaining"]["message"] == (
            "Some content in the namespace has finalizers remaining: example.com/keep in 1 resource instances"
        )
        revision = world.api.get(NAMESPACES, "team")["metadata"]["resourceVersion"]
        await world.clock.sleep(60)
        assert world.api.get(NAMESPACES, "team")["metadata"]["resourceVersion"] == revision
        world.api.change(SECRETS, "s", lambda s: s["metadata"].pop("finalizers"), "team")
        await world.clock.sleep(30)
        assert world.api.get(NAMESPACES, "team") is None

    play(script, namespace.CONTROLLER)


def test_nodes_get_ranges_of_each_family_that_do_not_overlap():
    settings = Settings(cluster_cidrs=("10.1.0.0/22", "fd00::/62"), service_cidrs=("10.96.0.0/12",))

    async def script(world):
        world.api.put(NODES, make_node("a", podCIDR="10.1.1.0/24", podCIDRs=["10.1.1.0/24", "fd00:0:0:1::/64"]))
        for name in "bc":
            world.api.put(NODES, make_node(name))
        await world.clock.sleep(1)
        given = [world.api.get(NODES, name)["spec"]["podCIDRs"] for name in "abc"]
        assert len({range_[0] for range_ in given}) == 3 and len({range_[1] for range_ in given}) == 3
        assert given[1][0].startswith("10.1.") and given[1][1].startswith("fd00:")
        assert world.api.get(NODES, "b")["spec"]["podCIDR"] == given[1][0]
        await rests(world, "node-ipam-controller", "b")

    play(script, nodeipam.CONTROLLER, settings=settings)


def test_a_node_without_a_range_left_is_told_and_served_when_one_is_free():
    settings = Settings(cluster_cidrs=("10.1.0.0/24",))

    async def script(world):
        world.api.put(NODES, make_node("a"))
        await world.clock.sleep(1)
        world.api.put(NODES, make_node("b"))
        await world.clock.sleep(1)
        assert ("Normal", "CIDRNotAvailable", "Node b status is now: CIDRNotAvailable") in world.api.events()
        world.api.remove(NODES, "a")
        await world.clock.sleep(60)
        assert world.api.get(NODES, "b")["spec"]["podCIDRs"] == ["10.1.0.0/24"]

    play(script, nodeipam.CONTROLLER, settings=settings)


def test_a_range_that_overlaps_the_services_is_never_given():
    [pool] = ranges_of(Settings(cluster_cidrs=("10.0.0.0/22",), service_cidrs=("10.0.1.0/24",)))
    assert [pool.take() for _ in range(4)] == ["10.0.0.0/24", "10.0.2.0/24", "10.0.3.0/24", None]


def test_a_range_outside_the_cluster_is_refused():
    with pytest.raises(ValueError, match=r"10\.9\.0\.0/24 is not in 10\.1\.0\.0/16"):
        Ranges("10.1.0.0/16", 24).occupy("10.9.0.0/24")


def test_pods_of_a_node_that_is_gone_fail_and_go_after_forty_seconds():
    async def script(world):
        world.api.put(NODES, make_node("n1"))
        for name, node in (("stays", "n1"), ("lost", "n2")):
            world.api.put(PODS, make_pod(name, node=node))
        seen = []

        def note(verb, plural, obj):
            seen.append((verb, plural, (obj.get("status") or {}).get("phase")))

        world.api.refuse = note
        await world.clock.sleep(39)
        assert world.api.get(PODS, "lost")
        await world.clock.sleep(25)
        assert world.api.get(PODS, "lost") is None
        assert world.api.get(PODS, "stays")
        assert seen == [("PATCH", "pods", "Failed"), ("DELETE", "pods", None)]
        await rests(world, "pod-garbage-collector-controller", "all")

    play(script, podgc.CONTROLLER)


def test_a_pod_that_was_deleted_before_it_had_a_node_goes():
    async def script(world):
        world.api.put(PODS, make_pod("p", phase="Pending", deletionTimestamp="2026-01-01T00:00:00Z"))
        await world.clock.sleep(25)
        assert world.api.get(PODS, "p") is None

    play(script, podgc.CONTROLLER)


def test_of_too_many_ended_pods_the_oldest_go():
    async def script(world):
        for index in range(5):
            created = f"2025-12-0{index + 1}T00:00:00Z"
            world.api.put(PODS, make_pod(f"p{index}", node="n1", phase="Succeeded", creationTimestamp=created))
        world.api.put(NODES, make_node("n1"))
        await world.clock.sleep(25)
        assert sorted(p["metadata"]["name"] for p in world.api.all(PODS)) == ["p3", "p4"]

    play(script, podgc.CONTROLLER, settings=Settings(terminated_pod_threshold=2))
