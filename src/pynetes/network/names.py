"""What a cluster's links, namespaces and chains are called, so that they can be found again from its name alone.

A link's name has at most 15 characters, so it carries a hash of the cluster's name.
"""

import base64
import hashlib
import re


def tag(cluster: str) -> str:
    """Eight characters that stand for the cluster: ``pn`` and a hash."""
    digest = hashlib.sha256(cluster.encode()).digest()
    return "pn" + base64.b32encode(digest).decode()[:6].lower()


def bridge(cluster: str) -> str:
    """The bridge on the host that joins the nodes."""
    return f"{tag(cluster)}-br"


def is_bridge(link: str) -> bool:
    """Whether a link of the host is some cluster's bridge."""
    return re.fullmatch("pn[a-z2-7]{6}-br", link) is not None


def link(cluster: str, number: int) -> str:
    """The host's end of the link to node ``number``."""
    return f"{tag(cluster)}-{number}"


def namespace(cluster: str, node: str) -> str:
    """A node's network namespace. A cluster's name has no dot in it, so no other cluster's names begin like this."""
    return f"{namespace_prefix(cluster)}{node}"


def namespace_prefix(cluster: str) -> str:
    return f"pynetes.{cluster}."


def chain(cluster: str) -> str:
    """Our chain in each table of the host's packet filter."""
    return f"PYNETES-{tag(cluster)[2:].upper()}"
