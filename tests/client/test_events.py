"""The event recorder counts, combines and limits as client-go does."""

import json

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.client import Client
from pynetes.client.events import COMBINED_PREFIX, MAX_QUEUED, EventRecorder, reference_to
from pynetes.client.inprocess import InProcess
from pynetes.http.types import Response

POD = {
    "kind": "Pod",
    "apiVersion": "v1",
    "metadata": {"name": "web-1", "namespace": "shop", "uid": "u1", "resourceVersion": "7"},
}


class EventServer:
    def __init__(self):
        self.events = {}
        self.requests = []
        self.answers = []

    def handle(self, request):
        self.requests.append((request.method, request.headers.get("content-type"), json.loads(request.body)))
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        body = json.loads(request.body)
        if request.method == "POST":
            self.events[body["metadata"]["name"]] = body
            return Response(201, json.dumps(body).encode())
        name = request.path.rsplit("/", 1)[1]
        if name not in self.events:
            return Response(404, b'{"kind":"Status","code":404,"reason":"NotFound"}')
        self.events[name] |= body
        return Response(200, json.dumps(self.events[name]).encode())


def run(scenario):
    clock = VirtualClock()
    server = EventServer()
    recorder = EventRecorder(Client(InProcess(server.handle), clock), clock, "kubelet", "node-1")
    run_virtual(scenario(clock, server, recorder), clock)
    return server


def test_an_event_has_the_fields_that_upstream_writes():
    async def scenario(clock, server, recorder):
        recorder.event(POD, "Normal", "Pulled", "image is there", "spec.containers{web}")
        await recorder.flush()

    [event] = run(scenario).events.values()
    name, _, moment = event["metadata"].pop("name").rpartition(".")
    assert name == "web-1" and int(moment, 16) // 10**6 == 1_767_225_600_000
    assert event == {
        "kind": "Event",
        "apiVersion": "v1",
        "metadata": {"namespace": "shop"},
        "involvedObject": {
            "kind": "Pod",
            "namespace": "shop",
            "name": "web-1",
            "uid": "u1",
            "apiVersion": "v1",
            "resourceVersion": "7",
            "fieldPath": "spec.containers{web}",
        },
        "reason": "Pulled",
        "message": "image is there",
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-01-01T00:00:00Z",
        "lastTimestamp": "2026-01-01T00:00:00Z",
        "count": 1,
        "type": "Normal",
        "eventTime": None,
        "reportingComponent": "kubelet",
        "reportingInstance": "node-1",
    }


def test_the_same_event_again_patches_the_count():
    async def scenario(clock, server, recorder):
        for _ in range(3):
            recorder.event(POD, "Warning", "BackOff", "again")
            await recorder.flush()
            await clock.sleep(10)

    server = run(scenario)
    [event] = server.events.values()
    assert (event["count"], event["firstTimestamp"]) == (3, "2026-01-01T00:00:00Z")
    assert server.requests[-1] == (
        "PATCH",
        "application/strategic-merge-patch+json",
        {"count": 3, "lastTimestamp": "2026-01-01T00:00:20Z", "message": "again"},
    )


def test_an_event_that_expired_is_made_anew_with_its_count():
    async def scenario(clock, server, recorder):
        recorder.event(POD, "Warning", "BackOff", "again")
        await recorder.flush()
        server.events.clear()
        recorder.event(POD, "Warning", "BackOff", "again")
        await recorder.flush()

    server = run(scenario)
    assert [method for method, *_ in server.requests] == ["POST", "PATCH", "POST"]
    assert next(iter(server.events.values()))["count"] == 2


def test_ten_different_messages_of_one_reason_are_combined():
    async def scenario(clock, server, recorder):
        for i in range(12):
            recorder.event(POD, "Warning", "Failed", f"reason {i}")
        await recorder.flush()

    *others, combined = run(scenario).events.values()
    assert [event["message"] for event in others] == [f"reason {i}" for i in range(9)]
    assert combined["message"] == COMBINED_PREFIX + "reason 11"
    assert (combined["source"], combined["reportingComponent"]) == (others[0]["source"], "")


def test_a_source_may_say_25_things_about_an_object_then_one_each_five_minutes():
    async def scenario(clock, server, recorder):
        for _ in range(40):
            recorder.event(POD, "Normal", "Same", "same")
        await recorder.flush()
        assert len(server.requests) == 25
        await clock.sleep(301)
        recorder.event(POD, "Normal", "Same", "same")
        recorder.event(POD, "Normal", "Same", "same")
        recorder.event({**POD, "metadata": {"name": "other"}}, "Normal", "Same", "same")
        await recorder.flush()
        assert len(server.requests) == 27

    run(scenario)


def test_an_unreachable_server_is_tried_again_and_a_refusal_is_not():
    async def scenario(clock, server, recorder):
        class Unreachable:
            def __init__(self, inner):
                self.inner = inner
                self.failures = 2

            async def request(self, *args, **options):
                if self.failures:
                    self.failures -= 1
                    raise ConnectionRefusedError("no")
                return await self.inner.request(*args, **options)

        recorder._client.transport = Unreachable(recorder._client.transport)
        recorder.event(POD, "Normal", "A", "a")
        begun = clock.monotonic()
        await recorder.flush()
        assert 10 <= clock.monotonic() - begun <= 20
        server.answers.append(Response(403, b'{"kind":"Status","code":403}'))
        recorder.event(POD, "Normal", "B", "b")
        recorder.event(POD, "Normal", "C", "c")
        await recorder.flush()
        assert [event["reason"] for event in server.events.values()] == ["A", "C"]

    run(scenario)


def test_what_is_too_much_or_has_no_kind_is_dropped_and_never_raises(caplog):
    async def scenario(clock, server, recorder):
        recorder.event({"metadata": {"name": "x"}}, "Normal", "A", "a")
        for i in range(MAX_QUEUED + 5):
            recorder.event({**POD, "metadata": {"name": f"p{i}"}}, "Normal", "A", "a")
        await recorder.flush()
        assert len(server.requests) == MAX_QUEUED

    run(scenario)
    told = [record.message for record in caplog.records if "waiting" in record.message]
    assert told == [
        f"too many events are waiting, dropping A about p{MAX_QUEUED}",
        "5 events were dropped, for too many were waiting",
    ]


def test_a_name_that_no_event_may_have_is_replaced_and_cluster_objects_go_to_default():
    async def scenario(clock, server, recorder):
        recorder.event({"kind": "ClusterRole", "metadata": {"name": "system:node"}}, "Normal", "A", "a")
        await recorder.flush()

    [event] = run(scenario).events.values()
    assert ":" not in event["metadata"]["name"] and event["metadata"]["namespace"] == "default"


def test_a_reference_is_taken_as_it_is():
    reference = {"kind": "Node", "name": "n", "uid": "n"}
    assert reference_to(reference) == reference
    assert reference_to(reference, "x")["fieldPath"] == "x"
