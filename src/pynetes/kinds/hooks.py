"""The plain list of what kinds add to their data: hooks, conversions, grace periods, the rule of their names.

A resource without an entry has no rules of its own. Keys are (group, plural).
"""

from collections.abc import Callable, Mapping

from pynetes.kinds.autoscaling.conversion import convert_autoscaler
from pynetes.kinds.events.conversion import convert_event
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

Name = tuple[str, str]

HOOKS: Mapping[Name, Hooks] = {}

GRACE_PERIODS: Mapping[Name, Callable[[Object, int | None], int]] = {}

CONVERSIONS: Mapping[Name, Callable[[Object, str], Object]] = {
    ("events.k8s.io", "events"): convert_event,
    ("", "events"): convert_event,
    ("autoscaling", "horizontalpodautoscalers"): convert_autoscaler,
}

STORED_IN: Mapping[Name, str] = {("events.k8s.io", "events"): ""}
"""The group that a resource is stored in, where it is not its own."""

NAMES: Mapping[Name, str] = {
    ("", "namespaces"): "dns1123-label",
    ("", "services"): "dns1035-label",
    ("rbac.authorization.k8s.io", "roles"): "path-segment",
    ("rbac.authorization.k8s.io", "rolebindings"): "path-segment",
    ("rbac.authorization.k8s.io", "clusterroles"): "path-segment",
    ("rbac.authorization.k8s.io", "clusterrolebindings"): "path-segment",
    ("apiregistration.k8s.io", "apiservices"): "path-segment",
}
