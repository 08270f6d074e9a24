"""What is wrong with a node. Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateNode``."""

import re
from collections.abc import Sequence

from pynetes.kinds.core import resource_names
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta import gojson
from pynetes.meta.addresses import is_dual_stack, legacy_cidr, parse_cidr
from pynetes.meta.fielderrors import Path, duplicate, forbidden, internal, invalid, not_supported, required, with_detail
from pynetes.meta.gotext import quoted
from pynetes.meta.names import label_value, max_len_error, size
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_name

_AVOID_PODS = "scheduler.alpha.kubernetes.io/preferAvoidPods"
TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_LONGEST_FEATURE = 253
_FEATURE = re.compile(r"[A-Z][a-zA-Z0-9]*(/[a-zA-Z][a-zA-Z0-9]*)*", re.ASCII).fullmatch


def validate(node: Object, context: WriteContext) -> Sequence[Cause]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    causes = object_meta(node, False)
    causes += _avoided_pods((node["metadata"].get("annotations") or {}).get(_AVOID_PODS))
    causes += taints("metadata.taints", spec.get("taints") or ())
    causes += _amounts(status)
    swap = ((status.get("nodeInfo") or {}).get("swap") or {}).get("capacity")
    if swap is not None and swap <= 0:
        causes.append(invalid("metadata.nodeSwapStatus.capacity", swap, "must be greater than zero"))
    return causes + _features(status) + _pod_cidrs("spec.podCIDRs", spec.get("podCIDRs") or ())


def _pod_cidrs(path: Path, cidrs: Sequence[str]) -> list[Cause]:
    causes = [cause for i, cidr in enumerate(cidrs) for cause in legacy_cidr(f"{path}[{i}]", cidr)]
    if len(cidrs) < 2:
        return causes
    bad = next(((i, cidr) for i, cidr in enumerate(cidrs) if parse_cidr(cidr) is None), None)
    if bad is not None:
        why = f"invalid CIDR[{bad[0]}]: <nil> (invalid CIDR address: {bad[1]})"
        detail = f"invalid PodCIDRs. failed to check with dual stack with error:{why}"
        causes.append(internal(path, detail))
    if bad is not None or len(cidrs) > 2 or not is_dual_stack(cidrs):
        causes.append(invalid(path, cidrs, "may specify no more than one CIDR for each IP family"))
    return causes


def _avoided_pods(text: str | None) -> list[Cause]:
    """Nobody acts on the annotation any more; it must be readable all the same."""
    if not text:
        return []
    try:
        value = gojson.loads(text.encode())
    except gojson.JSONError as error:
        return [invalid("metadata.annotations.AvoidPods", _AVOID_PODS, str(error))]
    causes: list[Cause] = []
    for i, entry in enumerate(value.get("preferAvoidPods") or () if isinstance(value, dict) else ()):
        path = f"metadata.annotations.{_AVOID_PODS}[{i}].PodSignature"
        owner = (entry.get("podSignature") or {}).get("podController")
        if owner is None:
            causes.append(required(path, ""))
        elif not owner.get("controller"):
            causes.append(invalid(f"{path}.PodController.Controller", False, "must point to a controller"))
    return causes


def taints(path: Path, values: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    seen = set()
    for i, taint in enumerate(values):
        at = f"{path}[{i}]"
        key, value, effect = taint.get("key", ""), taint.get("value", ""), taint.get("effect", "")
        causes += label_name(f"{at}.key", key)
        if problems := label_value(value):
            causes.append(invalid(f"{at}.value", value, ";".join(problems)))
        if not effect:
            causes.append(required(f"{at}.effect"))
        elif effect not in TAINT_EFFECTS:
            causes.append(not_supported(f"{at}.effect", effect, TAINT_EFFECTS))
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            causes.append(with_detail(duplicate(at, shown), "taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return causes


def _amounts(status: Object) -> list[Cause]:
    causes: list[Cause] = []
    for side in ("capacity", "allocatable"):
        for name, text in (status.get(side) or {}).items():
            causes += resource_names.amount(f"status.{side}.{name}", name, text)
    return causes


def _features(status: Object) -> list[Cause]:
    causes: list[Cause] = []
    features = status.get("declaredFeatures") or ()
    for i, feature in enumerate(features):
        path = f"status.declaredFeatures[{i}]"
        if problem := _feature_problem(feature):
            causes.append(invalid(path, feature, f"invalid feature name {quoted(feature)}: {problem}"))
        if i + 1 == len(features):
            continue
        following, after = features[i + 1], f"status.declaredFeatures[{i + 1}]"
        if feature == following:
            causes.append(duplicate(after, following))
        elif feature > following:
            causes.append(invalid(after, following, "list must be sorted alphabetically"))
    return causes


def _feature_problem(feature: str) -> str:
    if size(feature) > _LONGEST_FEATURE:
        return max_len_error(_LONGEST_FEATURE)
    if _FEATURE(feature):
        return ""
    return (
        "must start with an UpperCamelCase segment, with subsequent segments separated by '/' (e.g., MyFeature or "
        "MyFeature/mySubFeature), and contain only alphanumeric characters and slashes"
    )


def validate_update(node: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    spec, status = node.get("spec") or {}, node.get("status") or {}
    before = old.get("spec") or {}
    causes = object_meta_update(node, old)
    causes += _amounts(status)
    causes += _features(status)
    addresses = set()
    for i, address in enumerate(status.get("addresses") or ()):
        pair = address.get("type", ""), address.get("address", "")
        if pair in addresses:
            causes.append(duplicate(f"status.addresses[{i}]", {"Type": pair[0], "Address": pair[1]}))
        addresses.add(pair)
    if cidrs := before.get("podCIDRs"):
        current = spec.get("podCIDRs") or ()
        changed = [1] if len(cidrs) != len(current) else [1 for a, b in zip(cidrs, current, strict=True) if a != b]
        detail = 'node updates may not change podCIDR except from "" to valid'
        causes += [forbidden("spec.podCIDRs", detail) for _ in changed]
    if before.get("providerID") and before["providerID"] != spec.get("providerID"):
        detail = 'node updates may not change providerID except from "" to valid'
        causes.append(forbidden("spec.providerID", detail))
    causes += taints("metadata.taints", spec.get("taints") or ())
    if (spec.get("externalID") or "") != (before.get("externalID") or ""):
        causes.append(forbidden("spec.externalID", "may not be updated"))
    return causes + list(validate(node, context))
