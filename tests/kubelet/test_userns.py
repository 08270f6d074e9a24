"""User namespaces and read-only mounts: which ids a pod gets, and what a runtime that cannot has to answer."""

import pytest

from pynetes.kubelet.container import recursive_read_only
from pynetes.kubelet.environment import ConfigError
from pynetes.kubelet.observed import PodRuntime
from pynetes.kubelet.userns import IDS_PER_POD, UserNamespaceError, UserRanges
from pynetes.meta.objects import Object
from pynetes.runtime.types import Features, IDRange, LinuxSandbox, Sandbox, SandboxConfig, SandboxState
from tests.kubelet.api import container, pod

CAN = Features(user_namespaces=True)


def namespaced(name: str) -> Object:
    made = pod(name, container("c"))
    made["spec"]["hostUsers"] = False
    made["metadata"]["uid"] = name
    return made


def test_pods_get_ranges_that_do_not_overlap_and_give_them_back() -> None:
    """concepts/workloads/pods/user-namespaces: "no two pods on the same node use the same mapping"."""
    ranges = UserRanges(IDS_PER_POD, 2)
    first, second = (ranges.of(namespaced(n), CAN, "") for n in ("a", "b"))
    assert first == IDRange(65536, 65536)
    assert second == IDRange(131072, 65536)
    assert ranges.of(namespaced("a"), CAN, "") == first, "a pod that is asked again keeps its range"
    with pytest.raises(UserNamespaceError, match="could not find an empty slot"):
        ranges.of(namespaced("c"), CAN, "")
    ranges.release("a")
    assert ranges.of(namespaced("c"), CAN, "") == first


def test_a_pod_among_the_hosts_users_has_no_range() -> None:
    assert UserRanges(IDS_PER_POD, 1).of(pod("p", container("c")), CAN, "") is None


def test_the_range_of_a_sandbox_that_runs_on_is_taken() -> None:
    linux = LinuxSandbox(users=IDRange(65536, 65536))
    sandbox = Sandbox("s", SandboxConfig("old", "default", "old", linux=linux), SandboxState.READY, 1)
    ranges = UserRanges(IDS_PER_POD, 2)
    ranges.recover(PodRuntime.of("old", [sandbox], []))
    assert ranges.of(namespaced("new"), CAN, "") == IDRange(131072, 65536)


@pytest.mark.parametrize(("handler", "who"), [("", "runtime"), ("x", 'RuntimeClass handler "x"')])
def test_a_runtime_without_user_namespaces_is_named(handler: str, who: str) -> None:
    with pytest.raises(UserNamespaceError) as caught:
        UserRanges(IDS_PER_POD, 1).of(namespaced("p"), Features(), handler)
    assert str(caught.value) == f"can't set `spec.hostUsers: false`, {who} does not support user namespaces"


def test_recursive_read_only_mounts_are_made_where_the_runtime_can() -> None:
    """concepts/storage/volumes, "Recursive read-only mounts": IfPossible is not recursive where it cannot be."""

    def asked(mode: str, *, supported: bool, **more: object) -> bool:
        return recursive_read_only({"name": "v", "readOnly": True, "recursiveReadOnly": mode, **more}, supported)

    assert [asked(m, supported=True) for m in ("Disabled", "IfPossible", "Enabled")] == [False, True, True]
    assert asked("IfPossible", supported=False) is False
    with pytest.raises(ConfigError, match='volume "v" requested recursive read-only mode, but it is not supported by'):
        asked("Enabled", supported=False)
    with pytest.raises(ConfigError, match="but it is not read-only"):
        asked("Enabled", supported=True, readOnly=False)
    with pytest.raises(ConfigError, match='but it is not compatible with propagation "Bidirectional"'):
        asked("Enabled", supported=True, mountPropagation="Bidirectional")
