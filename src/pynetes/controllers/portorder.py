"""The order in which ports of endpoints are listed: by a hash of how Go prints them.

Source: k8s.io/endpointslice ``util/controller_utils.go`` (``NewPortMapKey``), kubernetes
``pkg/api/v1/endpoints/util.go`` (``SortSubsets``), apimachinery ``pkg/util/dump``.
"""

from collections.abc import Iterable
from functools import lru_cache

from pynetes.meta.objects import Object

_BASIS = 0x6C62272E07BB014262B821756295C58D
_PRIME = 0x0000000001000000000000000000013B
_MASK = (1 << 128) - 1


def of_slices(ports: Iterable[Object]) -> list[Object]:
    """As EndpointSlices list them."""
    return sorted(ports, key=lambda port: fnv1a(_pointers(port)))


def of_endpoints(ports: Iterable[Object]) -> list[Object]:
    """As Endpoints list them."""
    return sorted(ports, key=lambda port: fnv1a(_values(port)))


@lru_cache(1024)
def fnv1a(text: str) -> int:
    """The 128-bit FNV-1a hash."""
    value = _BASIS
    for byte in text.encode():
        value = (value ^ byte) * _PRIME & _MASK
    return value


def _pointers(port: Object) -> str:
    name, protocol, number = (port.get(field, "<nil>") for field in ("name", "protocol", "port"))
    return (
        f"(v1.EndpointPort){{Name:(*string){name} Protocol:(*v1.Protocol){protocol} Port:(*int32){number} "
        f"AppProtocol:(*string){port.get('appProtocol', '<nil>')}}}"
    )


def _values(port: Object) -> str:
    return (
        f"(v1.EndpointPort){{Name:(string){port.get('name', '')} Port:(int32){port['port']} "
        f"Protocol:(v1.Protocol){port.get('protocol', '')} AppProtocol:(*string){port.get('appProtocol', '<nil>')}}}"
    )
