"""TLS contexts from PEM text: servers that ask for client certificates, clients that present one.

Source: apiserver ``pkg/server/secure_serving.go`` (TLS 1.2 at least, HTTP/1.1 by ALPN).
"""

import asyncio.sslproto
import os
import ssl

ASYNCIO_READ_SIZE = 16 * 1024


def server_context(
    certificate_pem: bytes, key_pem: bytes, *, client_ca_pem: bytes = b"", require_client: bool = False
) -> ssl.SSLContext:
    """With a client CA, certificates are verified if given; ``require_client`` refuses who has none."""
    _shrink_asyncio()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    # the client's order: it knows what its processor is quick at, and Go's begins with AES-128 where there is AES
    context.options &= ~ssl.OP_CIPHER_SERVER_PREFERENCE
    # client-go and kubectl resume no session, and a ticket costs as much as the rest of a handshake's parsing
    context.num_tickets = 0
    load_pair(context, certificate_pem, key_pem)
    if client_ca_pem:
        context.load_verify_locations(cadata=client_ca_pem.decode())
        context.verify_mode = ssl.CERT_REQUIRED if require_client else ssl.CERT_OPTIONAL
    return context


def client_context(
    ca_pem: bytes = b"",
    *,
    certificate_pem: bytes = b"",
    key_pem: bytes = b"",
    verify: bool = True,
    check_hostname: bool = True,
) -> ssl.SSLContext:
    """Trusts ``ca_pem`` only, or the system's authorities when it is empty."""
    _shrink_asyncio()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    context.check_hostname = verify and check_hostname
    if not verify:
        context.verify_mode = ssl.CERT_NONE
    elif ca_pem:
        context.load_verify_locations(cadata=ca_pem.decode())
    else:
        context.load_default_certs()
    if certificate_pem:
        load_pair(context, certificate_pem, key_pem)
    return context


def load_pair(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    """Present this pair from the next handshake on. OpenSSL reads files only: ours lives in memory."""
    memory = os.memfd_create("pair", os.MFD_CLOEXEC)
    try:
        os.write(memory, certificate_pem + b"\n" + key_pem)
        context.load_cert_chain(f"/proc/self/fd/{memory}")
    finally:
        os.close(memory)


def _shrink_asyncio() -> None:
    """Plain asyncio reserves 256 KiB a TLS connection; a sixteenth of it is enough for watches."""
    asyncio.sslproto.SSLProtocol.max_size = ASYNCIO_READ_SIZE
