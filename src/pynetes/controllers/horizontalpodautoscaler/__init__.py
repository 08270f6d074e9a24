"""Sets the scale of a Deployment, StatefulSet or anything else that has one, by what is measured of its pods.

Watches: HorizontalPodAutoscalers, Pods; asks for the target's scale and for the metrics (metrics.k8s.io,
    custom.metrics.k8s.io, external.metrics.k8s.io) each time.
Owns: ``spec.replicas`` of the scale; the autoscaler's status.
Guarantees: each autoscaler is looked at once in a period (15 s), the first time one period after it was made; the most
    that any of its metrics asks for wins; a metric that cannot be had never makes the target smaller; what is asked for
    stays within the bounds, the policies and the stabilization windows; without metrics the bounds alone are kept.
Caveats: what was recommended before is in memory only: a new leader starts with the size that it finds. Several
    autoscalers of the same pods all stand still, and are named in order.
Differs: a number of replicas beyond 2^31-1 is that many for every metric; upstream overflows for some.

Source: pkg/controller/podautoscaler; tasks/run-application/horizontal-pod-autoscale; KEP-853, KEP-1610, KEP-4951.
"""

from pynetes.controllers.horizontalpodautoscaler.controller import CONTROLLER

__all__ = ["CONTROLLER"]
