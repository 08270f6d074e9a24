"""The way to a node's kubelet: its address and port from the Node's status, our client certificate, pooled connections.

Source: kubernetes ``pkg/kubelet/client/kubelet_client.go``.
Differs: an InternalIP is preferred to a host name, as in clusters that kubeadm makes.
"""

import ssl
from weakref import WeakKeyDictionary

from pynetes.apiserver.parts import Parts
from pynetes.http import tls
from pynetes.http.client import HTTPClient
from pynetes.meta import status
from pynetes.meta.objects import Object

_PREFERRED = ("InternalIP", "ExternalIP", "Hostname", "InternalDNS", "ExternalDNS")
_DEFAULT_PORT = 10250
_clients: "WeakKeyDictionary[Parts, dict[str, HTTPClient]]" = WeakKeyDictionary()
_contexts: "WeakKeyDictionary[Parts, ssl.SSLContext]" = WeakKeyDictionary()


def url_of(node: Object) -> str:
    """``https://address:port``. Raises: StatusError 500 for a node without an address."""
    said = node.get("status") or {}
    port = (((said.get("daemonEndpoints") or {}).get("kubeletEndpoint")) or {}).get("Port") or _DEFAULT_PORT
    addresses = {a.get("type"): a.get("address", "") for a in reversed(said.get("addresses") or ())}
    for kind in _PREFERRED:
        if address := addresses.get(kind):
            host = f"[{address}]" if ":" in address else address
            return f"https://{host}:{port}"
    name = node["metadata"]["name"]
    raise status.internal_error(f"no preferred addresses found; known addresses: [] (node {name})")


def client_for(server: Parts, node_name: str) -> HTTPClient:
    """The client of a node's kubelet. Raises: StatusError 404, 500."""
    resource = server.resources.get("", "nodes")
    assert resource is not None
    entry = server.cache.of(resource).get(resource.storage_key("", node_name))
    if entry is None:
        raise status.not_found("", "nodes", node_name)
    url = url_of(entry.object)
    clients = _clients.setdefault(server, {})
    client = clients.get(url)
    if client is None:
        client = clients[url] = HTTPClient(url, server.clock, ssl=_context(server))
    return client


def _context(server: Parts) -> ssl.SSLContext:
    context = _contexts.get(server)
    if context is None:
        settings = server.settings
        pair = settings.kubelet_client
        context = _contexts[server] = tls.client_context(
            settings.kubelet_ca_pem,
            certificate_pem=pair.cert_pem,
            key_pem=pair.key_pem,
            verify=bool(settings.kubelet_ca_pem),
        )
    return context


async def close(server: Parts) -> None:
    """Close all connections to kubelets."""
    for client in _clients.pop(server, {}).values():
        await client.close()
