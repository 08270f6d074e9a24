"""Stateful sets. Source: kubernetes ``pkg/apis/apps/validation/validation.go`` ``ValidateStatefulSet``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows, workload
from pynetes.kinds.core import pod_spec
from pynetes.kinds.core.claim_warnings import claim_spec_warnings
from pynetes.kinds.core.pod_annotations import pod_annotations
from pynetes.kinds.core.pod_defaults import default_claim_spec, default_template, fill, fill_empty
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import forbidden, invalid, not_supported, required, same
from pynetes.meta.names import dns1123_label
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.selectors import SelectorError
from pynetes.meta.status import Cause
from pynetes.meta.validation import annotations, labels, non_negative

_STRATEGY = Strategy(generation=True, has_status=True, template=("spec", "template"))
_MUTABLE = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_COUNTS = (
    "replicas",
    "readyReplicas",
    "currentReplicas",
    "updatedReplicas",
    "availableReplicas",
    "observedGeneration",
    "collisionCount",
)


def default(stateful_set: Object) -> None:
    spec = stateful_set.setdefault("spec", {})
    fill_empty(spec, podManagementPolicy="OrderedReady")
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        fill(strategy, rollingUpdate={})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        fill(strategy["rollingUpdate"], partition=0)
    retention = spec.get("persistentVolumeClaimRetentionPolicy")
    if retention is None:
        retention = spec["persistentVolumeClaimRetentionPolicy"] = {}
    fill_empty(retention, whenDeleted="Retain", whenScaled="Retain")
    fill(spec, replicas=1, revisionHistoryLimit=10)
    default_template(spec.setdefault("template", {}))
    for claim in spec.get("volumeClaimTemplates") or ():
        fill_empty(claim.setdefault("status", {}), phase="Pending")
        default_claim_spec(claim.setdefault("spec", {}))
        fill_empty(claim, kind="PersistentVolumeClaim", apiVersion="v1")


def prepare_create(stateful_set: Object, context: WriteContext) -> None:
    _STRATEGY.create(stateful_set, context)
    _drop_unavailable(stateful_set["spec"], {})


def prepare_update(stateful_set: Object, old: Object, context: WriteContext) -> None:
    if context.subresource != "status":
        _drop_unavailable(stateful_set["spec"], old["spec"])
    _STRATEGY.update(stateful_set, old, context)


def _drop_unavailable(spec: Object, old: Object) -> None:
    """The gate MaxUnavailableStatefulSet is off by default."""
    if _rolling(old).get("maxUnavailable") is None:
        _rolling(spec).pop("maxUnavailable", None)


def _rolling(spec: Object) -> Object:
    return (spec.get("updateStrategy") or {}).get("rollingUpdate") or {}


def validate(stateful_set: Object, context: WriteContext) -> Sequence[Cause]:
    return object_meta(stateful_set, True, dns1123_label) + _spec(stateful_set["spec"])


def validate_update(stateful_set: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(stateful_set, old)
    if context.subresource == "status":
        status = stateful_set.get("status") or {}
        return _status(status) + causes + workload.not_decremented("status", status, old.get("status") or {})
    causes += _spec(stateful_set["spec"], existing=True)
    spec, before = stateful_set["spec"], old["spec"]
    names = (spec.keys() | before.keys()) - set(_MUTABLE)
    if not all(same(spec.get(name), before.get(name)) for name in names):
        detail = (
            "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy',"
            " 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
        )
        causes.append(forbidden("spec", detail))
    return causes


def _spec(spec: Object, existing: bool = False) -> list[Cause]:
    causes: list[Cause] = []
    policy = spec.get("podManagementPolicy") or ""
    if not policy:
        causes.append(required("spec.podManagementPolicy"))
    elif policy not in ("OrderedReady", "Parallel"):
        causes.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    causes += _update_strategy("spec.updateStrategy", spec["updateStrategy"])
    retention = spec.get("persistentVolumeClaimRetentionPolicy") or {}
    for name in ("whenDeleted", "whenScaled"):
        value = retention.get(name, "")
        if value not in ("Retain", "Delete"):
            path = f"spec.persistentVolumeClaimRetentionPolicy.{name}"
            causes.append(not_supported(path, value, ("Retain", "Delete")))
    if not existing:
        causes += _claim_templates(spec)
    causes += workload.counts("spec", spec, ("replicas", "minReadySeconds"))
    causes += non_negative("spec.ordinals.start", (spec.get("ordinals") or {}).get("start"))
    if not existing and (service := spec.get("serviceName")):
        causes += [invalid("spec.serviceName", service, p) for p in dns1123_label(service)]
    causes += workload.selector(spec, "statefulset")
    try:
        causes += workload.matches_template(spec, "spec.template")
        causes += _template("spec.template", spec)
    except SelectorError:
        causes.append(workload.bad_selector(spec.get("selector"), ""))
    return causes + workload.always_restarted("spec.template", spec["template"], "StatefulSet")


def _claim_templates(spec: Object) -> list[Cause]:
    from pynetes.kinds.core.persistent_volume_claim import claim_spec

    causes: list[Cause] = []
    for i, claim in enumerate(spec.get("volumeClaimTemplates") or ()):
        causes += claim_spec(f"spec.volumeClaimTemplates[{i}].spec", claim.get("spec") or {})
    return causes


def _update_strategy(path: str, strategy: Object) -> list[Cause]:
    kind, rolling = strategy.get("type", ""), strategy.get("rollingUpdate")
    if not kind:
        return [required(path)]
    if kind == "OnDelete":
        if rolling is None:
            return []
        detail = "only allowed for updateStrategy 'RollingUpdate'"
        return [invalid(f"{path}.rollingUpdate", _shown_rolling(rolling), detail)]
    if kind != "RollingUpdate":
        shown = {"Type": kind, "RollingUpdate": _shown_rolling(rolling)}
        return [invalid(path, shown, "must be 'RollingUpdate' or 'OnDelete'")]
    if rolling is None:
        return []
    path += ".rollingUpdate"
    causes = non_negative(f"{path}.partition", rolling.get("partition"))
    unavailable = rolling.get("maxUnavailable")
    if unavailable is not None:
        path += ".maxUnavailable"
        causes += workload.int_or_percent(path, unavailable)
        if workload.amount(unavailable) == 0:
            causes.append(invalid(path, unavailable, "cannot be 0"))
        causes += workload.not_more_than_all(path, unavailable)
    return causes


def _shown_rolling(rolling: Object | None) -> Object | None:
    if rolling is None:
        return None
    return {"Partition": rolling.get("partition", 0), "MaxUnavailable": rolling.get("maxUnavailable")}


def _template(path: str, spec: Object) -> list[Cause]:
    """The controller sets host name, subdomain and the claims' volumes; they are not looked at here."""
    template = spec["template"]
    pods = template.get("spec") or {}
    claims = [claim.get("metadata", {}).get("name", "") for claim in spec.get("volumeClaimTemplates") or ()]
    if claims or pods.get("subdomain") or pods.get("hostname"):
        pods = {name: value for name, value in pods.items() if name not in ("subdomain", "hostname")}
        if claims:
            added = [{"name": c, "persistentVolumeClaim": {"claimName": c}} for c in dict.fromkeys(claims)]
            pods["volumes"] = added + [v for v in pods.get("volumes") or () if v.get("name") not in claims]
        template = {**template, "spec": pods}
    meta = template.get("metadata") or {}
    causes = pod_spec.template(path, template)
    causes += labels(f"{path}.labels", meta.get("labels"))
    causes += annotations(f"{path}.annotations", meta.get("annotations"))
    return causes + pod_annotations(f"{path}.annotations", meta.get("annotations") or {}, pods)


def _status(status: Object) -> list[Cause]:
    causes = workload.counts("status", status, _COUNTS)
    parts = ("readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    causes += workload.not_more_than("status", status, parts, "replicas", "cannot be greater than status.replicas")
    detail = "cannot be greater than status.readyReplicas"
    return causes + workload.not_more_than("status", status, ("availableReplicas",), "readyReplicas", detail)


def warnings(stateful_set: Object, old: Object | None) -> Sequence[str]:
    found = list(workload.template_warnings(stateful_set, old))
    misspelt = "" if old is None else ".Spec"
    for i, claim in enumerate(stateful_set["spec"].get("volumeClaimTemplates") or ()):
        found += claim_spec_warnings(f"spec.volumeClaimTemplates[{i}]{misspelt}", claim.get("spec") or {})
    if (stateful_set["spec"].get("revisionHistoryLimit") or 0) < 0:
        found.append(
            "spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended"
        )
    return found


def table_row(stateful_set: Object, now: float) -> list[Any]:
    spec, status = stateful_set["spec"], stateful_set.get("status") or {}
    return [
        stateful_set["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        rows.age(stateful_set, now),
        *rows.containers((spec.get("template") or {}).get("spec") or {}),
    ]


HOOKS = Hooks(
    default=default,
    prepare_create=prepare_create,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    zero=workload.zero,
)
