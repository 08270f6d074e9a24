"""Port-forward and exec over SPDY, as an older client speaks them."""

import asyncio
import json

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.http.spdy import Session, SPDYStream
from pynetes.http.types import Request, Takeover
from pynetes.kubelet import portforward
from tests.http.test_spdy import Wire
from tests.kubelet.test_kubelet import Node
from tests.kubelet.test_server import API, with_pod


class Echo(asyncio.Transport):
    """The pod's side of a connection: sends back what it gets, and ends when the other has said all."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        super().__init__()
        self._reader = reader

    def write(self, data: bytes) -> None:  # type: ignore[override]
        self._reader.feed_data(b"<" + bytes(data) + b">")

    def can_write_eof(self) -> bool:
        return True

    def write_eof(self) -> None:
        self._reader.feed_eof()

    def is_closing(self) -> bool:
        return False

    def close(self) -> None:
        pass


async def dial(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if port != 80:
        raise ConnectionRefusedError(111, "refused")
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    return reader, asyncio.StreamWriter(Echo(reader), protocol, reader, asyncio.get_running_loop())


async def everything(stream: SPDYStream) -> bytes:
    found = b""
    while data := await stream.read():
        found += data
    return found


def pair(session: Session, port: int, request: int) -> tuple[SPDYStream, SPDYStream]:
    headers = {"port": str(port), "requestid": str(request)}
    return session.open({"streamtype": "error", **headers}), session.open({"streamtype": "data", **headers})


def test_each_pair_of_streams_is_a_connection_of_its_own() -> None:
    async def main() -> None:
        near, far = Wire.pair()
        serving = asyncio.ensure_future(portforward.serve(far, clock, dial, "p_default, uid u"))
        session = Session(near, server=False)
        reading = asyncio.ensure_future(session.run())
        errors, data = pair(session, 80, 0)
        refused, nothing = pair(session, 81, 1)
        errors.close_write()
        data.write(b"hi")
        data.close_write()
        assert await everything(data) == b"<hi>"
        assert await everything(errors) == b""
        text = b"failed to connect to localhost:81 inside namespace: connection refused"
        assert await everything(refused) == b"error forwarding port 81 to pod p_default, uid u: " + text
        assert await everything(nothing) == b""
        session.close()
        await asyncio.gather(serving, reading)

    clock = VirtualClock()
    run_virtual(main(), clock)


def test_exec_over_spdy_carries_output_and_the_exit_code() -> None:
    async def check(node: Node) -> None:
        headers = {"upgrade": "SPDY/3.1", "x-stream-protocol-version": "v5.channel.k8s.io, v4.channel.k8s.io"}
        request = Request("POST", "/exec/default/p/c", "command=x&output=1", headers, peer=API)
        answer = node.kubelet.server.handle(request)
        assert isinstance(answer, Takeover)
        assert ("X-Stream-Protocol-Version", "v4.channel.k8s.io") in answer.headers
        near, far = Wire.pair()
        serving = asyncio.ensure_future(answer.run(far))
        session = Session(near, server=False)
        reading = asyncio.ensure_future(session.run())
        errors, output = session.open({"streamtype": "error"}), session.open({"streamtype": "stdout"})
        assert await everything(output) == b"hi"
        status = json.loads(await everything(errors))
        assert status["details"]["causes"] == [{"reason": "ExitCode", "message": "3"}]
        session.close()
        await asyncio.gather(serving, reading)

    with_pod(check)
