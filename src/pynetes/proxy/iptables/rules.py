"""Services to ``iptables-restore`` text: pure, one IP family at a time, with upstream's chains and comments.

``port_rules`` says all about one service port, ``service_text`` joins a service's, ``restore_text`` puts services
together. The chains that all share are written anew each time, a service's own chains only when they changed: what is
left out of the text stays in the kernel.

Source: Kubernetes ``pkg/proxy/iptables/proxier.go``.
"""

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from ipaddress import ip_address, ip_network

from pynetes.proxy.endpoints import Endpoint, Usable
from pynetes.proxy.services import ServicePort, of_family
from pynetes.proxy.settings import Settings

SERVICES, EXTERNAL, NODEPORTS = "KUBE-SERVICES", "KUBE-EXTERNAL-SERVICES", "KUBE-NODEPORTS"
POSTROUTING, MARK_MASQ, FORWARD = "KUBE-POSTROUTING", "KUBE-MARK-MASQ", "KUBE-FORWARD"
PROXY_FIREWALL, CANARY, FIREWALL = "KUBE-PROXY-FIREWALL", "KUBE-PROXY-CANARY", "KUBE-FIREWALL"

FILTER_CHAINS = (SERVICES, EXTERNAL, FORWARD, NODEPORTS, PROXY_FIREWALL)
NAT_CHAINS = (SERVICES, NODEPORTS, POSTROUTING, MARK_MASQ)
SERVICE_PREFIXES = ("KUBE-SVC-", "KUBE-SVL-", "KUBE-SEP-", "KUBE-FW-", "KUBE-EXT-")

LARGE_CLUSTER_ENDPOINTS = 1000
"""Beyond so many endpoints the comments on their rules are left out."""

_NEW = "-m conntrack --ctstate NEW "
JUMPS: tuple[tuple[str, str, str, str], ...] = (
    ("filter", "INPUT", EXTERNAL, f'{_NEW}-m comment --comment "kubernetes externally-visible service portals"'),
    ("filter", "FORWARD", EXTERNAL, f'{_NEW}-m comment --comment "kubernetes externally-visible service portals"'),
    ("filter", "INPUT", NODEPORTS, '-m comment --comment "kubernetes health check service ports"'),
    ("filter", "FORWARD", SERVICES, f'{_NEW}-m comment --comment "kubernetes service portals"'),
    ("filter", "OUTPUT", SERVICES, f'{_NEW}-m comment --comment "kubernetes service portals"'),
    ("filter", "FORWARD", FORWARD, '-m comment --comment "kubernetes forwarding rules"'),
    ("filter", "INPUT", PROXY_FIREWALL, f'{_NEW}-m comment --comment "kubernetes load balancer firewall"'),
    ("filter", "OUTPUT", PROXY_FIREWALL, f'{_NEW}-m comment --comment "kubernetes load balancer firewall"'),
    ("filter", "FORWARD", PROXY_FIREWALL, f'{_NEW}-m comment --comment "kubernetes load balancer firewall"'),
    ("nat", "OUTPUT", SERVICES, '-m comment --comment "kubernetes service portals"'),
    ("nat", "PREROUTING", SERVICES, '-m comment --comment "kubernetes service portals"'),
    ("nat", "POSTROUTING", POSTROUTING, '-m comment --comment "kubernetes postrouting rules"'),
    ("filter", "INPUT", FIREWALL, ""),
    ("filter", "OUTPUT", FIREWALL, ""),
)
"""Rules of the built-in chains that lead into ours, in front of what is there: table, chain, target, matches."""


@dataclass(slots=True)
class PortRules:
    """One service port's part: rules for the shared chains by (table, chain), and its own chains of the nat table."""

    shared: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    chains: dict[str, list[str]] = field(default_factory=dict)

    def add(self, table: str, chain: str, rule: str) -> None:
        self.shared.setdefault((table, chain), []).append(f"-A {chain} {rule}")


@dataclass(frozen=True, slots=True)
class ServiceText:
    """A service's part of the text: its rules in the shared chains by (table, chain); its own chains of the nat table,
    the lines that declare them and those of their rules."""

    shared: Mapping[tuple[str, str], str]
    chains: tuple[str, ...]
    declared: str
    rules: str


NO_TEXT = ServiceText({}, (), "", "")


@dataclass(frozen=True, slots=True)
class Options:
    """What is the same for all ports of a family."""

    family: int
    settings: Settings
    local_cidr: str = ""
    large: bool = False

    @property
    def mark(self) -> str:
        return f"0x{1 << self.settings.masquerade_bit:08x}"

    @property
    def localhost_node_ports(self) -> bool:
        return self.family == 4 and self.settings.localhost_node_ports and not self.settings.node_port_addresses


def options(settings: Settings, family: int, *, large: bool = False) -> Options:
    return Options(family, settings, next(iter(of_family(settings.cluster_cidrs, family)), ""), large)


@lru_cache(65536)
def chain_name(prefix: str, port: str, protocol: str, endpoint: str = "") -> str:
    """``KUBE-SVC-...``: names are at most 28 characters, so the rest is a hash."""
    digest = hashlib.sha256(f"{port}{protocol}{endpoint}".encode()).digest()
    return f"{prefix}{base64.b32encode(digest).decode()[:16]}"


def port_rules(port: ServicePort, found: Usable, opts: Options) -> PortRules:
    """All rules of one service port."""
    out = PortRules()
    name, protocol = port.text, port.protocol
    cluster_chain, local_chain = (chain_name(p, name, protocol) for p in ("KUBE-SVC-", "KUBE-SVL-"))
    external_chain, firewall_chain = (chain_name(p, name, protocol) for p in ("KUBE-EXT-", "KUBE-FW-"))
    internal_chain = local_chain if port.internal_local else cluster_chain
    internal = bool(found.local) if port.internal_local else found.exists
    external = bool(found.local) if port.external_local else found.exists
    firewall = found.exists and bool(port.load_balancer_ips) and bool(port.source_ranges)
    target, why = ("DROP", "has no local endpoints") if found.exists else ("REJECT", "has no endpoints")
    lacking = f'-m comment --comment "{name} {why}"'

    def to(address: str, number: int = port.port) -> str:
        return f"-m {protocol} -p {protocol} -d {address} --dport {number}"

    # who is addressed: the shared chains
    if internal:
        out.add("nat", SERVICES, f'-m comment --comment "{name} cluster IP" {to(port.cluster_ip)} -j {internal_chain}')
    else:
        out.add("filter", SERVICES, f"{lacking} {to(port.cluster_ip)} -j {target}")
    for address in port.external_ips:
        if found.exists:
            out.add("nat", SERVICES, f'-m comment --comment "{name} external IP" {to(address)} -j {external_chain}')
        if not external:
            out.add("filter", EXTERNAL, f"{lacking} {to(address)} -j {target}")
    for address in port.load_balancer_ips:
        if found.exists:
            through = firewall_chain if firewall else external_chain
            out.add("nat", SERVICES, f'-m comment --comment "{name} loadbalancer IP" {to(address)} -j {through}')
        if firewall:
            comment = f'-m comment --comment "{name} traffic not accepted by {firewall_chain}"'
            out.add("filter", PROXY_FIREWALL, f"{comment} {to(address)} -j DROP")
        if not external:
            out.add("filter", EXTERNAL, f"{lacking} {to(address)} -j {target}")
    if port.node_port:
        match = f"-m {protocol} -p {protocol} --dport {port.node_port}"
        if found.exists:
            out.add("nat", NODEPORTS, f"-m comment --comment {name} {match} -j {external_chain}")
        if not external:
            out.add("filter", EXTERNAL, f"{lacking} -m addrtype --dst-type LOCAL {match} -j {target}")
    if port.health_check_node_port:
        comment = f'-m comment --comment "{name} health check node port"'
        out.add("filter", NODEPORTS, f"{comment} -m tcp -p tcp --dport {port.health_check_node_port} -j ACCEPT")

    # where to: the port's own chains
    if found.exists and port.externally_accessible:
        policy_chain = local_chain if port.external_local else cluster_chain
        rules = _external(port, opts, external_chain, cluster_chain)
        if external:
            rules.append(f"-A {external_chain} -j {policy_chain}")
        out.chains[external_chain] = rules
    if firewall:
        out.chains[firewall_chain] = _firewall(port, opts, firewall_chain, external_chain)
    leading: list[str] = []
    if internal:
        match = f'-A {internal_chain} -m comment --comment "{name} cluster IP" {to(port.cluster_ip)}'
        if opts.settings.masquerade_all:
            leading.append(f"{match} -j {MARK_MASQ}")
        elif opts.local_cidr:
            leading.append(f"{match} ! -s {opts.local_cidr} -j {MARK_MASQ}")
    if found.cluster and port.uses_cluster_endpoints:
        rules = _spread(port, opts, cluster_chain, found.cluster)
        out.chains[cluster_chain] = (leading if internal_chain == cluster_chain else []) + rules
    if found.local and port.uses_local_endpoints:
        rules = _spread(port, opts, local_chain, found.local)
        out.chains[local_chain] = (leading if internal_chain == local_chain else []) + rules
    for endpoint in found.reachable:
        chain = endpoint_chain(port, endpoint)
        out.chains[chain] = _endpoint(port, opts, chain, endpoint)
    return out


def service_text(ports: Iterable[PortRules]) -> ServiceText:
    """A service's ports together."""
    shared: dict[tuple[str, str], list[str]] = {}
    chains: dict[str, list[str]] = {}
    for port in ports:
        for key, rules in port.shared.items():
            shared.setdefault(key, []).extend(rules)
        chains.update(port.chains)
    return ServiceText(
        {key: "\n".join(rules) for key, rules in shared.items()},
        tuple(chains),
        "\n".join(_chain(chain) for chain in chains),
        "\n".join(rule for rules in chains.values() for rule in rules),
    )


def restore_text(
    services: Iterable[ServiceText],
    opts: Options,
    *,
    changed: Iterable[ServiceText] | None = None,
    gone: Sequence[str] = (),
    jumps: Sequence[tuple[str, str, str, str]] = (),
    node_port_ips: Sequence[str] = (),
    canary: bool = False,
    liberal: bool = False,
) -> str:
    """The input of ``iptables-restore --noflush``.

    ``changed``: the services whose own chains are written (``None``: all); ``gone``: nat chains to delete; ``jumps``:
    those of ``JUMPS`` that the kernel lacks. ``liberal``: the kernel lets packets out of their window pass as valid.
    """
    services = list(services)
    shared: dict[tuple[str, str], list[str]] = {}
    for service in services:
        for key, rules in service.shared.items():
            shared.setdefault(key, []).append(rules)
    written = [service for service in (services if changed is None else changed) if service.chains]
    with_firewall = opts.localhost_node_ports or any(target == FIREWALL for _, _, target, _ in jumps)
    extra = (CANARY,) if canary else ()
    filter_lines = [_chain(c) for c in (*FILTER_CHAINS, *((FIREWALL,) if with_firewall else ()), *extra)]
    if opts.localhost_node_ports:
        filter_lines.append(
            f'-A {FIREWALL} -m comment --comment "block incoming localnet connections" -d 127.0.0.0/8 '
            "! -s 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP"
        )
    filter_lines += [_jump(j) for j in jumps if j[0] == "filter"]
    for chain in FILTER_CHAINS:
        filter_lines += shared.get(("filter", chain), ())
    filter_lines += _forward(opts, liberal)

    nat_lines = [_chain(c) for c in (*NAT_CHAINS, *extra)]
    nat_lines += [service.declared for service in written]
    nat_lines += [_chain(c) for c in gone]
    nat_lines += _postrouting(opts)
    nat_lines += [_jump(j) for j in jumps if j[0] == "nat"]
    nat_lines += shared.get(("nat", SERVICES), ())
    nat_lines += shared.get(("nat", NODEPORTS), ())
    nat_lines += [service.rules for service in written]
    nat_lines += [f"-X {chain}" for chain in gone]
    nat_lines += _node_ports(opts, node_port_ips)
    mangle = ["*mangle", _chain(CANARY), "COMMIT"] if canary else []
    return "\n".join(["*filter", *filter_lines, "COMMIT", "*nat", *nat_lines, "COMMIT", *mangle, ""])


def cleanup_text(existing: Mapping[str, Sequence[str]]) -> str:
    """Takes all of ours away: ``existing`` has the lines of ``iptables-save`` by table. Empty: nothing is there."""
    out: list[str] = []
    for table, lines in existing.items():
        chains = {line[1:].split(" ")[0] for line in lines if line.startswith(":")}
        ours = sorted(c for c in chains if is_ours(c))
        if not ours:
            continue
        out.append(f"*{table}")
        out += [_chain(c) for c in ours]  # which empties them
        targets = tuple(f"-j {c}" for c in ours)
        for line in lines:
            if line.startswith("-A ") and line.split(" ")[1] not in ours and line.endswith(targets):
                out.append(f"-D {line[3:]}")
        out += [f"-X {c}" for c in ours]
        out.append("COMMIT")
    return "\n".join([*out, ""]) if out else ""


def missing_jumps(existing: Mapping[str, Sequence[str]]) -> list[tuple[str, str, str, str]]:
    """Those of ``JUMPS`` that ``iptables-save`` did not show."""
    there = {
        (table, line.split(" ")[1], line.rpartition(" -j ")[2])
        for table, lines in existing.items()
        for line in lines
        if line.startswith("-A ")
    }
    return [jump for jump in JUMPS if jump[:3] not in there]


def stale_chains(existing: Mapping[str, Sequence[str]], services: Iterable[ServiceText]) -> list[str]:
    """Chains in the kernel that were made for services and that none of these has."""
    active = {chain for service in services for chain in service.chains}
    there = {line[1:].split(" ")[0] for line in existing.get("nat", ()) if line.startswith(":")}
    return sorted(c for c in there - active if c.startswith(SERVICE_PREFIXES))


def is_ours(chain: str) -> bool:
    """Whether nobody else writes to a chain of this name."""
    return chain in _OURS or chain.startswith(SERVICE_PREFIXES)


def endpoint_chain(port: ServicePort, endpoint: Endpoint) -> str:
    return chain_name("KUBE-SEP-", port.text, port.protocol, endpoint.text)


_OURS = {*FILTER_CHAINS, *NAT_CHAINS, CANARY, FIREWALL}


def _external(port: ServicePort, opts: Options, chain: str, cluster_chain: str) -> list[str]:
    """What comes to an external address. With the policy Local the source is kept, but for what begins here."""
    name = port.text
    if not port.external_local:
        comment = f'-m comment --comment "masquerade traffic for {name} external destinations"'
        return [f"-A {chain} {comment} -j {MARK_MASQ}"]
    rules: list[str] = []
    if opts.local_cidr:
        comment = f'-m comment --comment "pod traffic for {name} external destinations"'
        rules.append(f"-A {chain} {comment} -s {opts.local_cidr} -j {cluster_chain}")
    local = "-m addrtype --src-type LOCAL"
    comment = f'-m comment --comment "masquerade LOCAL traffic for {name} external destinations"'
    rules.append(f"-A {chain} {comment} {local} -j {MARK_MASQ}")
    comment = f'-m comment --comment "route LOCAL traffic for {name} external destinations"'
    rules.append(f"-A {chain} {comment} {local} -j {cluster_chain}")
    return rules


def _firewall(port: ServicePort, opts: Options, chain: str, external_chain: str) -> list[str]:
    comment = f'-m comment --comment "{port.text} loadbalancer IP"'
    rules = [f"-A {chain} {comment} -s {r} -j {external_chain}" for r in port.source_ranges]
    ours = of_family(opts.settings.node_addresses, opts.family)[:1]
    if any(ip_address(a) in ip_network(r, strict=False) for a in ours for r in port.source_ranges):
        # a node that calls the balancer's address may have it itself, and then as its source
        rules += [f"-A {chain} {comment} -s {a} -j {external_chain}" for a in port.load_balancer_ips]
    note = f"other traffic to {port.text} will be dropped by {PROXY_FIREWALL}"
    return [*rules, f'-A {chain} -m comment --comment "{note}"']


def _spread(port: ServicePort, opts: Options, chain: str, found: Sequence[Endpoint]) -> list[str]:
    """First clients that were here before, then one of n by chance."""
    rules: list[str] = []
    targets = [(e, endpoint_chain(port, e)) for e in found]
    if port.affinity_seconds:
        for endpoint, target in targets:
            rules.append(
                f"-A {chain} {_note(port, opts, endpoint)}-m recent --name {target} --rcheck "
                f"--seconds {port.affinity_seconds} --reap -j {target}"
            )
    left = len(targets)
    for endpoint, target in targets:
        chance = f"-m statistic --mode random --probability {1 / left:0.10f} " if left > 1 else ""
        rules.append(f"-A {chain} {_note(port, opts, endpoint)}{chance}-j {target}")
        left -= 1
    return rules


def _endpoint(port: ServicePort, opts: Options, chain: str, endpoint: Endpoint) -> list[str]:
    note = "" if opts.large else f"-m comment --comment {port.text} "
    recent = f"-m recent --name {chain} --set " if port.affinity_seconds else ""
    protocol = port.protocol
    return [
        f"-A {chain} {note}-s {endpoint.ip} -j {MARK_MASQ}",  # a pod that reaches itself
        f"-A {chain} {note}{recent}-m {protocol} -p {protocol} -j DNAT --to-destination {endpoint.text}",
    ]


def _note(port: ServicePort, opts: Options, endpoint: Endpoint) -> str:
    return "" if opts.large else f'-m comment --comment "{port.text} -> {endpoint.text}" '


def _postrouting(opts: Options) -> list[str]:
    mark = opts.mark
    return [
        f"-A {POSTROUTING} -m mark ! --mark {mark}/{mark} -j RETURN",
        f"-A {POSTROUTING} -j MARK --xor-mark {mark}",
        f'-A {POSTROUTING} -m comment --comment "kubernetes service traffic requiring SNAT" '
        "-j MASQUERADE --random-fully",
        f"-A {MARK_MASQ} -j MARK --or-mark {mark}",
    ]


def _forward(opts: Options, liberal: bool) -> list[str]:
    rules = [] if liberal else [f"-A {FORWARD} -m conntrack --ctstate INVALID -j DROP"]
    mark = opts.mark
    return [
        *rules,
        f'-A {FORWARD} -m comment --comment "kubernetes forwarding rules" -m mark --mark {mark}/{mark} -j ACCEPT',
        f'-A {FORWARD} -m comment --comment "kubernetes forwarding conntrack rule" '
        "-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
    ]


def _node_ports(opts: Options, ips: Sequence[str]) -> list[str]:
    note = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
    head = f'-A {SERVICES} -m comment --comment "{note}"'
    if opts.settings.node_port_addresses:
        return [f"{head} -d {ip} -j {NODEPORTS}" for ip in ips]
    but = ""
    if opts.family == 6:
        but = " ! -d ::1/128"
    elif not opts.localhost_node_ports:
        but = " ! -d 127.0.0.0/8"
    return [f"{head} -m addrtype --dst-type LOCAL{but} -j {NODEPORTS}"]


def _chain(name: str) -> str:
    return f":{name} - [0:0]"


def _jump(jump: tuple[str, str, str, str]) -> str:
    _, chain, target, match = jump
    return f"-I {chain} {match} -j {target}" if match else f"-I {chain} -j {target}"
