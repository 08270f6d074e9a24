"""What a kubelet is told about its node: names, addresses, folders, certificates, limits."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pynetes.meta.objects import Object

MAX_PODS = 110


@dataclass(frozen=True, slots=True)
class Settings:
    """Only ``node_name`` is needed; the defaults are upstream's.

    addresses: the node's own, one an IP family, the primary first.
    capacity: overrides of what the machine has (``{"cpu": "4", "memory": "8Gi"}``), quantities as texts.
    reserved: taken off the capacity to give what is allocatable.
    port: of the kubelet's HTTPS server; 0: any free port; None: no server.
    serving_certificate, serving_key, client_ca: PEM; a server without them is not started.
    cgroups: make cgroups for pods, below ``cgroup_root``; False where that is not allowed.
    pod_cidrs: the node is registered with them; empty: whoever allocates them writes them to the Node.
    container_id_scheme: what stands before ``://`` in the container ids of pod statuses. Differs: upstream writes the
        runtime's name there; agents in the field parse only the schemes of the runtimes that they know, so that ours
        says containerd's. ``nodeInfo.containerRuntimeVersion`` tells the truth.
    pulled_dir: where it is written down who may use pulled images; kubelets that share images share it. Empty: nowhere.
    first_user_id: where the ranges of user and group ids for pods with user namespaces begin, ``max_pods`` of them.
    unsafe_sysctls: names, or beginnings that end in ``*``, that pods may set besides the safe ones.
    static_dir: the folder of static pods (``*.yaml``, ``*.json``), looked at every ``static_seconds``; empty: none.
    """

    node_name: str
    addresses: tuple[str, ...] = ()
    hostname: str = ""
    root_dir: str = "/var/lib/pynetes/kubelet"
    pulled_dir: str = ""
    log_dir: str = "/var/log/pods"
    listen_host: str = "0.0.0.0"
    port: int | None = 10250
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Object, ...] = ()
    provider_id: str = ""
    capacity: Mapping[str, str] = field(default_factory=dict)
    reserved: Mapping[str, str] = field(default_factory=dict)
    max_pods: int = MAX_PODS
    pod_cidrs: tuple[str, ...] = ()
    cluster_dns: tuple[str, ...] = ()
    cluster_domain: str = "cluster.local"
    resolv_conf: str = "/etc/resolv.conf"
    serving_certificate: bytes = b""
    serving_key: bytes = b""
    client_ca: bytes = b""
    client_names: frozenset[str] = frozenset({"kube-apiserver-kubelet-client"})
    client_organizations: frozenset[str] = frozenset({"system:masters"})
    cgroups: bool = True
    cgroup_root: str = ""
    container_id_scheme: str = "containerd"
    first_user_id: int = 65536
    unsafe_sysctls: tuple[str, ...] = ()
    static_dir: str = ""
    static_seconds: float = 20.0
    register_node: bool = True
    lease_seconds: int = 40
    lease_renew_seconds: float = 10.0
    status_check_seconds: float = 10.0
    status_report_seconds: float = 300.0
    relist_seconds: float = 30.0
    resync_seconds: float = 60.0
    eviction_check_seconds: float = 10.0
    container_log_max_bytes: int = 10 * 1024 * 1024
    container_log_max_files: int = 5
    crash_backoff_seconds: float = 10.0
    crash_backoff_limit_seconds: float = 300.0
    retry_seconds: float = 10.0
    status_writes: int = 32
    """How many status patches may be under way at once."""
