"""The transport over HTTPS, and what a kubeconfig says about it.

Source: client-go ``tools/clientcmd``.
"""

from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.http.client import HTTPClient
from pynetes.meta.objects import Object


class Rest:
    def __init__(self, http: HTTPClient) -> None:
        self._http = http

    @classmethod
    def from_kubeconfig(cls, config: str | Path | Object, clock: Clock, context: str = "") -> "Rest":
        raise NotImplementedError
