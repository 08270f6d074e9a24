"""The plan of one pod: pure decisions over what the runtime shows."""

from pynetes.kubelet.container import sandbox_config
from pynetes.kubelet.observed import CONTAINER_HASH, PodRuntime
from pynetes.kubelet.plan import container_hash, plan
from pynetes.kubelet.settings import Settings
from pynetes.meta.objects import Object
from pynetes.runtime.types import Container, ContainerConfig, ContainerState, DNSConfig, Sandbox, SandboxState
from tests.kubelet.api import container, pod

RUNNING, EXITED = ContainerState.RUNNING, ContainerState.EXITED


class Verdicts:
    def __init__(self, liveness: bool | None = None, startup: bool | None = None) -> None:
        self._liveness, self._startup = liveness, startup

    def liveness(self, container_id: str) -> bool | None:
        return self._liveness

    def startup(self, container_id: str) -> bool | None:
        return self._startup


SILENT = Verdicts()


def runtime(p: Object, *containers: Container, ready: bool = True) -> PodRuntime:
    config = sandbox_config(p, 0, Settings("n1"), DNSConfig(), "")
    state = SandboxState.READY if ready else SandboxState.NOT_READY
    return PodRuntime.of(p["metadata"]["uid"], [Sandbox("s", config, state, 1, ("10.0.0.2",))], containers)


def made(spec: Object, state: ContainerState, code: int = 0, attempt: int = 0) -> Container:
    config = ContainerConfig(spec["name"], attempt, spec["image"], annotations={CONTAINER_HASH: container_hash(spec)})
    return Container(f"{spec['name']}-{attempt}", "s", config, state, attempt + 1, 1, 2 if state is EXITED else 0, code)


A, B = container("a"), container("b")


def test_a_new_pod_gets_a_sandbox_and_all_its_containers() -> None:
    actions = plan(pod("p", A, B), PodRuntime("uid-p"), SILENT, {})
    assert (actions.create_sandbox, actions.attempt, actions.start) == (True, 0, ["a", "b"])


def test_a_pod_that_runs_needs_nothing() -> None:
    p = pod("p", A, B)
    assert plan(p, runtime(p, made(A, RUNNING), made(B, RUNNING)), SILENT, {}).nothing


def test_init_containers_come_one_after_another_and_before_the_others() -> None:
    i, j = container("i"), container("j")
    p = pod("p", A, initContainers=[i, j], restartPolicy="OnFailure")
    assert plan(p, PodRuntime("uid-p"), SILENT, {}).start_init == ["i"]
    assert plan(p, runtime(p, made(i, RUNNING)), SILENT, {}).nothing
    assert plan(p, runtime(p, made(i, EXITED)), SILENT, {}).start_init == ["j"]
    assert plan(p, runtime(p, made(i, EXITED), made(j, EXITED, 1)), SILENT, {}).start_init == ["j"]
    assert plan(p, runtime(p, made(i, EXITED), made(j, EXITED)), SILENT, {}).start == ["a"]


def test_a_failed_init_container_ends_the_pod_under_never() -> None:
    i = container("i")
    p = pod("p", A, initContainers=[i], restartPolicy="Never")
    actions = plan(p, runtime(p, made(i, EXITED, 3)), SILENT, {})
    assert actions.kill_pod and not actions.start and not actions.start_init


def test_a_sidecar_lets_the_next_start_once_its_startup_probe_has_passed() -> None:
    side = container("side", restartPolicy="Always", startupProbe={"exec": {"command": ["true"]}})
    p = pod("p", A, initContainers=[side])
    seen = runtime(p, made(side, RUNNING))
    assert plan(p, seen, Verdicts(startup=None), {}).nothing
    assert plan(p, seen, Verdicts(startup=True), {}).start == ["a"]
    assert plan(p, seen, Verdicts(startup=False), {}).start_init == ["side"]


def test_sidecars_are_stopped_when_the_work_is_done() -> None:
    side = container("side", restartPolicy="Always")
    p = pod("p", A, initContainers=[side], restartPolicy="Never")
    assert plan(p, runtime(p, made(side, RUNNING), made(A, EXITED)), SILENT, {}).kill_pod


def test_a_failed_liveness_probe_kills_and_restarts_as_the_policy_says() -> None:
    p = pod("p", A)
    actions = plan(p, runtime(p, made(A, RUNNING)), Verdicts(liveness=False), {})
    assert [k.message for k in actions.kill] == ["Container a failed liveness probe, will be restarted"]
    assert actions.start == ["a"]
    never = pod("p", A, restartPolicy="Never")
    assert plan(never, runtime(never, made(A, RUNNING)), Verdicts(liveness=False), {}).kill_pod


def test_another_image_restarts_the_container_under_every_policy() -> None:
    p = pod("p", container("a", "busybox:2"), restartPolicy="Never")
    actions = plan(p, runtime(p, made(A, RUNNING)), SILENT, {})
    assert [k.message for k in actions.kill] == ["Container a definition changed, will be restarted"]
    assert actions.start == ["a"]


def test_restart_rules_come_before_the_policy() -> None:
    rule = [{"action": "Restart", "exitCodes": {"operator": "In", "values": [42]}}]
    ruled = container("a", restartPolicy="Never", restartPolicyRules=rule)
    p = pod("p", ruled, restartPolicy="Never")
    assert plan(p, runtime(p, made(ruled, EXITED, 42)), SILENT, {}).start == ["a"]
    assert plan(p, runtime(p, made(ruled, EXITED, 41)), SILENT, {}).start == []


def test_a_dead_sandbox_is_made_anew_unless_the_pod_is_done() -> None:
    p = pod("p", A)
    actions = plan(p, runtime(p, made(A, EXITED), ready=False), SILENT, {})
    assert (actions.create_sandbox, actions.attempt, actions.start) == (True, 1, ["a"])
    never = pod("p", A, restartPolicy="Never")
    assert not plan(never, runtime(never, made(A, EXITED), ready=False), SILENT, {}).create_sandbox


def test_a_deleted_pod_starts_nothing() -> None:
    p = pod("p", A)
    p["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert plan(p, runtime(p, made(A, EXITED, 1)), SILENT, {}).start == []
