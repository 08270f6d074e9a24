"""A Job's pods: how they are made, which index they work on, whether they failed, which of them go first.

Source: pkg/controller/job/{job_controller,indexed_job_utils}.go.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from pynetes.client.kinds import JOBS, PODS
from pynetes.controllers import podstate
from pynetes.controllers.actions import Patch
from pynetes.controllers.job.policies import judge
from pynetes.controllers.ownedpods import from_template
from pynetes.kinds.pods import lifecycle
from pynetes.meta.gotext import parse_int64
from pynetes.meta.objects import Object, annotations_of, name_of, namespace_of

FINALIZER = "batch.kubernetes.io/job-tracking"
INDEX = "batch.kubernetes.io/job-completion-index"
FAILURES = "batch.kubernetes.io/job-index-failure-count"
IGNORED_FAILURES = "batch.kubernetes.io/job-index-ignored-failure-count"
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
LONGEST_PREFIX = 58
"""Of a generated name: five characters follow."""
_PHASES = {"Pending": 0, "Unknown": 1, "Running": 2}


def is_indexed(job: Object) -> bool:
    return bool(job["spec"].get("completionMode") == "Indexed")


def counts_per_index(job: Object) -> bool:
    return is_indexed(job) and job["spec"].get("backoffLimitPerIndex") is not None


def is_suspended(job: Object) -> bool:
    return bool(job["spec"].get("suspend"))


def replaces_failed_only(job: Object) -> bool:
    """Whether a pod that terminates keeps its place until it has ended."""
    spec = job["spec"]
    return spec.get("podReplacementPolicy") == "Failed" or spec.get("podFailurePolicy") is not None


def is_tracked(pod: Object) -> bool:
    return FINALIZER in (pod["metadata"].get("finalizers") or ())


def has_failed(job: Object, pod: Object) -> bool:
    """Also a pod that is being deleted, which may never get to say so, unless only ended ones are replaced."""
    if lifecycle.phase(pod) == "Failed":
        return True
    if replaces_failed_only(job):
        return False
    return podstate.is_deleted(pod) and lifecycle.phase(pod) != "Succeeded"


def index_of(pod: Object) -> int | None:
    found = parse_int64(annotations_of(pod).get(INDEX, ""))
    return found if found is not None and found >= 0 else None


def valid_index(job: Object, pod: Object) -> int | None:
    """The index, if it is below ``completions``."""
    index = index_of(pod)
    return index if index is not None and index < job["spec"]["completions"] else None


def failures_of(pod: Object) -> int:
    """How often the pod's index failed before it."""
    return _count(pod, FAILURES)


def all_failures_of(pod: Object) -> int:
    """With those that a rule ignored."""
    return _count(pod, FAILURES) + _count(pod, IGNORED_FAILURES)


def _count(pod: Object, annotation: str) -> int:
    found = parse_int64(annotations_of(pod).get(annotation, ""))
    return found if found is not None and 0 <= found < 2**31 else 0


def new_pod(job: Object, index: int | None, replaced: Object | None) -> Object:
    """``replaced``: the index's last failed pod, whose failures are counted on."""
    template = job["spec"]["template"]
    metadata = template.get("metadata") or {}
    more: dict[str, Any] = {"finalizers": [*(metadata.get("finalizers") or ()), FINALIZER]}
    if FINALIZER in (metadata.get("finalizers") or ()):
        more["finalizers"].remove(FINALIZER)
    if index is None:
        return from_template(job, JOBS, template, **more)
    annotations = {**(metadata.get("annotations") or {}), INDEX: str(index)}
    if counts_per_index(job):
        annotations |= _failure_counts(job, replaced)
    ending = f"-{index}-"
    pod = from_template(
        job,
        JOBS,
        template,
        generateName=name_of(job)[: LONGEST_PREFIX - len(ending)] + ending,
        labels={**(metadata.get("labels") or {}), INDEX: str(index)},
        annotations=annotations,
        **more,
    )
    pod["spec"] = {**pod["spec"], "hostname": f"{name_of(job)}-{index}", **_with_variable(pod["spec"])}
    return pod


def _failure_counts(job: Object, replaced: Object | None) -> dict[str, str]:
    if replaced is None:
        return {FAILURES: "0"}
    failures, ignored = failures_of(replaced), _count(replaced, IGNORED_FAILURES)
    if judge(job, replaced).counts:
        failures += 1
    else:
        ignored += 1
    return {FAILURES: str(failures), **({IGNORED_FAILURES: str(ignored)} if ignored else {})}


def _with_variable(spec: Object) -> dict[str, list[Object]]:
    """The containers with the variable that tells them their index."""
    source = {"fieldRef": {"fieldPath": f"metadata.labels['{INDEX}']"}}
    found = {}
    for name in ("initContainers", "containers"):
        if containers := spec.get(name):
            found[name] = [_told(container, source) for container in containers]
    return found


def _told(container: Object, source: Object) -> Object:
    variables = container.get("env") or []
    if any(variable["name"] == INDEX_VARIABLE for variable in variables):
        return container
    return {**container, "env": [*variables, {"name": INDEX_VARIABLE, "valueFrom": source}]}


def free(pod: Object) -> Patch:
    """Take the finalizer off."""
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": [FINALIZER]}}
    return Patch(PODS, namespace_of(pod), name_of(pod), patch)


def to_remove(job: Object, active: Sequence[Object], at_least: int) -> list[Object]:
    """Pods without a valid index and all but one of an index; then those that did least, up to the number asked for."""
    gone: list[Object] = []
    left: list[Object] = []
    if not is_indexed(job):
        left = list(active)
    else:
        by_index: dict[int | None, list[Object]] = {}
        for pod in active:
            by_index.setdefault(valid_index(job, pod), []).append(pod)
        gone += by_index.pop(None, [])
        for pods in by_index.values():
            *doubles, kept = least_valuable_first(pods)
            gone += doubles
            left.append(kept)
    if len(gone) < at_least:
        gone += least_valuable_first(left)[: at_least - len(gone)]
    return gone


def least_valuable_first(pods: Iterable[Object]) -> list[Object]:
    """Without a node, Pending, not ready, ready for a shorter time, more restarts, younger: each before the rest."""
    return sorted(pods, key=_value)


def _value(pod: Object) -> tuple[Any, ...]:
    is_ready = lifecycle.is_ready(pod)
    restarts = [s.get("restartCount", 0) for s in (pod.get("status") or {}).get("containerStatuses") or ()]
    return (
        bool(podstate.node_of(pod)),
        _PHASES.get(lifecycle.phase(pod), 0),
        is_ready,
        _age(podstate.ready_since(pod)) if is_ready else (),
        -max(restarts, default=0),
        _age(podstate.created_at(pod)),
    )


def _age(since: float) -> tuple[bool, float]:
    """Orders what does not say since when first, then the latest."""
    return since != 0.0, -since
