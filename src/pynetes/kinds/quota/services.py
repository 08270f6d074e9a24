"""What a Service uses of quotas: itself, its node ports, a load balancer.

Source: kubernetes ``pkg/quota/v1/evaluator/core/services.go``.
"""

from pynetes.kinds.pods.resources import Amounts
from pynetes.kinds.quota.types import ONE, ZERO, Evaluator, Write
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity

COUNT, PORTS, BALANCERS = "count/services", "services.nodeports", "services.loadbalancers"
_NAMES = frozenset((COUNT, "services", PORTS, BALANCERS))


def usage(service: Object, now: float) -> Amounts:
    spec = service.get("spec") or {}
    ports = spec.get("ports") or ()
    used = {COUNT: ONE, "services": ONE, PORTS: ZERO, BALANCERS: ZERO}
    if spec.get("type") == "NodePort":
        used[PORTS] = Quantity.of(len(ports))
    elif spec.get("type") == "LoadBalancer":
        # ports that the server will allocate count already
        named = spec.get("allocateLoadBalancerNodePorts") is False
        used[PORTS] = Quantity.of(sum(1 for port in ports if port.get("nodePort") or not named))
        used[BALANCERS] = ONE
    return used


def charged(write: Write) -> bool:
    return not write.subresource and write.operation in ("CREATE", "UPDATE")


def released(old: Object, new: Object, now: float) -> bool:
    return _counted_type(old) != _counted_type(new)


def _counted_type(service: Object) -> str:
    kind: str = (service.get("spec") or {}).get("type") or ""
    return kind if kind in ("NodePort", "LoadBalancer") else ""


EVALUATOR = Evaluator("", "services", _NAMES.__contains__, usage, charged, released=released)
