"""The embedded runtime: images, sandboxes and containers with runc, conmon, overlayfs and CNI plug-ins."""

from pynetes.runtime.oci.runtime import OCIRuntime
from pynetes.runtime.oci.types import Settings

__all__ = ["OCIRuntime", "Settings"]
