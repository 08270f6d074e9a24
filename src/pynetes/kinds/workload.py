"""Rules that deployments, replica sets, daemon sets, stateful sets, jobs and replication controllers share.

Source: kubernetes ``pkg/apis/apps/validation/validation.go``, ``pkg/apis/core/validation/validation.go``.
"""

from collections.abc import Iterable, Mapping, Sequence

from pynetes.kinds.core import pod_spec
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_supported, required
from pynetes.meta.gotext import sorted_map
from pynetes.meta.marshal import LABEL_SELECTOR, marshalled
from pynetes.meta.names import dns1123_label, percent
from pynetes.meta.objects import Object
from pynetes.meta.selectors import SelectorError, from_object
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector, non_negative

_MISMATCH = "`selector` does not match template `labels`"
_MORE_THAN_ALL = "must not be greater than 100%"


def selector(spec: Object, kind: str) -> list[Cause]:
    """Against ``spec.selector``, which there must be, and must restrict."""
    value = spec.get("selector")
    if value is None:
        return [required("spec.selector")]
    causes = label_selector("spec.selector", value)
    if not value.get("matchLabels") and not value.get("matchExpressions"):
        causes.append(bad_selector(value, f"empty selector is invalid for {kind}"))
    return causes


def zero(obj: Object) -> None:
    """Internally replicas are no pointer."""
    obj["spec"]["replicas"] = 0


def bad_selector(value: Object | None, detail: str, path: Path = "spec.selector") -> Cause:
    return invalid(path, marshalled(value, LABEL_SELECTOR), detail)


def matches_template(spec: Object, path: Path) -> list[Cause]:
    """Whether the selector selects the template's pods. Raises: SelectorError."""
    found = from_object(spec.get("selector"))
    labels = (spec["template"].get("metadata") or {}).get("labels")
    if found.empty or found.matches(labels or {}):
        return []
    return [bad_labels(f"{path}.metadata.labels", labels)]


def bad_labels(path: Path, labels: Mapping[str, str] | None) -> Cause:
    """Against labels of a template that its selector does not select."""
    return invalid(path, None if labels is None else sorted_map(labels), _MISMATCH)


def replica_template(spec: Object) -> list[Cause]:
    """Against the template of a replica set or deployment, and that it fits the selector."""
    path = "spec.template"
    try:
        causes = matches_template(spec, path)
    except SelectorError:
        return [bad_selector(spec.get("selector"), "invalid label selector")]
    causes += pod_spec.template(path, spec["template"])
    return causes + always_restarted(path, spec["template"], "ReplicaSet")


def always_restarted(path: Path, template: Object, kind: str) -> list[Cause]:
    causes = []
    spec = template.get("spec") or {}
    policy = spec.get("restartPolicy") or ""
    if policy != "Always":
        causes.append(not_supported(f"{path}.spec.restartPolicy", policy, ("Always",)))
    if spec.get("activeDeadlineSeconds") is not None:
        detail = f"activeDeadlineSeconds in {kind} is not Supported"
        causes.append(forbidden(f"{path}.spec.activeDeadlineSeconds", detail))
    return causes


def counts(path: Path, obj: Object, names: Iterable[str]) -> list[Cause]:
    """Against members that may not be negative."""
    return [c for name in names for c in non_negative(f"{path}.{name}", obj.get(name))]


def not_more_than(path: Path, obj: Object, names: Iterable[str], limit: str, detail: str) -> list[Cause]:
    """Against members that count parts of another."""
    bound = obj.get(limit, 0)
    return [invalid(f"{path}.{name}", obj.get(name, 0), detail) for name in names if obj.get(name, 0) > bound]


def not_decremented(path: Path, new: Object, old: Object) -> list[Cause]:
    count, before = new.get("collisionCount"), old.get("collisionCount")
    if before is not None and (count is None or count < before):
        return [invalid(f"{path}.collisionCount", count or 0, "cannot be decremented")]
    return []


def int_or_percent(path: Path, value: int | str) -> list[Cause]:
    if isinstance(value, str):
        return [invalid(path, value, p) for p in percent(value)]
    return non_negative(path, value)


def not_more_than_all(path: Path, value: int | str) -> list[Cause]:
    number = percentage(value)
    return [invalid(path, value, _MORE_THAN_ALL)] if number is not None and number > 100 else []


def percentage(value: int | str) -> int | None:
    """The number before the ``%``; None for a plain number or what is no percentage."""
    if isinstance(value, str) and value[:-1].isdecimal() and value.endswith("%"):
        return int(value[:-1])
    return None


def amount(value: int | str | None) -> int:
    """The number, or that before the ``%``; 0 for what is neither."""
    if isinstance(value, str):
        return percentage(value) or 0
    return value or 0


def scaled(value: int | str | None, total: int, *, up: bool) -> int:
    """The number, or so many percent of the total, rounded up or down."""
    if not isinstance(value, str):
        return value or 0
    share = amount(value) * total
    return -(-share // 100) if up else share // 100


def name_warning(obj: Object, used_in: str) -> list[str]:
    """A name that is no DNS label makes surprising host names."""
    problems = dns1123_label(obj["metadata"].get("name", ""))
    if not problems:
        return []
    text = "which can result in surprising behavior; a DNS label is recommended"
    return [f"metadata.name: this is used in {used_in}, {text}: [{' '.join(problems)}]"]


def template_warnings(obj: Object, old: Object | None, used_in: str = "") -> Sequence[str]:
    """On create, and on updates that change the spec."""
    template = obj["spec"].get("template") or {}
    if old is None:
        named = name_warning(obj, used_in) if used_in else []
        return [*named, *pod_spec.template_warnings("spec.template", template)]
    if obj["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return pod_spec.template_warnings("spec.template", template)
