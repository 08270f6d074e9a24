"""Real programs, run from the loop: the least that shows that nothing hangs and nothing is left behind."""

import asyncio
import os

import pytest

from pynetes.aio.clock import RealClock, VirtualClock, run_virtual
from pynetes.aio.commands import CommandFailed, RealCommands


def test_a_program_gets_its_input_and_gives_its_output_and_code() -> None:
    async def main() -> None:
        commands = RealCommands(RealClock())
        done = await commands.run(["sh", "-c", "cat; echo no >&2; exit 3"], stdin=b"x" * 200_000, check=False)
        assert (done.code, len(done.stdout), done.stderr) == (3, 200_000, b"no\n")
        with pytest.raises(CommandFailed, match="exit code 3: no"):
            await commands.run(["sh", "-c", "echo no >&2; exit 3"])

    asyncio.run(main())


def test_a_grandchild_that_keeps_the_output_open_holds_nobody_up() -> None:
    async def main() -> None:
        clock = RealClock()
        async with clock.timeout(5):
            done = await RealCommands(clock).run(["sh", "-c", "sleep 20 & echo $!"])
        os.kill(int(done.stdout), 9)

    asyncio.run(main())


def test_a_cancelled_run_kills_its_program() -> None:
    async def main() -> None:
        clock = RealClock()
        with pytest.raises(TimeoutError):
            async with clock.timeout(0.05):
                await RealCommands(clock).run(["sleep", "30"])
        while clock.external().count:
            await clock.sleep(0.005)

    asyncio.run(main())


def test_virtual_time_stands_still_while_a_program_runs() -> None:
    clock = VirtualClock()

    async def main() -> float:
        await RealCommands(clock).run(["sleep", "0.05"])
        return clock.monotonic()

    assert run_virtual(main(), clock) == 0.0


def test_a_program_that_is_not_there_says_so() -> None:
    async def main() -> None:
        with pytest.raises(FileNotFoundError):
            await RealCommands(RealClock()).run(["no-such-program-anywhere"])

    asyncio.run(main())
