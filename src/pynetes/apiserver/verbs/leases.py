"""Leases for objects that end by themselves: events. Many share one, as upstream's do.

Source: apiserver ``pkg/storage/etcd3/lease_manager.go``.
"""

from weakref import WeakKeyDictionary

from pynetes.apiserver.parts import Parts
from pynetes.meta.resource import Resource

_REUSED_SECONDS = 60.0
_OBJECTS = 1000
_held: "WeakKeyDictionary[Parts, tuple[int, float, int]]" = WeakKeyDictionary()


async def lease_for(server: Parts, resource: Resource) -> int:
    """The lease that a new or changed object of this resource hangs on; 0: none."""
    if resource.plural != "events" or resource.group not in ("", "events.k8s.io"):
        return 0
    now = server.clock.monotonic()
    lease, granted, used = _held.get(server, (0, 0.0, _OBJECTS))
    if used >= _OBJECTS or now - granted > _REUSED_SECONDS:
        # longer than asked, so that the last object that joins it lives long enough
        lease = await server.store.grant(int(server.settings.event_ttl_seconds + _REUSED_SECONDS))
        granted, used = now, 0
    _held[server] = (lease, granted, used + 1)
    return lease
