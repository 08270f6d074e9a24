"""Quotes: https://kubernetes.io/docs/concepts/policy/limit-range/."""

from typing import Any

from pynetes.apiserver.admission.limit_ranger import ANNOTATION, claim_faults, pod_faults, set_defaults
from tests.apiserver.writing import Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"
CLAIMS = "/api/v1/namespaces/n/persistentvolumeclaims"
RANGES = "/api/v1/namespaces/n/limitranges"


def container(name: str = "c", requests: Any = None, limits: Any = None, **more: Any) -> Any:
    resources = {side: amounts for side, amounts in (("requests", requests), ("limits", limits)) if amounts}
    return {"name": name, "image": "i", **({"resources": resources} if resources else {}), **more}


def pod(*containers: Any, **spec: Any) -> Any:
    return {"metadata": {"name": "p"}, "spec": {"containers": list(containers), **spec}}


def test_defaults_are_given_for_what_a_container_does_not_say() -> None:
    # "The LimitRange admission controller applies default request and limit values for all Pods (and their containers)
    # that do not set compute resource requirements."
    item = {"type": "Container", "default": {"cpu": "500m", "memory": "64Mi"}, "defaultRequest": {"cpu": "100m"}}
    asked = pod(container("a", limits={"cpu": "1"}), container("b"), initContainers=[container("i", {"cpu": "1m"})])
    set_defaults(asked, [item])
    a, b = (c["resources"] for c in asked["spec"]["containers"])
    assert a == {"requests": {"cpu": "100m"}, "limits": {"cpu": "1", "memory": "64Mi"}}
    assert b == {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m", "memory": "64Mi"}}
    assert asked["spec"]["initContainers"][0]["resources"]["requests"] == {"cpu": "1m"}
    assert asked["metadata"]["annotations"] == {
        ANNOTATION: "LimitRanger plugin set: cpu request for container a; memory limit for container a; "
        "cpu request for container b; cpu, memory limit for container b; cpu, memory limit for init container i"
    }


def test_a_pod_that_says_everything_is_left_alone() -> None:
    asked = pod(container(requests={"cpu": "1"}, limits={"cpu": "1"}))
    set_defaults(asked, [{"type": "Container", "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}])
    assert asked == pod(container(requests={"cpu": "1"}, limits={"cpu": "1"}))


def test_each_bound_is_told_in_upstreams_words() -> None:
    item = {
        "type": "Container",
        "min": {"cpu": "100m"},
        "max": {"cpu": "1"},
        "maxLimitRequestRatio": {"cpu": "2"},
    }
    assert list(pod_faults(pod(container(requests={"cpu": "50m"}, limits={"cpu": "2"})), [item])) == [
        "minimum cpu usage per Container is 100m, but request is 50m",
        "maximum cpu usage per Container is 1, but limit is 2",
        "cpu max limit to request ratio per Container is 2, but provided ratio is 40.000000",
    ]
    assert list(pod_faults(pod(container()), [item])) == [
        "minimum cpu usage per Container is 100m.  No request is specified",
        "maximum cpu usage per Container is 1.  No limit is specified",
        "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
    ]
    assert list(pod_faults(pod(container(requests={"cpu": "1"}, limits={"cpu": "50m"})), [item])) == [
        "minimum cpu usage per Container is 100m, but limit is 50m"
    ]
    assert not list(pod_faults(pod(container(requests={"cpu": "500m"}, limits={"cpu": "1"})), [item]))


def test_a_pod_is_bound_by_what_it_needs_at_any_time_and_by_its_own_level() -> None:
    item = {"type": "Pod", "max": {"memory": "100Mi"}}
    sixty = {"memory": "60Mi"}
    two = pod(container("a", sixty, sixty), container("b", sixty, sixty))
    assert list(pod_faults(two, [item])) == ["maximum memory usage per Pod is 100Mi, but limit is 120Mi"]
    # init containers run before the others: the larger of the two counts
    assert not list(
        pod_faults(pod(container("a", sixty, sixty), initContainers=[container("i", sixty, sixty)]), [item])
    )
    sidecar = container("s", sixty, sixty, restartPolicy="Always")
    assert list(pod_faults(pod(container("a", sixty, sixty), initContainers=[sidecar]), [item]))
    two["spec"]["resources"] = {"limits": {"memory": "90Mi"}, "requests": {"memory": "90Mi"}}
    assert not list(pod_faults(two, [item]))


def test_a_claim_is_bound_by_what_it_requests() -> None:
    item = {"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "2Gi"}}

    def faults(storage: str) -> list[str]:
        return list(claim_faults({"spec": {"resources": {"requests": {"storage": storage}}}}, [item]))

    assert faults("500Mi") == ["minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 500Mi"]
    assert faults("3Gi") == ["maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi"]
    assert not faults("2Gi")


def test_limit_ranges_concern_their_own_namespace() -> None:
    async def main(api: Writing) -> None:
        spec = {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}
        await api.make("/api/v1/namespaces", "other")
        await api.make("/api/v1/namespaces/other/limitranges", "l", spec=spec)
        big = [container(limits={"cpu": "2"})]
        await api.pod("free", containers=big)
        await api.make(RANGES, "l", spec=spec)
        code, refused = await api.ask("POST", PODS, pod(*big))
        message = 'pods "p" is forbidden: maximum cpu usage per Container is 1, but limit is 2'
        assert (code, refused["message"]) == (403, message)
        # the maximum is the default of a container that says nothing
        made = await api.pod("small")
        assert made["spec"]["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}

    run_writing(main)


def test_an_existing_pod_is_looked_at_again_only_when_it_is_resized() -> None:
    # "LimitRange validations occur only at Pod admission stage, not on running Pods."
    async def main(api: Writing) -> None:
        await api.pod("p", containers=[container(requests={"cpu": "2"}, limits={"cpu": "4"})])
        await api.make(RANGES, "l", spec={"limits": [{"type": "Container", "max": {"cpu": "3"}}]})
        label = {"metadata": {"labels": {"a": "b"}}}
        merge = "application/merge-patch+json"
        assert (await api.ask("PATCH", f"{PODS}/p", label, type=merge))[0] == 200

        def resized(cpu: str) -> Any:
            return {"spec": {"containers": [container(requests={"cpu": "1"}, limits={"cpu": cpu})]}}

        strategic = "application/strategic-merge-patch+json"
        code, refused = await api.ask("PATCH", f"{PODS}/p/resize", resized("5"), type=strategic)
        message = 'pods "p" is forbidden: maximum cpu usage per Container is 3, but limit is 5'
        assert (code, refused["message"]) == (403, message)
        assert (await api.ask("PATCH", f"{PODS}/p/resize", resized("3"), type=strategic))[0] == 200

    run_writing(main)


def test_a_claim_beyond_the_limits_is_refused() -> None:
    async def main(api: Writing) -> None:
        item = {"type": "PersistentVolumeClaim", "max": {"storage": "1Gi"}}
        await api.make(RANGES, "l", spec={"limits": [item]})
        spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "2Gi"}}}
        code, refused = await api.ask("POST", CLAIMS, {"metadata": {"name": "c"}, "spec": spec})
        assert (code, refused["message"]) == (
            403,
            'persistentvolumeclaims "c" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, '
            "but request is 2Gi",
        )

    run_writing(main)
