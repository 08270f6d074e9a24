"""Services to rules, without a kernel. The chain names are upstream's for the same names."""

from collections.abc import Sequence

import pytest

from pynetes.proxy.endpoints import Endpoint, endpoints, usable
from pynetes.proxy.iptables.rules import (
    JUMPS,
    ServiceText,
    chain_name,
    cleanup_text,
    missing_jumps,
    options,
    port_rules,
    restore_text,
    service_text,
    stale_chains,
)
from pynetes.proxy.services import service_ports
from pynetes.proxy.settings import Settings

SETTINGS = Settings("here", ("10.0.0.0/8",), ("192.168.0.2",))


def service(ip: str = "172.30.0.41", port: dict[str, object] | None = None, **spec: object) -> dict[str, object]:
    status = spec.pop("status", {})
    ports = [{"name": "p80", "port": 80, "protocol": "TCP", **(port or {})}]
    return {
        "metadata": {"namespace": "ns1", "name": "svc1"},
        "spec": {"type": "ClusterIP", "clusterIP": ip, "clusterIPs": [ip], "ports": ports, **spec},
        "status": status,
    }


def piece(*found: dict[str, object] | str, kind: str = "IPv4") -> dict[str, object]:
    entries = [{"addresses": [f]} if isinstance(f, str) else f for f in found]
    return {"addressType": kind, "ports": [{"name": "p80", "port": 80, "protocol": "TCP"}], "endpoints": entries}


def rules(
    svc: dict[str, object], slices: Sequence[dict[str, object]] = (), settings: Settings = SETTINGS, family: int = 4
) -> list[ServiceText]:
    opts = options(settings, family)
    found = endpoints(slices, family, settings.node_name)
    made = [
        port_rules(p, usable(p, found.get((p.port_name, p.protocol), ()), settings.node_name, ""), opts)
        for p in service_ports(svc, family)
    ]
    return [service_text(made)]


def lines(made: Sequence[ServiceText], having: str) -> list[str]:
    text = restore_text(made, options(SETTINGS, 4))
    return [line for line in text.splitlines() if having in line and not line.startswith(":")]


def test_the_whole_text_for_one_service() -> None:
    text = restore_text(rules(service(), [piece("10.180.0.1")]), options(SETTINGS, 4))
    assert (
        text
        == """\
*filter
:KUBE-SERVICES - [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-FIREWALL - [0:0]
-A KUBE-FIREWALL -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 ! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x00004000/0x00004000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-SVC-XPGD46QRK7WJZT7O - [0:0]
:KUBE-SEP-SXIVWICOYRO3J4NJ - [0:0]
-A KUBE-POSTROUTING -m mark ! --mark 0x00004000/0x00004000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x00004000
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-MARK-MASQ -j MARK --or-mark 0x00004000
-A KUBE-SERVICES -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 -j KUBE-SVC-XPGD46QRK7WJZT7O
-A KUBE-SVC-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 cluster IP" -m tcp -p tcp -d 172.30.0.41 --dport 80 ! -s 10.0.0.0/8 -j KUBE-MARK-MASQ
-A KUBE-SVC-XPGD46QRK7WJZT7O -m comment --comment "ns1/svc1:p80 -> 10.180.0.1:80" -j KUBE-SEP-SXIVWICOYRO3J4NJ
-A KUBE-SEP-SXIVWICOYRO3J4NJ -m comment --comment ns1/svc1:p80 -s 10.180.0.1 -j KUBE-MARK-MASQ
-A KUBE-SEP-SXIVWICOYRO3J4NJ -m comment --comment ns1/svc1:p80 -m tcp -p tcp -j DNAT --to-destination 10.180.0.1:80
-A KUBE-SERVICES -m comment --comment "kubernetes service nodeports; NOTE: this must be the last rule in this chain" -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
COMMIT
"""
    )


def test_endpoints_share_by_equal_chances() -> None:
    made = rules(service(), [piece("10.180.0.1", "10.180.0.2", "10.180.0.3")])
    chances = [line.split("--probability ")[1].split(" ")[0] for line in lines(made, "--probability")]
    assert chances == ["0.3333333333", "0.5000000000"]


def test_no_endpoints_reject_and_only_remote_ones_drop_for_local_policy() -> None:
    (reject,) = lines(rules(service()), "has no endpoints")
    assert reject.endswith("-d 172.30.0.41 --dport 80 -j REJECT")
    local = service(internalTrafficPolicy="Local")
    (drop,) = lines(rules(local, [piece({"addresses": ["10.1.0.1"], "nodeName": "there"})]), "has no local endpoints")
    assert drop.endswith("-j DROP")
    chain = chain_name("KUBE-SVL-", "ns1/svc1:p80", "tcp")
    assert lines(rules(local, [piece({"addresses": ["10.1.0.1"], "nodeName": "here"})]), f"-j {chain}")


def test_clients_stay_with_their_endpoint_where_asked() -> None:
    affine = service(sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": 60}})
    found = lines(rules(affine, [piece("10.180.0.1")]), "-m recent")
    assert any("--rcheck --seconds 60 --reap" in line for line in found)
    assert any("--set -m tcp" in line for line in found)


def test_a_node_port_is_masqueraded_but_not_with_the_local_policy() -> None:
    node_port = service(port={"nodePort": 30080}, type="NodePort")
    assert lines(rules(node_port, [piece("10.1.0.1")]), "masquerade traffic for ns1/svc1:p80 external destinations")
    local = service(port={"nodePort": 30080}, type="NodePort", externalTrafficPolicy="Local")
    made = rules(local, [piece({"addresses": ["10.1.0.1"], "nodeName": "here"})])
    assert not lines(made, "masquerade traffic")
    assert lines(made, "route LOCAL traffic")


def test_source_ranges_of_a_load_balancer_make_a_firewall() -> None:
    svc = service(
        port={"nodePort": 3002},
        type="LoadBalancer",
        loadBalancerSourceRanges=[" 203.0.113.0/25"],
        status={"loadBalancer": {"ingress": [{"ip": "5.6.7.8"}, {"ip": "9.9.9.9", "ipMode": "Proxy"}]}},
    )
    made = rules(svc, [piece("10.1.0.1")])
    assert lines(made, "-s 203.0.113.0/25 -j KUBE-EXT-")
    assert lines(made, "traffic not accepted by KUBE-FW-")
    assert not lines(made, "9.9.9.9")


def test_ipv6_has_its_own_endpoints_and_brackets() -> None:
    svc = service(clusterIPs=["172.30.0.41", "fd00::41"])
    made = rules(svc, [piece("10.1.0.1"), piece("fd00:1::1", kind="IPv6")], family=6)
    text = restore_text(made, options(SETTINGS, 6))
    assert "--to-destination [fd00:1::1]:80" in text
    assert "! -d ::1/128 -j KUBE-NODEPORTS" in text
    assert "10.1.0.1" not in text


@pytest.mark.parametrize(
    "svc",
    [
        service(ip="None"),
        service(type="ExternalName", ip=""),
        {
            **service(),
            "metadata": {"namespace": "a", "name": "b", "labels": {"service.kubernetes.io/service-proxy-name": "x"}},
        },
    ],
)
def test_what_is_not_ours_to_proxy_makes_no_rule(svc: dict[str, object]) -> None:
    assert service_ports(svc, 4) == []


def test_ready_endpoints_first_then_those_that_serve_while_they_end() -> None:
    """KEP-1669: "if there are no ready endpoints ... traffic to serving terminating endpoints"."""
    (port,) = service_ports(service(), 4)
    ending = Endpoint("10.1.0.1", 80, ready=False, serving=True, terminating=True)
    dead = Endpoint("10.1.0.2", 80, ready=False, serving=False, terminating=True)
    ready = Endpoint("10.1.0.3", 80)
    assert usable(port, (ending, dead, ready), "here", "").cluster == (ready,)
    assert usable(port, (ending, dead), "here", "").cluster == (ending,)
    assert not usable(port, (dead,), "here", "").exists


def test_hints_are_followed_only_when_every_ready_endpoint_has_one() -> None:
    (port,) = service_ports(service(), 4)
    zone = "z1"
    near = Endpoint("10.1.0.1", 80, zones=frozenset({"z1"}))
    far = Endpoint("10.1.0.2", 80, zones=frozenset({"z2"}))
    bare = Endpoint("10.1.0.3", 80)
    assert usable(port, (near, far), "here", zone).cluster == (near,)
    assert usable(port, (near, far, bare), "here", zone).cluster == (near, far, bare)
    assert usable(port, (near, far), "here", "").cluster == (near, far)
    mine = Endpoint("10.1.0.4", 80, nodes=frozenset({"here"}))
    other = Endpoint("10.1.0.5", 80, nodes=frozenset({"there"}))
    assert usable(port, (mine, other), "here", "").cluster == (mine,)


def test_an_endpoint_in_two_slices_counts_once_with_the_better_news() -> None:
    bad = {"addresses": ["10.1.0.1"], "conditions": {"ready": False, "serving": False}}
    found = endpoints([piece(bad), piece("10.1.0.1")], 4, "here")
    assert [e.ready for e in found[("p80", "tcp")]] == [True]


def test_a_partial_text_has_only_the_changed_chains_but_all_shared_rules() -> None:
    one, two = rules(service(), [piece("10.180.0.1")]), rules(service("172.30.0.42", {"name": "x"}), [])
    text = restore_text([*one, *two], options(SETTINGS, 4), changed=two, gone=["KUBE-SEP-OLD"])
    assert "172.30.0.41" in text
    assert ":KUBE-SVC-XPGD46QRK7WJZT7O" not in text
    assert ":KUBE-SEP-OLD - [0:0]" in text
    assert "-X KUBE-SEP-OLD" in text


def test_jumps_are_added_where_they_are_missing() -> None:
    assert missing_jumps({}) == list(JUMPS)
    saved = {
        table: [f"-A {chain} {match} -j {target}" for t, chain, target, match in JUMPS if t == table]
        for table in ("filter", "nat")
    }
    assert missing_jumps(saved) == []
    saved["nat"].pop()
    (missing,) = missing_jumps(saved)
    assert missing[:3] == ("nat", "POSTROUTING", "KUBE-POSTROUTING")
    assert "-I POSTROUTING -m comment" in restore_text([], options(SETTINGS, 4), jumps=[missing])


def test_clean_up_takes_ours_and_leaves_others() -> None:
    saved = {
        "nat": [":PREROUTING ACCEPT [0:0]", ":KUBE-SERVICES - [0:0]", ":KUBE-SEP-X - [0:0]", ":OTHER - [0:0]",
                "-A PREROUTING -m x -j KUBE-SERVICES", "-A PREROUTING -j OTHER", "-A KUBE-SERVICES -j KUBE-SEP-X"],
        "filter": [":INPUT ACCEPT [0:0]"],
    }  # fmt: skip
    assert cleanup_text(saved) == (
        "*nat\n:KUBE-SEP-X - [0:0]\n:KUBE-SERVICES - [0:0]\n-D PREROUTING -m x -j KUBE-SERVICES\n"
        "-X KUBE-SEP-X\n-X KUBE-SERVICES\nCOMMIT\n"
    )
    assert cleanup_text({"filter": saved["filter"]}) == ""


def test_stale_chains_are_those_of_services_only() -> None:
    saved = {"nat": [":KUBE-SEP-X - [0:0]", ":KUBE-SERVICES - [0:0]", ":OTHER - [0:0]"]}
    assert stale_chains(saved, []) == ["KUBE-SEP-X"]
