"""Syncs against a recording packet filter: what is written when, and what is not."""

import asyncio

import pytest

from pynetes.aio.clock import RealClock, VirtualClock
from pynetes.aio.commands import CommandFailed, Completed, RecordingCommands
from pynetes.aio.turns import Turns
from pynetes.proxy.iptables.backend import IPTables
from pynetes.proxy.iptables.kernel import Kernel, parse_save
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted
from tests.proxy.lists import Lists

SETTINGS = Settings("here", ("10.0.0.0/8",))


class World:
    """One family's wants and rules over a list of services."""

    def __init__(self, clock=None, **found: list[str]) -> None:
        self.clock = clock or VirtualClock()
        self.commands = RecordingCommands()
        self.source = Lists(**found)
        self.wanted = Wanted(4, "here")
        self.backend = IPTables(4, SETTINGS, self.commands, self.clock)

    async def sync(self, *changed: str) -> None:
        """These services, by name; none: all."""
        keys = {f"ns/{name}" for name in changed} or None
        await self.wanted.refresh(self.source, keys, "", Turns(self.clock))
        await self.backend.sync(self.wanted, keys)

    def restores(self) -> list[str]:
        return [stdin.decode() for argv, stdin in self.commands.calls if "restore" in argv[0]]


def test_a_change_writes_one_text_with_that_service_alone() -> None:
    world = World(a=["10.1.0.1"], b=["10.1.0.2"])

    async def main() -> None:
        await world.sync()
        world.source.found["ns/a"] = ["10.1.0.3"]
        await world.sync("a")

    asyncio.run(main())
    full, partial = world.restores()
    assert "10.1.0.1:8080" in full
    assert "10.1.0.2:8080" in full
    assert "10.1.0.3:8080" in partial
    assert "10.1.0.2:8080" not in partial
    assert partial.count("-X KUBE-SEP-") == 1, "the old endpoint's chain goes"
    saves = sum("save" in argv[0] for argv, _ in world.commands.calls)
    assert saves == 2, "one look whether legacy works, one at the rules"


def test_a_look_at_all_writes_all_even_where_nothing_changed() -> None:
    """Somebody may have flushed the rules."""
    world = World(a=["10.1.0.1"])

    async def main() -> None:
        await world.sync()
        await world.sync()

    asyncio.run(main())
    first, second = world.restores()
    assert first == second


def test_with_more_than_a_thousand_endpoints_all_comments_on_them_go_at_once() -> None:
    """Upstream's largeClusterEndpointsThreshold."""
    world = World(a=[f"10.1.{n // 250}.{n % 250 + 1}" for n in range(1000)], b=[])

    async def main() -> None:
        await world.sync()
        world.source.found["ns/b"] = ["10.2.0.1"]
        await world.sync("b")

    asyncio.run(main())
    small, large = world.restores()
    assert '"ns/a -> 10.1.0.1:8080"' in small
    assert "->" not in large
    assert "10.1.0.1:8080" in large, "the other service's rules are written anew as well"


def test_others_run_while_the_rules_of_many_services_are_made() -> None:
    class Slow(RealClock):
        """A clock on which each look takes 2 ms."""

        ticks = 0

        def monotonic(self) -> float:
            self.ticks += 2
            return self.ticks / 1000

    world = World(Slow(), **{f"s{n}": ["10.1.0.1"] for n in range(30)})
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    async def main() -> None:
        counting = asyncio.ensure_future(count())
        await world.sync()
        counting.cancel()

    asyncio.run(main())
    assert turns >= 20, "30 services, twice: a turn after every third"


def test_legacy_programs_are_used_where_they_work() -> None:
    def refuse(argv: tuple[str, ...], stdin: bytes) -> Completed | None:
        return Completed(argv, 1, b"", b"no such table") if "legacy" in argv[0] else None

    for answers, program in (((), "iptables-legacy-restore"), ((refuse,), "iptables-restore")):
        commands = RecordingCommands(answers)
        asyncio.run(Kernel(commands, VirtualClock(), 4).restore("x"))
        assert commands.calls[-1][0][0] == program
        assert "--noflush" in commands.calls[-1][0]


def test_a_refused_text_raises() -> None:
    commands = RecordingCommands(
        (lambda argv, _: Completed(argv, 2, b"", b"line 3") if "restore" in argv[0] else None,)
    )
    with pytest.raises(CommandFailed, match="line 3"):
        asyncio.run(Kernel(commands, VirtualClock(), 4).restore("x"))


def test_of_what_iptables_save_prints_all_chains_are_read_and_the_rules_of_others() -> None:
    output = (
        b"# c\n*nat\n:A - [0:0]\n:KUBE-SEP-X - [0:0]\n-A A -j KUBE-SEP-X\n-A KUBE-SEP-X -j DNAT\nCOMMIT\n"
        b"*filter\n:INPUT ACCEPT [1:2]\nCOMMIT\n"
    )
    assert parse_save(output) == {
        "nat": [":A - [0:0]", ":KUBE-SEP-X - [0:0]", "-A A -j KUBE-SEP-X"],
        "filter": [":INPUT ACCEPT [1:2]"],
    }


def test_clean_up_restores_nothing_where_nothing_is_ours() -> None:
    world = World()
    asyncio.run(world.backend.cleanup())
    assert world.restores() == []
