"""What a claim's author should hear. Source: kubernetes ``pkg/api/persistentvolumeclaim/util.go``."""

from collections.abc import Sequence

from pynetes.kinds.core.claim_validation import STORAGE_CLASS
from pynetes.meta.fielderrors import Path
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

_DEPRECATED = 'deprecated since v1.8; use "storageClassName" attribute instead'


def warnings(claim: Object, old: Object | None) -> Sequence[str]:
    found = []
    if STORAGE_CLASS in (claim["metadata"].get("annotations") or {}):
        found.append(f"metadata.annotations[{STORAGE_CLASS}]: {_DEPRECATED}")
    return found + claim_spec_warnings("spec", claim["spec"])


def claim_spec_warnings(path: Path, spec: Object) -> list[str]:
    found = []
    for side in ("requests", "limits"):
        text = ((spec.get("resources") or {}).get(side) or {}).get("storage")
        if text is not None and is_fractional(text):
            found.append(f"{path}.resources.{side}[storage]: {fractional(text)}")
    return found


def is_fractional(text: str) -> bool:
    return Quantity.parse(text).nanos % 1_000_000_000 != 0


def fractional(text: str) -> str:
    return f"fractional byte value {quoted(text)} is invalid, must be an integer"
