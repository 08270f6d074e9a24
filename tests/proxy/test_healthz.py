"""Health: how long a change may wait."""

from pynetes.aio.clock import VirtualClock
from pynetes.http.types import Request
from pynetes.proxy.healthz import Healthz
from pynetes.proxy.settings import Settings


def test_health_fails_when_a_change_waits_for_too_long() -> None:
    clock = VirtualClock()
    health = Healthz(clock, Settings("here"))
    request = Request("GET", "/healthz", "", {})
    assert health.handle(request).status == 200
    health.queued()
    clock.call_later(61, lambda: None)
    clock.fire_next()
    assert health.handle(request).status == 503
    health.synced()
    assert health.handle(request).status == 200
    assert health.handle(Request("GET", "/x", "", {})).status == 404
