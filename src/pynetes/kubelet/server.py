"""The kubelet's own HTTPS server: logs, exec, attach, the pods; for the API server alone.

A peer is let in by its client certificate: the common name or an organization that the settings name.

Source: kubernetes ``pkg/kubelet/server/server.go``.
"""

from typing import TYPE_CHECKING

from pynetes.aio.clock import Clock
from pynetes.kubelet.host import Host
from pynetes.runtime.types import Runtime

if TYPE_CHECKING:
    from pynetes.kubelet.kubelet import Kubelet


class KubeletServer:
    def __init__(self, kubelet: "Kubelet", runtime: Runtime, host: Host, clock: Clock) -> None:
        self._kubelet = kubelet

    async def listen(self, host: str, port: int) -> int:
        raise NotImplementedError

    async def close(self) -> None:
        pass
