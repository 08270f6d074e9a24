"""What a node does not take, in the kubelet's words; and what has to go for a critical pod."""

from collections.abc import Iterable

import pytest

from pynetes.kubelet.admission import Ground, Shortfall, Taken, refusal
from pynetes.kubelet.preemption import NoRoom, victims
from pynetes.meta.objects import Object
from tests.kubelet.api import container, pod
from tests.kubelet.test_kubelet import Node, run


def node(**spec: object) -> Object:
    allocatable = {"cpu": "2", "memory": "1Gi", "pods": "10", "example.com/known": "1"}
    return {"metadata": {"name": "n1", "labels": {"zone": "a"}}, "spec": spec, "status": {"allocatable": allocatable}}


def asking(name: str = "p", priority: int = 0, **requests: str) -> Object:
    amounts = {key.replace("_", "."): value for key, value in requests.items()}
    return pod(name, container("c", resources={"requests": amounts}), priority=priority)


def told(subject: Object, *others: Object, **ground: object) -> tuple[str, str] | list[Shortfall] | None:
    taken = Taken()
    for other in others:
        taken.add(other)
    return refusal(subject, Ground(node(), taken, **ground))  # type: ignore[arg-type]


def test_what_the_node_lacks_is_told_in_numbers_the_pods_first() -> None:
    assert told(asking(cpu="3", memory="2Gi")) == (
        "OutOfcpu",
        "Node didn't have enough resource: cpu, requested: 3000, used: 0, capacity: 2000",
    )
    crowd = [asking(f"o{n}") for n in range(10)]
    assert told(asking(cpu="3"), *crowd) == (
        "OutOfpods",
        "Node didn't have enough resource: pods, requested: 1, used: 10, capacity: 10",
    )


def test_an_extended_resource_that_the_node_does_not_know_is_the_clusters_business() -> None:
    """tasks/administer-cluster/extended-resource-node: cluster-level extended resources are managed by extenders."""
    assert told(pod("p", container("c", resources={"requests": {"example.com/other": "7"}}))) is None
    refused = told(pod("p", container("c", resources={"requests": {"example.com/known": "2"}})))
    assert isinstance(refused, tuple)
    assert refused[0] == "OutOfexample.com/known"


def test_resources_are_told_before_predicates_and_these_in_their_order() -> None:
    both = asking(cpu="3")
    both["spec"]["nodeSelector"] = {"zone": "b"}
    refused = told(both)
    assert isinstance(refused, tuple)
    assert refused[0] == "OutOfcpu"
    elsewhere = pod("p", nodeSelector={"zone": "b"})
    assert told(elsewhere) == ("NodeAffinity", "Predicate NodeAffinity failed: node(s) didn't match Pod's node "
                               "affinity/selector")  # fmt: skip


def test_a_taint_that_came_since_is_seen_but_not_for_static_pods() -> None:
    taint = {"key": "k", "effect": "NoExecute"}
    ground = Ground(node(taints=[taint, {"key": "x", "effect": "NoSchedule"}]), Taken())
    assert refusal(pod("p"), ground) == (
        "TaintToleration",
        "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate",
    )
    assert refusal(pod("p", tolerations=[{"key": "k", "operator": "Exists"}]), ground) is None
    assert refusal(pod("p", annotations={"kubernetes.io/config.source": "file"}), ground) is None


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"sysctls": [("kernel.msgmax", "1")]}, 'forbidden sysctl: "kernel.msgmax" not allowlisted'),
        ({"sysctls": [("net/ipv4/tcp_syncookies", "1")]}, None),
        (
            {"sysctls": [("net.ipv4.tcp_syncookies", "1")], "hostNetwork": True},
            'forbidden sysctl: "net.ipv4.tcp_syncookies" not allowed with host Net enabled',
        ),
        (
            {"sysctls": [("kernel.shm_rmid_forced", "1")], "hostIPC": True},
            'forbidden sysctl: "kernel.shm_rmid_forced" not allowed with host IPC enabled',
        ),
    ],
)
def test_only_safe_sysctls_of_the_pods_own_namespaces_are_taken(spec: Object, message: str | None) -> None:
    """tasks/administer-cluster/sysctl-cluster, "Safe and Unsafe Sysctls"."""
    sysctls = [{"name": name, "value": value} for name, value in spec.pop("sysctls")]
    subject = pod("p", securityContext={"sysctls": sysctls}, **spec)
    assert told(subject) == (("SysctlForbidden", message) if message else None)


def test_an_administrator_may_allow_more_sysctls() -> None:
    subject = pod("p", securityContext={"sysctls": [{"name": "net.core.somaxconn", "value": "1"}]})
    assert told(subject, unsafe_sysctls=("net.core.*",)) is None


def test_profiles_are_refused_where_they_would_not_be_enforced() -> None:
    profiled = pod("p", container("c", securityContext={"appArmorProfile": {"type": "RuntimeDefault"}}))
    assert told(profiled) == ("AppArmor", "Cannot enforce AppArmor: AppArmor is not enabled on the host")
    assert told(pod("p", securityContext={"appArmorProfile": {"type": "Unconfined"}})) is None
    enforced = told(profiled, apparmor=True)
    assert enforced == (
        "UnsupportedField",
        "Pynetes does not support the field spec.containers[0].securityContext.appArmorProfile yet",
    )
    labelled = pod("p", securityContext={"seLinuxOptions": {"level": "s0:c1"}})
    assert told(labelled) is None, "a kernel without SELinux has nothing to label"
    assert told(labelled, selinux=True) is not None


@pytest.mark.parametrize(
    ("labels", "os", "reason"),
    [
        ({"kubernetes.io/os": "windows"}, None, "PodOSSelectorNodeLabelDoesNotMatch"),
        ({"kubernetes.io/os": "linux"}, None, None),
        ({}, "windows", "PodOSNotSupported"),
        ({}, "linux", None),
    ],
)
def test_a_pod_for_another_system_is_refused(labels: Object, os: str | None, reason: str | None) -> None:
    subject = pod("p", **({"os": {"name": os}} if os else {}))
    subject["metadata"]["labels"] = labels
    refused = told(subject)
    assert (refused[0] if isinstance(refused, tuple) else refused) == reason


def test_a_critical_pod_is_not_refused_for_resources_but_for_anything_else() -> None:
    critical = asking(priority=2_000_000_000, cpu="3")
    assert told(critical) == [Shortfall("cpu", 3000, 0, 2000)]
    critical["spec"]["nodeSelector"] = {"zone": "b"}
    refused = told(critical)
    assert isinstance(refused, tuple)
    assert refused[0] == "NodeAffinity"


def names(chosen: Iterable[Object]) -> list[str]:
    return [p["metadata"]["name"] for p in chosen]


def test_those_who_go_are_as_few_and_as_near_as_can_be() -> None:
    others = [asking("small", cpu="200m"), asking("fits", cpu="500m"), asking("large", cpu="1500m")]
    need = [Shortfall("cpu", 500, 2000, 2000)]
    assert names(victims(asking("c", 2_000_000_000), others, need)) == ["fits"]
    assert names(victims(asking("c", 2_000_000_000), others, [Shortfall("cpu", 1600, 2000, 2000)])) == [
        "large", "small",
    ]  # fmt: skip


def test_the_less_protected_classes_go_first_and_critical_pods_never() -> None:
    guaranteed, burstable = asking("g", cpu="1"), asking("b", cpu="1")
    guaranteed["status"]["qosClass"] = "Guaranteed"
    critical = asking("other", 2_000_000_001, cpu="1")
    others = [guaranteed, burstable, critical]
    assert names(victims(asking("c", 2_000_000_000), others, [Shortfall("cpu", 1000, 2000, 2000)])) == ["b"]
    with pytest.raises(NoRoom, match=r"no set of running pods found to reclaim resources: \[\(res: cpu, q: 1000\), \]"):
        victims(asking("c", 2_000_000_000), others, [Shortfall("cpu", 3000, 2000, 2000)])


def test_a_critical_pod_waits_until_its_victim_is_gone() -> None:
    async def body(node: Node) -> None:
        node.api.put("pods", pod("p", container("c", resources={"requests": {"cpu": "1"}})))
        await node.api.until(lambda: node.pod("p")["status"]["phase"] == "Running")
        wanted = {"cpu": node.api.get("nodes", "n1", "")["status"]["allocatable"]["cpu"]}
        critical = pod("q", container("c", resources={"requests": wanted}), priority=2_000_000_000)
        node.api.put("pods", critical)
        await node.api.until(lambda: node.pod("q")["status"]["phase"] == "Running")
        assert node.pod("p")["status"]["phase"] in ("Succeeded", "Failed")

    node_ = run(body)
    disrupted = [c for c in node_.pod("p")["status"]["conditions"] if c["type"] == "DisruptionTarget"]
    assert [(c["status"], c["reason"]) for c in disrupted] == [("True", "TerminationByKubelet")]
    assert ("Preempting", "Preempted in order to admit critical pod", 1) in node_.events()
