"""Turns are given by time, not by count."""

import asyncio

from pynetes.aio.clock import VirtualClock
from pynetes.aio.turns import Turns


def test_a_turn_is_given_once_the_work_has_held_the_loop_for_long_enough():
    class Stepped(VirtualClock):
        at = 0
        turns = 0

        def monotonic(self):
            return self.at

        async def sleep(self, delay):
            self.turns += 1

    async def main():
        clock = Stepped()
        turns = Turns(clock, 5)
        given = []
        for clock.at in (1, 4, 6, 10, 11, 12):
            await turns.give()
            given.append(clock.turns)
        return given

    assert asyncio.run(main()) == [0, 0, 1, 1, 2, 2]
