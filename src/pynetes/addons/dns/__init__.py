"""Cluster DNS: names of Services and of what stands behind them, for pods; all other names by the host's resolvers.

``zone`` decides (pure), ``server`` listens on each node, ``forward`` asks others, ``publish`` makes the Service
``kube-dns`` and names the nodes behind it.
"""
