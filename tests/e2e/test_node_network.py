"""Two nodes on one host with real namespaces, bridges, pods and rules: who reaches whom, and whom does the other end see.

"Pods can communicate with all other pods on any other node without NAT; agents on a node can communicate with all pods
on that node." (Kubernetes, Services and networking, "The Kubernetes network model")
"""

import asyncio
import os
import socket
import threading
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from pynetes.aio.clock import RealClock
from pynetes.aio.commands import RealCommands
from pynetes.aio.turns import Turns
from pynetes.network import cleanup, names, namespaces, nodes, routes
from pynetes.network.cni import CNI, Attachment
from pynetes.network.nodes import NodeNetwork, VirtualNode
from pynetes.network.pods import conflist
from pynetes.proxy.iptables.backend import IPTables
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted

pytestmark = [
    pytest.mark.root,
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not Path("/usr/lib/cni/bridge").exists(), reason="needs the CNI plug-ins"),
]

CLUSTER = "nettest"
NETWORK = NodeNetwork(
    CLUSTER,
    ("10.99.7.1/24",),
    (VirtualNode("a", 1, ("10.99.7.2/24",)), VirtualNode("b", 2, ("10.99.7.3/24",))),
    masquerade=("10.99.7.0/24", "10.98.0.0/16"),
)
PODS = {"a": "10.98.1.0/24", "b": "10.98.2.0/24"}
ADDRESSES = {"a": "10.99.7.2", "b": "10.99.7.3"}
SERVICE = "10.97.0.10"


def node_file(node: str) -> Path:
    return namespaces.RUN_NETNS / names.namespace(CLUSTER, node)


def in_node(node: str, main: Callable[[], Awaitable[str]]) -> str:
    """What a coroutine returns when its whole loop lives in the node's namespace, as a node's process does."""

    def act() -> str:
        return asyncio.run(_awaited(main))

    return namespaces.run_inside(node_file(node), act)


async def _awaited(main: Callable[[], Awaitable[str]]) -> str:
    return await main()


def pod_netns(node: str, number: int, tmp: Path) -> Path:
    return tmp / f"{node}{number}" / "net"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Two nodes with two pods each; the pods' addresses and namespaces by name (``a1`` ...), servers in each."""
    tmp = tmp_path_factory.mktemp("net")
    clock = RealClock()
    servers: list[socket.socket] = []
    made: dict[str, str] = {}
    try:
        asyncio.run(nodes.ensure(NETWORK, RealCommands(clock)))
        for node in PODS:

            async def bring_up(node: str = node) -> str:
                commands = RealCommands(clock)
                wanted = {PODS[other]: ADDRESSES[other] for other in PODS if other != node}
                await commands.run(["ip", "-batch", "-"], stdin=routes.plan(wanted, {}).encode())
                cni = CNI(commands, tmp / node, conflist=conflist([PODS[node]], tmp / node / "networks"))
                for number in (1, 2):
                    netns = pod_netns(node, number, tmp)
                    namespaces.hold({"net": netns}, namespaces.loopback_up)
                    made[f"{node}{number}"] = (await cni.add(Attachment(f"{node}{number}", netns))).ips[0]
                return ""

            in_node(node, bring_up)
        asyncio.run(
            RealCommands(clock).run(
                ["ip", "-batch", "-"], stdin=routes.plan({PODS[n]: ADDRESSES[n] for n in PODS}, {}).encode()
            )
        )
        for name in [*made, *(f"node-{n}" for n in PODS)]:
            netns = pod_netns(name[0], int(name[1]), tmp) if name in made else node_file(name[5:])
            servers.append(namespaces.run_inside(netns, socket.create_server, ("", 8080)))
            threading.Thread(target=tell, args=(servers[-1],), daemon=True).start()
            made.setdefault(name, ADDRESSES.get(name[5:], ""))
            made[f"ns:{name}"] = str(netns)
        yield made
    finally:
        for server in servers:
            server.shutdown(socket.SHUT_RDWR)
            server.close()
        for node in PODS:
            for number in (1, 2):
                namespaces.release(pod_netns(node, number, tmp))
        asyncio.run(cleanup.remove(CLUSTER, RealCommands(clock)))


def tell(server: socket.socket) -> None:
    """Tell every caller the address that it is seen by. A socket stays in the namespace that it was made in."""
    while True:
        try:
            connection, (address, *_) = server.accept()
        except OSError:
            return
        with connection:
            connection.sendall(address.encode())


def seen_by(world: dict[str, str], caller: str, address: str, port: int = 8080) -> str:
    """The source address that a server saw of the caller; empty when it did not answer."""

    def call() -> str:
        try:
            with socket.create_connection((address, port), 2) as connection:
                return connection.makefile().read()
        except OSError:
            return ""

    return namespaces.run_inside(Path(world[f"ns:{caller}"]), call)


@pytest.mark.parametrize(("caller", "callee"), [("a1", "a2"), ("a1", "b1"), ("a1", "node-a"), ("a1", "node-b")])
def test_pods_keep_their_address_towards_pods_and_nodes(world: dict[str, str], caller: str, callee: str) -> None:
    assert seen_by(world, caller, world[callee]) == world[caller]


def test_a_node_reaches_pods_of_its_own_and_of_other_nodes(world: dict[str, str]) -> None:
    assert seen_by(world, "node-a", world["a1"]) == "10.98.1.1"  # the bridge's own address, on the same link
    assert seen_by(world, "node-a", world["b1"]) == world["node-a"]


class Services:
    """One service with endpoints on both nodes; another without any."""

    def __init__(self, world: dict[str, str]) -> None:
        ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
        self.known = {
            "default/web": {
                "metadata": {"namespace": "default", "name": "web"},
                "spec": {"type": "NodePort", "clusterIP": SERVICE, "clusterIPs": [SERVICE], "ports": ports},
            },
        }
        self.endpoints = [world["a1"], world["b1"]]

    def keys(self) -> list[str]:
        return list(self.known)

    def service(self, key: str) -> dict[str, object] | None:
        return self.known.get(key)

    def slices(self, key: str) -> list[dict[str, object]]:
        return [
            {
                "addressType": "IPv4",
                "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}],
                "endpoints": [{"addresses": [a], "conditions": {"ready": True}} for a in self.endpoints],
            }
        ]


@pytest.fixture(scope="module")
def services(world: dict[str, str]) -> Iterator[Callable[[list[str]], None]]:
    """Program both nodes; call it with other endpoints to change them."""
    source = Services(world)
    clock = RealClock()
    wants = {node: Wanted(4, node) for node in PODS}
    backends = {
        node: IPTables(4, Settings(node, ("10.98.0.0/16",), (ADDRESSES[node],)), RealCommands(clock), clock)
        for node in PODS
    }

    def program(full: bool) -> None:
        changed = None if full else {"default/web"}
        for node, backend in backends.items():

            async def sync(node: str = node, backend: IPTables = backend) -> str:
                await backend.prepare()
                await wants[node].refresh(source, changed, "", Turns(clock))
                await backend.sync(wants[node], changed)
                return "" if await backend.intact() else "flushed"

            assert in_node(node, sync) == ""

    def change(endpoints: list[str]) -> None:
        source.endpoints = endpoints
        program(full=False)

    program(full=True)
    yield change
    for node, backend in backends.items():

        async def clear(backend: IPTables = backend) -> str:
            await backend.cleanup()
            saves = [await RealCommands(clock).run([f"iptables{kind}-save"]) for kind in ("", "-legacy")]
            return "\n".join(line for s in saves for line in s.stdout.decode().splitlines() if "KUBE" in line)

        assert in_node(node, clear) == "", "clean-up leaves no rule"


@pytest.mark.parametrize("caller", ["node-a", "node-b", "a1", "a2", "b2"])
def test_a_cluster_ip_is_reached_from_nodes_and_from_pods_of_any_node(
    world: dict[str, str], services: Callable[[list[str]], None], caller: str
) -> None:
    services([world["a1"], world["b1"]])
    # an endpoint that reaches itself is masqueraded, or it would answer itself without the way back
    seen = {seen_by(world, caller, SERVICE, 80) for _ in range(12)}
    if caller in ("a2", "b2"):
        assert seen == {world[caller]}
    else:
        assert "" not in seen


def test_a_pod_reaches_a_service_whose_endpoint_shares_its_bridge(
    world: dict[str, str], services: Callable[[list[str]], None]
) -> None:
    services([world["a1"]])
    assert seen_by(world, "a2", SERVICE, 80) == world["a2"]


def test_a_service_without_endpoints_refuses_at_once(
    world: dict[str, str], services: Callable[[list[str]], None]
) -> None:
    services([])
    begun = RealClock().monotonic()
    assert seen_by(world, "a2", SERVICE, 80) == ""
    assert RealClock().monotonic() - begun < 1.5
    services([world["b1"]])
    assert seen_by(world, "a2", SERVICE, 80) == world["a2"]


def test_a_node_port_is_reached_on_every_node_and_on_localhost(
    world: dict[str, str], services: Callable[[list[str]], None]
) -> None:
    services([world["b1"]])
    assert seen_by(world, "node-a", world["node-a"], 30080)
    assert seen_by(world, "node-a", world["node-b"], 30080)
    assert seen_by(world, "node-a", "127.0.0.1", 30080)


def test_a_node_whose_namespace_was_deleted_is_joined_anew(world: dict[str, str]) -> None:
    name = "lost"
    network = NodeNetwork(name, ("10.99.8.1/24",), (VirtualNode("a", 1, ("10.99.8.2/24",)),))
    commands = RealCommands(RealClock())
    try:
        for _ in range(2):
            asyncio.run(nodes.ensure(network, commands))
            file = namespaces.RUN_NETNS / names.namespace(name, "a")
            assert "eth0" in namespaces.run_inside(file, links_here)
            namespaces.release(file)
    finally:
        asyncio.run(cleanup.remove(name, commands))


def links_here() -> str:
    return Path("/proc/self/task", str(threading.get_native_id()), "net/dev").read_text()


def test_names_of_namespaces_can_be_removed_after_others_have_used_theirs(world: dict[str, str]) -> None:
    """``ip netns add`` makes /run/netns a mount of itself when it is none: never above what is in it already."""
    file = namespaces.create("pynetestest-ours")
    commands = RealCommands(RealClock())
    try:
        asyncio.run(commands.run(["ip", "netns", "add", "pynetestest-theirs"]))
        mounts = Path("/proc/self/mountinfo").read_text()
        assert sum(line.split()[4] == str(file) for line in mounts.splitlines()) == 1
    finally:
        asyncio.run(commands.run(["ip", "netns", "del", "pynetestest-theirs"], check=False))
        namespaces.delete("pynetestest-ours")
    assert not file.exists()
