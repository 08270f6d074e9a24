"""Pods by script: no root, no processes, thousands on one kubelet."""
