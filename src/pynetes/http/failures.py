"""Why nobody answered, in the words of Go's ``net``, ``crypto/tls`` and ``net/http``: users know them by heart."""

import asyncio
import socket
import ssl

REFUSALS = {
    111: "connection refused",
    113: "no route to host",
    101: "network is unreachable",
    104: "connection reset by peer",
}

_NO_TLS = ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE")
_UNKNOWN_AUTHORITY = (18, 19, 20, 21)
_EXPIRED = (9, 10)


def refusal(error: OSError) -> str:
    for number, text in REFUSALS.items():
        if error.errno == number:
            return text
    if isinstance(error, ConnectionRefusedError):
        return REFUSALS[111]
    return error.strerror or str(error) or "EOF"


def tls(error: ssl.SSLError) -> str:
    if speaks_no_tls(error):
        return "http: server gave HTTP response to HTTPS client"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"tls: failed to verify certificate: x509: {_certificate(error)}"
    return f"tls: {(error.reason or str(error)).lower().replace('_', ' ')}"


def speaks_no_tls(error: ssl.SSLError) -> bool:
    """Whether the other end answered a handshake in plain text."""
    return error.reason in _NO_TLS


async def unreached(host: str, port: int, error: Exception) -> str:
    """Why a request to this host failed before an answer came."""
    cause = error.__cause__ or error
    if isinstance(cause, socket.gaierror):
        why = "server misbehaving" if cause.errno == socket.EAI_AGAIN else "no such host"
        return f"dial tcp: lookup {host}{_resolver()}: {why}"
    if isinstance(cause, ssl.SSLError):
        return tls(cause)
    if isinstance(cause, TimeoutError):
        return f"dial tcp {await _address(host, port)}: i/o timeout"
    if not isinstance(cause, OSError):
        return str(cause)
    if isinstance(cause, ConnectionRefusedError) or cause.errno in (101, 113):
        return f"dial tcp {await _address(host, port)}: connect: {refusal(cause)}"
    return refusal(cause)


def _resolver() -> str:
    """Who was asked for an address: the first name server."""
    try:
        with open("/etc/resolv.conf") as file:
            servers = [words[1] for words in map(str.split, file) if words[:1] == ["nameserver"] and len(words) > 1]
    except OSError:
        return ""
    shown = [f"[{server}]" if ":" in server else server for server in servers]
    return f" on {shown[0]}:53" if shown else ""


async def _address(host: str, port: int) -> str:
    """The address that is dialled first."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        return f"{host}:{port}"
    first = found[0][4][0]
    return f"[{first}]:{port}" if ":" in str(first) else f"{first}:{port}"


def _certificate(error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code in _UNKNOWN_AUTHORITY:
        return "certificate signed by unknown authority"
    if error.verify_code in _EXPIRED:
        return "certificate has expired or is not yet valid"
    return error.verify_message
