"""kube-proxy: services to rules of the kernel's packet filter, on every node."""

from pynetes.proxy.backend import MODES
from pynetes.proxy.proxy import Proxy
from pynetes.proxy.settings import Settings

__all__ = ["MODES", "Proxy", "Settings"]
