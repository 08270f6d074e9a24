"""What is wrong with a job.

Source: kubernetes ``pkg/apis/batch/validation/validation.go``, ``pkg/registry/batch/job``.
"""

from collections.abc import Sequence

from pynetes.kinds import workload
from pynetes.kinds.batch.job_policies import failure_policy, success_policy
from pynetes.kinds.batch.job_status import has_condition, status_update
from pynetes.kinds.core import pod_spec
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta.fielderrors import FIELD_IMMUTABLE, Path, immutable, invalid, not_supported, required, same, too_long
from pynetes.meta.gotext import sorted_map
from pynetes.meta.names import dns1123_label, size
from pynetes.meta.objects import Object, uid_of
from pynetes.meta.resource import WriteContext
from pynetes.meta.selectors import from_object
from pynetes.meta.status import Cause
from pynetes.meta.validation import domain_prefixed_path, label_selector, non_negative

UID_LABEL = "batch.kubernetes.io/controller-uid"
NAME_LABEL = "batch.kubernetes.io/job-name"
_COUNTS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_IMMUTABLE = ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy")
_SHOWN = {"podFailurePolicy": "PodFailurePolicy", "successPolicy": "SuccessPolicy"}
_MANY, _MANY_AT_ONCE = 100_000, 10_000
_PER_INDEX = f"when completions are above {_MANY} and used with backoff limit per index"
_NEEDS_INDEXES = "requires indexed completion mode"


def validate(job: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(_without_generated_labels(job), True) + _generated_selector(job) + _spec("spec", job["spec"])
    spec, name = job["spec"], job["metadata"].get("name") or ""
    if spec.get("completionMode") == "Indexed" and (completions := spec.get("completions") or 0) > 0:
        host = f"{name}-{completions - 1}"
        if dns1123_label(host):
            causes.append(invalid("metadata.name", name, f"will not able to create pod with invalid DNS label: {host}"))
    return causes


def _without_generated_labels(job: Object) -> Object:
    """Of a template without labels of its own the job has only the generated ones: those upstream adds later."""
    meta = job["metadata"]
    if not set(meta.get("labels") or {}) <= {"controller-uid", "job-name", UID_LABEL, NAME_LABEL}:
        return job
    return {**job, "metadata": {k: v for k, v in meta.items() if k != "labels"}}


def _generated_selector(job: Object) -> list[Cause]:
    spec = job["spec"]
    if spec.get("manualSelector") or spec.get("selector") is None:
        return []
    path = "spec.template.metadata"
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    uid, name = uid_of(job), job["metadata"].get("name") or ""
    causes: list[Cause] = []
    expected = {"controller-uid": uid, "job-name": name, UID_LABEL: uid, NAME_LABEL: name}
    for key, value in expected.items():
        if key not in labels:
            causes.append(required(f"{path}.labels[{key}]", f"must be '{value}'"))
        elif labels[key] != value:
            causes.append(invalid(f"{path}.labels[{key}]", sorted_map(labels), f"must be '{value}'"))
    if not label_selector("", spec["selector"]) and not from_object(spec["selector"]).matches(expected):
        causes.append(workload.bad_selector(spec["selector"], "`selector` not auto-generated"))
    return causes


def _spec(path: Path, spec: Object) -> list[Cause]:
    causes = job_spec(path, spec)
    selector = spec.get("selector")
    wrong: list[Cause] = []
    if selector is None:
        causes.append(required(f"{path}.selector"))
    else:
        wrong = label_selector(f"{path}.selector", selector)
        causes += wrong
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if not wrong and (selector is None or not from_object(selector).matches(labels or {})):
        causes.append(workload.bad_labels(f"{path}.template.metadata.labels", labels))
    return causes


def job_spec(path: Path, spec: Object) -> list[Cause]:
    """Against the spec of a job or of a cron job's template, but for the selector."""
    causes: list[Cause] = []
    for name in _COUNTS:
        causes += non_negative(f"{path}.{name}", spec.get(name))
    per_index, failed = spec.get("backoffLimitPerIndex"), spec.get("maxFailedIndexes")
    if failed is not None and per_index is None:
        causes.append(required(f"{path}.backoffLimitPerIndex", "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        causes += domain_prefixed_path(f"{path}.managedBy", manager)
        if size(manager) > 63:
            causes.append(too_long(f"{path}.managedBy", 63))
    mode = spec.get("completionMode")
    if mode not in (None, "NonIndexed", "Indexed"):
        causes.append(not_supported(f"{path}.completionMode", mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        causes += _indexed(path, spec)
    elif mode in (None, "NonIndexed"):
        for name in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if spec.get(name) is not None:
                causes.append(invalid(f"{path}.{name}", spec[name], _NEEDS_INDEXES))
    return causes + _policies(path, spec) + _template(path, spec)


def _indexed(path: Path, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    completions, parallelism, failed = (spec.get(n) for n in ("completions", "parallelism", "maxFailedIndexes"))
    at_failed, at_parallelism = f"{path}.maxFailedIndexes", f"{path}.parallelism"
    if completions is None:
        causes.append(required(f"{path}.completions", "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MANY:
        detail = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        causes.append(invalid(at_parallelism, parallelism, detail))
    if completions is not None and failed is not None and failed > completions:
        causes.append(invalid(at_failed, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _MANY:
        causes.append(invalid(at_failed, failed, f"must be less than or equal to {_MANY}"))
    if completions is None or completions <= _MANY or spec.get("backoffLimitPerIndex") is None:
        return causes
    detail = f"must be less than or equal to {_MANY_AT_ONCE} {_PER_INDEX}"
    if failed is None:
        causes.append(required(at_failed, f"must be specified when completions is above {_MANY}"))
    if parallelism is not None and parallelism > _MANY_AT_ONCE:
        causes.append(invalid(at_parallelism, parallelism, detail))
    if failed is not None and failed > _MANY_AT_ONCE:
        causes.append(invalid(at_failed, failed, detail))
    return causes


def _policies(path: Path, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    failure, success = spec.get("podFailurePolicy"), spec.get("successPolicy")
    if failure is not None:
        causes += failure_policy(f"{path}.podFailurePolicy", spec)
    if success is not None:
        at = f"{path}.successPolicy"
        if spec.get("completionMode") == "Indexed":
            causes += success_policy(at, spec)
        else:
            causes.append(invalid(at, internal_json("SuccessPolicy", success), _NEEDS_INDEXES))
    replacement = spec.get("podReplacementPolicy")
    supported = ("Failed", "TerminatingOrFailed") if failure is None else ("Failed",)
    if replacement is not None and replacement not in supported:
        causes.append(not_supported(f"{path}.podReplacementPolicy", replacement, supported))
    return causes


def _template(path: Path, spec: Object) -> list[Cause]:
    template = spec.get("template") or {}
    causes = pod_spec.template(f"{path}.template", template)
    at, policy = f"{path}.template.spec.restartPolicy", (template.get("spec") or {}).get("restartPolicy") or ""
    if policy in ("", "Always"):
        causes.append(required(at, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        causes.append(not_supported(at, policy, ("OnFailure", "Never")))
    elif spec.get("podFailurePolicy") is not None and policy != "Never":
        causes.append(invalid(at, policy, 'only "Never" is supported when podFailurePolicy is specified'))
    return causes


def validate_update(job: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(job, old)
    if context.subresource == "status":
        return causes + status_update(job, old)
    spec, before = job["spec"], old["spec"]
    causes = [*validate(job, context), *causes, *_spec("spec", spec), *_completions(spec, before)]
    causes += immutable("spec.selector", spec.get("selector"), before.get("selector"))
    causes += _template_update(spec, old)
    for name in _IMMUTABLE:
        value = spec.get(name)
        if not same(value, before.get(name)):
            shown = internal_json(_SHOWN[name], value) if value is not None and name in _SHOWN else value
            causes.append(invalid(f"spec.{name}", shown, FIELD_IMMUTABLE))
    return causes


def _completions(spec: Object, before: Object) -> list[Cause]:
    now, was = spec.get("completions"), before.get("completions")
    if spec.get("completionMode") != "Indexed":
        return immutable("spec.completions", now, was)
    if now in (was, None) or now == spec.get("parallelism"):
        return []
    return [invalid("spec.completions", now, "can only be modified in tandem with spec.parallelism")]


def _template_update(spec: Object, old: Object) -> list[Cause]:
    """A suspended job's template may change where and with what its pods run."""
    template, before = spec["template"], old["spec"]["template"]
    status = old.get("status") or {}
    may_change = (
        old["spec"].get("suspend") is True
        and (status.get("startTime") is None or has_condition(status, "Suspended"))
        and not status.get("active")
    )
    if not may_change:
        if same(template, before):
            return []
        return [invalid("spec.template", internal_json("PodTemplateSpec", template), FIELD_IMMUTABLE)]
    pods = template.get("spec") or {}
    if same(pods, _mutable_as_in(pods, before.get("spec") or {})):
        return []
    return [invalid("spec.template.spec", internal_json("PodSpec", pods), FIELD_IMMUTABLE)]


def _mutable_as_in(pods: Object, before: Object) -> Object:
    """``before`` with what a suspended job may change as it is in ``pods``."""
    changed = {**before, **{n: pods.get(n) for n in ("nodeSelector", "tolerations", "schedulingGates")}}
    affinity, had = pods.get("affinity"), before.get("affinity")
    if affinity is not None:
        changed["affinity"] = {**(had or {}), "nodeAffinity": affinity.get("nodeAffinity")}
    elif had is not None:
        rest = {k: v for k, v in had.items() if k != "nodeAffinity" and v is not None}
        changed["affinity"] = rest or None
    for member in ("containers", "initContainers"):
        now, then = pods.get(member) or (), before.get(member) or ()
        if len(now) == len(then):
            changed[member] = [
                {**c, "resources": n.get("resources")} if c.get("name") == n.get("name") else c
                for n, c in zip(now, then, strict=True)
            ]
    return changed
