"""WATCH, beside the sessions of test_scripts.

Source: kubernetes.io, API concepts: "Efficient detection of changes", "Watch bookmarks", "Streaming lists".
"""

import asyncio

import orjson

from pynetes.http.types import Request
from tests.apiserver.reading import ADMIN, Lines, run_api, settle

MAPS = "/api/v1/namespaces/default/configmaps"


def test_watchers_that_ask_the_same_get_the_same_bytes_in_one_write_for_one_turn():
    async def main(api):
        watchers = [api.watch(f"{MAPS}?watch=1") for _ in range(3)]
        for name in "abc":
            await api.put("configmaps", name)
        await settle()
        for lines in watchers:
            assert len(lines.chunks) == 1
            assert lines.short == ["ADDED a", "ADDED b", "ADDED c"]

    run_api(main)


def test_initial_events_end_with_their_bookmark():
    async def main(api):
        await api.put("configmaps", "a")
        asked = "sendInitialEvents=true&allowWatchBookmarks=true&resourceVersionMatch=NotOlderThan"
        lines = api.watch(f"{MAPS}?watch=1&{asked}")
        assert lines.events[-1] == {
            "type": "BOOKMARK",
            "object": {
                "kind": "ConfigMap",
                "apiVersion": "v1",
                "metadata": {
                    "resourceVersion": str(api.store.revision),
                    "annotations": {"k8s.io/initial-events-end": "true"},
                },
            },
        }
        quiet = api.watch(f"{MAPS}?watch=1&sendInitialEvents=false&resourceVersionMatch=NotOlderThan")
        assert quiet.events == []

    run_api(main)


def test_initial_events_that_are_not_older_than_the_future_wait_for_it():
    async def main(api):
        asked = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        request = Request("GET", MAPS, f"{asked}&resourceVersion={api.store.revision + 1}", {}, peer=ADMIN)
        for write in (True, False):
            waiting = asyncio.ensure_future(api.server.handle(request))
            await api.clock.sleep(1)
            if write:
                await api.put("configmaps", "new")
            stream = await waiting
            lines = Lines()
            stream.start(lines)
            if write:
                assert lines.short == ["ADDED new"]
            else:
                assert lines.events[0]["object"]["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
            request.query = f"{asked}&resourceVersion={api.store.revision + 9}"

    run_api(main)


def test_without_a_timeout_a_watch_ends_after_half_an_hour_to_an_hour():
    async def main(api):
        lines = api.watch(f"{MAPS}?watch=1")
        await api.clock.sleep(1799)
        assert not lines.closed
        await api.clock.sleep(1802)
        assert lines.closed

    run_api(main)


def test_a_watcher_that_does_not_read_is_broken_off_and_stalls_nobody():
    async def main(api):
        slow, good = api.watch(f"{MAPS}?watch=1"), api.watch(f"{MAPS}?watch=1")
        slow.buffered = 10**9
        await api.put("configmaps", "a")
        await settle()
        assert slow.aborted
        slow.ended()
        await api.put("configmaps", "b")
        await settle()
        assert good.short == ["ADDED a", "ADDED b"]
        assert slow.short == ["ADDED a"]

    run_api(main)


def test_a_table_watch_names_the_columns_once():
    async def main(api):
        lines = api.watch(f"{MAPS}?watch=1&includeObject=None", accept="application/json;as=Table;g=meta.k8s.io;v=v1")
        await api.put("configmaps", "a")
        await settle()
        await api.put("configmaps", "b")
        await settle()
        first, second = (event["object"] for event in lines.events)
        assert first["columnDefinitions"] and second["columnDefinitions"] is None
        assert second["rows"][0]["cells"][0] == "b"

    run_api(main)


def test_the_old_watch_path_and_a_name_in_it():
    async def main(api):
        await api.put("configmaps", "a")
        await api.put("configmaps", "b")
        assert api.watch("/api/v1/watch/namespaces/default/configmaps").short == ["ADDED a", "ADDED b"]
        assert api.watch("/api/v1/watch/namespaces/default/configmaps/a").short == ["ADDED a"]

    run_api(main)


def test_closing_the_server_ends_every_watch_properly():
    watches = []

    async def main(api):
        watches.append(api.watch(f"{MAPS}?watch=1"))

    run_api(main)
    assert watches[0].closed and not watches[0].aborted


def test_the_cache_agrees_with_a_simple_twin_over_random_writes():
    """Every watcher's replayed state equals a list, for several selectors, wherever they began."""

    async def main(api):
        chance = api.clock.random
        selectors = ("", "&labelSelector=l%3D1", "&fieldSelector=metadata.name%3Dm3", "&labelSelector=l+notin+(0,2)")
        watches = []
        for step in range(400):
            name = f"m{chance.randrange(8)}"
            if chance.random() < 0.3:
                await api.remove("configmaps", name)
            else:
                await api.put(
                    "configmaps", name, metadata={"labels": {"l": str(chance.randrange(3))}}, data={"s": str(step)}
                )
            if chance.random() < 0.1:
                selector = chance.choice(selectors)
                listed = await api.json(f"{MAPS}?x=1{selector}")
                state = {item["metadata"]["name"]: item for item in listed["items"]}
                if chance.random() < 0.5:
                    await asyncio.sleep(0)
                revision = listed["metadata"]["resourceVersion"]
                watches.append((state, selector, api.watch(f"{MAPS}?watch=1&resourceVersion={revision}{selector}")))
            if chance.random() < 0.5:
                await asyncio.sleep(0)
        await settle()
        for state, selector, lines in watches:
            for event in lines.events:
                obj = event["object"]
                name = obj["metadata"]["name"]
                assert (name in state) == (event["type"] != "ADDED")
                del obj["kind"], obj["apiVersion"]
                if event["type"] == "DELETED":
                    del state[name]
                else:
                    state[name] = obj
            listed = orjson.loads((await api.ask(f"{MAPS}?x=1{selector}")).body)
            assert state == {item["metadata"]["name"]: item for item in listed["items"]}

    run_api(main)
