"""How much of a device's capacity may be asked for. Source: kubernetes ``pkg/apis/resource/validation``."""

from collections.abc import Sequence
from itertools import pairwise

from pynetes.kinds.resource.device_rules import distinct
from pynetes.meta.fielderrors import Path, forbidden, invalid, required
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.status import Cause

_MOST_VALUES = 10


def request_policy(path: Path, capacity: Quantity, policy: Object) -> list[Cause]:
    values, between, usual = policy.get("validValues") or (), policy.get("validRange"), policy.get("default")
    if values and between is not None:
        detail = 'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time'
        return [forbidden(path, detail)]
    for member, given in (("validValues", values), ("validRange", between)):
        if (given and usual is None) or (member == "validRange" and between is not None and usual is None):
            return [required(f"{path}.default", f"required when {member} is defined")]
    if usual is None:
        return []
    if values:
        return _values(f"{path}.validValues", Quantity.parse(usual), capacity, [Quantity.parse(v) for v in values])
    return [] if between is None else _range(f"{path}.validRange", Quantity.parse(usual), capacity, between)


def _values(path: Path, usual: Quantity, capacity: Quantity, values: Sequence[Quantity]) -> list[Cause]:
    causes = [
        invalid(f"{path}[{i + 1}]", str(after), "values must be sorted in ascending order")
        for i, (before, after) in enumerate(pairwise(values))
        if before > after
    ]

    def check(at: Path, value: Quantity) -> list[Cause]:
        return [invalid(at, str(value), f"option is larger than capacity value: {capacity}")] * (value > capacity)

    causes += distinct(path, values, _MOST_VALUES, check, lambda value: str(value.value()))
    if len(values) > _MOST_VALUES or usual not in values:
        causes.append(invalid(path, str(usual), "default value is not valid according to the requestPolicy"))
    return causes


def _range(path: Path, usual: Quantity, capacity: Quantity, between: Object) -> list[Cause]:
    least, most, step = (None if (v := between.get(n)) is None else Quantity.parse(v) for n in ("min", "max", "step"))
    if least is None:
        return [required(f"{path}.min", "required when validRange is defined")]
    causes = []
    if least > capacity:
        causes.append(invalid(f"{path}.min", str(least), f"min is larger than capacity value: {capacity}"))
    if usual < least:
        causes.append(invalid(f"{path}.min", str(usual), f"default is less than min: {least}"))
    if most is not None:
        if least > most:
            causes.append(invalid(f"{path}.max", str(least), f"min is larger than max: {most}"))
        if most > capacity:
            causes.append(invalid(f"{path}.max", str(most), f"max is larger than capacity value: {capacity}"))
        if usual > most:
            causes.append(invalid(f"{path}.max", str(usual), f"default is more than max: {most}"))
    if step is not None:
        if (added := least + step) > capacity:
            detail = f"one step {added} is larger than capacity value: {capacity}"
            causes.append(invalid(f"{path}.step", str(step), detail))
        causes += _steps(f"{path}.step", usual, least, step)
        causes += _steps(f"{path}.step", most, least, step) if most is not None else []
    return causes


def _steps(path: Path, value: Quantity, least: Quantity, step: Quantity) -> list[Cause]:
    if step.value() and (value.value() - least.value()) % step.value() == 0:
        return []
    return [invalid(path, str(value), f"value is not a multiple of a given step ({step}) from ({least})")]
