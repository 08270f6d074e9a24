"""How lines reach a crowd of watchers: writers that are lists, virtual time."""

import asyncio
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.fanout import BEHIND_BYTES, ROUND_BYTES, SLICE_BYTES, Fanout, Group, Watcher, WatchQuery
from pynetes.apiserver.selection import Selection
from pynetes.http.streams import unframe

QUERY = WatchQuery(Selection(b"/registry/pods/"), "v1", lambda entry, type: b"", lambda revision: b"")
LIMIT = 1000


class Sink:
    """A writer that takes everything, or nothing when ``stuck``."""

    def __init__(self, stuck=False):
        self.stuck = stuck
        self.writes = []
        self.aborted = False

    def write_framed(self, data):
        assert not self.aborted
        self.writes.append(unframe(data))
        return sum(map(len, self.writes)) if self.stuck else 0

    def abort(self):
        self.aborted = True

    @property
    def received(self):
        return b"".join(self.writes)


def join(group, **options):
    watcher = Watcher(Sink(**options), group, False, LIMIT)
    group.watchers[watcher] = None
    return watcher.writer


def run(scenario):
    async def main():
        await scenario(Fanout(), Group("key", QUERY))

    clock = VirtualClock()
    run_virtual(main(), clock)
    assert clock.now() == VirtualClock().now()  # no timer was needed


async def turn():
    await asyncio.sleep(0)


def test_what_a_turn_of_the_loop_brings_is_one_write_in_the_next():
    async def scenario(fanout, group):
        sinks = [join(group) for _ in range(3)]
        fanout.add(group, b"a\n")
        fanout.add(group, b"b\n")
        assert [s.writes for s in sinks] == [[], [], []]
        await turn()
        assert [s.writes for s in sinks] == [[b"a\nb\n"]] * 3
        fanout.add(group, b"c\n")
        await turn()
        assert [s.writes for s in sinks] == [[b"a\nb\n", b"c\n"]] * 3

    run(scenario)


def test_all_watchers_of_a_group_are_written_the_same_object():
    async def scenario(fanout, group):
        seen = set()
        for sink in [join(group) for _ in range(3)]:
            sink.write_framed = lambda data: seen.add(id(data)) or 0
        fanout.add(group, b"a\n")
        await turn()
        assert len(seen) == 1

    run(scenario)


def test_a_round_to_a_crowd_leaves_turns_to_others_and_what_comes_meanwhile_goes_with_the_next():
    line = b"x" * 10_000
    a_turn = SLICE_BYTES // (len(line) + len(b"2710\r\n\r\n"))

    async def scenario(fanout, group):
        sinks = [join(group) for _ in range(2 * a_turn + 1)]
        fanout.add(group, line)
        for served in (a_turn, 2 * a_turn):
            await turn()
            assert sum(bool(s.writes) for s in sinks) == served
            fanout.add(group, b"y" * served)
        await turn()
        assert [s.writes for s in sinks] == [[line]] * len(sinks)
        await turn()
        more = b"y" * 3 * a_turn
        assert [s.writes for s in sinks] == [[line, more]] * len(sinks)

    run(scenario)


def test_a_round_carries_no_more_than_its_size_but_at_least_one_line():
    async def scenario(fanout, group):
        sink = join(group)
        lines = [b"a" * 40_000, b"b" * 40_000, b"c" * (ROUND_BYTES + 1), b"d", b"e"]
        for line in lines:
            fanout.add(group, line)
        for _ in range(4):
            await turn()
        assert sink.writes == [lines[0], lines[1], lines[2], b"de"]

    run(scenario)


def test_a_group_that_is_behind_by_a_round_finishes_one_in_a_turn():
    async def scenario(fanout, group):
        sinks = [join(group) for _ in range(100)]
        for _ in range(3):
            fanout.add(group, b"x" * ROUND_BYTES)
        await turn()
        assert Counter(len(s.writes) for s in sinks) == {1: 100}
        await turn()
        assert Counter(len(s.writes) for s in sinks) == {2: 100}
        await turn()
        # what waited was one round's: it takes its turns
        assert Counter(len(s.writes) for s in sinks) == {3: 15, 2: 85}

    run(scenario)


def test_what_waits_in_a_group_is_bounded():
    async def scenario(fanout, group):
        sink = join(group)
        for _ in range(2 * BEHIND_BYTES // ROUND_BYTES):
            fanout.add(group, b"x" * ROUND_BYTES)
        await turn()
        assert group.waiting == BEHIND_BYTES
        assert len(sink.received) == BEHIND_BYTES

    run(scenario)


def test_a_watcher_that_takes_nothing_is_broken_off_and_the_others_hear_everything():
    async def scenario(fanout, group):
        good, stuck, late = join(group), join(group, stuck=True), join(group)
        fanout.add(group, b"x" * LIMIT)
        await turn()
        assert not stuck.aborted
        group_of = {w.writer: w for w in group.watchers}
        fanout.add(group, b"y")
        await turn()
        assert stuck.aborted
        del group.watchers[group_of[stuck]]
        fanout.add(group, b"z")
        await turn()
        assert good.received == late.received == b"x" * LIMIT + b"yz"

    run(scenario)


def test_a_group_that_loses_its_last_watcher_within_a_round_says_nothing_more():
    async def scenario(fanout, group):
        other = Group("other", QUERY)
        sinks = [join(group), join(other)]
        fanout.add(group, b"a")
        fanout.add(other, b"b")
        fanout.forget(other)
        await turn()
        assert [s.received for s in sinks] == [b"a", b""]

    run(scenario)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("add"), st.sampled_from([1, 100, 20_000, 70_000])),
            st.tuples(st.sampled_from(["turn", "join", "leave", "flush"]), st.integers(0, 30)),
        ),
        max_size=40,
    )
)
def test_every_watcher_gets_what_came_between_its_joining_and_its_leaving_once_and_in_order(steps):
    async def scenario(fanout, group):
        here, expected, number = [], {}, 0

        for what, amount in steps:
            if what == "add":
                number += 1
                line = b"%06d" % number + b"." * amount
                fanout.add(group, line)
                for watcher in here:
                    expected[watcher].append(line)
            elif what == "turn":
                await turn()
            elif what == "flush":
                fanout.flush(group)
            elif what == "join":
                fanout.flush(group)
                for _ in range(amount):
                    watcher = Watcher(Sink(), group, False, LIMIT)
                    group.watchers[watcher] = None
                    here.append(watcher)
                    expected[watcher] = []
            elif here:
                fanout.flush(group)
                del group.watchers[here.pop(amount % len(here))]
        while group.left or group.lines:
            await turn()
        assert all(w.writer.received == b"".join(lines) for w, lines in expected.items())

    run(scenario)
