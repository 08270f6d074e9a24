"""Quotes: https://kubernetes.io/docs/concepts/policy/resource-quotas/."""

from typing import Any

import pytest

from pynetes.kinds.quota.charges import LimitedResource, Refused, Uncovered, charge
from pynetes.kinds.quota.evaluators import evaluator
from pynetes.kinds.quota.types import Quota, Write, texts


def quota(name: str, hard: dict[str, str], used: dict[str, str] | None = None, **spec: Any) -> Quota:
    zero = dict.fromkeys(hard, "0")
    return Quota.of({"metadata": {"name": name}, "spec": spec, "status": {"hard": hard, "used": zero | (used or {})}})


def pod(cpu: str = "", **spec: Any) -> Any:
    container = {"name": "c", **({"resources": {"requests": {"cpu": cpu}}} if cpu else {})}
    return {"metadata": {"name": "p"}, "spec": {"containers": [container], **spec}}


def charged(quotas: list[Quota], obj: Any, old: Any = None, plural: str = "pods", sub: str = "", **more: Any) -> Any:
    found = evaluator("", plural)
    assert found is not None
    write = Write("CREATE" if old is None else "UPDATE", obj, old, sub)
    return [texts(q.used) for q in charge(quotas, write, found, 0.0, **more)]


def test_what_is_used_is_added_to_every_quota_that_limits_it() -> None:
    quotas = [quota("a", {"pods": "2"}), quota("b", {"requests.cpu": "1"}), quota("c", {"services": "1"})]
    assert charged(quotas, pod("600m")) == [{"pods": "1"}, {"requests.cpu": "600m"}, {"services": "0"}]


def test_a_write_beyond_a_limit_is_refused_with_what_is_exceeded_only() -> None:
    quotas = [quota("q", {"pods": "9", "requests.cpu": "1", "cpu": "1"}, {"requests.cpu": "600m", "cpu": "600m"})]
    with pytest.raises(Refused) as refused:
        charged(quotas, pod("500m"))
    assert str(refused.value) == (
        "exceeded quota: q, requested: cpu=500m,requests.cpu=500m, used: cpu=600m,requests.cpu=600m, "
        "limited: cpu=1,requests.cpu=1"
    )


def test_exactly_the_limit_fits() -> None:
    assert charged([quota("q", {"requests.cpu": "1"}, {"requests.cpu": "600m"})], pod("400m")) == [
        {"requests.cpu": "1"}
    ]


def test_a_quota_whose_usage_is_not_known_yet_refuses() -> None:
    unknown = Quota.of({"metadata": {"name": "q"}, "status": {"hard": {"pods": "2", "services": "1"}}})
    with pytest.raises(Refused, match=r"^status unknown for quota: q, resources: pods$"):
        charged([unknown], pod())
    # and one that nobody has looked at limits nothing
    new = Quota.of({"metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}})
    assert charged([new], pod()) == [{}]


def test_an_update_is_charged_by_what_it_adds() -> None:
    quotas = [quota("q", {"requests.cpu": "2"}, {"requests.cpu": "1"})]
    assert charged(quotas, pod("1500m"), pod("1"), sub="resize") == [{"requests.cpu": "1500m"}]
    # less is given back by the controller only
    assert charged(quotas, pod("500m"), pod("1"), sub="resize") == [{"requests.cpu": "1"}]


def test_an_object_that_comes_into_a_scope_is_charged_whole() -> None:
    quotas = [
        quota("short", {"pods": "1"}, scopes=["Terminating"]),
        quota("long", {"pods": "1"}, {"pods": "1"}, scopes=["NotTerminating"]),
    ]
    assert charged(quotas, pod(activeDeadlineSeconds=5), pod()) == [{"pods": "1"}, {"pods": "1"}]


def test_a_quota_of_another_scope_is_not_charged() -> None:
    expression = {"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}
    quotas = [quota("q", {"pods": "0"}, scopeSelector={"matchExpressions": [expression]})]
    assert charged(quotas, pod(priorityClassName="low")) == [{"pods": "0"}]
    with pytest.raises(Refused):
        charged(quotas, pod(priorityClassName="high"))


def test_a_status_is_charged_but_never_refused() -> None:
    spec = {"resources": {"requests": {"storage": "1Gi"}}}
    old = {"metadata": {}, "spec": spec}
    new = {**old, "status": {"allocatedResources": {"storage": "3Gi"}}}
    quotas = [quota("q", {"requests.storage": "2Gi"}, {"requests.storage": "1Gi"})]
    assert charged(quotas, new, old, "persistentvolumeclaims", "status") == [{"requests.storage": "3Gi"}]


def test_a_negative_request_is_refused() -> None:
    with pytest.raises(Refused, match=r"^quota usage is negative for resource\(s\): cpu,requests.cpu$"):
        charged([quota("q", {"requests.cpu": "1"})], pod("-1"))


def test_what_is_limited_by_default_needs_a_quota() -> None:
    # "Limit Priority Class consumption by default"
    limited = [LimitedResource("pods", match_contains=("requests.cpu",))]
    with pytest.raises(Refused, match=r"^insufficient quota to consume: requests.cpu$"):
        charged([], pod("1"), limited=limited)
    assert charged([quota("q", {"requests.cpu": "1"})], pod("1"), limited=limited) == [{"requests.cpu": "1"}]
    scope = {"scopeName": "PriorityClass", "operator": "In", "values": ["cluster-services"]}
    limited = [LimitedResource("pods", match_scopes=(scope,))]
    with pytest.raises(Uncovered) as uncovered:
        charged([], pod(priorityClassName="cluster-services"), limited=limited)
    assert str(uncovered.value) == ("insufficient quota to match these scopes: [{PriorityClass In [cluster-services]}]")
    assert charged([], pod(priorityClassName="other"), limited=limited) == []
