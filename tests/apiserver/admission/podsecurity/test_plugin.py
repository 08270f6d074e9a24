"""Quotes: https://kubernetes.io/docs/concepts/security/pod-security-admission/."""

from typing import Any

import pytest

from pynetes.apiserver.admission.podsecurity.plugin import by_importance, is_significant
from pynetes.apiserver.settings import PodSecurity, Settings
from tests.apiserver.writing import MERGE, STRATEGIC, Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"
BAD = {"containers": [{"name": "c", "image": "i", "securityContext": {"privileged": True}}]}
DETAIL = 'privileged (container "c" must not set securityContext.privileged=true)'


async def label(api: Writing, name: str = "n", **labels: str) -> tuple[int, Any]:
    named = {f"pod-security.kubernetes.io/{k.replace('_', '-')}": v for k, v in labels.items()}
    return await api.ask("PATCH", f"/api/v1/namespaces/{name}", {"metadata": {"labels": named}}, type=MERGE)


def pod(name: str, **spec: Any) -> Any:
    return {"metadata": {"name": name}, "spec": {**BAD, **spec}}


def test_enforce_refuses_pods_and_lets_their_templates_pass() -> None:
    # "enforce: Policy violations will cause the pod to be rejected." ... "Note that enforce is not applied to workload
    # resources, only to the resulting pod objects"
    async def main(api: Writing) -> None:
        await label(api, enforce="baseline", enforce_version="v1.30", warn="privileged")
        code, refused = await api.ask("POST", PODS, pod("p"))
        assert (code, refused["message"]) == (
            403,
            f'pods "p" is forbidden: violates PodSecurity "baseline:v1.30": {DETAIL}',
        )
        assert (await api.ask("POST", "/apis/apps/v1/namespaces/n/deployments", deployment()))[0] == 201
        assert api.warnings == []
        await api.pod("good")

    run_writing(main)


def deployment() -> Any:
    template = {"metadata": {"labels": {"a": "b"}}, "spec": BAD}
    return {"metadata": {"name": "d"}, "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template}}


@pytest.mark.parametrize(
    ("path", "spec"),
    [
        ("/api/v1/namespaces/n/pods", BAD),
        ("/apis/apps/v1/namespaces/n/deployments", deployment()["spec"]),
        ("/apis/apps/v1/namespaces/n/daemonsets", deployment()["spec"]),
        ("/apis/apps/v1/namespaces/n/replicasets", deployment()["spec"]),
        ("/apis/apps/v1/namespaces/n/statefulsets", {**deployment()["spec"], "serviceName": "s"}),
        ("/api/v1/namespaces/n/replicationcontrollers", {**deployment()["spec"], "selector": {"a": "b"}}),
        ("/apis/batch/v1/namespaces/n/jobs", {"template": {"spec": {**BAD, "restartPolicy": "Never"}}}),
        (
            "/apis/batch/v1/namespaces/n/cronjobs",
            {
                "schedule": "* * * * *",
                "jobTemplate": {"spec": {"template": {"spec": {**BAD, "restartPolicy": "Never"}}}},
            },
        ),
    ],
)
def test_warn_tells_of_pods_and_of_every_template_of_pods(path: str, spec: Any) -> None:
    async def main(api: Writing) -> None:
        await label(api, warn="baseline")
        code, made = await api.ask("POST", path, {"metadata": {"name": "x"}, "spec": spec})
        assert code == 201, made
        told = f'would violate PodSecurity "baseline:latest": {DETAIL}'.replace('"', '\\"')
        assert api.warnings == [f'299 - "{told}"']

    run_writing(main)


def test_of_updates_only_new_images_and_containers_are_looked_at() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p", **BAD)
        await label(api, enforce="baseline")
        assert (await api.ask("PATCH", f"{PODS}/p", {"metadata": {"labels": {"a": "b"}}}, type=MERGE))[0] == 200
        image = {"spec": {"containers": [{"name": "c", "image": "other"}]}}
        assert (await api.ask("PATCH", f"{PODS}/p", image, type=STRATEGIC))[0] == 403
        debug = {"spec": {"ephemeralContainers": [{"name": "e", "image": "i"}]}}
        assert (await api.ask("PATCH", f"{PODS}/p/ephemeralcontainers", debug, type=STRATEGIC))[0] == 403

    run_writing(main)


def test_what_is_significant() -> None:
    old = {"spec": {"containers": [{"name": "c", "image": "i"}], "ephemeralContainers": [{"name": "e", "image": "i"}]}}
    assert not is_significant(old, old)
    assert is_significant({"spec": {**old["spec"], "containers": [{"name": "c", "image": "j"}]}}, old)
    assert is_significant({"spec": {**old["spec"], "initContainers": [{"name": "i"}]}}, old)
    assert is_significant({"spec": {**old["spec"], "ephemeralContainers": [{"name": "f", "image": "i"}]}}, old)


def test_labels_that_are_no_levels_are_refused_when_they_change() -> None:
    async def main(api: Writing) -> None:
        code, refused = await label(api, enforce="soft")
        assert code == 422
        assert refused["message"] == (
            'Namespace "n" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "soft": '
            "must be one of privileged, baseline, restricted"
        )
        bad = {"metadata": {"name": "m", "labels": {"pod-security.kubernetes.io/warn-version": "9"}}}
        assert (await api.ask("POST", "/api/v1/namespaces", bad))[0] == 422

    run_writing(main)


def test_a_stricter_level_warns_of_the_pods_that_are_there() -> None:
    # "when an enforce policy (or version) label is added or changed, the admission plugin will test each pod in the
    # namespace against the new policy. Violations are returned to the user as warnings."
    async def main(api: Writing) -> None:
        owner = {"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u", "controller": True}
        for name in ("b", "a", "c"):
            await api.make(PODS, name, metadata={"ownerReferences": [owner]}, spec=BAD)
        await api.pod("h", hostNetwork=True)
        await label(api, enforce="baseline")
        assert api.warnings == [
            '299 - "existing pods in namespace \\"n\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
            '299 - "a (and 2 other pods): privileged"',
            '299 - "h: host namespaces"',
        ]
        await label(api, warn="restricted")
        assert api.warnings == []
        await label(api, enforce="privileged")
        assert api.warnings == []

    run_writing(main)


def test_one_pod_of_each_controller_comes_first() -> None:
    def owned(name: str, uid: str = "", **spec: Any) -> Any:
        owners = [{"uid": uid, "controller": True}] if uid else []
        return {"metadata": {"name": name, "ownerReferences": owners}, "spec": spec}

    pods = [owned("a", "1"), owned("b", "1"), owned("c"), owned("d", "2"), owned("e", runtimeClassName="vm")]
    assert [p["metadata"]["name"] for p in by_importance(pods, ("vm",))] == ["a", "c", "d", "b"]


EXEMPT = PodSecurity(
    enforce="baseline",
    exempt_namespaces=("free",),
    exempt_usernames=("root",),
    exempt_runtime_classes=("vm",),
)


def test_who_is_exempt_is_not_looked_at() -> None:
    # "Usernames: requests from users with an exempt authenticated (or impersonated) username are ignored."
    async def main(api: Writing) -> None:
        assert (await api.ask("POST", PODS, pod("p")))[0] == 403
        assert (await api.ask("POST", PODS, pod("p"), user="root", groups=("system:masters",)))[0] == 201
        await api.make("/apis/node.k8s.io/v1/runtimeclasses", "vm", handler="vm")
        assert (await api.ask("POST", PODS, pod("q", runtimeClassName="vm")))[0] == 201
        await api.make("/api/v1/namespaces", "free")
        await api.make("/api/v1/namespaces/free/serviceaccounts", "default")
        assert (await api.ask("POST", "/api/v1/namespaces/free/pods", pod("p")))[0] == 201
        await label(api, "free", enforce="restricted")
        assert api.warnings == [
            '299 - "namespace \\"free\\" is exempt from Pod Security, and the policy (enforce=restricted:latest) '
            'will be ignored"'
        ]

    run_writing(main, Settings(pod_security=EXEMPT))


def test_settings_that_name_no_level_are_a_fault_at_once() -> None:
    with pytest.raises(ValueError, match="must be one of privileged, baseline, restricted"):
        run_writing(lambda api: api.pod("p"), Settings(pod_security=PodSecurity(enforce="soft")))
