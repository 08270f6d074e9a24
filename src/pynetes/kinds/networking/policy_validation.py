"""What is wrong with a network policy. Source: kubernetes ``pkg/apis/networking/validation/validation.go``."""

from collections.abc import Collection, Iterator, Sequence

from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.addresses import legacy_cidr, parse_cidr
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_supported, required
from pynetes.meta.names import port_name, port_number
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector

_PROTOCOLS = ("TCP", "UDP", "SCTP")
_TYPES = ("Ingress", "Egress")
_DIRECTIONS = (("ingress", "from"), ("egress", "to"))


def validate(policy: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(policy, True) + _spec("spec", policy["spec"], (), False)


def validate_update(policy: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    before = old.get("spec") or {}
    existing = {
        cidr for _, block in ip_blocks("", before) for cidr in [block.get("cidr"), *(block.get("except") or ())]
    }
    any_value = bool(label_selector("", before.get("podSelector") or {}))
    return object_meta_update(policy, old) + _spec("spec", policy["spec"], existing, any_value)


def ip_blocks(path: Path, spec: Object) -> Iterator[tuple[Path, Object]]:
    """Every ipBlock of the policy with its path."""
    for direction, peers in _DIRECTIONS:
        for i, rule in enumerate(spec.get(direction) or ()):
            for j, peer in enumerate(rule.get(peers) or ()):
                if peer.get("ipBlock") is not None:
                    yield f"{path}.{direction}[{i}].{peers}[{j}].ipBlock", peer["ipBlock"]


def _spec(path: Path, spec: Object, existing: Collection[str], any_value: bool) -> list[Cause]:
    causes = label_selector(f"{path}.podSelector", spec.get("podSelector") or {}, any_value)
    for direction, peers in _DIRECTIONS:
        for i, rule in enumerate(spec.get(direction) or ()):
            at = f"{path}.{direction}[{i}]"
            for j, port in enumerate(rule.get("ports") or ()):
                causes += _port(f"{at}.ports[{j}]", port)
            for j, peer in enumerate(rule.get(peers) or ()):
                causes += _peer(f"{at}.{peers}[{j}]", peer, existing, any_value)
    types = spec.get("policyTypes") or ()
    at = f"{path}.policyTypes"
    if len(types) > len(_TYPES):
        return [*causes, invalid(at, types, "may not specify more than two policyTypes")]
    return causes + [not_supported(f"{at}[{i}]", t, _TYPES) for i, t in enumerate(types) if t not in _TYPES]


def _port(path: Path, item: Object) -> list[Cause]:
    causes: list[Cause] = []
    protocol, port, end = item.get("protocol"), item.get("port"), item.get("endPort")
    if protocol is not None and protocol not in _PROTOCOLS:
        causes.append(not_supported(f"{path}.protocol", protocol, _PROTOCOLS))
    if port is None:
        if end is not None:
            causes.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is not specified"))
    elif isinstance(port, str):
        if end is not None:
            causes.append(invalid(f"{path}.endPort", end, "may not be specified when `port` is non-numeric"))
        causes += [invalid(f"{path}.port", port, p) for p in port_name(port)]
    else:
        causes += [invalid(f"{path}.port", port, p) for p in port_number(port)]
        if end is not None:
            if end < port:
                causes.append(invalid(f"{path}.endPort", port, "must be greater than or equal to `port`"))
            causes += [invalid(f"{path}.endPort", end, p) for p in port_number(end)]
    return causes


def _peer(path: Path, peer: Object, existing: Collection[str], any_value: bool) -> list[Cause]:
    causes: list[Cause] = []
    count = 0
    for name in ("podSelector", "namespaceSelector"):
        if (selector := peer.get(name)) is not None:
            count += 1
            causes += label_selector(f"{path}.{name}", selector, any_value)
    if (block := peer.get("ipBlock")) is not None:
        causes += _ip_block(f"{path}.ipBlock", block, existing)
        if count:
            causes.append(forbidden(path, "may not specify both ipBlock and another peer"))
    elif not count:
        causes.append(required(path, "must specify a peer"))
    return causes


def _ip_block(path: Path, block: Object, existing: Collection[str]) -> list[Cause]:
    cidr = block.get("cidr") or ""
    if not cidr:
        return [required(f"{path}.cidr")]
    causes = legacy_cidr(f"{path}.cidr", cidr, existing)
    parsed = parse_cidr(cidr)
    if parsed is None:
        return causes
    network = parsed[1]
    for i, text in enumerate(block.get("except") or ()):
        at = f"{path}.except[{i}]"
        causes += legacy_cidr(at, text, existing)
        if (exception := parse_cidr(text)) is None:
            continue
        inner = exception[1]
        inside = inner.version == network.version and inner.network_address in network
        if not inside or network.prefixlen >= inner.prefixlen:
            causes.append(invalid(at, text, "must be a strict subset of `cidr`"))
    return causes
