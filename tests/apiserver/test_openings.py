"""What a crowd of new watches begins with."""

import inspect

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver import openings
from pynetes.apiserver.openings import KEPT_SECONDS, Openings
from pynetes.http.types import Request
from tests.apiserver.reading import ADMIN, Lines, run_api

MAPS = "/api/v1/namespaces/default/configmaps"


def run(scenario):
    clock = VirtualClock()

    async def main():
        made = []

        def make():
            made.append(len(made))
            return b"%d" % made[-1]

        await scenario(Openings(clock), make, clock)

    run_virtual(main(), clock)


def test_an_opening_is_made_once_until_something_changes():
    async def scenario(kept, make, clock):
        assert [kept.get("pods", 7, make) for _ in range(3)] == [b"0"] * 3
        assert kept.get("nodes", 7, make) == b"1"
        assert kept.get("pods", 8, make) == b"2"
        assert kept.get("pods", 8, make) == b"2"

    run(scenario)


def test_openings_are_not_kept_for_long():
    async def scenario(kept, make, clock):
        kept.get("pods", 7, make)
        await clock.sleep(KEPT_SECONDS - 1)
        assert kept.get("pods", 7, make) == b"0"
        await clock.sleep(1)
        assert kept.get("pods", 7, make) == b"1"
        await clock.sleep(KEPT_SECONDS)
        assert kept.get("pods", 7, make) == b"2"

    run(scenario)


def test_no_more_is_kept_than_there_is_room_for(monkeypatch):
    monkeypatch.setattr(openings, "KEPT_BYTES", 2)

    async def scenario(kept, make, clock):
        assert [kept.get(name, 7, make) for name in "aba"] == [b"0", b"1", b"0"]
        kept.get("c", 7, make)
        assert kept.get("c", 7, make) == b"2"
        assert kept.get("a", 7, make) == b"3"

    run(scenario)


class Chunks(Lines):
    def __init__(self):
        super().__init__()
        self.objects = []

    def write_framed(self, data):
        self.objects.append(data)
        return super().write_framed(data)


def begin(api, query, **headers):
    stream = api.server.handle(Request("GET", MAPS, f"watch=1{query}", headers, peer=ADMIN))
    assert not inspect.isawaitable(stream)
    lines = Chunks()
    stream.start(lines)
    return lines


def test_watches_that_begin_alike_are_written_the_same_bytes_until_something_changes():
    initial = "&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"

    async def main(api):
        await api.put("configmaps", "a", metadata={"labels": {"x": "1"}})
        first, second = begin(api, initial), begin(api, initial)
        assert first.objects[0] is second.objects[0]
        assert [event["type"] for event in second.events] == ["ADDED", "BOOKMARK"]
        assert begin(api, "").objects[0] is first.objects[0]
        selected = begin(api, "&labelSelector=x")
        assert selected.short == ["ADDED a"]
        tables = begin(api, "", accept="application/json;as=Table;g=meta.k8s.io;v=v1")
        assert tables.events[0]["object"]["kind"] == "Table"
        await api.put("configmaps", "b")
        assert begin(api, initial).short[:2] == ["ADDED a", "ADDED b"]

    run_api(main)
