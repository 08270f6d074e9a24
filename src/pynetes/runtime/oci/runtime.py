"""The embedded runtime as the kubelet sees it: the verbs, gathered behind ``pynetes.runtime.types.Runtime``."""

from pathlib import Path

from pynetes.aio.clock import Clock
from pynetes.aio.commands import Commands
from pynetes.network.cni import CNI
from pynetes.runtime.oci.types import Settings


class OCIRuntime:
    """Sandboxes and containers under ``root``; images there too, or where the settings say."""

    name = "pynetes"
    version = "0"

    def __init__(
        self,
        clock: Clock,
        root: Path,
        cni: CNI,
        settings: Settings | None = None,
        *,
        commands: Commands | None = None,
    ) -> None:
        self.clock = clock
        self.root = root
        self.cni = cni
        self.settings = settings or Settings()
