"""When the proxy syncs, and what it names as changed: against a recording mode, in virtual time."""

import asyncio
from collections.abc import Callable, Coroutine

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.aio.commands import CommandFailed, Completed, RecordingCommands
from pynetes.client.client import Client
from pynetes.client.informer import DecodedObjects, Informer
from pynetes.client.kinds import ENDPOINT_SLICES, NODES, SERVICES
from pynetes.proxy import backend, conntrack
from pynetes.proxy.proxy import Proxy
from pynetes.proxy.settings import Settings


class Fed:
    """Informers whose objects a test puts in."""

    def __init__(self) -> None:
        self.known: dict[object, Informer] = {}

    def get(self, kind, namespace="", *, labels="", fields="", indexes=None):
        informer = self.known.setdefault(kind, Informer(kind.plural, DecodedObjects(100)))
        informer.add_indexes(indexes or {})
        return informer

    def start(self) -> None:
        for informer in self.known.values():
            informer.replace([])

    def put(self, kind, obj) -> None:
        self.known[kind].apply("MODIFIED", b"{}", obj)


class Recorder:
    """A mode that remembers what it was told, when."""

    def __init__(self, family, settings, commands, clock) -> None:
        self.clock = clock
        self.syncs: list[tuple[float, list[str] | None, list[str]]] = []
        self.failures = 0
        self.flushed = False

    async def prepare(self) -> None:
        assert self.syncs == []

    async def sync(self, wanted, changed) -> None:
        if self.failures:
            self.failures -= 1
            raise CommandFailed(Completed(("restore",), 1))
        self.syncs.append((self.clock.monotonic(), None if changed is None else sorted(changed), list(wanted)))

    async def intact(self) -> bool:
        flushed, self.flushed = self.flushed, False
        return not flushed


class World:
    def __init__(self, clock: VirtualClock, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(backend.MODES, "recorder", Recorder)
        monkeypatch.setattr(conntrack, "forget_stale", lambda services, family: 0)
        self.clock = clock
        self.fed = Fed()
        settings = Settings("here", mode="recorder", healthz_port=None)
        client = Client(None, clock)  # type: ignore[arg-type]
        self.proxy = Proxy(client, self.fed, clock, settings, RecordingCommands())  # type: ignore[arg-type]
        self.mode: Recorder = self.proxy._families[0].backend  # type: ignore[assignment]

    def service(self, name: str) -> None:
        spec = {"clusterIP": "10.96.0.1", "clusterIPs": ["10.96.0.1"], "ports": [{"port": 53, "protocol": "UDP"}]}
        self.fed.put(SERVICES, {"metadata": {"namespace": "ns", "name": name, "uid": name}, "spec": spec})

    def slice(self, service: str) -> None:
        labels = {"kubernetes.io/service-name": service}
        metadata = {"namespace": "ns", "name": service + "-x", "uid": service, "labels": labels}
        self.fed.put(ENDPOINT_SLICES, {"metadata": metadata, "addressType": "IPv4"})

    def node(self, **labels: str) -> None:
        labels = {name.replace("zone", "topology.kubernetes.io/zone"): value for name, value in labels.items()}
        self.fed.put(NODES, {"metadata": {"name": "here", "uid": "n", "labels": labels}})


Scenario = Callable[[World], Coroutine[object, object, None]]


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Scenario], list[tuple[float, list[str] | None, list[str]]]]:
    """Run a scenario beside the proxy; what was synced: when, which were named as changed, which there are."""

    def act(scenario: Scenario) -> list[tuple[float, list[str] | None, list[str]]]:
        clock = VirtualClock()

        async def main() -> list[tuple[float, list[str] | None, list[str]]]:
            world = World(clock, monkeypatch)
            running = asyncio.ensure_future(world.proxy.run())
            await scenario(world)
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            return world.mode.syncs

        return run_virtual(main(), clock)

    return act


def test_all_at_first_then_what_changed_gathered_for_the_minimal_period(play) -> None:
    async def scenario(world: World) -> None:
        await world.clock.sleep(0.5)
        world.service("a")
        world.slice("b")
        await world.clock.sleep(0.25)
        world.slice("a")
        await world.clock.sleep(5)
        world.service("b")
        await world.clock.sleep(1)

    assert play(scenario) == [
        (0.0, None, []),
        (1.0, ["ns/a", "ns/b"], ["ns/a"]),
        (5.75, ["ns/b"], ["ns/a", "ns/b"]),
    ]


def test_only_its_zone_of_all_the_nodes_labels_makes_it_look_at_all(play) -> None:
    """ "topologyLabels" of upstream's NodeTopologyConfig holds the zone alone."""

    async def scenario(world: World) -> None:
        await world.clock.sleep(10)
        world.node(disk="fast")
        await world.clock.sleep(10)
        world.node(zone="z1")
        await world.clock.sleep(1)

    assert [(at, changed) for at, changed, _ in play(scenario)] == [(0.0, None), (20.0, None)]


def test_a_failed_sync_is_followed_by_one_of_all(play) -> None:
    async def scenario(world: World) -> None:
        await world.clock.sleep(10)
        world.mode.failures = 2
        world.service("a")
        await world.clock.sleep(10)

    assert [(at, changed) for at, changed, _ in play(scenario)] == [(0.0, None), (12.0, None)]


def test_flushed_rules_are_written_again_within_the_sync_period(play) -> None:
    async def scenario(world: World) -> None:
        await world.clock.sleep(40)
        world.mode.flushed = True
        await world.clock.sleep(40)

    assert [(at, changed) for at, changed, _ in play(scenario)] == [(0.0, None), (60.0, None)]


def test_all_is_looked_at_once_an_hour(play) -> None:
    async def scenario(world: World) -> None:
        await world.clock.sleep(7300)

    assert [at for at, _, _ in play(scenario)] == [0.0, 3600.0, 7200.0]
