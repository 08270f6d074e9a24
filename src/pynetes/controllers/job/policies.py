"""What a Job's rules say of pods that failed and of indexes that succeeded.

Source: pkg/controller/job/{pod_failure_policy,success_policy}.go.
"""

from collections.abc import Iterable
from typing import NamedTuple

from pynetes.controllers.job.indexes import Indexes
from pynetes.meta.objects import Object, name_of, namespace_of


class Judgement(NamedTuple):
    """``message``: why the Job fails, if it does. ``counts``: towards the back-off limit. ``action``: of the rule."""

    message: str = ""
    counts: bool = True
    action: str = ""


def judge(job: Object, pod: Object) -> Judgement:
    """What the first matching rule of ``podFailurePolicy`` says of a failed pod."""
    for index, rule in enumerate((job["spec"].get("podFailurePolicy") or {}).get("rules") or ()):
        action = rule["action"]
        where = f"{namespace_of(pod)}/{name_of(pod)}"
        if rule.get("onExitCodes") is not None:
            container = _container_that_exited(pod, rule["onExitCodes"])
            if container is None:
                continue
            code = container["state"]["terminated"]["exitCode"]
            what = f"Container {container['name']} for pod {where} failed with exit code {code}"
        else:
            condition = _condition_that_matches(pod, rule.get("onPodConditions") or ())
            if condition is None:
                continue
            what = f"Pod {where} has condition {condition['type']}"
        if action == "FailJob":
            return Judgement(f"{what} matching {action} rule at index {index}", True, action)
        return Judgement("", action != "Ignore", action)
    return Judgement()


def _container_that_exited(pod: Object, wanted: Object) -> Object | None:
    status = pod.get("status") or {}
    name, values = wanted.get("containerName"), wanted.get("values") or ()
    for container in [*(status.get("containerStatuses") or ()), *(status.get("initContainerStatuses") or ())]:
        ended = (container.get("state") or {}).get("terminated")
        if ended is None or name not in (None, container["name"]) or not ended.get("exitCode"):
            continue
        if (ended["exitCode"] in values) == (wanted["operator"] == "In"):
            found: Object = container
            return found
    return None


def _condition_that_matches(pod: Object, patterns: Iterable[Object]) -> Object | None:
    wanted = {(pattern["type"], pattern.get("status", "True")) for pattern in patterns}
    conditions = (pod.get("status") or {}).get("conditions") or ()
    return next((c for c in conditions if (c["type"], c["status"]) in wanted), None)


def success_rule(job: Object, succeeded: Indexes) -> int | None:
    """The place of the first rule of ``successPolicy`` that is met."""
    if not succeeded:
        return None
    for place, rule in enumerate((job["spec"].get("successPolicy") or {}).get("rules") or ()):
        count = rule.get("succeededCount")
        if rule.get("succeededIndexes") is None:
            if count is not None and len(succeeded) >= count:
                return place
            continue
        wanted = Indexes.parse(rule["succeededIndexes"], job["spec"]["completions"])
        have = wanted.shared_with(succeeded)
        if wanted and (have == len(wanted) or (count is not None and have >= count)):
            return place
    return None
