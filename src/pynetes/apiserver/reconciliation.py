"""What becomes of a bootstrap object that somebody has changed. Pure: each function answers the next state, or None.

A role gets back the permissions that it lacks, a binding its subjects, and both keep what was added; the annotation
``rbac.authorization.kubernetes.io/autoupdate: "false"`` keeps them as they are. The flow objects ``exempt`` and
``catch-all`` always get their spec back, the others while ``apf.kubernetes.io/autoupdate-spec`` is true, which it is
until an operator says otherwise.

Source: component-helpers ``auth/rbac/reconciliation``; kubernetes ``pkg/registry/flowcontrol/ensurer``.
"""

from collections.abc import Mapping

import orjson

from pynetes.apiserver.authz.covering import uncovered
from pynetes.meta.objects import Object, annotations_of, labels_of

AUTO_UPDATE = "rbac.authorization.kubernetes.io/autoupdate"
AUTO_UPDATE_SPEC = "apf.kubernetes.io/autoupdate-spec"
MANDATORY = frozenset({"exempt", "catch-all"})
_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")


def role(current: Object, wanted: Object) -> Object | None:
    if is_protected(current):
        return None
    next_ = _with_metadata(current, wanted)
    if missing := uncovered(wanted.get("rules") or (), current.get("rules") or ()):
        next_["rules"] = [*(current.get("rules") or ()), *missing]
    aggregation, expected = current.get("aggregationRule"), wanted.get("aggregationRule")
    if expected is None:
        next_.pop("aggregationRule", None)
    else:
        has = (aggregation or {}).get("clusterRoleSelectors") or []
        lacking = [selector for selector in expected.get("clusterRoleSelectors") or () if selector not in has]
        if lacking:
            next_["aggregationRule"] = {"clusterRoleSelectors": [*has, *lacking]}
    return next_ if next_ != current else None


def binding(current: Object, wanted: Object) -> Object | None:
    """For the same role; a binding of another is replaced, see ``is_of_another_role``."""
    if is_protected(current):
        return None
    next_ = _with_metadata(current, wanted)
    has = current.get("subjects") or []
    if missing := [subject for subject in wanted.get("subjects") or () if subject not in has]:
        next_["subjects"] = [*has, *missing]
    return next_ if next_ != current else None


def is_of_another_role(current: Object, wanted: Object) -> bool:
    return not is_protected(current) and current.get("roleRef") != wanted.get("roleRef")


def is_protected(current: Object) -> bool:
    return annotations_of(current).get(AUTO_UPDATE) == "false"


def flow_object(current: Object, wanted: Object) -> Object | None:
    """``wanted`` with its defaults."""
    follows = wanted["metadata"]["name"] in MANDATORY or follows_spec(current)
    next_ = _copy(current)
    if follows and not _is_alike(current.get("spec") or {}, wanted["spec"], wanted["metadata"]["name"]):
        next_["spec"] = _copy(wanted["spec"])
    if _boolean(annotations_of(current).get(AUTO_UPDATE_SPEC)) is not follows:
        annotations = {**annotations_of(current), AUTO_UPDATE_SPEC: "true" if follows else "false"}
        next_["metadata"]["annotations"] = annotations
    return next_ if next_ != current else None


def follows_spec(current: Object) -> bool:
    """Without a word about it: as long as nobody has changed the spec."""
    said = _boolean(annotations_of(current).get(AUTO_UPDATE_SPEC))
    return current["metadata"].get("generation") == 1 if said is None else said


def is_unwanted(current: Object, names: Mapping[str, object]) -> bool:
    """A bootstrap object of another version of the server."""
    return current["metadata"]["name"] not in names and _boolean(annotations_of(current).get(AUTO_UPDATE_SPEC)) is True


def _is_alike(spec: Object, wanted: Object, name: str) -> bool:
    """Of the exempt level the shares are the operator's."""
    if name == "exempt" and "exempt" in wanted:
        return spec.get("exempt") is not None and {**spec, "exempt": None} == {**wanted, "exempt": None}
    return spec == wanted


def _boolean(text: str | None) -> bool | None:
    """``strconv.ParseBool``; None for anything else."""
    return True if text in _TRUE else False if text in _FALSE else None


def _with_metadata(current: Object, wanted: Object) -> Object:
    """A copy that has the labels and annotations that it lacks."""
    next_ = _copy(current)
    for field, has, expected in (
        ("labels", labels_of(current), labels_of(wanted)),
        ("annotations", annotations_of(current), annotations_of(wanted)),
    ):
        if merged := {**expected, **has}:
            next_["metadata"][field] = merged
    return next_


def _copy(obj: Object) -> Object:
    copied: Object = orjson.loads(orjson.dumps(obj))
    return copied
