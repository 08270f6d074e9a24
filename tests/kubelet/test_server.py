"""The kubelet's own server: who is let in, and what it answers."""

import asyncio
import json

from pynetes.http.types import Answer, PeerCertificate, Request, Response, Stream
from pynetes.kubelet.streaming import serve
from pynetes.meta.objects import Object
from pynetes.runtime.types import RuntimeFailure
from tests.kubelet.api import pod
from tests.kubelet.test_kubelet import Node, run, simulate

API = PeerCertificate("kube-apiserver-kubelet-client", ("system:masters",))
LOGS = {"run": "5s", "logs": ["one", "two", "three"], "exec": {"stdout": "hi", "exitCode": 3}}


async def ask(node: Node, path: str, query: str = "", peer: PeerCertificate | None = API) -> Answer:
    answer = node.kubelet.server.handle(Request("GET", path, query, {}, peer=peer))
    return answer if isinstance(answer, Response | Stream) else await answer  # type: ignore[misc]


def with_pod(check) -> None:  # type: ignore[no-untyped-def]
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", annotations=simulate(c=LOGS)))
        await node.clock.sleep(1)
        await check(node)

    run(body)


def test_only_the_api_server_is_let_in() -> None:
    async def check(node: Node) -> None:
        assert (await ask(node, "/healthz", peer=None)).status == 200
        assert (await ask(node, "/pods", peer=None)).status == 401
        assert (await ask(node, "/pods", peer=PeerCertificate("bob"))).status == 403
        listed = json.loads((await ask(node, "/pods")).body)
        assert [i["metadata"]["name"] for i in listed["items"]] == ["p"]

    with_pod(check)


def test_logs_are_answered_with_the_kubelets_words_for_what_is_not_there() -> None:
    async def check(node: Node) -> None:
        assert (await ask(node, "/containerLogs/default/p/c")).body == b"one\ntwo\nthree\n"
        assert (await ask(node, "/containerLogs/default/p/c", "tailLines=1")).body == b"three\n"
        missing = await ask(node, "/containerLogs/default/p/nope")
        assert (missing.status, missing.body) == (404, b'container "nope" not found in pod "p"')
        absent = await ask(node, "/containerLogs/default/q/c")
        assert (absent.status, absent.body) == (404, b'pod "q" does not exist')
        first = await ask(node, "/containerLogs/default/p/c", "previous=true")
        assert first.body == b'previous terminated container "c" in pod "p" not found'
        await node.clock.sleep(5)
        assert (await ask(node, "/containerLogs/default/p/c", "previous=true")).body == b"one\ntwo\nthree\n"

    with_pod(check)


class Socket:
    """What a peer would see of a WebSocket."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.closed = False

    async def receive(self) -> bytes | str | None:
        await asyncio.Event().wait()
        return None

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    async def drain(self) -> None:
        pass

    def close(self, code: int = 1000, reason: str = "") -> None:
        self.closed = True


def status_of(socket: Socket) -> Object:
    assert socket.sent[-1][:1] == b"\x03" and socket.closed
    found: Object = json.loads(socket.sent[-1][1:])
    return found


def test_exec_says_how_the_command_ended() -> None:
    async def check(node: Node) -> None:
        container = (await node.runtime.list_containers())[0]
        socket = Socket()
        await serve(  # type: ignore[arg-type]
            socket, lambda: node.runtime.exec(container.id, ["x"], tty=False, stdin=False), False, True, True, "[x]"
        )
        assert b"\x01hi" in socket.sent
        status = status_of(socket)
        assert status["reason"] == "NonZeroExitCode"
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]

    with_pod(check)


def test_exec_that_cannot_begin_is_an_internal_error() -> None:
    async def fail() -> None:
        raise RuntimeFailure("no such program")

    socket = Socket()
    asyncio.run(serve(socket, fail, False, True, False, "[x]"))  # type: ignore[arg-type]
    assert status_of(socket)["code"] == 500
