"""The client's verbs become the requests that upstream's clients send; refusals become StatusErrors."""

import asyncio
import json

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.client import APPLY_PATCH, Client
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import ALL, DEPLOYMENTS, NODES, PODS
from pynetes.http.types import Response, Stream, Takeover, frame
from pynetes.meta.status import StatusError


def run(handler, scenario):
    clock = VirtualClock()
    seen = []

    def record(request):
        seen.append(request)
        return handler(request)

    async def main():
        transport = InProcess(record)
        try:
            return await scenario(Client(transport, clock, "tester/1"), clock)
        finally:
            await transport.close()

    return run_virtual(main(), clock), seen


def ok(request):
    return Response(200, request.body or b"{}")


def test_each_verb_is_one_request():
    async def scenario(client, clock):
        await client.get(PODS, "p", "ns", subresource="status")
        await client.create(PODS, {"metadata": {"name": "p"}})
        await client.create(NODES, {"metadata": {"name": "n"}})
        await client.create(PODS, {"kind": "Binding"}, "ns", "binding", "p")
        await client.update(DEPLOYMENTS, {"metadata": {"name": "d", "namespace": "ns"}}, "status")
        await client.patch(PODS, "p", {"a": 1}, "ns", patch_type=APPLY_PATCH, field_manager="me", force=True)
        await client.delete(PODS, "p", "ns", options={"gracePeriodSeconds": 0})
        await client.delete_collection(PODS, "ns", labels="a in (b,c)")
        await client.get(PODS, "system:x y/é", "ns")

    _, seen = run(ok, scenario)
    assert [(r.method, r.path, r.query) for r in seen] == [
        ("GET", "/api/v1/namespaces/ns/pods/p/status", ""),
        ("POST", "/api/v1/namespaces/default/pods", ""),
        ("POST", "/api/v1/nodes", ""),
        ("POST", "/api/v1/namespaces/ns/pods/p/binding", ""),
        ("PUT", "/apis/apps/v1/namespaces/ns/deployments/d/status", ""),
        ("PATCH", "/api/v1/namespaces/ns/pods/p", "fieldManager=me&force=true"),
        ("DELETE", "/api/v1/namespaces/ns/pods/p", ""),
        ("DELETE", "/api/v1/namespaces/ns/pods", "labelSelector=a+in+%28b%2Cc%29"),
        ("GET", "/api/v1/namespaces/ns/pods/system:x y/é", ""),
    ]
    assert json.loads(seen[1].body) == {"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "p"}}
    assert json.loads(seen[6].body) == {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}
    assert seen[0].headers == {"accept": "application/json", "user-agent": "tester/1"}
    assert seen[5].headers["content-type"] == "application/apply-patch+yaml"


def test_a_list_is_read_to_its_end_and_its_items_get_their_kind():
    def handler(request):
        if "continue" in request.query:
            return Response(200, b'{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{"name":"b"}}]}')
        return Response(200, b'{"metadata":{"resourceVersion":"9","continue":"x"},"items":[{"metadata":{"name":"a"}}]}')

    async def scenario(client, clock):
        return await client.list(PODS, limit=1)

    (items, revision), seen = run(handler, scenario)
    assert [(i["kind"], i["apiVersion"], i["metadata"]["name"]) for i in items] == [
        ("Pod", "v1", "a"),
        ("Pod", "v1", "b"),
    ]
    assert revision == "9" and seen[1].query == "limit=1&continue=x"


def test_a_refusal_that_is_no_status_still_becomes_one():
    async def scenario(client, clock):
        with pytest.raises(StatusError) as error:
            await client.get(NODES, "n")
        return error.value

    error, _ = run(lambda r: Response(429, b"slow down", "text/plain"), scenario)
    assert (error.code, error.reason, str(error)) == (429, "TooManyRequests", "slow down")


def test_a_watch_gives_events_and_leaving_it_ends_the_stream():
    ended = []

    def handler(request):
        def start(writer):
            writer.write(b'{"type":"ADDED","object":{"a":1}}\n{"type":"MOD')
            writer.write_framed(frame(b'IFIED","object":{"a":2}}\n') + frame(b'{"type":"DELETED","object":{"a":3}}\n'))

        return Stream(start, lambda: ended.append(1))

    async def scenario(client, clock):
        events = []
        watch = client.watch(PODS, "ns", revision="7", fields="spec.nodeName=n")
        async for event in watch:
            events.append((event.type, event.object["a"]))
            if len(events) == 3:
                break
        assert not ended
        await watch.aclose()
        return events

    events, seen = run(handler, scenario)
    assert events == [("ADDED", 1), ("MODIFIED", 2), ("DELETED", 3)]
    assert ended == [1]
    assert seen[0].query == "watch=true&fieldSelector=spec.nodeName%3Dn&resourceVersion=7"


def test_a_refused_watch_raises_its_status():
    async def scenario(client, clock):
        with pytest.raises(StatusError, match="too old"):
            async for _ in client.watch(PODS):
                pass

    run(lambda r: Response(410, b'{"kind":"Status","message":"too old","code":410}'), scenario)


def test_a_slow_consumer_shows_in_the_writers_buffer_and_makes_drain_wait():
    writers = []

    async def scenario(client, clock):
        async with client.transport.stream("GET", "/x") as (_, pieces):
            writer = writers[0]
            writer.write(b"x" * 300_000)
            assert writer.buffered == 300_000
            drained = asyncio.ensure_future(writer.drain())
            await clock.sleep(1)
            assert not drained.done()
            await anext(pieces)
            await drained
            assert writer.buffered == 0
        assert writer.closed
        writer.write(b"ignored")
        await writer.wait_closed()

    run(lambda r: Stream(writers.append), scenario)


def test_an_in_process_upgrade_speaks_both_ways_and_a_refusal_is_raised():
    async def talk(duplex):
        while data := await duplex.read():
            duplex.write(data.upper())
            await duplex.drain()

    def handler(request):
        return Takeover(talk) if request.path == "/exec" else Response(403, b"no", "text/plain")

    async def scenario(client, clock):
        duplex = await client.transport.upgrade("/exec")
        duplex.write(b"hello")
        assert await duplex.read() == b"HELLO"
        duplex.close()
        assert await duplex.read() == b""
        with pytest.raises(StatusError, match="no"):
            await client.transport.upgrade("/other")

    run(handler, scenario)


def test_a_handlers_fault_is_a_500():
    def broken(request):
        raise RuntimeError("no")

    async def scenario(client, clock):
        with pytest.raises(StatusError) as error:
            await client.get(NODES, "n")
        return error.value.code

    assert run(broken, scenario)[0] == 500


def test_every_kind_is_named_once():
    assert len({(k.api_version, k.plural) for k in ALL}) == len(ALL) == 68
