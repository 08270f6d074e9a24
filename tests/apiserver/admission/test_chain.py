import asyncio

import pytest

from pynetes.apiserver.settings import Settings
from tests.apiserver.writing import Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"


def test_a_pod_gets_account_token_tolerations_and_priority() -> None:
    async def main(api: Writing) -> None:
        spec = (await api.pod("p"))["spec"]
        assert spec["serviceAccountName"] == "default"
        assert (spec["priority"], spec["preemptionPolicy"]) == (0, "PreemptLowerPriority")
        assert [t["key"] for t in spec["tolerations"]] == [
            "node.kubernetes.io/not-ready",
            "node.kubernetes.io/unreachable",
        ]
        (volume,) = spec["volumes"]
        assert [next(iter(source)) for source in volume["projected"]["sources"]] == [
            "serviceAccountToken",
            "configMap",
            "downwardAPI",
        ]
        (mount,) = spec["containers"][0]["volumeMounts"]
        assert mount == {
            "name": volume["name"],
            "readOnly": True,
            "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount",
        }

    run_writing(main)


def test_a_pod_without_an_account_is_refused() -> None:
    async def main(api: Writing) -> None:
        spec = {"serviceAccountName": "none", "containers": [{"name": "c", "image": "i"}]}
        _, refused = await api.ask("POST", PODS, {"metadata": {"name": "p"}, "spec": spec})
        assert refused["message"] == (
            'pods "p" is forbidden: error looking up service account n/none: serviceaccount "none" not found'
        )

    run_writing(main)


def test_a_pod_waits_for_the_account_that_a_controller_makes_for_a_new_namespace() -> None:
    async def main(api: Writing) -> None:
        await api.make("/api/v1/namespaces", "new")
        began = api.clock.monotonic()
        api.clock.call_later(
            0.45, lambda: asyncio.ensure_future(api.make("/api/v1/namespaces/new/serviceaccounts", "default"))
        )
        body = {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
        assert (await api.ask("POST", "/api/v1/namespaces/new/pods", body))[0] == 201
        # one pause is drawn for all attempts: the pod goes on with the first one after the account
        assert 0.45 <= api.clock.monotonic() - began < 0.65

    run_writing(main)


def test_a_pod_waits_ten_attempts_and_no_longer_and_for_no_other_account() -> None:
    async def main(api: Writing) -> None:
        await api.make("/api/v1/namespaces", "new")
        for name, shortest, longest in (("", 0.9, 1.8), ("other", 0.0, 0.0)):
            began = api.clock.monotonic()
            spec = {"serviceAccountName": name, "containers": [{"name": "c", "image": "i"}]}
            body = {"metadata": {"name": "p"}, "spec": spec}
            code, refused = await api.ask("POST", "/api/v1/namespaces/new/pods", body)
            assert code == 403
            assert refused["message"].endswith(f'serviceaccount "{name or "default"}" not found')
            assert shortest <= api.clock.monotonic() - began <= longest

    run_writing(main)


def test_a_priority_comes_from_its_class_only() -> None:
    async def main(api: Writing) -> None:
        classes = "/apis/scheduling.k8s.io/v1/priorityclasses"
        await api.make(classes, "high", value=7, preemptionPolicy="Never")
        spec = (await api.pod("p", priorityClassName="high"))["spec"]
        assert (spec["priority"], spec["preemptionPolicy"]) == (7, "Never")
        await api.make(classes, "usual", value=3, globalDefault=True)
        assert (await api.pod("q"))["spec"]["priorityClassName"] == "usual"
        body = {"metadata": {"name": "r"}, "spec": {"priority": 9, "containers": [{"name": "c", "image": "i"}]}}
        assert (await api.ask("POST", PODS, body))[0] == 403

    run_writing(main)


def test_a_new_node_is_not_ready_and_a_pod_on_a_node_takes_its_zone() -> None:
    async def main(api: Writing) -> None:
        zone = {"topology.kubernetes.io/zone": "z", "other": "x"}
        node = await api.make("/api/v1/nodes", "one", metadata={"labels": zone})
        assert node["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]
        await api.pod("p")
        await api.ask("POST", f"{PODS}/p/binding", {"metadata": {"name": "p"}, "target": {"name": "one"}})
        _, pod = await api.ask("GET", f"{PODS}/p")
        assert pod["metadata"]["labels"] == {"topology.kubernetes.io/zone": "z"}

    run_writing(main)


def test_a_kubelet_changes_its_own_node_only() -> None:
    async def main(api: Writing) -> None:
        kubelet = {"user": "system:node:one", "groups": ("system:nodes",)}
        body = {"metadata": {"name": "two"}}
        code, refused = await api.ask("POST", "/api/v1/nodes", body, **kubelet)  # type: ignore[arg-type]
        assert (code, refused["message"]) == (
            403,
            'nodes "two" is forbidden: node "one" is not allowed to modify node "two"',
        )
        body = {"metadata": {"name": "one"}}
        assert (await api.ask("POST", "/api/v1/nodes", body, **kubelet))[0] == 201  # type: ignore[arg-type]

    run_writing(main)


def test_a_plug_in_can_be_turned_off() -> None:
    async def main(api: Writing) -> None:
        assert "tolerations" not in (await api.pod("p"))["spec"]

    run_writing(main, Settings(disable_admission=("DefaultTolerationSeconds",)))


def test_a_plug_in_that_there_is_not_cannot_be_turned_on_or_off() -> None:
    for settings in (Settings(enable_admission=("Nonsense",)), Settings(disable_admission=("Nonsense",))):
        with pytest.raises(ValueError, match="unknown admission plug-ins: Nonsense"):
            run_writing(lambda api: api.pod("p"), settings)
