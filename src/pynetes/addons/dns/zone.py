"""What the cluster's zone answers to a question. Pure: from a name, a type and the objects of the moment.

Source: "Kubernetes DNS-Based Service Discovery" 1.1.0 (github.com/kubernetes/dns ``docs/specification.md``); for what
it leaves open, CoreDNS's plug-in ``kubernetes`` with ``pods insecure``, as kubeadm configures it.
Differs: a namespace without any Service does not exist.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, ip_address

from pynetes.addons.dns.records import NOERROR, NXDOMAIN, Answer, Record, Source
from pynetes.meta.objects import Object, name_of, namespace_of

VERSION = "1.1.0"
SERVICE_LABEL = "kubernetes.io/service-name"
_ADDRESS_TYPES = {4: "A", 6: "AAAA"}
_REVERSE = (".in-addr.arpa.", ".ip6.arpa.")
_PRIORITY, _WEIGHTS = 0, 100


@dataclass(frozen=True, slots=True)
class _Endpoint:
    """One ready address of a Service. ``label`` is the name that it has below its Service's."""

    label: str
    address: str
    ports: tuple[tuple[str, str, int], ...]
    """(name, protocol in lower case, number)."""


class Zone:
    """``domain`` without dots at its ends (``cluster.local``); ``server``: the address of the DNS Service itself."""

    def __init__(self, source: Source, domain: str, server: str) -> None:
        self._source = source
        self._domain = f"{domain}."
        self._server = server

    def answer(self, name: str, type: str) -> Answer | None:
        """Of a question for an absolute name. None: the name is not ours, others must be asked."""
        lower = name.lower()
        if lower == self._domain:
            return self._apex(name, type)
        if lower.endswith(f".{self._domain}"):
            labels = lower[: -len(self._domain) - 1].split(".")
            return self._found(labels, name, type) or self._nothing(NXDOMAIN)
        if lower.endswith(_REVERSE):
            pointers = tuple(Record(name, "PTR", (target,)) for target in self._names_of(_reversed(lower)))
            return Answer(records=pointers) if pointers and type == "PTR" else None
        return None

    # names

    def _apex(self, name: str, type: str) -> Answer:
        if type == "SOA":
            return Answer(records=(self._soa,))
        if type == "NS":
            return Answer(records=(Record(name, "NS", (f"ns.dns.{self._domain}",)),), additional=self._own_address)
        return self._nothing()

    def _found(self, labels: list[str], name: str, type: str) -> Answer | None:
        """None: there is no such name."""
        match labels:
            case ["dns-version"]:
                return self._of_type([Record(name, "TXT", (VERSION,))], type)
            case ["ns", "dns"]:
                return self._of_type([Record(name, r.type, r.data) for r in self._own_address], type)
            case ["dns"] | ["svc"] | ["pod"]:
                return self._nothing()
            case [namespace, "svc"]:
                return self._nothing() if self._source.has_services(namespace) else None
            case [dashed, namespace, "pod"]:
                return self._pod(dashed, namespace, name, type)
            case [*below, service, namespace, "svc"]:
                found = self._source.service(namespace, service)
                return None if found is None else self._service(found, below, name, type)
        return None

    def _pod(self, dashed: str, namespace: str, name: str, type: str) -> Answer | None:
        address = _undashed(dashed)
        if address is None or not self._source.has_services(namespace):
            return None
        return self._of_type([_address_record(name, address)], type)

    def _service(self, service: Object, below: list[str], name: str, type: str) -> Answer | None:
        spec = service.get("spec") or {}
        if spec.get("type") == "ExternalName":
            return self._external(spec.get("externalName") or "", name, type) if not below else None
        match below:
            case []:
                pass
            case [port, protocol] if port.startswith("_") and protocol.startswith("_"):
                return self._port(service, port[1:], protocol[1:], name, type)
            case [label]:
                matching = [e for e in self._endpoints(service) if e.label == label]
                return self._addresses(matching, name, type) if matching else None
            case _:
                return None
        if type == "SRV":
            return self._pointing(service, name, self._ports(service))
        addresses = _cluster_addresses(spec)
        if addresses:
            return self._of_type([_address_record(name, address) for address in addresses], type)
        endpoints = list(self._endpoints(service))
        # a headless Service that nobody stands behind is there, as CoreDNS has it, but has no name to give
        return self._addresses(endpoints, name, type) if endpoints else None

    def _external(self, target: str, name: str, type: str) -> Answer:
        """A name leads to a name; what stands there is looked up here, for stub resolvers do not ask on."""
        try:
            return self._of_type([_address_record(name, str(ip_address(target)))], type)
        except ValueError:
            pass
        target = target.rstrip(".") + "."
        alias = Record(name, "CNAME", (target,))
        if type not in ("A", "AAAA"):
            return self._of_type([alias], type)
        rest = self.answer(target, type) if target != name.lower() else None
        if rest is None:
            return Answer(records=(alias,), chase=target)
        return Answer(records=(alias, *rest.records), authority=rest.authority, chase=rest.chase)

    # services

    def _port(self, service: Object, port: str, protocol: str, name: str, type: str) -> Answer | None:
        """``_port._protocol``: where it is served."""
        ports = [p for p in self._ports(service) if p[:2] == (port, protocol)]
        if not ports:
            return None
        if type == "SRV":
            return self._pointing(service, name, ports)
        addresses = _cluster_addresses(service.get("spec") or {}) or [e.address for e in self._endpoints(service)]
        return self._of_type([_address_record(name, address) for address in addresses], type)

    def _pointing(self, service: Object, name: str, ports: list[tuple[str, str, int]]) -> Answer | None:
        """SRV records, with the addresses of what they point to."""
        own = f"{name_of(service)}.{namespace_of(service)}.svc.{self._domain}"
        targets: list[tuple[str, str, int]] = []
        if addresses := _cluster_addresses(service.get("spec") or {}):
            targets = [(own, address, number) for _, _, number in ports for address in addresses[:1]]
        else:
            wanted = {port[:2] for port in ports}
            targets = [
                (f"{endpoint.label}.{own}", endpoint.address, number)
                for endpoint in self._endpoints(service)
                for port, protocol, number in endpoint.ports
                if (port, protocol) in wanted
            ]
        if not targets:
            return None
        weight = max(1, _WEIGHTS // len(targets))
        records = (Record(name, "SRV", (_PRIORITY, weight, number, target)) for target, _, number in targets)
        behind = (_address_record(target, address) for target, address, _ in targets)
        return Answer(records=tuple(dict.fromkeys(records)), additional=tuple(dict.fromkeys(behind)))

    def _ports(self, service: Object) -> list[tuple[str, str, int]]:
        ports = (service.get("spec") or {}).get("ports") or ()
        return [(p.get("name") or "", (p.get("protocol") or "TCP").lower(), p["port"]) for p in ports]

    def _endpoints(self, service: Object) -> Iterator[_Endpoint]:
        for piece in self._source.slices(namespace_of(service), name_of(service)):
            if piece.get("addressType") == "FQDN":
                continue
            ports = tuple(
                (p.get("name") or "", (p.get("protocol") or "TCP").lower(), p["port"])
                for p in piece.get("ports") or ()
                if p.get("port")
            )
            for endpoint in piece.get("endpoints") or ():
                if (endpoint.get("conditions") or {}).get("ready") is False:
                    continue
                for address in endpoint.get("addresses") or ():
                    yield _Endpoint(_label(endpoint, address), address, ports)

    # from addresses to names

    def _names_of(self, address: str | None) -> list[str]:
        if address is None:
            return []
        services = [
            f"{name_of(service)}.{namespace_of(service)}.svc.{self._domain}"
            for service in self._source.services_at(address)
        ]
        return services or sorted(self._endpoint_names(address))

    def _endpoint_names(self, address: str) -> set[str]:
        names = set()
        for piece in self._source.slices_with(address):
            service = (piece["metadata"].get("labels") or {}).get(SERVICE_LABEL)
            if not service:
                continue
            for endpoint in piece.get("endpoints") or ():
                if address in (endpoint.get("addresses") or ()):
                    names.add(f"{_label(endpoint, address)}.{service}.{namespace_of(piece)}.svc.{self._domain}")
        return names

    # answers

    def _addresses(self, endpoints: list[_Endpoint], name: str, type: str) -> Answer:
        records = dict.fromkeys(_address_record(name, endpoint.address) for endpoint in endpoints)
        return self._of_type(records, type)

    def _of_type(self, records: Iterable[Record], type: str) -> Answer:
        """Those that were asked for; the name is there also when none of them is."""
        fitting = tuple(record for record in records if record.type == type)
        return Answer(records=fitting) if fitting else self._nothing()

    def _nothing(self, code: int = NOERROR) -> Answer:
        return Answer(code, authority=(self._soa,))

    @property
    def _own_address(self) -> tuple[Record, ...]:
        return (_address_record(f"ns.dns.{self._domain}", self._server),) if self._server else ()

    @property
    def _soa(self) -> Record:
        primary, mailbox = f"ns.dns.{self._domain}", f"hostmaster.{self._domain}"
        return Record(self._domain, "SOA", (primary, mailbox, 1, 7200, 1800, 86400, 30))


def _cluster_addresses(spec: Object) -> list[str]:
    return [address for address in spec.get("clusterIPs") or () if address not in ("", "None")]


def _address_record(name: str, address: str) -> Record:
    return Record(name, _ADDRESS_TYPES[ip_address(address).version], (address,))


def _label(endpoint: Object, address: str) -> str:
    """The host name that an endpoint was given, else its address with dashes."""
    return endpoint.get("hostname") or address.replace(".", "-").replace(":", "-")


def _undashed(label: str) -> str | None:
    for text in (label.replace("-", "."), label.replace("-", ":")):
        try:
            return str(ip_address(text))
        except ValueError:
            continue
    return None


def _reversed(name: str) -> str | None:
    """The address that a name below in-addr.arpa or ip6.arpa means; None for a part of one, or nonsense."""
    digits, _, tail = name.removesuffix(".arpa.").rpartition(".")
    parts = digits.split(".")[::-1]
    try:
        if tail == "in-addr":
            return str(IPv4Address(".".join(parts)))
        if len(parts) != 32 or any(len(part) != 1 for part in parts):
            return None
        text = "".join(parts)
        return str(ip_address(":".join(text[i : i + 4] for i in range(0, 32, 4))))
    except ValueError:
        return None
