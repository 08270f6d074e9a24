"""gRPC probes: the conversation with a server in memory, and the words about each way that it can go."""

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.events import DataReceived, RequestReceived, StreamEnded

from pynetes.kubelet.grpc import BrokenConnection, HealthCall
from pynetes.kubelet.host import Outcome


class Server:
    """The other end: answers one request with what it is given."""

    def __init__(self, body: bytes = b"", **trailers: str) -> None:
        self.asked: dict[str, str] = {}
        self.message = b""
        self._body = body
        self._trailers = trailers
        self._connection = H2Connection(H2Configuration(client_side=False, header_encoding="utf-8"))
        self._connection.initiate_connection()

    def answer(self, data: bytes) -> bytes:
        for event in self._connection.receive_data(data):
            if isinstance(event, RequestReceived):
                self.asked = {str(n): str(v) for n, v in event.headers or ()}
            elif isinstance(event, DataReceived):
                self.message += event.data or b""
            elif isinstance(event, StreamEnded):
                self._reply(event.stream_id or 0)
        return self._connection.data_to_send()

    def _reply(self, stream: int) -> None:
        status = self._trailers.pop("status", "200")
        last = [(n.replace("_", "-"), v) for n, v in self._trailers.items()]
        head = [(":status", status), ("content-type", "application/grpc")]
        if not self._body:
            self._connection.send_headers(stream, [*head, *last], end_stream=True)
            return
        self._connection.send_headers(stream, head)
        self._connection.send_data(stream, self._body)
        self._connection.send_headers(stream, last, end_stream=True)


def conversation(server: Server, service: str = "") -> tuple[Outcome, str]:
    call = HealthCall("10.0.0.1:5000", service)
    while not call.ready:
        call.receive(server.answer(call.outgoing()))
    call.ask()
    while not call.over:
        call.receive(server.answer(call.outgoing()))
    return call.verdict(1)


def serving(status: int) -> bytes:
    return b"\0\0\0\0\2\x08" + bytes([status])


def test_a_server_that_serves_is_a_success() -> None:
    server = Server(serving(1), grpc_status="0")
    assert conversation(server, "db") == (Outcome.SUCCESS, "service healthy")
    assert server.asked[":path"] == "/grpc.health.v1.Health/Check"
    assert server.asked["content-type"] == "application/grpc"
    assert server.asked["user-agent"].startswith("kube-probe/1.36")
    assert server.message == b"\0\0\0\0\4\x0a\2db"


@pytest.mark.parametrize(
    ("server", "message"),
    [
        (Server(serving(2), grpc_status="0"), 'service unhealthy (responded with "NOT_SERVING")'),
        (Server(b"\0\0\0\0\0", grpc_status="0"), 'service unhealthy (responded with "UNKNOWN")'),
        (
            Server(grpc_status="12", grpc_message="no%20such method"),
            "error: this server does not implement the grpc health protocol (grpc.health.v1.Health): no such method",
        ),
        (
            Server(grpc_status="5", grpc_message="unknown service"),
            "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service",
        ),
        (Server(grpc_status="4"), "timeout: health rpc did not complete within 1s"),
        (
            Server(status="503"),
            "error: health rpc probe failed: rpc error: code = Unknown desc = unexpected HTTP status code received "
            "from server: 503",
        ),
    ],
)
def test_anything_else_is_a_failure_in_upstreams_words(server: Server, message: str) -> None:
    assert conversation(server) == (Outcome.FAILURE, message)


def test_what_does_not_speak_http_2_is_no_server() -> None:
    call = HealthCall("10.0.0.1:5000", "")
    call.receive(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert not call.ready
    with pytest.raises(BrokenConnection):
        call.receive(b"")
