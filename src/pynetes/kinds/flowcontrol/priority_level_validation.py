"""What makes a priority level invalid. Source: kubernetes ``pkg/apis/flowcontrol/validation``."""

import math
from collections.abc import Sequence

from pynetes.kinds.flowcontrol.flow_schema_validation import conditions
from pynetes.kinds.flowcontrol.mandatory import EXEMPT, LEVELS
from pynetes.kinds.internal import internal_json
from pynetes.kinds.metadata import object_meta
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_supported, required, same
from pynetes.meta.objects import Object
from pynetes.meta.resource import WriteContext
from pynetes.meta.status import Cause

_ZERO_SHARES = "flowcontrol.k8s.io/v1beta3-preserve-zero-concurrency-shares"
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60


def validate(level: Object, context: WriteContext) -> Sequence[Cause]:
    meta, spec = level["metadata"], level["spec"]
    causes = object_meta(level, False)
    if _ZERO_SHARES in (meta.get("annotations") or {}):
        causes.append(forbidden("metadata.annotations", f"annotation '{_ZERO_SHARES}' is forbidden"))
    name = meta.get("name", "")
    return causes + _spec("spec", name, spec) + _fixed(name, spec) + conditions(level)


def validate_update(level: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    return conditions(level) if context.subresource == "status" else validate(level, context)


def _fixed(name: str, spec: Object) -> list[Cause]:
    """Of the exempt level its own part may change."""
    fixed = LEVELS.get(name)
    if fixed is None:
        return []
    wanted, detail = spec, f"spec of '{name}' must equal the fixed value"
    if name == EXEMPT:
        wanted = {**spec, "exempt": fixed["exempt"]}
        detail = f"spec of '{name}' except the 'spec.exempt' field must equal the fixed value"
    if same(wanted, fixed):
        return []
    return [invalid("spec", internal_json("PriorityLevelConfigurationSpec", spec), detail)]


def _spec(path: Path, name: str, spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    kind, limited, exempt = spec.get("type") or "", spec.get("limited"), spec.get("exempt")
    if (name == EXEMPT) != (kind == "Exempt"):
        causes.append(invalid(f"{path}.type", kind, "must be 'Exempt' if and only if `name` is 'exempt'"))
    if kind == "Exempt":
        if limited is not None:
            causes.append(forbidden(f"{path}.limited", "must be nil if the type is not Limited"))
        if exempt is not None:
            causes += _shares(f"{path}.exempt", exempt) + _lendable(f"{path}.exempt", exempt)
    elif kind == "Limited":
        if exempt is not None:
            causes.append(forbidden(f"{path}.exempt", "must be nil if the type is Limited"))
        if limited is None:
            causes.append(required(f"{path}.limited", "must not be empty when type is Limited"))
        else:
            causes += _limited(f"{path}.limited", limited)
    elif kind:
        causes.append(not_supported(f"{path}.type", kind, ("Exempt", "Limited")))
    else:
        causes.append(required(f"{path}.type"))
    return causes


def _limited(path: Path, limited: Object) -> list[Cause]:
    causes = _shares(path, limited)
    causes += _response(f"{path}.limitResponse", limited.get("limitResponse") or {})
    causes += _lendable(path, limited)
    borrowing = limited.get("borrowingLimitPercent")
    if borrowing is not None and borrowing < 0:
        detail = "if specified, must be a non-negative integer"
        causes.append(invalid(f"{path}.borrowingLimitPercent", borrowing, detail))
    return causes


def _shares(path: Path, owner: Object) -> list[Cause]:
    shares = owner.get("nominalConcurrencyShares")
    if shares is None or shares >= 0:
        return []
    return [invalid(f"{path}.nominalConcurrencyShares", shares, "must be a non-negative integer")]


def _lendable(path: Path, owner: Object) -> list[Cause]:
    percent = owner.get("lendablePercent")
    if percent is None or 0 <= percent <= 100:
        return []
    return [invalid(f"{path}.lendablePercent", percent, "must be between 0 and 100, inclusive")]


def _response(path: Path, response: Object) -> list[Cause]:
    kind, queuing, at = response.get("type") or "", response.get("queuing"), f"{path}.queuing"
    if kind == "Reject":
        if queuing is None:
            return []
        return [forbidden(at, "must be nil if limited.limitResponse.type is not Limited")]
    if kind == "Queue":
        if queuing is None:
            return [required(at, "must not be empty if limited.limitResponse.type is Limited")]
        return _queuing(at, queuing)
    if not kind:
        return [required(f"{path}.type")]
    return [not_supported(f"{path}.type", kind, ("Queue", "Reject"))]


def _queuing(path: Path, queuing: Object) -> list[Cause]:
    causes: list[Cause] = []
    length, queues, hand = (queuing.get(name, 0) for name in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        causes.append(invalid(f"{path}.queueLengthLimit", length, "must be positive"))
    if queues <= 0:
        causes.append(invalid(f"{path}.queues", queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        causes.append(invalid(f"{path}.queues", queues, f"must not be greater than {_MOST_QUEUES}"))
    if hand <= 0:
        causes.append(invalid(f"{path}.handSize", hand, "must be positive"))
    elif hand > queues:
        causes.append(invalid(f"{path}.handSize", hand, f"should not be greater than queues ({queues})"))
    elif math.ceil(math.log2(queues) * hand) > _HASH_BITS:
        bits = f"required entropy bits of deckSize {queues} and handSize {hand}"
        causes.append(invalid(f"{path}.handSize", hand, f"{bits} should not be greater than {_HASH_BITS}"))
    return causes
