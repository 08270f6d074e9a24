"""Whether a write fits into the quotas of its namespace, and what is used when it does.

Source: apiserver ``pkg/admission/plugin/resourcequota/controller.go`` (``CheckRequest``).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from pynetes.kinds.pods.resources import Amounts
from pynetes.kinds.quota.types import ZERO, Evaluator, Quota, Write, growth, only, plus, texts
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity


class Refused(Exception):
    """The write does not fit; the message is upstream's."""


class Uncovered(Exception):
    """No quota covers a scope in which writes are limited by default. Upstream answers it without a reason."""


@dataclass(frozen=True, slots=True)
class LimitedResource:
    """What may be used only where a quota says how much. Source: ``LimitedResource`` of the plug-in's configuration.

    ``match_contains``: parts of the names that are limited so; ``match_scopes``: scopes in which everything is.
    """

    plural: str
    group: str = ""
    match_contains: tuple[str, ...] = ()
    match_scopes: tuple[Object, ...] = ()


def charge(
    quotas: Sequence[Quota], write: Write, evaluator: Evaluator, now: float, limited: Sequence[LimitedResource] = ()
) -> list[Quota]:
    """The quotas with what is used after the write. Raises: Refused, Uncovered."""
    if not evaluator.charged(write):
        return list(quotas)
    used = evaluator.usage(write.obj, now)
    concerned = [quota for quota in quotas if matches(evaluator, quota, write.obj)]
    for quota in concerned:
        _check_known(evaluator, quota, write.obj)
    if negative := [name for name, amount in used.items() if amount < ZERO]:
        raise Refused(f"quota usage is negative for resource(s): {','.join(sorted(negative))}")
    deltas = {quota.name: _delta(evaluator, quota, write, used, now) for quota in concerned}
    if concerned:
        if not any(deltas.values()):
            return list(quotas)
    elif not _nonzero(_change(evaluator, write, used, now)):
        return list(quotas)
    _check_covered(evaluator, quotas, concerned, write.obj, used, limited)
    return [_charged(quota, deltas.get(quota.name, {}), write.subresource == "status") for quota in quotas]


def matches(evaluator: Evaluator, quota: Quota, obj: Object) -> bool:
    """Whether the quota limits such objects and this one is in all of its scopes."""
    return any(map(evaluator.counts, quota.hard)) and all(evaluator.in_scope(r, obj) for r in quota.requirements)


def _check_known(evaluator: Evaluator, quota: Quota, obj: Object) -> None:
    names = sorted(filter(evaluator.counts, quota.hard))
    if why := evaluator.missing(names, obj):
        raise Refused(f"failed quota: {quota.name}: {why}")
    if not all(name in quota.used for name in names):
        raise Refused(f"status unknown for quota: {quota.name}, resources: {','.join(names)}")


def _change(evaluator: Evaluator, write: Write, used: Amounts, now: float) -> Amounts:
    return used if write.old is None else growth(used, evaluator.usage(write.old, now))


def _delta(evaluator: Evaluator, quota: Quota, write: Write, used: Amounts, now: float) -> Amounts:
    """What the quota is charged; an object that comes into its scope is charged whole."""
    if write.old is not None and matches(evaluator, quota, write.old):
        used = growth(used, evaluator.usage(write.old, now))
    return _nonzero(used)


def _nonzero(these: Amounts) -> Amounts:
    return {name: amount for name, amount in these.items() if amount}


def _charged(quota: Quota, delta: Amounts, unchecked: bool) -> Quota:
    asked = only(delta, quota.hard)
    if not asked:
        return quota
    used = plus(quota.used, asked)
    exceeded = [name for name in asked if used[name] > quota.hard[name]]
    if exceeded and not unchecked:
        raise Refused(
            f"exceeded quota: {quota.name}, requested: {_shown(asked, exceeded)}, "
            f"used: {_shown(quota.used, exceeded)}, limited: {_shown(quota.hard, exceeded)}"
        )
    return replace(quota, used=used)


def _shown(these: Mapping[str, Quantity], names: Collection[str]) -> str:
    return ",".join(f"{name}={text}" for name, text in texts(only(these, names)).items())


def _check_covered(
    evaluator: Evaluator,
    quotas: Sequence[Quota],
    concerned: Sequence[Quota],
    obj: Object,
    used: Amounts,
    limited: Sequence[LimitedResource],
) -> None:
    """What is limited by default must be limited by a quota."""
    names = {
        name
        for item in limited
        if (item.group, item.plural) == (evaluator.group, evaluator.plural)
        for name, amount in used.items()
        if amount > ZERO and any(part in name for part in item.match_contains)
    }
    covered = {name for quota in concerned for name in quota.hard if evaluator.counts(name)}
    if names - covered:
        raise Refused(f"insufficient quota to consume: {','.join(sorted(names - covered))}")
    scopes = [scope for item in limited for scope in item.match_scopes if evaluator.in_scope(scope, obj)]
    met = {r["scopeName"] for quota in quotas for r in quota.requirements if evaluator.in_scope(r, obj)}
    if missing := [scope for scope in scopes if scope["scopeName"] not in met]:
        shown = " ".join(f"{{{s['scopeName']} {s['operator']} [{' '.join(s.get('values') or ())}]}}" for s in missing)
        raise Uncovered(f"insufficient quota to match these scopes: [{shown}]")
