"""The nouns of quota: what evaluates a resource, a quota as it is looked at, arithmetic over amounts by name.

Source: apiserver ``pkg/quota/v1/{interfaces,resources}.go``, ``pkg/quota/v1/generic/evaluator.go``.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from pynetes.kinds.pods.resources import Amounts, amounts
from pynetes.meta.objects import Object, name_of
from pynetes.meta.quantity import Quantity

ONE = Quantity.of(1)
ZERO = Quantity.of(0)


@dataclass(frozen=True, slots=True)
class Write:
    """A create or update that may change what is used. ``obj`` is what will be stored, ``old`` what is (or None)."""

    operation: str
    obj: Object
    old: Object | None = None
    subresource: str = ""


def _on_create(write: Write) -> bool:
    return write.operation == "CREATE" and not write.subresource


def _never(*_: Any) -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Evaluator:
    """What the objects of one resource use. All functions are pure.

    counts(name): whether a quota's entry of that name limits these objects.
    usage(obj, now): what the object uses, by name; names that it does not use at all may be missing.
    charged(write): whether the write can change what is used.
    in_scope(requirement, obj): whether the object is in a quota's scope; a scope of other resources has no objects.
    missing(names, obj): what the object must say and does not, where a quota limits these names; ``""``: nothing.
    released(old, new, now): whether an update may have given something back, so that usage is counted again.
    """

    group: str
    plural: str
    counts: Callable[[str], bool]
    usage: Callable[[Object, float], Amounts]
    charged: Callable[[Write], bool] = _on_create
    in_scope: Callable[[Object, Object], bool] = _never
    missing: Callable[[Collection[str], Object], str] = lambda names, obj: ""
    released: Callable[[Object, Object, float], bool] = _never


@dataclass(frozen=True, slots=True)
class Quota:
    """A ResourceQuota as admission sees it: the limits that its status holds, and what is used of them.

    ``requirements`` are its scopes, each as a ``{"scopeName", "operator", "values"}``.
    """

    name: str
    hard: Amounts
    used: Amounts
    requirements: tuple[Object, ...]

    @staticmethod
    def of(obj: Object) -> "Quota":
        said = obj.get("status") or {}
        return Quota(name_of(obj), amounts(said.get("hard")), amounts(said.get("used")), requirements(obj))


def requirements(quota: Object) -> tuple[Object, ...]:
    spec = quota.get("spec") or {}
    plain = [{"scopeName": scope, "operator": "Exists"} for scope in spec.get("scopes") or ()]
    return (*plain, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ()))


def selects(requirement: Object, values: Collection[str]) -> bool:
    """Whether a requirement holds for an object that has these values of its scope (none, one, several)."""
    wanted = requirement.get("values") or ()
    match requirement.get("operator"):
        case "Exists":
            return bool(values)
        case "DoesNotExist":
            return not values
        case "In":
            return any(value in wanted for value in values)
        case "NotIn":
            return not values or any(value not in wanted for value in values)
    return False


def plus(one: Mapping[str, Quantity], other: Mapping[str, Quantity]) -> Amounts:
    total = dict(one)
    for name, amount in other.items():
        total[name] = total[name] + amount if name in total else amount
    return total


def growth(new: Mapping[str, Quantity], old: Mapping[str, Quantity]) -> Amounts:
    """What is used more than before; never less than zero."""
    more = {name: amount - old.get(name, ZERO) for name, amount in new.items()}
    return {name: amount if amount > ZERO else ZERO for name, amount in more.items()}


def only(these: Mapping[str, Quantity], names: Collection[str]) -> Amounts:
    return {name: amount for name, amount in these.items() if name in names}


def texts(these: Mapping[str, Quantity]) -> dict[str, str]:
    """As a resource list is written."""
    return {name: str(amount) for name, amount in sorted(these.items())}
