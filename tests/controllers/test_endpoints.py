"""Endpoints and EndpointSlices of services."""

import pytest

from pynetes.client.kinds import ENDPOINT_SLICES, ENDPOINTS, NODES, PODS, SERVICES
from pynetes.controllers import endpoints, endpointslice
from pynetes.controllers.endpoints import target_port
from pynetes.controllers.settings import Settings

from .mini_api import play


def make_service(ports=({"name": "http", "port": 80, "protocol": "TCP", "targetPort": "web"},), **spec):
    spec = {"selector": {"app": "web"}, "clusterIP": "10.96.0.5", "ipFamilies": ["IPv4"], "ports": list(ports), **spec}
    return {"metadata": {"name": "svc", "namespace": "default", "labels": {"team": "x"}}, "spec": spec}


def make_pod(index, ready=True, ips=None, port=8080, **spec):
    name = f"p{index}"
    ips = ips if ips is not None else [f"10.1.{index // 250}.{index % 250 + 1}"]
    condition = {"type": "Ready", "status": "True" if ready else "False", "lastTransitionTime": "2026-01-01T00:00:05Z"}
    container = {"name": "c", "ports": [{"name": "web", "containerPort": port, "protocol": "TCP"}]}
    status = {"phase": "Running", "podIPs": [{"ip": ip} for ip in ips], "conditions": [condition]}
    metadata = {"name": name, "namespace": "default", "uid": name, "labels": {"app": "web"}}
    return {"metadata": metadata, "spec": {"nodeName": "n1", "containers": [container], **spec}, "status": status}


def addresses(world):
    return sorted(a for s in world.api.all(ENDPOINT_SLICES) for e in s.get("endpoints", []) for a in e["addresses"])


def run(script, settings=None):
    async def main(world):
        world.api.put(NODES, {"metadata": {"name": "n1", "labels": {"topology.kubernetes.io/zone": "z1"}}, "spec": {}})
        await script(world)
        await world.clock.sleep(5)
        world.api.writes.clear()
        for name in ("endpoints-controller", "endpointslice-controller"):
            world.manager.enqueue(name, "default/svc")
        await world.clock.sleep(5)
        assert world.api.writes == []

    play(main, endpoints.CONTROLLER, endpointslice.CONTROLLER, settings=settings)


@pytest.mark.parametrize(("target", "expected"), [("web", 8080), (9000, 9000), ("absent", None)])
def test_a_target_port_is_a_number_or_the_name_of_a_containers_port(target, expected):
    assert target_port(make_pod(0), {"port": 80, "targetPort": target, "protocol": "TCP"}) == expected


def test_a_slice_says_all_about_an_endpoint():
    async def script(world):
        world.api.put(SERVICES, make_service())
        world.api.put(PODS, make_pod(0))
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        metadata = piece["metadata"]
        assert metadata["generateName"] == "svc-"
        assert metadata["labels"] == {
            "team": "x",
            "kubernetes.io/service-name": "svc",
            "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
        }
        assert metadata["annotations"]["endpoints.kubernetes.io/last-change-trigger-time"] == "2026-01-01T00:00:05Z"
        assert metadata["ownerReferences"][0]["kind"] == "Service"
        assert piece["addressType"] == "IPv4"
        assert piece["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
        assert piece["endpoints"] == [
            {
                "addresses": ["10.1.0.1"],
                "conditions": {"ready": True, "serving": True, "terminating": False},
                "targetRef": {"kind": "Pod", "namespace": "default", "name": "p0", "uid": "p0"},
                "nodeName": "n1",
                "zone": "z1",
            }
        ]
        legacy = world.api.get(ENDPOINTS, "svc")
        assert legacy["metadata"]["labels"] == {
            "team": "x",
            "endpoints.kubernetes.io/managed-by": "endpoint-controller",
        }
        assert legacy["subsets"] == [
            {
                "addresses": [{"ip": "10.1.0.1", "nodeName": "n1", "targetRef": piece["endpoints"][0]["targetRef"]}],
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
            }
        ]

    run(script)


def test_a_service_without_pods_has_one_empty_slice_and_an_empty_endpoints():
    async def script(world):
        world.api.put(SERVICES, make_service())
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        assert (piece["endpoints"], piece["ports"]) == ([], [])
        assert "subsets" not in world.api.get(ENDPOINTS, "svc")
        world.api.put(PODS, make_pod(0))
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        assert piece["endpoints"][0]["addresses"] == ["10.1.0.1"]
        world.api.remove(PODS, "p0")
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        assert piece["endpoints"] == []

    run(script)


def test_conditions_tell_ready_serving_and_terminating_apart():
    async def script(world):
        world.api.put(SERVICES, make_service())
        world.api.put(PODS, make_pod(0, ready=False))
        leaving = make_pod(1)
        leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:09Z"
        world.api.put(PODS, leaving)
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        found = {e["targetRef"]["name"]: e["conditions"] for e in piece["endpoints"]}
        assert found == {
            "p0": {"ready": False, "serving": False, "terminating": False},
            "p1": {"ready": False, "serving": True, "terminating": True},
        }
        [subset] = world.api.get(ENDPOINTS, "svc")["subsets"]
        assert [a["ip"] for a in subset["notReadyAddresses"]] == ["10.1.0.1"] and "addresses" not in subset

    run(script)


def test_a_service_that_publishes_all_has_ready_endpoints_only():
    async def script(world):
        world.api.put(SERVICES, make_service(publishNotReadyAddresses=True))
        world.api.put(PODS, make_pod(0, ready=False))
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        assert piece["endpoints"][0]["conditions"] == {"ready": True, "serving": False, "terminating": False}
        assert world.api.get(ENDPOINTS, "svc")["subsets"][0]["addresses"]

    run(script)


def test_each_family_has_slices_of_its_own():
    async def script(world):
        world.api.put(SERVICES, make_service(ipFamilies=["IPv4", "IPv6"]))
        world.api.put(PODS, make_pod(0, ips=["10.1.0.1", "fd00::1"]))
        await world.clock.sleep(2)
        found = {s["addressType"]: s["endpoints"][0]["addresses"] for s in world.api.all(ENDPOINT_SLICES)}
        assert found == {"IPv4": ["10.1.0.1"], "IPv6": ["fd00::1"]}

    run(script)


def test_a_headless_service_is_labelled_so_and_gives_hostnames():
    async def script(world):
        world.api.put(SERVICES, make_service(ports=(), clusterIP="None"))
        world.api.put(PODS, make_pod(0, hostname="db-0", subdomain="svc"))
        await world.clock.sleep(2)
        [piece] = world.api.all(ENDPOINT_SLICES)
        assert piece["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
        assert piece["endpoints"][0]["hostname"] == "db-0"
        assert piece["ports"] == []

    run(script)


def test_pods_with_other_ports_are_in_other_slices():
    async def script(world):
        world.api.put(SERVICES, make_service())
        world.api.put(PODS, make_pod(0))
        world.api.put(PODS, make_pod(1, port=9090))
        await world.clock.sleep(2)
        assert sorted(s["ports"][0]["port"] for s in world.api.all(ENDPOINT_SLICES)) == [8080, 9090]

    run(script)


def test_slices_are_filled_up_to_their_size_and_endpoints_stay_where_they_are():
    async def script(world):
        world.api.put(SERVICES, make_service())
        for index in range(25):
            world.api.put(PODS, make_pod(index))
        await world.clock.sleep(2)
        before = {
            s["metadata"]["name"]: [e["addresses"][0] for e in s["endpoints"]] for s in world.api.all(ENDPOINT_SLICES)
        }
        assert sorted(map(len, before.values())) == [5, 10, 10]
        world.api.remove(PODS, "p3")
        await world.clock.sleep(2)
        after = {
            s["metadata"]["name"]: [e["addresses"][0] for e in s["endpoints"]] for s in world.api.all(ENDPOINT_SLICES)
        }
        assert after.keys() == before.keys()
        assert sum(before[name] != after[name] for name in before) == 1
        assert len(addresses(world)) == 24

    run(script, Settings(max_endpoints_per_slice=10))


def test_a_deleted_service_leaves_no_legacy_endpoints():
    async def script(world):
        world.api.put(SERVICES, make_service())
        await world.clock.sleep(2)
        world.api.remove(SERVICES, "svc")
        await world.clock.sleep(2)
        assert world.api.get(ENDPOINTS, "svc") is None

    run(script)


def test_services_without_selector_and_mere_names_are_left_to_others():
    async def script(world):
        world.api.put(SERVICES, make_service(selector=None))
        await world.clock.sleep(2)
        assert world.api.all(ENDPOINT_SLICES) == [] and world.api.all(ENDPOINTS) == []

    run(script)
