"""Which evaluator a resource has: its own, or one that counts its objects. Any namespaced resource can be counted.

Source: kubernetes ``pkg/quota/v1/evaluator/core/registry.go``, ``pkg/quota/v1/install/registry.go``.
"""

from functools import lru_cache

from pynetes.kinds.quota import claims, devices, pods, services
from pynetes.kinds.quota.types import ONE, Evaluator

OWN = {(e.group, e.plural): e for e in (pods.EVALUATOR, services.EVALUATOR, claims.EVALUATOR, devices.EVALUATOR)}
_OLD_NAMES = frozenset({"configmaps", "resourcequotas", "replicationcontrollers", "secrets"})
"""Core resources that were counted before ``count/`` was."""
_IGNORED = frozenset(
    {
        ("", "bindings"),
        ("", "componentstatuses"),
        ("", "events"),
        ("events.k8s.io", "events"),
        ("authentication.k8s.io", "tokenreviews"),
        ("authentication.k8s.io", "selfsubjectreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectaccessreviews"),
        ("authorization.k8s.io", "localsubjectaccessreviews"),
        ("authorization.k8s.io", "selfsubjectrulesreviews"),
    }
)


@lru_cache(1024)
def evaluator(group: str, plural: str) -> Evaluator | None:
    """None for what no quota limits."""
    if (group, plural) in _IGNORED:
        return None
    own = OWN.get((group, plural))
    if own is not None:
        return own
    names = {count_name(group, plural)}
    if not group and plural in _OLD_NAMES:
        names.add(plural)
    used = dict.fromkeys(sorted(names), ONE)
    return Evaluator(group, plural, names.__contains__, lambda obj, now: used)


def count_name(group: str, plural: str) -> str:
    return f"count/{plural}.{group}" if group else f"count/{plural}"


def counted(name: str) -> tuple[str, str] | None:
    """The group and plural of the resource whose objects an entry of a quota counts, if all it does is count."""
    if name in _OLD_NAMES:
        return "", name
    if not name.startswith("count/"):
        return None
    plural, _, group = name.removeprefix("count/").partition(".")
    return group, plural
