"""The conditions of a Deployment's status: found, made, and put in place of one another.

Source: pkg/controller/deployment/util/deployment_util.go.
"""

from pynetes.meta.objects import Object
from pynetes.meta.times import rfc3339


def find(status: Object, type_: str) -> Object | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == type_:
            found: Object = condition
            return found
    return None


def make(type_: str, status: str, reason: str, message: str, now: float) -> Object:
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": rfc3339(now),
        "lastTransitionTime": rfc3339(now),
        "reason": reason,
        "message": message,
    }


def put(status: Object, condition: Object) -> None:
    """Keeps a condition of equal status and reason, and the transition time of one of equal status."""
    present = find(status, condition["type"])
    if present is not None and present["status"] == condition["status"]:
        if present.get("reason") == condition["reason"]:
            return
        condition = {**condition, "lastTransitionTime": present.get("lastTransitionTime")}
    others = [c for c in status.get("conditions") or () if c["type"] != condition["type"]]
    status["conditions"] = [*others, condition]


def remove(status: Object, type_: str) -> None:
    if "conditions" in status:
        status["conditions"] = [c for c in status["conditions"] if c["type"] != type_]
        if not status["conditions"]:
            del status["conditions"]
