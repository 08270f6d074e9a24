"""A whole cluster in a test process: ``with Cluster() as cluster: ...``."""

from pynetes.testing.cluster import Cluster

__all__ = ["Cluster"]
