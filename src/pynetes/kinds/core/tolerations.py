"""What is wrong with tolerations.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateTolerations``.
"""

from collections.abc import Sequence

from pynetes.kinds.core.node_validation import TAINT_EFFECTS
from pynetes.meta.fielderrors import Path, invalid, not_supported
from pynetes.meta.names import label_value
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_name

_COMPARISONS = ("Equal", "Exists", "Lt", "Gt")


def tolerations(path: Path, values: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, toleration in enumerate(values):
        causes += _one(f"{path}[{i}]", toleration)
    return causes


def _one(path: Path, toleration: Object) -> list[Cause]:
    key, operator = toleration.get("key") or "", toleration.get("operator") or ""
    value, effect = toleration.get("value") or "", toleration.get("effect") or ""
    causes: list[Cause] = []
    if key:
        causes += label_name(f"{path}.key", key)
    elif operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        causes.append(invalid(f"{path}.operator", operator, detail))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        detail = "effect must be 'NoExecute' when `tolerationSeconds` is set"
        causes.append(invalid(f"{path}.effect", effect, detail))
    if operator in ("", "Equal"):
        if problems := label_value(value):
            causes.append(invalid(f"{path}.operator", value, ";".join(problems)))
    elif operator == "Exists":
        if value:
            causes.append(invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'"))
    else:
        supported = _COMPARISONS if operator in _COMPARISONS else _COMPARISONS[:2]
        causes.append(not_supported(f"{path}.operator", operator, supported))
    if effect and effect not in TAINT_EFFECTS:
        causes.append(not_supported(f"{path}.effect", effect, TAINT_EFFECTS))
    return causes
