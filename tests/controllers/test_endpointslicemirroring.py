"""Endpoints by hand, and the slices that mirror them.

Quotes: https://kubernetes.io/docs/concepts/services-networking/service/ (EndpointSlice mirroring).
"""

import pytest

from pynetes.client.kinds import ENDPOINT_SLICES, ENDPOINTS, SERVICES
from pynetes.controllers import portorder
from pynetes.controllers.actions import Create, Delete, Report, Update
from pynetes.controllers.endpointslicemirroring import CONTROLLER, plan, repacked

from .mini_api import play

SERVICE = {"metadata": {"name": "m", "namespace": "default"}, "spec": {"ports": [{"port": 80}]}}
HTTP, DNS = {"port": 8080, "protocol": "TCP"}, {"name": "dns", "port": 53, "protocol": "UDP"}


def make_endpoints(*subsets, labels=None, annotations=None, uid="u1", **metadata):
    metadata = {"name": "m", "namespace": "default", "uid": uid, "resourceVersion": "1", **metadata}
    return {
        "kind": "Endpoints",
        "apiVersion": "v1",
        "metadata": metadata | {"labels": labels or {}, "annotations": annotations or {}},
        "subsets": list(subsets),
    }


def subset(*ips, ports=(HTTP,), away=()):
    found = {"addresses": [{"ip": ip} for ip in ips], "notReadyAddresses": [{"ip": ip} for ip in away]}
    return {**found, "ports": list(ports)}


def planned(endpoints, slices=(), service=SERVICE, most=1000):
    return plan(endpoints, service, list(slices), most)


def made(endpoints, number=0):
    """A slice as the API would have it after the plan for these endpoints."""
    creates = [action.object for action in planned(endpoints) if isinstance(action, Create)]
    metadata = {**creates[number]["metadata"], "name": f"m-{number}", "uid": f"s{number}", "resourceVersion": "7"}
    del metadata["generateName"]
    return {**creates[number], "metadata": metadata}


def addresses(piece):
    return [(e["addresses"][0], e["conditions"]["ready"]) for e in piece["endpoints"]]


# --- the plan


def test_endpoints_are_mirrored_by_family_and_ports():
    endpoints = make_endpoints(
        subset("192.0.2.2", "192.0.2.1", "2001:db8::1", away=("192.0.2.3",)),
        subset("192.0.2.9", ports=(DNS,)),
        labels={"app": "m"},
        annotations={
            "example.com/kept": "yes",
            "endpoints.kubernetes.io/last-change-trigger-time": "2026-01-01T00:00:00Z",
            "kubectl.kubernetes.io/last-applied-configuration": "{}",
        },
    )
    four, six, dns = (action.object for action in planned(endpoints))
    assert four["metadata"] == {
        "generateName": "m-",
        "namespace": "default",
        "labels": {
            "app": "m",
            "kubernetes.io/service-name": "m",
            "endpointslice.kubernetes.io/managed-by": "endpointslicemirroring-controller.k8s.io",
        },
        "annotations": {"example.com/kept": "yes"},
        "ownerReferences": [
            {
                "apiVersion": "v1",
                "kind": "Endpoints",
                "name": "m",
                "uid": "u1",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    }
    assert four["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]
    assert addresses(four) == [("192.0.2.1", True), ("192.0.2.2", True), ("192.0.2.3", False)]
    assert (six["addressType"], addresses(six)) == ("IPv6", [("2001:db8::1", True)])
    assert (dns["ports"], addresses(dns)) == ([DNS], [("192.0.2.9", True)])


def test_an_endpoint_keeps_host_name_node_and_target():
    target = {"kind": "Pod", "namespace": "default", "name": "p", "uid": "p1"}
    address = {"ip": "192.0.2.1", "hostname": "h", "nodeName": "n", "targetRef": target}
    (action,) = planned(make_endpoints({"addresses": [address], "ports": [HTTP]}))
    assert action.object["endpoints"] == [
        {
            "addresses": ["192.0.2.1"],
            "conditions": {"ready": True},
            "hostname": "h",
            "nodeName": "n",
            "targetRef": target,
        }
    ]


def test_what_is_mirrored_is_left_alone():
    endpoints = make_endpoints(subset("192.0.2.1"), labels={"app": "m"})
    assert planned(endpoints, [made(endpoints)]) == []


@pytest.mark.parametrize(
    "changed",
    [
        make_endpoints(subset("192.0.2.1", "192.0.2.2")),
        make_endpoints(subset(away=("192.0.2.1",))),
        make_endpoints(subset("192.0.2.1"), labels={"app": "m"}),
        make_endpoints(subset("192.0.2.1"), annotations={"example.com/a": "b"}),
        make_endpoints(subset("192.0.2.1"), uid="u2"),
    ],
    ids=["address", "readiness", "label", "annotation", "another of the name"],
)
def test_what_changed_is_written_into_the_slice_that_is_there(changed):
    (action,) = planned(changed, [made(make_endpoints(subset("192.0.2.1")))])
    assert isinstance(action, Update)
    assert action.object["metadata"] == made(changed)["metadata"]
    assert action.object["endpoints"] == made(changed)["endpoints"]


def test_a_slice_for_ports_that_are_gone_takes_over_those_that_came():
    (action,) = planned(make_endpoints(subset("192.0.2.1", ports=(DNS,))), [made(make_endpoints(subset("192.0.2.1")))])
    assert isinstance(action, Update)
    assert (action.object["metadata"]["name"], action.object["ports"]) == ("m-0", [DNS])


def test_slices_too_many_are_deleted():
    endpoints = make_endpoints(subset("192.0.2.1"))
    other = made(endpoints)
    other["metadata"]["name"] = "other"
    assert planned(endpoints, [made(endpoints), other]) == [Delete(ENDPOINT_SLICES, "default", "other")]
    assert planned(make_endpoints(), [other]) == [Delete(ENDPOINT_SLICES, "default", "other")]


@pytest.mark.parametrize(
    ("endpoints", "service"),
    [
        (make_endpoints(subset("192.0.2.1")), None),
        (make_endpoints(subset("192.0.2.1")), {**SERVICE, "spec": {"selector": {"app": "m"}}}),
        (make_endpoints(subset("192.0.2.1"), labels={"endpointslice.kubernetes.io/skip-mirror": "true"}), SERVICE),
        (make_endpoints(subset("192.0.2.1"), annotations={"control-plane.alpha.kubernetes.io/leader": "{}"}), SERVICE),
    ],
    ids=["no service", "a selector", "skipped", "a lock"],
)
def test_nothing_is_mirrored(endpoints, service):
    piece = made(make_endpoints(subset("192.0.2.1")))
    assert planned(endpoints, service=service) == []
    assert planned(endpoints, [piece], service) == [Delete(ENDPOINT_SLICES, "default", "m-0")]


def test_endpoints_that_are_being_deleted_get_no_new_slices():
    assert planned(make_endpoints(subset("192.0.2.1"), deletionTimestamp="2026-01-01T00:00:00Z")) == []


def test_of_a_subset_a_thousand_addresses_are_mirrored_and_an_event_tells_of_the_others():
    endpoints = make_endpoints(subset("192.0.2.1", "192.0.2.2", "192.0.2.3", away=("192.0.2.4",)))
    told, create = planned(endpoints, most=2)
    assert told == Report(
        endpoints,
        "Warning",
        "TooManyAddressesToMirror",
        "A max of 2 addresses can be mirrored to EndpointSlices per Endpoints subset. 2 addresses were skipped",
    )
    assert addresses(create.object) == [("192.0.2.1", True), ("192.0.2.2", True)]


def test_addresses_that_are_none_are_told_of():
    told, create = planned(make_endpoints(subset("192.0.2.1", "nowhere")))
    assert told.message == "Skipped 1 invalid IP addresses when mirroring to EndpointSlices"
    assert addresses(create.object) == [("192.0.2.1", True)]


def test_subsets_are_repacked_by_the_addresses_that_share_ports():
    shared = repacked([subset("192.0.2.1", ports=(HTTP, DNS)), subset("192.0.2.2", ports=(HTTP,))])
    assert shared == [
        ([HTTP], [({"ip": "192.0.2.1"}, True), ({"ip": "192.0.2.2"}, True)]),
        ([DNS], [({"ip": "192.0.2.1"}, True)]),
    ]
    together = repacked([subset("192.0.2.1", ports=(HTTP,)), subset("192.0.2.1", ports=(DNS,))])
    assert together == [([HTTP, DNS], [({"ip": "192.0.2.1"}, True)])]


def test_an_address_that_is_not_ready_somewhere_is_not_ready():
    assert repacked([subset("192.0.2.1"), subset(away=("192.0.2.1",))]) == [([HTTP], [({"ip": "192.0.2.1"}, False)])]


def test_subsets_without_ports_are_kept():
    assert repacked([subset("192.0.2.1", ports=())]) == [([], [({"ip": "192.0.2.1"}, True)])]


# --- the order of ports


def test_ports_are_listed_in_the_order_of_upstreams_hashes():
    """As k8s.io/endpointslice NewPortMapKey and RepackSubsets put these."""
    ports = [
        {"name": "http", "protocol": "TCP", "port": 80},
        {"name": "https", "protocol": "TCP", "port": 443, "appProtocol": "https"},
        {"name": "dns", "protocol": "UDP", "port": 53},
        {"name": "dns-tcp", "protocol": "TCP", "port": 53},
        {"name": "metrics", "protocol": "TCP", "port": 9153},
        {"name": "", "protocol": "TCP", "port": 8080},
    ]
    names = [port["name"] for port in portorder.of_slices(ports)]
    assert names == ["dns", "", "https", "dns-tcp", "http", "metrics"]
    names = [port["name"] for port in portorder.of_endpoints(ports)]
    assert names == ["https", "http", "", "metrics", "dns-tcp", "dns"]


# --- a whole life


def test_slices_follow_endpoints_and_service():
    async def script(world):
        def slices():
            return sorted(addresses(piece) for piece in world.api.all(ENDPOINT_SLICES))

        world.api.put(ENDPOINTS, make_endpoints(subset("192.0.2.1")))
        await world.clock.sleep(1)
        assert slices() == []
        world.api.put(SERVICES, {"metadata": {"name": "m"}, "spec": {"ports": [{"port": 80}]}})
        await world.clock.sleep(1)
        assert slices() == [[("192.0.2.1", True)]]
        world.api.change(ENDPOINTS, "m", lambda e: e.update(subsets=[subset("192.0.2.2")]))
        await world.clock.sleep(1)
        assert slices() == [[("192.0.2.2", True)]]
        (piece,) = world.api.all(ENDPOINT_SLICES)
        world.api.remove(ENDPOINT_SLICES, piece["metadata"]["name"])
        await world.clock.sleep(1)
        assert slices() == [[("192.0.2.2", True)]]
        world.api.change(SERVICES, "m", lambda s: s["spec"].update(selector={"app": "m"}))
        await world.clock.sleep(1)
        assert slices() == []
        world.api.change(SERVICES, "m", lambda s: s["spec"].pop("selector"))
        await world.clock.sleep(1)
        assert slices() == [[("192.0.2.2", True)]]
        world.api.remove(ENDPOINTS, "m")
        await world.clock.sleep(1)
        assert slices() == []

    play(script, CONTROLLER)


def test_no_slice_is_made_twice_while_its_watch_is_silent():
    async def script(world):
        world.api.put(SERVICES, {"metadata": {"name": "m"}, "spec": {"ports": [{"port": 80}]}})
        await world.clock.sleep(1)
        world.api.muted = {"endpointslices"}
        world.api.put(ENDPOINTS, make_endpoints(subset("192.0.2.1")))
        await world.clock.sleep(1)
        world.api.change(ENDPOINTS, "m", lambda e: e.update(subsets=[subset("192.0.2.2")]))
        await world.clock.sleep(1)
        assert len(world.api.all(ENDPOINT_SLICES)) == 1
        world.api.unmute()
        await world.clock.sleep(1)
        (piece,) = world.api.all(ENDPOINT_SLICES)
        assert addresses(piece) == [("192.0.2.2", True)]

    play(script, CONTROLLER)
