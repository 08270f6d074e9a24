"""The zone by the "Kubernetes DNS-Based Service Discovery" specification, version 1.1.0; sections are named."""

from typing import Any

import pytest

from pynetes.addons.dns.records import NOERROR, NXDOMAIN, Answer
from pynetes.addons.dns.zone import Zone
from tests.addons.dns.objects import Objects, endpoint, headless, piece, service


def zone(*objects: Any, pieces: Any = ()) -> Zone:
    return Zone(Objects(objects, pieces), "cluster.local", "10.96.0.10")


def asked(zone: Zone, name: str, type: str = "A") -> Answer:
    answer = zone.answer(name, type)
    assert answer is not None, "the name is said to be another's"
    return answer


def data(answer: Answer) -> list[tuple[Any, ...]]:
    return [record.data for record in answer.records]


def test_a_service_with_a_cluster_address_has_that_address() -> None:
    """2.3.1: ``<service>.<ns>.svc.<zone>. <ttl> IN A <cluster-ip>``."""
    answer = asked(zone(service("web")), "web.ns.svc.cluster.local.")
    assert [(r.name, r.type, r.data, r.ttl) for r in answer.records] == [
        ("web.ns.svc.cluster.local.", "A", ("10.96.0.50",), 30)
    ]


def test_a_dual_stack_service_has_an_address_of_each_family() -> None:
    both = zone(service("web", clusterIPs=["10.96.0.50", "fd00::5"]))
    assert data(asked(both, "web.ns.svc.cluster.local.")) == [("10.96.0.50",)]
    assert data(asked(both, "web.ns.svc.cluster.local.", "AAAA")) == [("fd00::5",)]


def test_names_are_compared_without_regard_to_case_and_answered_as_they_were_asked() -> None:
    answer = asked(zone(service("web")), "Web.NS.svc.Cluster.Local.")
    assert answer.records[0].name == "Web.NS.svc.Cluster.Local."


def test_named_ports_are_found_by_srv() -> None:
    """2.3.2: ``_<port>._<proto>.<service>.<ns>.svc.<zone>. <ttl> IN SRV <weight> <priority> <port-number> <service>...``."""
    answer = asked(zone(service("web")), "_http._tcp.web.ns.svc.cluster.local.", "SRV")
    assert data(answer) == [(0, 100, 80, "web.ns.svc.cluster.local.")]
    assert data(Answer(records=answer.additional)) == [("10.96.0.50",)]


def test_cluster_addresses_lead_back_to_their_service() -> None:
    """2.3.3: ``<d>.<c>.<b>.<a>.in-addr.arpa. <ttl> IN PTR <service>.<ns>.svc.<zone>.``."""
    answer = asked(zone(service("web")), "50.0.96.10.in-addr.arpa.", "PTR")
    assert data(answer) == [("web.ns.svc.cluster.local.",)]
    answer = asked(zone(service("six", clusterIPs=["fd00::5"])), "5." + "0." * 29 + "d.f.ip6.arpa.", "PTR")
    assert data(answer) == [("six.ns.svc.cluster.local.",)]


@pytest.fixture
def stateful() -> Zone:
    behind = piece("db", endpoint("10.1.0.1", "db-0"), endpoint("10.1.0.2", "db-1"), endpoint("10.1.0.3", ready=False))
    return zone(headless("db"), headless("empty"), pieces=[behind])


def test_a_headless_service_has_the_addresses_of_its_ready_endpoints(stateful: Zone) -> None:
    """2.4.1: "There must be an A record for each ready endpoint of the headless Service"."""
    assert sorted(data(asked(stateful, "db.ns.svc.cluster.local."))) == [("10.1.0.1",), ("10.1.0.2",)]


def test_a_headless_service_without_ready_endpoints_has_no_name(stateful: Zone) -> None:
    """2.4.1: "If there are no ready endpoints for the headless Service, the answer should be NXDOMAIN"."""
    assert asked(stateful, "empty.ns.svc.cluster.local.").code == NXDOMAIN


def test_an_endpoint_with_a_host_name_has_a_name_below_the_service(stateful: Zone) -> None:
    """2.4.1: ``<hostname>.<service>.<ns>.svc.<zone>. <ttl> IN A <endpoint-ip>``."""
    assert data(asked(stateful, "db-1.db.ns.svc.cluster.local.")) == [("10.1.0.2",)]
    assert asked(stateful, "db-7.db.ns.svc.cluster.local.").code == NXDOMAIN


def test_srv_of_a_headless_service_names_each_endpoint(stateful: Zone) -> None:
    """2.4.2: one record for each named port and endpoint, with the endpoint's own port."""
    answer = asked(stateful, "_http._tcp.db.ns.svc.cluster.local.", "SRV")
    assert sorted(data(answer)) == [
        (0, 50, 8080, "db-0.db.ns.svc.cluster.local."),
        (0, 50, 8080, "db-1.db.ns.svc.cluster.local."),
    ]
    assert sorted(data(Answer(records=answer.additional))) == [("10.1.0.1",), ("10.1.0.2",)]


def test_endpoint_addresses_lead_back_to_their_host_name(stateful: Zone) -> None:
    """2.4.3."""
    assert data(asked(stateful, "2.0.1.10.in-addr.arpa.", "PTR")) == [("db-1.db.ns.svc.cluster.local.",)]


def test_an_endpoint_without_a_host_name_is_called_by_its_address() -> None:
    answer = asked(zone(headless("x"), pieces=[piece("x", endpoint("10.1.0.9"))]), "10-1-0-9.x.ns.svc.cluster.local.")
    assert data(answer) == [("10.1.0.9",)]


def test_an_external_name_is_an_alias_that_others_must_resolve() -> None:
    """2.5.1: ``<service>.<ns>.svc.<zone>. <ttl> IN CNAME <extname>.``."""
    answer = asked(
        zone(service("ext", type="ExternalName", externalName="example.test", clusterIPs=[])),
        "ext.ns.svc.cluster.local.",
    )
    assert [(r.type, r.data) for r in answer.records] == [("CNAME", ("example.test.",))]
    assert answer.chase == "example.test."


def test_an_alias_of_a_name_in_the_cluster_is_resolved_at_once() -> None:
    alias = service("ext", type="ExternalName", externalName="web.ns.svc.cluster.local", clusterIPs=[])
    answer = asked(zone(alias, service("web")), "ext.ns.svc.cluster.local.")
    assert [(r.type, r.data) for r in answer.records] == [
        ("CNAME", ("web.ns.svc.cluster.local.",)),
        ("A", ("10.96.0.50",)),
    ]
    assert answer.chase == ""


def test_an_alias_of_itself_ends() -> None:
    own = service("ext", type="ExternalName", externalName="ext.ns.svc.cluster.local", clusterIPs=[])
    assert asked(zone(own), "ext.ns.svc.cluster.local.").chase == "ext.ns.svc.cluster.local."


def test_pods_are_found_by_their_address() -> None:
    """CoreDNS with ``pods insecure``: ``<a>-<b>-<c>-<d>.<ns>.pod.<zone>``, whether or not there is such a pod."""
    assert data(asked(zone(service("web")), "10-1-0-7.ns.pod.cluster.local.")) == [("10.1.0.7",)]
    assert asked(zone(service("web")), "x.ns.pod.cluster.local.").code == NXDOMAIN


def test_the_version_of_the_schema_is_told() -> None:
    """2.2: ``dns-version.<zone>. <ttl> IN TXT <schema-version>``."""
    assert data(asked(zone(), "dns-version.cluster.local.", "TXT")) == [("1.1.0",)]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("none.ns.svc.cluster.local.", NXDOMAIN),
        ("web.other.svc.cluster.local.", NXDOMAIN),
        ("a.b.c.web.ns.svc.cluster.local.", NXDOMAIN),
        ("_none._tcp.web.ns.svc.cluster.local.", NXDOMAIN),
        ("bogus.cluster.local.", NXDOMAIN),
        ("other.svc.cluster.local.", NXDOMAIN),
        ("ns.svc.cluster.local.", NOERROR),
        ("svc.cluster.local.", NOERROR),
        ("cluster.local.", NOERROR),
        ("web.ns.svc.cluster.local.", NOERROR),
    ],
)
def test_what_is_not_there_is_denied_with_the_zones_authority(name: str, code: int) -> None:
    """RFC 2308: NXDOMAIN where there is no such name, no error and no records where there is one of another type."""
    answer = asked(zone(service("web")), name, "MX")
    assert (answer.code, answer.records) == (code, ())
    assert [record.type for record in answer.authority] == ["SOA"]


@pytest.mark.parametrize("name", ["example.test.", "local.", "1.0.0.127.in-addr.arpa.", "mycluster.local."])
def test_other_names_are_left_to_others(name: str) -> None:
    assert zone(service("web")).answer(name, "A") is None
