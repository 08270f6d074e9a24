"""The scheduling queue's contract, in virtual time."""

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.scheduler.pods import read
from pynetes.scheduler.queue import ANY, Place, Queue
from pynetes.scheduler.settings import Settings

from .make import make_pod


def play(script):
    clock = VirtualClock()

    async def main():
        await script(Queue(clock, Settings()), clock)

    run_virtual(main(), clock)


def names(waiting):
    return [w.pod.object["metadata"]["name"] for w in waiting]


def test_higher_priority_comes_first_then_whoever_waited_longest():
    async def script(queue, clock):
        for name, priority in (("a", 0), ("b", 5), ("c", 0)):
            queue.add(read(make_pod(name, priority=priority)))
            await clock.sleep(1)
        assert names(queue.pop(2)) == ["b", "a"]
        assert names(queue.pop(2)) == ["c"]

    play(script)


def test_a_refused_pod_comes_back_only_for_news_that_concerns_its_plugins():
    async def script(queue, clock):
        queue.add(read(make_pod("a")))
        [waiting] = queue.pop(1)
        queue.refused(waiting, {"NodeAffinity"})
        await clock.sleep(20)
        queue.changed(frozenset({"NodeResourcesFit"}))
        assert queue.pop(1) == []
        queue.changed(frozenset({"NodeAffinity"}))
        assert names(queue.pop(1)) == ["a"]

    play(script)


def test_after_an_error_the_back_off_doubles_up_to_ten_seconds():
    async def script(queue, clock):
        queue.add(read(make_pod("a")))
        delays = []
        for _ in range(6):
            await queue.wait()
            [waiting] = queue.pop(1)
            begun = clock.now()
            queue.failed(waiting)
            await queue.wait()
            delays.append(clock.now() - begun)
        assert delays == [1, 2, 4, 8, 10, 10]

    play(script)


def test_a_refused_pod_is_tried_early_when_nothing_else_is_ready():
    async def script(queue, clock):
        queue.add(read(make_pod("a")))
        [waiting] = queue.pop(1)
        queue.refused(waiting, {"x"})
        queue.changed(ANY)
        assert queue.count(Place.BACKOFF) == 1
        queue.add(read(make_pod("b")))
        assert names(queue.pop(9)) == ["b"]
        assert names(queue.pop(9)) == ["a"]

    play(script)


def test_a_refused_pod_is_tried_after_five_minutes_whatever_happens():
    async def script(queue, clock):
        queue.add(read(make_pod("a")))
        [waiting] = queue.pop(1)
        begun = clock.now()
        queue.refused(waiting, {"x"})
        await queue.wait()
        assert clock.now() - begun == 300
        assert names(queue.pop(1)) == ["a"]

    play(script)


def test_a_pod_that_went_is_not_handed_out():
    async def script(queue, clock):
        pod = read(make_pod("a"))
        queue.add(pod)
        queue.remove(pod.uid)
        assert queue.pop(1) == [] and pod.uid not in queue

    play(script)


def test_a_pod_whose_demands_change_is_tried_again():
    async def script(queue, clock):
        queue.add(read(make_pod("a", uid="u", cpu="9")))
        [waiting] = queue.pop(1)
        queue.refused(waiting, {"NodeResourcesFit"})
        await clock.sleep(20)
        queue.add(read(make_pod("a", uid="u", cpu="9")))
        assert queue.pop(1) == []
        queue.add(read(make_pod("a", uid="u", cpu="1")))
        assert names(queue.pop(1)) == ["a"]

    play(script)
