"""What containers are told: environment, hosts, resolver, downward API; and what logs say."""

import asyncio

import pytest

from pynetes.kubelet.downward import escaped, field, resource
from pynetes.kubelet.environment import ConfigError, Place, environment, expand, service_variables
from pynetes.kubelet.images import default_policy, duration
from pynetes.kubelet.linux import parse_resolv_conf
from pynetes.kubelet.logs import LogOptions, LogReader, tail
from pynetes.kubelet.names import HostNameError, dns, hosts_file, sandbox_host_name
from pynetes.kubelet.observer import log_tail
from pynetes.kubelet.pods import host_name
from pynetes.meta.objects import Object
from pynetes.meta.status import not_found
from pynetes.runtime.types import DNSConfig
from tests.kubelet.api import container, pod


class Sources:
    def __init__(self, **maps: dict[str, str]) -> None:
        self._maps = maps

    async def config_map(self, namespace: str, name: str) -> Object:
        if name not in self._maps:
            raise not_found("", "configmaps", name)
        return {"data": self._maps[name]}

    async def secret(self, namespace: str, name: str) -> Object:
        raise not_found("", "secrets", name)


def variables(spec: Object, sources: Sources, services: dict[str, str] | None = None) -> dict[str, str]:
    place = Place(("10.0.0.2",), allocatable={"cpu": "2"})
    made = environment(pod("p", spec), spec, sources, services or {}, place)
    return asyncio.run(made)


def test_references_to_variables_are_expanded_and_unknown_ones_stay() -> None:
    values = {"A": "one", "B": "$(A)-two $(C)"}
    assert expand("$(A) $$(A) $(NOPE) $A", values.get) == "one $(A) $(NOPE) $A"


def test_env_overrides_env_from_and_sees_what_stands_before() -> None:
    spec = container(
        "c",
        envFrom=[{"configMapRef": {"name": "cm"}}, {"prefix": "P_", "configMapRef": {"name": "cm"}}],
        env=[{"name": "one", "value": "over"}, {"name": "X", "value": "$(one)$(two)$(SVC)"}],
    )
    found = variables(spec, Sources(cm={"one": "1", "two": "2"}), {"SVC": "s"})
    assert found == {"one": "over", "two": "2", "P_one": "1", "P_two": "2", "X": "over2s", "SVC": "s"}


def test_a_missing_source_fails_in_the_kubelets_words() -> None:
    reference = {"configMapKeyRef": {"name": "later", "key": "k"}}
    with pytest.raises(ConfigError, match=r'^configmap "later" not found$'):
        variables(container("c", env=[{"name": "A", "valueFrom": reference}]), Sources())
    with pytest.raises(ConfigError, match=r"^couldn't find key k in ConfigMap default/later$"):
        variables(container("c", env=[{"name": "A", "valueFrom": reference}]), Sources(later={}))
    with pytest.raises(ConfigError, match=r'^secret "none" not found$'):
        variables(container("c", envFrom=[{"secretRef": {"name": "none"}}]), Sources())
    optional = {"configMapKeyRef": {"name": "later", "key": "k", "optional": True}}
    assert variables(container("c", env=[{"name": "A", "valueFrom": optional}]), Sources()) == {}


def test_services_become_variables_of_their_namespace() -> None:
    def service(namespace: str, name: str, ip: str) -> Object:
        ports = [{"name": "web", "port": 80}, {"name": "alt", "port": 81, "protocol": "UDP"}]
        return {"metadata": {"namespace": namespace, "name": name}, "spec": {"clusterIP": ip, "ports": ports}}

    services = [service("default", "kubernetes", "10.96.0.1"), service("ns", "my-svc", "10.96.0.9")]
    services += [service("other", "far", "10.96.0.8"), service("ns", "headless", "None")]
    found = service_variables(services, "ns", True)
    assert found["MY_SVC_SERVICE_HOST"] == "10.96.0.9"
    assert found["MY_SVC_SERVICE_PORT_ALT"] == "81"
    assert found["MY_SVC_PORT_81_UDP"] == "udp://10.96.0.9:81"
    assert not any(name.startswith(("FAR", "HEADLESS")) for name in found)
    assert all(name.startswith("KUBERNETES_") for name in service_variables(services, "ns", False))


def test_the_downward_api_gives_fields_and_rounded_resources() -> None:
    p = pod("p", container("c", resources={"limits": {"cpu": "1500m"}, "requests": {"memory": "64Mi"}}))
    p["metadata"]["labels"] = {"b": 'q"', "a": "1"}
    assert field(p, "metadata.labels['a']") == "1"
    assert escaped(p["metadata"]["labels"]) == 'a="1"\nb="q\\""'
    c = p["spec"]["containers"][0]
    assert resource(p, {"resource": "limits.cpu"}, c, {}) == "2"
    assert resource(p, {"resource": "requests.memory", "divisor": "1Ki"}, c, {}) == "65536"
    assert resource(p, {"resource": "limits.memory"}, c, {"memory": "1Gi"}) == str(1 << 30)


def test_hosts_name_the_pod_and_its_aliases() -> None:
    aliases = [{"ip": "192.0.2.7", "hostnames": ["foo.example", "bar.example"]}]
    p = pod("p", hostname="web-0", subdomain="nodes", hostAliases=aliases)
    text = hosts_file(p, ["10.0.0.2"], "cluster.local", "")
    assert "10.0.0.2\tweb-0.nodes.default.svc.cluster.local\tweb-0\n" in text
    assert text.endswith("\n# Entries added by HostAliases.\n192.0.2.7\tfoo.example\tbar.example\n")


def test_long_host_names_are_cut_and_long_full_names_refused() -> None:
    assert len(host_name(pod("a" * 70))) == 63
    p = pod("p", hostname="h", subdomain="s" * 45, setHostnameAsFQDN=True)
    with pytest.raises(HostNameError, match=r"is too long \(64 characters is the max, 73 characters requested\)"):
        sandbox_host_name(p, "cluster.local")


def test_the_resolver_follows_the_dns_policy() -> None:
    node = DNSConfig(("192.0.2.53",), ("example.test",), ())
    found = dns(pod("p"), node, ["10.96.0.10"], "cluster.local")
    assert found.servers == ("10.96.0.10",)
    assert found.searches == ("default.svc.cluster.local", "svc.cluster.local", "cluster.local", "example.test")
    assert found.options == ("ndots:5",)
    assert dns(pod("p", hostNetwork=True), node, ["10.96.0.10"], "cluster.local") == node
    config = {"nameservers": ["192.0.2.1"], "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}]}
    own = dns(pod("p", dnsPolicy="None", dnsConfig=config), node, ["10.96.0.10"], "cluster.local")
    assert own == DNSConfig(("192.0.2.1",), (), ("ndots:2", "edns0"))


def test_a_resolv_conf_is_read_as_the_resolver_reads_it() -> None:
    text = "# c\nnameserver 1.1.1.1\nsearch a.\nsearch b.example. c\noptions ndots:1 rotate\n"
    assert parse_resolv_conf(text) == (("1.1.1.1",), ("b.example", "c"), ("ndots:1", "rotate"))


def test_the_pull_policy_depends_on_the_tag() -> None:
    assert [default_policy(r) for r in ("a", "a:latest", "r:5000/a", "a:1", "a@sha256:00")] == [
        "Always", "Always", "Always", "IfNotPresent", "IfNotPresent",
    ]  # fmt: skip
    assert [duration(s) for s in (0.0854, 1.5, 10, 61, 300)] == ["85ms", "1.5s", "10s", "1m1s", "5m0s"]


LOG = b"".join(b"2026-01-01T00:00:0%d.5Z stdout F line %d\n" % (i, i) for i in range(5))


def test_logs_are_read_with_the_options_of_the_api() -> None:
    def read(**query: str) -> bytes:
        options = LogOptions.parse(query, 1_767_225_604.0)
        return b"".join(LogReader(options).take(tail(LOG, options.tail_lines).splitlines()))

    assert read(tailLines="2") == b"line 3\nline 4\n"
    assert read(limitBytes="9") == b"line 0\nli"
    assert read(sinceSeconds="2") == b"line 2\nline 3\nline 4\n"
    assert read(tailLines="1", timestamps="true") == b"2026-01-01T00:00:04.5Z line 4\n"
    assert read(stream="Stderr") == b""


def test_a_partial_line_joins_the_next() -> None:
    lines = [b"2026-01-01T00:00:00Z stdout P ab", b"2026-01-01T00:00:00Z stdout F cd"]
    assert b"".join(LogReader(LogOptions()).take(lines)) == b"abcd\n"
    assert log_tail(b"\n".join(lines)) == b"abcd\n"
