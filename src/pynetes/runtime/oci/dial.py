"""Connect to a port of a pod from inside its network namespace, as port-forward does."""

import asyncio
import socket

from pynetes.network import namespaces
from pynetes.runtime.oci.state import State

ADDRESSES = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


async def dial(state: State, sandbox_id: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Raises: OSError of the first address when none of them takes the connection."""
    record = state.sandbox(sandbox_id)
    if not record.ready:
        raise ConnectionRefusedError(f'sandbox "{sandbox_id}" is not running')
    failed: OSError | None = None
    for family, address in ADDRESSES:
        made = _socket(state, sandbox_id, record.config.linux.host_network, family)
        try:
            await asyncio.get_running_loop().sock_connect(made, (address, port))
        except OSError as error:
            made.close()
            failed = failed or error
            continue
        return await asyncio.open_connection(sock=made)
    assert failed is not None, "some address was tried"
    raise failed


def _socket(state: State, sandbox_id: str, host_network: bool, family: int) -> socket.socket:
    """A socket belongs for ever to the namespace that it was made in."""
    if host_network:
        made = socket.socket(family, socket.SOCK_STREAM)
    else:
        file = state.paths.namespace(sandbox_id, "net")
        made = namespaces.run_inside(file, socket.socket, family, socket.SOCK_STREAM)
    made.setblocking(False)
    return made
