"""Informers follow the API through breaks, and keep their written contract."""

import asyncio
import itertools
import json

import pytest
from fake_api import FakeAPI, json_response, line, status_object

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import CONFIG_MAPS
from pynetes.client.reflector import split_event

A = "/api/v1/namespaces/one/configmaps/a"
B = "/api/v1/namespaces/two/configmaps/b"


class World:
    def __init__(self, clock, **options):
        self.clock = clock
        self.api = FakeAPI()
        self.informers = Informers(Client(InProcess(self.api.handle), clock), clock, **options)
        self.seen = []

    async def begin(self, **options):
        informer = self.informers.get(CONFIG_MAPS, **options)
        informer.add_handler(lambda c: self.seen.append((c.type, c.key, self.value(c.old), self.value(c.new))))
        self.informers.start()
        await self.informers.synced()
        return informer

    @staticmethod
    def value(entry):
        return entry and entry.object.get("v")

    def took(self):
        seen, self.seen = self.seen, []
        return seen


def run(scenario, **options):
    clock = VirtualClock()

    async def main():
        world = World(clock, **options)
        try:
            return await scenario(world)
        finally:
            await world.informers.close()
            assert not world.api.writers  # every watch was let go

    return run_virtual(main(), clock)


@pytest.mark.parametrize("watch_list", [False, True])
def test_the_first_state_is_added_and_then_every_change_is_told_in_order(watch_list):
    async def scenario(world):
        world.api.put(A, v=1)
        informer = await world.begin()
        assert world.took() == [("added", "one/a", None, 1)]
        world.api.put(B, v=2)
        world.api.put(A, v=3)
        world.api.put(A, v=4)
        world.api.delete(B)
        await world.clock.sleep(1)
        assert world.took() == [
            ("added", "two/b", None, 2),
            ("updated", "one/a", 1, 3),
            ("updated", "one/a", 3, 4),
            ("deleted", "two/b", 2, None),
        ]
        assert informer.get("one/a")["kind"] in ("Thing", "ConfigMap")
        assert informer.get("two/b") is None
        assert [o["v"] for o in informer.list()] == [4]
        assert informer.list("two") == [] and len(informer.list("one")) == 1

    run(scenario, watch_list=watch_list)


def test_the_list_asks_for_any_state_and_the_watch_for_bookmarks_from_there():
    async def scenario(world):
        await world.begin(labels="a=b", fields="metadata.name=x")
        await world.clock.sleep(1)
        (_, path, listed), (_, _, watched) = world.api.requests
        assert path == "/api/v1/configmaps"
        assert listed == {"resourceVersion": "0", "labelSelector": "a=b", "fieldSelector": "metadata.name=x"}
        seconds = int(watched.pop("timeoutSeconds"))
        assert 300 <= seconds < 600
        assert watched == {
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": "10",
            "labelSelector": "a=b",
            "fieldSelector": "metadata.name=x",
        }

    run(scenario)


def test_a_broken_watch_resumes_from_the_last_revision_or_bookmark():
    async def scenario(world):
        await world.begin()
        world.api.put(A, v=1)
        await world.clock.sleep(1)
        world.api.writers[0].write(line("BOOKMARK", {"metadata": {"resourceVersion": "500"}}))
        await world.clock.sleep(1)
        world.api.break_watches()
        await world.clock.sleep(5)
        assert world.api.requests[-1][2]["resourceVersion"] == "500"
        assert len(world.api.requests) == 3
        world.api.put(A, v=2)
        await world.clock.sleep(1)
        assert world.took() == [("added", "one/a", None, 1), ("updated", "one/a", 1, 2)]

    run(scenario)


def test_a_revision_that_is_gone_leads_to_a_list_that_tells_only_what_differs():
    async def scenario(world):
        for name in "abcd":
            world.api.put(f"/api/v1/namespaces/n/configmaps/{name}", v=0)
        await world.begin()
        world.took()
        world.api.break_watches()
        world.api.oldest = 10**6
        world.api.put("/api/v1/namespaces/n/configmaps/a", v=1)
        world.api.delete("/api/v1/namespaces/n/configmaps/b")
        world.api.delete("/api/v1/namespaces/n/configmaps/c")
        world.api.put("/api/v1/namespaces/n/configmaps/c", v=2, uid="another")
        await world.clock.sleep(10)
        assert world.took() == [
            ("updated", "n/a", 0, 1),
            ("deleted", "n/c", 0, None),
            ("added", "n/c", None, 2),
            ("deleted", "n/b", 0, None),
        ]
        lists = [query for _, _, query in world.api.requests if "watch" not in query]
        assert lists[1] == {}  # the newest state, not any

    run(scenario)


def test_an_error_event_of_an_expired_revision_relists():
    async def scenario(world):
        await world.begin()
        await world.clock.sleep(1)
        world.api.writers[0].write(line("ERROR", status_object(410, "Expired", "too old")))
        await world.clock.sleep(5)
        assert [("watch" in query) for *_, query in world.api.requests] == [False, True, False, True]

    run(scenario)


def test_a_server_that_forgot_its_events_in_a_restart_is_listed_as_soon_as_it_answers():
    async def scenario(world):
        await world.begin()
        handle, times = world.api.handle, []

        def gone(request):
            times.append(world.clock.monotonic())
            return json_response(status_object(410, "Expired", "too old resource version: 1 (9)"), 410)

        def away(request):
            raise ConnectionRefusedError

        world.informers.client.transport._handler = away
        world.api.break_watches()
        await world.clock.sleep(40)
        world.informers.client.transport._handler = gone
        await world.clock.sleep(120)
        assert times[1] == times[0]  # at once, though it waited for half a minute before
        assert all(later - earlier >= 30 for earlier, later in itertools.pairwise(times[1:]))  # but not again and again
        world.informers.client.transport._handler = handle

    run(scenario)


def test_failures_back_off_with_jitter_up_to_half_a_minute():
    async def scenario(world):
        times = []
        handle = world.api.handle

        def refusing(request):
            times.append(world.clock.monotonic())
            return json_response(status_object(503, "ServiceUnavailable", "no"), 503)

        world.informers.client.transport._handler = refusing
        informer = world.informers.get(CONFIG_MAPS)
        world.informers.start()
        await world.clock.sleep(300)
        gaps = [b - a for a, b in itertools.pairwise(times)]
        for gap, base in zip(gaps, [0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30], strict=False):
            assert base <= gap <= 2 * base
        world.informers.client.transport._handler = handle
        await informer.synced()

    run(scenario)


def test_a_server_that_refuses_watch_list_is_asked_for_a_list():
    async def scenario(world):
        world.api.put(A, v=1)
        world.api.failing.append(json_response(status_object(422, "Invalid", "sendInitialEvents is forbidden"), 422))
        await world.begin()
        assert world.took() == [("added", "one/a", None, 1)]
        assert [("watch" in query) for *_, query in world.api.requests][:2] == [True, False]

    run(scenario, watch_list=True)


def test_indexes_follow_the_objects_and_columns_are_kept_beside_the_bytes():
    async def scenario(world):
        world.api.put(A, v="x")
        informer = await world.begin(indexes={"v": lambda o: [o["v"], o["v"]]})
        informer.add_indexes({"name": lambda o: [o["metadata"]["name"]]})
        assert [o["metadata"]["name"] for o in informer.by_index("v", "x")] == ["a"]
        world.api.put(B, v="x")
        world.api.put(A, v="y")
        await world.clock.sleep(1)
        assert [o["metadata"]["name"] for o in informer.by_index("v", "x")] == ["b"]
        assert [o["metadata"]["name"] for o in informer.by_index("name", "a")] == ["a"]
        assert informer.entry("one/a").columns == {"v": ("y",), "name": ("a",)}
        world.api.delete(B)
        await world.clock.sleep(1)
        assert informer.by_index("v", "x") == [] and set(informer.index_values("v")) == {"y"}
        with pytest.raises(KeyError):
            informer.by_index("nope", "")

    run(scenario)


def test_a_late_handler_is_given_what_is_there_and_a_failing_one_does_not_stop_the_others():
    async def scenario(world):
        world.api.put(A, v=1)
        informer = await world.begin()

        def broken(change):
            raise RuntimeError("no")

        informer.add_handler(broken)
        late = []
        remove = informer.add_handler(lambda c: late.append((c.type, c.key)))
        assert late == [("added", "one/a")]
        world.api.put(A, v=2)
        await world.clock.sleep(1)
        assert late[1:] == [("updated", "one/a")]
        remove()
        world.api.put(A, v=3)
        await world.clock.sleep(1)
        assert len(late) == 2 and len(world.seen) == 3

    run(scenario)


def test_what_is_no_more_there_is_kept_for_nobody():
    async def scenario(world):
        for v in range(10):
            world.api.put(A, v=v)
            world.api.put(B, v=v)
        informer = await world.begin()
        old = informer.entry("one/a")
        for v in range(10, 20):
            world.api.put(A, v=v)
        world.api.delete(B)
        await world.clock.sleep(1)
        assert len(world.informers._decoded) == 1  # of all revisions, the one object that there is
        assert old.object["v"] == 9  # who has an older one may still read it
        assert len(world.informers._decoded) == 1
        world.informers.release(informer)
        assert len(world.informers._decoded) == 0

    run(scenario)


def test_decoded_objects_are_bounded_and_mutations_are_found():
    async def scenario(world):
        for i in range(20):
            world.api.put(f"/api/v1/namespaces/n/configmaps/c{i}", v=i)
        informer = await world.begin()
        assert sum(e._object is not None for e in informer.entries()) <= 5
        assert [o["v"] for o in informer.list()] == list(range(20))
        assert world.informers.mutated() == []
        informer.get("n/c3")["v"] = "changed"
        assert world.informers.mutated() == ["n/c3"]

    run(scenario, cache=5)


def test_one_informer_serves_all_who_ask_and_ends_with_the_last_release():
    async def scenario(world):
        one = await world.begin()
        assert world.informers.get(CONFIG_MAPS) is one
        other = world.informers.get(CONFIG_MAPS, fields="metadata.name=x")  # begun at once
        await other.synced()
        await world.clock.sleep(1)
        assert len(world.api.writers) == 2
        world.informers.release(one)
        await world.clock.sleep(1)
        assert len(world.api.writers) == 2
        world.informers.release(one)
        await world.clock.sleep(1)
        assert len(world.api.writers) == 1

    run(scenario)


def test_a_watch_that_the_server_forgets_to_end_is_broken():
    async def scenario(world):
        await world.begin()
        await world.clock.sleep(1)
        first = world.api.writers[0]
        await world.clock.sleep(700)
        assert first.closed and len(world.api.writers) == 1

    run(scenario)


def test_an_events_bytes_are_cut_out_of_its_line():
    obj = {"kind": "Thing", "metadata": {"name": "a"}}
    assert split_event(line("ADDED", obj)[:-1]) == ("ADDED", b'{"kind":"Thing","metadata":{"name":"a"}}', obj)
    odd = json.dumps({"object": obj, "type": "ADDED"}).encode()
    assert split_event(odd) == ("ADDED", b'{"kind":"Thing","metadata":{"name":"a"}}', obj)


def test_waiting_for_sync_may_be_cancelled():
    async def scenario(world):
        informer = world.informers.get(CONFIG_MAPS)
        waiting = asyncio.ensure_future(informer.synced())
        await world.clock.sleep(1)
        waiting.cancel()
        world.informers.start()
        await informer.synced()

    run(scenario)


def test_informers_are_shared_and_each_reads_as_whoever_asked_for_it_first():
    async def scenario(world):
        other = FakeAPI()
        other.put(A, v=1)
        view = world.informers.read_by(Client(InProcess(other.handle), world.clock))
        theirs = view.get(CONFIG_MAPS)
        ours = world.informers.get(CONFIG_MAPS, labels="a=b")
        assert world.informers.get(CONFIG_MAPS) is theirs and view.get(CONFIG_MAPS, labels="a=b") is ours
        world.informers.start()
        await view.synced()
        assert (len(theirs), len(ours)) == (1, 0)
        assert {query.get("labelSelector") for _, _, query in other.requests} == {None}
        assert {query.get("labelSelector") for _, _, query in world.api.requests} == {"a=b"}
        # one begun late is begun at once, and released by either
        late = view.get(CONFIG_MAPS, labels="c=d")
        await late.synced()
        world.informers.release(late)
        assert view.get(CONFIG_MAPS, labels="c=d") is not late

    run(scenario)
