"""What a ResourceClaim uses of quotas: itself, and the devices that it may get, by their class.

Source: kubernetes ``pkg/quota/v1/evaluator/core/resource_claims.go``.
Differs: claims that stand for a pod's extended resources count like any other (gate DRAExtendedResource).
"""

from pynetes.kinds.pods.resources import Amounts
from pynetes.kinds.quota.types import ONE, Evaluator, Write, plus
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

COUNT, OF_CLASS = "count/resourceclaims.resource.k8s.io", ".deviceclass.resource.k8s.io/devices"
_MOST_DEVICES = 32
"""What allocation mode All counts as: a claim gets no more (``AllocationResultsMaxSize``)."""


def counts(name: str) -> bool:
    return name == COUNT or name.endswith(OF_CLASS)


def usage(claim: Object, now: float) -> Amounts:
    used: Amounts = {COUNT: ONE}
    for request in ((claim.get("spec") or {}).get("devices") or {}).get("requests") or ():
        if alternatives := request.get("firstAvailable"):
            # of alternatives of one class the largest counts
            most: Amounts = {}
            for alternative in alternatives:
                name, amount = _devices(alternative)
                most[name] = max(amount, most.get(name, amount))
            used = plus(used, most)
        elif request.get("exactly"):
            used = plus(used, dict([_devices(request["exactly"])]))
    return used


def _devices(request: Object) -> tuple[str, Quantity]:
    match request.get("allocationMode"):
        case "ExactCount":
            count = request.get("count") or 0
        case "All":
            count = _MOST_DEVICES
        case _:
            count = 0
    return f"{request.get('deviceClassName', '')}{OF_CLASS}", Quantity.of(count)


def charged(write: Write) -> bool:
    return not write.subresource and write.operation in ("CREATE", "UPDATE")


EVALUATOR = Evaluator("resource.k8s.io", "resourceclaims", counts, usage, charged)
