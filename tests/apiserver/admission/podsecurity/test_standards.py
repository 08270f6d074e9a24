"""Each check with a pod that it refuses and one that it takes.

Quotes: https://kubernetes.io/docs/concepts/security/pod-security-standards/.
"""

from typing import Any

import pytest

from pynetes.apiserver.admission.podsecurity.levels import BASELINE, PRIVILEGED, RESTRICTED, Level
from pynetes.apiserver.admission.podsecurity.standards import checks, details, reasons, violations

HARDENED = {
    "allowPrivilegeEscalation": False,
    "runAsNonRoot": True,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def container(name: str = "c", security: Any = None, **more: Any) -> Any:
    return {"name": name, **({"securityContext": security} if security else {}), **more}


def spec(*containers: Any, security: Any = None, **more: Any) -> Any:
    own = {"securityContext": security} if security else {}
    return {"containers": list(containers) or [container()], **own, **more}


def found(pod: Any, level: str = BASELINE, minor: int | None = None, **annotations: str) -> str:
    metadata = {"annotations": annotations} if annotations else {}
    return details(violations(Level(level, minor), metadata, pod))


BASELINE_CASES = [
    (
        spec(container("a", {"appArmorProfile": {"type": "Unconfined"}}), security={"appArmorProfile": {"type": "X"}}),
        'forbidden AppArmor profiles (pod and container "a" must not set AppArmor profile type to "Unconfined", "X")',
    ),
    (
        spec(container("a", {"capabilities": {"add": ["NET_ADMIN", "CHOWN"]}}), container("b")),
        'non-default capabilities (container "a" must not include "NET_ADMIN" in securityContext.capabilities.add)',
    ),
    (spec(hostNetwork=True, hostIPC=True), "host namespaces (hostNetwork=true, hostIPC=true)"),
    (spec(volumes=[{"name": "v", "hostPath": {}}, {"name": "w"}]), 'hostPath volumes (volume "v")'),
    (
        spec(container("a", ports=[{"hostPort": 80}, {"hostPort": 0}]), container("b", ports=[{"hostPort": 8080}])),
        'hostPort (containers "a", "b" use hostPorts 80, 8080)',
    ),
    (
        spec(
            container(
                "a", livenessProbe={"httpGet": {"host": "x"}}, lifecycle={"preStop": {"tcpSocket": {"host": "y"}}}
            )
        ),
        'probe or lifecycle host (container "a" uses probe or lifecycle hosts "x", "y")',
    ),
    (
        spec(container("a", {"privileged": True}), container("b", {"privileged": False})),
        'privileged (container "a" must not set securityContext.privileged=true)',
    ),
    (
        spec(container("a", {"procMount": "Unmasked"})),
        'procMount (container "a" must not set securityContext.procMount to "Unmasked")',
    ),
    (
        spec(
            container("a", {"seLinuxOptions": {"type": "t", "role": "r"}}), security={"seLinuxOptions": {"user": "u"}}
        ),
        'seLinuxOptions (pod and container "a" set forbidden securityContext.seLinuxOptions: '
        'type "t"; user may not be set; role may not be set)',
    ),
    (
        spec(security={"seccompProfile": {"type": "Unconfined"}}),
        'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
    (
        spec(security={"sysctls": [{"name": "kernel.msgmax"}, {"name": "net.ipv4.tcp_rmem"}]}),
        "forbidden sysctls (kernel.msgmax)",
    ),
    (
        spec(container("a", {"windowsOptions": {"hostProcess": True}})),
        'hostProcess (container "a" must not set securityContext.windowsOptions.hostProcess=true)',
    ),
]
RESTRICTED_CASES = [
    (
        spec(container("a", {**HARDENED, "allowPrivilegeEscalation": True})),
        'allowPrivilegeEscalation != false (container "a" must set securityContext.allowPrivilegeEscalation=false)',
    ),
    (
        spec(container("a", {**HARDENED, "capabilities": {"add": ["CHOWN", "NET_BIND_SERVICE"]}})),
        'unrestricted capabilities (container "a" must set securityContext.capabilities.drop=["ALL"]; '
        'container "a" must not include "CHOWN" in securityContext.capabilities.add)',
    ),
    (
        spec(
            container(security=HARDENED),
            volumes=[{"name": "v", "hostPath": {}}, {"name": "w", "nfs": {}}, {"name": "x"}],
        ),
        'restricted volume types (volumes "v", "w", "x" use restricted volume types "hostPath", "nfs", "unknown")',
    ),
    (
        spec(container("a", {**HARDENED, "runAsNonRoot": False}), security={"runAsNonRoot": False}),
        'runAsNonRoot != true (pod and container "a" must not set securityContext.runAsNonRoot=false)',
    ),
    (
        spec(container("a", {**HARDENED, "runAsUser": 0})),
        'runAsUser=0 (container "a" must not set runAsUser=0)',
    ),
    (
        spec(container("a", {**HARDENED, "seccompProfile": {"type": "Unconfined"}})),
        'seccompProfile (container "a" must not set securityContext.seccompProfile.type to "Unconfined")',
    ),
]


@pytest.mark.parametrize(("pod", "told"), BASELINE_CASES, ids=lambda value: str(value).partition(" (")[0][:40])
def test_baseline_refuses(pod: Any, told: str) -> None:
    assert found(pod) == told


@pytest.mark.parametrize(("pod", "told"), RESTRICTED_CASES, ids=lambda value: str(value).partition(" (")[0][:40])
def test_restricted_refuses(pod: Any, told: str) -> None:
    assert found(pod, RESTRICTED) == told
    assert found(pod, PRIVILEGED) == ""


def test_a_plain_pod_is_baseline_and_a_hardened_one_restricted() -> None:
    assert found(spec()) == ""
    volumes = [{"name": "a", "emptyDir": {}}, {"name": "b", "projected": {}}, {"name": "c", "image": {}}]
    hardened = spec(container(security={**HARDENED, "runAsUser": 1}), volumes=volumes)
    assert found(hardened, RESTRICTED) == ""


def test_what_the_pod_says_holds_for_containers_that_say_nothing() -> None:
    # "The container fields may be undefined/nil if the pod-level spec.securityContext.runAsNonRoot is set to true."
    own = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    pod = spec(container("a", own), container("b", own))
    assert found(pod, RESTRICTED) == (
        'runAsNonRoot != true (pod or containers "a", "b" must set securityContext.runAsNonRoot=true), '
        'seccompProfile (pod or containers "a", "b" must set securityContext.seccompProfile.type to "RuntimeDefault" '
        'or "Localhost")'
    )
    pod["securityContext"] = {"runAsNonRoot": True, "seccompProfile": {"type": "Localhost"}}
    assert found(pod, RESTRICTED) == ""


def test_init_and_ephemeral_containers_are_looked_at_first_and_last() -> None:
    bad = {"privileged": True}
    pod = spec(container("c", bad), initContainers=[container("i", bad)], ephemeralContainers=[container("e", bad)])
    assert '"i", "c", "e"' in found(pod)


def test_annotations_of_app_armor_count_beside_its_fields() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/"
    allowed = {f"{key}a": "runtime/default", f"{key}b": "localhost/x", f"{key}c": ""}
    assert found(spec(), **allowed) == ""
    assert found(spec(), **allowed, **{f"{key}d": "unconfined"}) == (
        f'forbidden AppArmor profile (annotation must not set AppArmor profile type to "{key}d="unconfined"")'
    )


def test_a_pod_in_a_user_namespace_may_be_root_there_since_1_35() -> None:
    root = {**HARDENED, "runAsUser": 0, "runAsNonRoot": False, "procMount": "Unmasked"}
    pod = spec(container("a", root), hostUsers=False)
    assert reasons(violations(Level(BASELINE, 35), {}, pod)) == ""
    assert reasons(violations(Level(BASELINE, 34), {}, pod)) == "procMount"
    assert reasons(violations(Level(RESTRICTED, 35), {}, pod)) == "procMount"
    assert reasons(violations(Level(RESTRICTED, 34), {}, pod)) == "procMount, runAsNonRoot != true, runAsUser=0"


def test_windows_pods_need_not_say_what_windows_does_not_know_since_1_25() -> None:
    pod = spec(container("a", {"runAsNonRoot": True}), os={"name": "windows"})
    assert found(pod, RESTRICTED, 25) == ""
    assert reasons(violations(Level(RESTRICTED, 24), {}, pod)) == (
        "allowPrivilegeEscalation != false, unrestricted capabilities, seccompProfile"
    )


@pytest.mark.parametrize(
    ("level", "minor", "pod", "before"),
    [
        (BASELINE, 34, spec(container(livenessProbe={"httpGet": {"host": "x"}})), False),
        (BASELINE, 31, spec(security={"seLinuxOptions": {"type": "container_engine_t"}}), True),
        (BASELINE, 19, spec(security={"seccompProfile": {"type": "Unconfined"}}), False),
        (BASELINE, 27, spec(security={"sysctls": [{"name": "net.ipv4.ip_local_reserved_ports"}]}), True),
        (BASELINE, 29, spec(security={"sysctls": [{"name": "net.ipv4.tcp_fin_timeout"}]}), True),
        (BASELINE, 32, spec(security={"sysctls": [{"name": "net.ipv4.tcp_wmem"}]}), True),
        (RESTRICTED, 8, spec(container(security={**HARDENED, "allowPrivilegeEscalation": True})), False),
        (RESTRICTED, 22, spec(container(security={**HARDENED, "capabilities": {}})), False),
        (RESTRICTED, 23, spec(container(security={**HARDENED, "runAsUser": 0})), False),
        (RESTRICTED, 19, spec(container(security={**HARDENED, "seccompProfile": None})), False),
    ],
)
def test_a_version_keeps_the_rules_that_it_had(level: str, minor: int, pod: Any, before: bool) -> None:
    """``before``: whether the versions before refuse the pod; the others do the contrary."""
    assert bool(found(pod, level, minor - 1)) is before
    assert bool(found(pod, level, minor)) is not before


def test_up_to_1_18_seccomp_is_that_of_the_annotations() -> None:
    pod_key = "seccomp.security.alpha.kubernetes.io/pod"
    key = "container.seccomp.security.alpha.kubernetes.io/c"
    annotations = {pod_key: "docker/default", key: "unconfined"}
    assert found(spec(), BASELINE, 18, **annotations) == f'seccompProfile (forbidden annotation {key}="unconfined")'
    assert found(spec(), BASELINE, 19, **annotations) == ""


def test_later_versions_have_the_latest_rules_and_restricted_replaces_the_weaker_twins() -> None:
    assert checks(Level(BASELINE)) == checks(Level(BASELINE, 99)) == checks(Level(BASELINE, 35))
    assert len(checks(Level(BASELINE))) == 12
    assert len(checks(Level(RESTRICTED))) == 12 + 7 - 4
    assert checks(Level(PRIVILEGED)) == ()
