"""Rules about IP addresses and CIDRs in fields.

A "legacy" field takes what is not canonical (``FE80::0001``) but neither leading zeros nor IPv4-mapped addresses; a
strict one takes the canonical form only. Source: apimachinery ``pkg/util/validation/ip.go``; kubernetes
``pkg/apis/core/validation/validation.go`` ``ValidateEndpointIP``.
"""

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from pynetes.meta.fielderrors import Path, invalid
from pynetes.meta.gotext import quoted
from pynetes.meta.status import Cause

IP = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_ZEROS = re.compile(r"(?<![0-9a-fA-F:])0+(?=[0-9])|(?<=:)0+(?=[0-9]+\.)")
_DIGITS = re.compile("[0-9]+", re.ASCII).fullmatch


@lru_cache(maxsize=4096)
def parse_ip(text: str) -> IP | None:
    """Leading zeros are passed over, as upstream's parser does; an IPv4-mapped address is an IPv4 one."""
    if "%" in text or "/" in text:
        return None
    try:
        address = ip_address(_ZEROS.sub("", text) if "." in text else text)
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return mapped or address


@lru_cache(maxsize=4096)
def parse_cidr(text: str) -> tuple[IP, Network] | None:
    """The address as it stands there, and the network that it is in."""
    host, slash, length = text.partition("/")
    address = parse_ip(host)
    if address is None or not slash or not _DIGITS(length):
        return None
    bits = int(length)
    if ":" in host and address.version == 4:
        bits -= 96
    if not 0 <= bits <= address.max_prefixlen:
        return None
    return address, ip_network(f"{address}/{bits}", strict=False)


def legacy_ip(path: Path, text: str, existing: Collection[str] = ()) -> list[Cause]:
    """``existing``: values that stood there before and are accepted again."""
    if text in existing:
        return []
    if parse_ip(text) is None:
        return [invalid(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")]
    if _has_zeros(text):
        return [invalid(path, text, "must not have leading 0s")]
    if _is_mapped(text):
        return [invalid(path, text, "must not be an IPv4-mapped IPv6 address")]
    return []


def strict_ip(path: Path, text: str) -> list[Cause]:
    if causes := legacy_ip(path, text):
        return causes
    canonical = str(parse_ip(text))
    return [] if text == canonical else [invalid(path, text, f"must be in canonical form ({quoted(canonical)})")]


def legacy_cidr(path: Path, text: str, existing: Collection[str] = ()) -> list[Cause]:
    if text in existing:
        return []
    parsed = parse_cidr(text)
    if parsed is None:
        return [invalid(path, text, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)")]
    host, _, length = text.partition("/")
    if _has_zeros(host) or (len(length) > 1 and length.startswith("0")):
        return [invalid(path, text, "must not have leading 0s in IP or prefix length")]
    if _is_mapped(host):
        return [invalid(path, text, "must not have an IPv4-mapped IPv6 address")]
    if parsed[0] != parsed[1].network_address:
        return [invalid(path, text, "must not have bits set beyond the prefix length")]
    return []


def strict_cidr(path: Path, text: str) -> list[Cause]:
    if causes := legacy_cidr(path, text):
        return causes
    parsed = parse_cidr(text)
    canonical = str(parsed[1]) if parsed else ""
    return [] if text == canonical else [invalid(path, text, f"must be in canonical form ({quoted(canonical)})")]


def interface_address(path: Path, text: str) -> list[Cause]:
    """An address with the length of its network's prefix."""
    parsed = parse_cidr(text)
    if parsed is None:
        return [invalid(path, text, "must be a valid address in CIDR form, (e.g. 10.9.8.7/24 or 2001:db8::1/64)")]
    canonical = f"{parsed[0]}/{parsed[1].prefixlen}"
    return [] if text == canonical else [invalid(path, text, f"must be in canonical form ({quoted(canonical)})")]


def endpoint_ip(path: Path, text: str) -> list[Cause]:
    """An address that traffic may be sent to: none that means the host itself or its link."""
    address = parse_ip(text)
    if address is None:
        return [invalid(path, text, "must be a valid IP address")]
    causes = []
    if address.is_unspecified:
        causes.append(invalid(path, text, f"may not be unspecified ({text})"))
    if address.is_loopback:
        causes.append(invalid(path, text, "may not be in the loopback range (127.0.0.0/8, ::1/128)"))
    if address.is_link_local:
        causes.append(invalid(path, text, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"))
    if address in (_LINK_LOCAL_MULTICAST_4 if address.version == 4 else _LINK_LOCAL_MULTICAST_6):
        detail = "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"
        causes.append(invalid(path, text, detail))
    return causes


_LINK_LOCAL_MULTICAST_4 = IPv4Network("224.0.0.0/24")
_LINK_LOCAL_MULTICAST_6 = IPv6Network("ff02::/16")


def ip_warnings(path: Path, text: str) -> list[str]:
    address = parse_ip(text)
    if address is None:
        return []
    if _has_zeros(text) or _is_mapped(text):
        return [f"{path}: non-standard IP address {quoted(text)} is invalid: use {quoted(str(address))}"]
    if address.version == 6 and str(address) != text:
        canonical = quoted(str(address))
        return [f"{path}: IPv6 address {quoted(text)} should be in RFC 5952 canonical format ({canonical})"]
    return []


def cidr_warnings(path: Path, text: str) -> list[str]:
    parsed = parse_cidr(text)
    if parsed is None:
        return []
    address, network = parsed
    warnings = []
    if address != network.network_address:
        single = f"{address}/{address.max_prefixlen}"
        choice = f"(should be {quoted(str(network))} or {quoted(single)}?)"
        warnings.append(f"{path}: CIDR value {quoted(text)} is ambiguous in this context {choice}")
    host, _, length = text.partition("/")
    if _has_zeros(host) or _is_mapped(host) or (len(length) > 1 and length.startswith("0")):
        warnings.append(f"{path}: non-standard CIDR value {quoted(text)} is invalid: use {quoted(str(network))}")
    canonical = f"{address}/{network.prefixlen}"
    if not warnings and address.version == 6 and canonical != text:
        shown = quoted(canonical)
        warnings.append(f"{path}: IPv6 CIDR value {quoted(text)} should be in RFC 5952 canonical format ({shown})")
    return warnings


def is_dual_stack(texts: Sequence[str]) -> bool:
    """Whether addresses or CIDRs are of both families."""
    addresses = [parse_ip(t.partition("/")[0]) for t in texts]
    return {a.version for a in addresses if a is not None} == {4, 6}


def is_ipv6(text: str) -> bool:
    address = parse_ip(text)
    return address is not None and address.version == 6


def _has_zeros(text: str) -> bool:
    last = text.rpartition(":")[2]
    return "." in last and any(len(part) > 1 and part.startswith("0") for part in last.split("."))


def _is_mapped(text: str) -> bool:
    address = parse_ip(text)
    return ":" in text and address is not None and address.version == 4
