"""What a cluster is: its name, nodes, networks and ports, chosen once at its first ``up`` and kept in its folder."""

import hashlib
import ipaddress
import json
import os
import re
import shutil
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

DEFAULT_NAME = "default"
MAX_CLUSTERS = 100
"""On one host: each has a node and a pod network of its own."""

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,28}[a-z0-9])?")

SIMULATED_PODS = 1000
"""What a simulated node takes where only simulated nodes are."""

SIMULATED_NETWORK = "10.128.0.0/9"
SIMULATED_MASK = 22
"""Their pods' network leads nowhere, and so may be as large as they need it: 8,192 nodes with 1,021 pods each."""

ROOTS_HOME = Path("/var/lib/pynetes")
"""Where root's clusters live unless ``$PYNETES_HOME`` says otherwise."""


class ConfigError(Exception):
    """What the user asked for cannot be; the message says what to do."""


@dataclass(frozen=True, slots=True)
class ClusterConfig:
    """``index`` tells apart the clusters of one host: it picks the node and pod networks and the interface names.

    ``id`` marks what this cluster wrote into shared files (kubeconfig). ``handle`` is what its things on the host
    (namespaces, links, rules, cgroups) are called by. Addresses are per IP family, the primary first.
    """

    name: str
    id: str
    handle: str
    index: int
    nodes: int
    simulated_nodes: int
    api_port: int
    node_network: str
    pod_cidrs: tuple[str, ...]
    service_cidrs: tuple[str, ...] = ("10.96.0.0/16",)
    labels: dict[str, str] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """The name of its kubeconfig context, cluster and user."""
        return f"pynetes-{self.name}"

    @property
    def node_names(self) -> tuple[str, ...]:
        return tuple(f"node-{number}" for number in range(1, self.nodes + 1))

    @property
    def simulated_node_names(self) -> tuple[str, ...]:
        return tuple(f"simulated-{number}" for number in range(1, self.simulated_nodes + 1))

    @property
    def node_cidr_mask(self) -> int:
        """How long the prefix of each node's pod network is."""
        return 24 if self.nodes else SIMULATED_MASK

    @property
    def simulated_pods(self) -> int:
        """How many pods each simulated node takes: no more than it has addresses for."""
        return 250 if self.nodes else SIMULATED_PODS

    @property
    def host_address(self) -> str:
        """The host's address on the node network; loopback when there are only simulated nodes."""
        return str(next(self._hosts())) if self.nodes else "127.0.0.1"

    def node_address(self, number: int) -> str:
        """The address of node ``number`` (from 1) on the node network."""
        network = ipaddress.ip_network(self.node_network)
        return str(network.network_address + 1 + number)

    @property
    def dns_address(self) -> str:
        """The cluster DNS service's address: the tenth of the service network, as kubeadm has it."""
        return str(ipaddress.ip_network(self.service_cidrs[0]).network_address + 10)

    def _hosts(self) -> Iterator[ipaddress.IPv4Address | ipaddress.IPv6Address]:
        return iter(ipaddress.ip_network(self.node_network).hosts())

    def to_json(self) -> str:
        return json.dumps(asdict(self), indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "ClusterConfig":
        """Raises: ValueError, TypeError, KeyError for what ``to_json`` did not write."""
        data = json.loads(text)
        data.setdefault("handle", data["name"])
        for key in ("pod_cidrs", "service_cidrs"):
            data[key] = tuple(str(ipaddress.ip_network(cidr)) for cidr in data[key])
        for key in ("index", "nodes", "simulated_nodes", "api_port"):
            if not isinstance(data[key], int):
                raise TypeError(f"{key} is no number")
        ipaddress.ip_network(data["node_network"])
        return cls(**data)


@dataclass(frozen=True, slots=True)
class ClusterDir:
    """The folder of one cluster, and what lies where in it."""

    path: Path

    @property
    def handle(self) -> str:
        """What the cluster's things on the host are called by: clusters of one name in several homes keep apart."""
        home = os.path.realpath(self.path.parent)
        if home == os.path.realpath(ROOTS_HOME):
            return self.path.name
        return f"{self.path.name}_{hashlib.sha256(os.fsencode(home)).hexdigest()[:6]}"

    @property
    def config_file(self) -> Path:
        return self.path / "cluster.json"

    @property
    def pki(self) -> Path:
        return self.path / "pki"

    @property
    def store(self) -> Path:
        return self.path / "state.db"

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    @property
    def run(self) -> Path:
        return self.path / "run"

    @property
    def images(self) -> Path:
        return self.path / "images"

    def node(self, name: str) -> Path:
        return self.path / "nodes" / name

    @property
    def exists(self) -> bool:
        return self.config_file.exists()

    def load(self) -> ClusterConfig:
        """Raises: ConfigError when the file is not there or not readable."""
        try:
            return ClusterConfig.from_json(self.config_file.read_text())
        except FileNotFoundError:
            raise ConfigError(f"there is no cluster {self.path.name!r}; see `pynetes status`") from None
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise ConfigError(
                f"{self.config_file} is damaged ({error}); `pynetes down --name {self.path.name}` removes the cluster"
            ) from None

    def save(self, config: ClusterConfig) -> None:
        """Raises: ConfigError; then no folder is there that was not before."""
        new = self.config_file.with_suffix(".new")
        fresh = not self.path.exists()
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            new.write_text(config.to_json())
            os.replace(new, self.config_file)
        except OSError as error:
            if fresh:
                shutil.rmtree(self.path, ignore_errors=True)
            raise ConfigError(f"cannot write {self.config_file}: {error.strerror}") from None


def home() -> Path:
    """Where clusters live: ``$PYNETES_HOME``, ``/var/lib/pynetes`` for root, else below the user's state folder."""
    if configured := os.environ.get("PYNETES_HOME"):
        return Path(configured)
    if os.geteuid() == 0:
        return ROOTS_HOME
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local/state") / "pynetes"


def cluster_dir(name: str) -> ClusterDir:
    """Raises: ConfigError for a name that cannot be one."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"{name!r} is no cluster name: lower-case letters, digits and '-', at most 30 characters")
    return ClusterDir(home() / name)


def all_clusters() -> list[ClusterDir]:
    root = home()
    if not root.is_dir():
        return []
    return [ClusterDir(path) for path in sorted(root.iterdir()) if (path / "cluster.json").exists()]


def node_network(index: int) -> str:
    return f"10.89.{index}.0/24"


def pod_network(index: int) -> str:
    return f"10.{244 - index}.0.0/16"


def new_config(
    folder: ClusterDir, id: str, nodes: int, simulated_nodes: int, api_port: int, taken: Collection[int]
) -> ClusterConfig:
    """Choose the networks of a new cluster beside those whose indexes are taken. Pure. Raises: ConfigError."""
    if nodes < 0 or simulated_nodes < 0 or nodes + simulated_nodes == 0:
        raise ConfigError("a cluster needs at least one node: --nodes N or --simulated-nodes N")
    if nodes > 200:
        raise ConfigError("at most 200 nodes fit on one host")
    index = next((i for i in range(MAX_CLUSTERS) if i not in taken), None)
    if index is None:
        raise ConfigError("100 clusters on one host is where the networks end; `pynetes down --name NAME` frees one")
    return ClusterConfig(
        name=folder.path.name,
        id=id,
        handle=folder.handle,
        index=index,
        nodes=nodes,
        simulated_nodes=simulated_nodes,
        api_port=api_port,
        node_network=node_network(index),
        pod_cidrs=(pod_network(index) if nodes else SIMULATED_NETWORK,),
    )
