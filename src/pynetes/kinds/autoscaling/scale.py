"""The Table of Scales, which are no resource of their own. Source: kubernetes ``pkg/printers/internalversion``."""

from typing import Any

from pynetes.kinds import rows
from pynetes.meta.objects import Object

COLUMNS = (("Name", "string"), ("Desired", "integer"), ("Available", "integer"), ("Age", "string"))


def table_row(scale: Object, now: float) -> list[Any]:
    desired, found = scale["spec"].get("replicas", 0), scale["status"].get("replicas", 0)
    return [scale["metadata"]["name"], desired, found, rows.age(scale, now)]
