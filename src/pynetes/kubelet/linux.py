"""``LinuxHost``: the real machine."""

from pynetes.aio.clock import Clock
from pynetes.kubelet.host import Host
from pynetes.kubelet.settings import Settings
from pynetes.runtime.types import Runtime


def LinuxHost(settings: Settings, runtime: Runtime, clock: Clock) -> Host:
    raise NotImplementedError
