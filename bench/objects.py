"""The objects that are written."""

import json
from collections.abc import Iterator


def config_maps(prefix: str, count: int, size: int = 100) -> Iterator[bytes]:
    for number in range(count):
        body = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": f"{prefix}-{number}"},
            "data": {"k": "v" * size},
        }
        yield json.dumps(body).encode()


def pods(prefix: str, count: int) -> Iterator[bytes]:
    for number in range(count):
        container = {
            "name": "c",
            "image": "example.com/app:1",
            "ports": [{"containerPort": 8080}],
            "env": [{"name": "A", "value": "b"}],
            "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
        }
        body = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"{prefix}-{number}", "labels": {"app": "bench"}},
            "spec": {"containers": [container], "schedulerName": "nobody", "automountServiceAccountToken": False},
        }
        yield json.dumps(body).encode()
