"""One candidate leads; another takes over after a loss, a crash or a release, at the exact moments."""

import asyncio
import json

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.client import Client
from pynetes.client.election import Election
from pynetes.client.inprocess import InProcess
from pynetes.http.types import Response


class LeaseServer:
    """One lease, compared and set by its resourceVersion."""

    def __init__(self):
        self.lease = None
        self.revision = 0
        self.down = set()

    def transport(self, name):
        return InProcess(lambda request: self.handle(request, name))

    def handle(self, request, name):
        if name in self.down:
            return Response(503, b'{"kind":"Status","code":503}')
        if request.method == "GET":
            if self.lease is None:
                return Response(404, b'{"kind":"Status","code":404}')
            return Response(200, json.dumps(self.lease).encode())
        body = json.loads(request.body)
        if request.method == "PUT" and body["metadata"]["resourceVersion"] != self.lease["metadata"]["resourceVersion"]:
            return Response(409, b'{"kind":"Status","code":409}')
        self.revision += 1
        body["metadata"]["resourceVersion"] = str(self.revision)
        self.lease = body
        return Response(200, json.dumps(body).encode())


def run(scenario):
    clock = VirtualClock()
    server = LeaseServer()
    log = []

    def candidate(name):
        async def lead():
            log.append((name, "leads", round(clock.monotonic(), 3)))
            try:
                await asyncio.get_running_loop().create_future()
            finally:
                log.append((name, "ends", round(clock.monotonic(), 3)))

        election = Election(Client(server.transport(name), clock), clock, "scheduler", name)
        return asyncio.ensure_future(election.run(lead))

    run_virtual(scenario(clock, server, candidate), clock)
    return log, server


def test_the_second_waits_while_the_first_renews():
    async def scenario(clock, server, candidate):
        a = candidate("a")
        await clock.sleep(1)
        b = candidate("b")
        await clock.sleep(600)
        assert server.lease["spec"]["holderIdentity"] == "a"
        assert server.lease["spec"]["leaseTransitions"] == 0
        assert server.lease["spec"]["renewTime"] >= "2026-01-01T00:09:5"
        b.cancel()
        a.cancel()
        await asyncio.gather(a, b, return_exceptions=True)

    log, server = run(scenario)
    assert log == [("a", "leads", 0), ("a", "ends", 601)]
    assert (server.lease["spec"]["holderIdentity"], server.lease["spec"]["leaseDurationSeconds"]) == ("", 1)


def test_a_released_lease_is_taken_within_a_retry():
    async def scenario(clock, server, candidate):
        a = candidate("a")
        await clock.sleep(1)
        b = candidate("b")
        await clock.sleep(99)
        a.cancel()
        await clock.sleep(10)
        b.cancel()
        await asyncio.gather(a, b, return_exceptions=True)

    log, server = run(scenario)
    assert [entry[:2] for entry in log] == [("a", "leads"), ("a", "ends"), ("b", "leads"), ("b", "ends")]
    assert 100 <= log[2][2] <= 100 + 2 * 2.2 + 1
    assert server.lease["spec"]["leaseTransitions"] == 1


def test_who_cannot_renew_stops_before_another_may_begin():
    async def scenario(clock, server, candidate):
        a = candidate("a")
        await clock.sleep(1)
        b = candidate("b")
        await clock.sleep(99)
        server.down.add("a")
        await clock.sleep(60)
        assert a.done()
        b.cancel()
        await asyncio.gather(a, b, return_exceptions=True)

    log, _ = run(scenario)
    assert [entry[:2] for entry in log] == [("a", "leads"), ("a", "ends"), ("b", "leads"), ("b", "ends")]
    ended, began = log[1][2], log[2][2]
    assert 108 <= ended <= 112.1 and ended < began <= 100 + 15 + 2 * 2.2 + 2


def test_lengths_that_cannot_work_are_refused():
    with pytest.raises(ValueError):
        Election(None, None, "x", "y", lease_seconds=5, renew_deadline_seconds=10)
