"""The nouns of DNS here: a record, a question's answer, and where the cluster's objects are looked up."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from pynetes.meta.objects import Object

TTL = 30
"""Seconds, as kubeadm configures CoreDNS."""

NOERROR, SERVFAIL, NXDOMAIN, REFUSED = 0, 2, 3, 5


@dataclass(frozen=True, slots=True)
class Record:
    """``name`` is absolute, with its last dot. ``data`` by type: A and AAAA (address,); CNAME, PTR and NS (name,); TXT
    (text,); SRV (priority, weight, port, target); SOA (primary, mailbox, serial, refresh, retry, expire, minimum).
    """

    name: str
    type: str
    data: tuple[str | int, ...]
    ttl: int = TTL


@dataclass(frozen=True, slots=True)
class Answer:
    """``chase``: a name outside the cluster that the last CNAME leads to; its addresses belong to the answer."""

    code: int = NOERROR
    records: tuple[Record, ...] = ()
    authority: tuple[Record, ...] = ()
    additional: tuple[Record, ...] = ()
    chase: str = ""


class Source(Protocol):
    """The cluster's objects, by what names and addresses ask for. All are read-only."""

    def service(self, namespace: str, name: str) -> Object | None: ...

    def has_services(self, namespace: str) -> bool: ...

    def slices(self, namespace: str, name: str) -> Iterable[Object]:
        """The EndpointSlices of a Service."""

    def services_at(self, address: str) -> Iterable[Object]:
        """The Services with this cluster address."""

    def slices_with(self, address: str) -> Iterable[Object]:
        """The EndpointSlices with an endpoint of this address."""
