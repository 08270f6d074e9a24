"""HTTP/1.1 server and client, WebSocket, TLS. Knows nothing of Kubernetes."""
