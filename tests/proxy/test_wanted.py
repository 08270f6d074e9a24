"""The record of what services want: ordered, and current for what it was told to look at."""

import asyncio

from pynetes.aio.clock import VirtualClock
from pynetes.aio.turns import Turns
from pynetes.proxy.wanted import Wanted
from tests.proxy.lists import Lists


def refresh(wanted: Wanted, source: Lists, *changed: str) -> None:
    keys = {f"ns/{name}" for name in changed} or None
    asyncio.run(wanted.refresh(source, keys, "", Turns(VirtualClock())))


def test_services_come_in_the_order_of_their_names_whenever_they_came() -> None:
    source = Lists(c=[], a=["10.1.0.1"])
    wanted = Wanted(4, "here")
    refresh(wanted, source)
    source.found["ns/b"] = ["10.1.0.2", "10.1.0.3"]
    refresh(wanted, source, "b")
    assert list(wanted) == ["ns/a", "ns/b", "ns/c"]
    assert wanted.endpoint_count == 3


def test_only_what_is_named_is_looked_at_and_what_is_gone_is_forgotten() -> None:
    source = Lists(a=["10.1.0.1"], b=["10.1.0.2"])
    wanted = Wanted(4, "here")
    refresh(wanted, source)
    source.found["ns/a"] = ["10.1.0.9"]
    del source.found["ns/b"]
    refresh(wanted, source, "b")
    assert list(wanted) == ["ns/a"]
    assert [e.ip for e in wanted["ns/a"][0].endpoints] == ["10.1.0.1"]
    del source.found["ns/a"]
    refresh(wanted, source)
    assert list(wanted) == []


def test_a_service_of_the_other_family_wants_nothing() -> None:
    wanted = Wanted(6, "here")
    refresh(wanted, Lists(a=["10.1.0.1"]))
    assert len(wanted) == 0
