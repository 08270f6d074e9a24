"""What an API server is told at start: addresses, keys, ranges and limits. Nothing here changes while it runs."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from pynetes.kinds.quota.charges import LimitedResource
from pynetes.pki.tokens import make_signing_key


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate chain and its private key, both PEM."""

    cert_pem: bytes = b""
    key_pem: bytes = b""


@dataclass(frozen=True, slots=True)
class StaticToken:
    """A bearer token that is valid for ever: the line of upstream's ``--token-auth-file``."""

    token: str
    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PodSecurity:
    """The configuration of admission plug-in PodSecurity: levels where a namespace names none, and who is exempt."""

    enforce: str = "privileged"
    enforce_version: str = "latest"
    audit: str = "privileged"
    audit_version: str = "latest"
    warn: str = "privileged"
    warn_version: str = "latest"
    exempt_usernames: tuple[str, ...] = ()
    exempt_runtime_classes: tuple[str, ...] = ()
    exempt_namespaces: tuple[str, ...] = ()

    def default_labels(self) -> dict[str, str]:
        """The levels as a namespace's labels would say them."""
        return {
            f"pod-security.kubernetes.io/{mode}{suffix}": getattr(self, mode + suffix.replace("-", "_"))
            for mode in ("enforce", "audit", "warn")
            for suffix in ("", "-version")
        }


@dataclass(frozen=True, slots=True)
class Settings:
    """All have working defaults, so that ``Settings()`` serves a test. Source: kube-apiserver's flags."""

    # where clients find us
    advertise_address: str = "127.0.0.1"
    advertise_port: int = 6443
    external_hostname: str = ""

    # who is believed
    client_ca_pem: bytes = b""
    request_header_ca_pem: bytes = b""
    request_header_names: tuple[str, ...] = ()
    static_tokens: tuple[StaticToken, ...] = ()
    anonymous_auth: bool = True
    authorization_modes: tuple[str, ...] = ("Node", "RBAC")

    # ServiceAccount tokens; without a key one is made, in a thread, when the first token is asked for
    service_account_issuer: str = "https://kubernetes.default.svc.cluster.local"
    service_account_signing_key_pem: bytes = b""
    make_service_account_signing_key: Callable[[], bytes] = make_signing_key
    service_account_verify_keys_pem: tuple[bytes, ...] = ()
    service_account_audiences: tuple[str, ...] = ()

    # how the server calls kubelets and aggregated servers
    kubelet_client: KeyPair = field(default_factory=KeyPair)
    kubelet_ca_pem: bytes = b""
    proxy_client: KeyPair = field(default_factory=KeyPair)

    # what is allocated, per IP family
    service_cidrs: tuple[str, ...] = ("10.96.0.0/12",)
    node_port_range: tuple[int, int] = (30000, 32767)

    # admission
    enable_admission: tuple[str, ...] = ()
    disable_admission: tuple[str, ...] = ()
    pod_security: PodSecurity = PodSecurity()
    limited_resources: tuple[LimitedResource, ...] = ()  # what may be used only where a quota limits it
    feature_gates: Mapping[str, bool] = field(default_factory=dict)
    runtime_config: Mapping[str, bool] = field(default_factory=dict)

    # lifetimes and limits
    event_ttl_seconds: int = 3600
    min_request_timeout_seconds: int = 1800
    request_timeout_seconds: int = 60
    bookmark_seconds: float = 60.0
    compaction_seconds: float = 300.0  # 0: somebody else compacts the store
    max_body_bytes: int = 3 * 1024 * 1024
    watch_events_kept: int = 4096
    watch_buffer_bytes: int = 8 * 1024 * 1024
