"""The plain list of what kinds add to their data: hooks, conversions, grace periods, the rule of their names.

A resource without an entry has no rules of its own. Keys are (group, plural). Code is named as ``module:name`` below
``pynetes.kinds`` and imported when a resource first needs it: an API server listens before it knows the rules of kinds
that nobody has asked for yet.
"""

from collections.abc import Callable, Mapping
from functools import cache
from importlib import import_module
from typing import Any

Name = tuple[str, str]
ADMISSION = "admissionregistration.k8s.io"

HOOKS: Mapping[Name, str] = {
    ("", "configmaps"): "core.config_map:HOOKS",
    ("", "endpoints"): "core.endpoints:HOOKS",
    ("", "events"): "core.event:HOOKS",
    ("", "limitranges"): "core.limit_range:HOOKS",
    ("", "namespaces"): "core.namespace:HOOKS",
    ("", "nodes"): "core.node:HOOKS",
    ("", "persistentvolumeclaims"): "core.persistent_volume_claim:HOOKS",
    ("", "persistentvolumes"): "core.persistent_volume:HOOKS",
    ("", "pods"): "core.pod:HOOKS",
    ("", "podtemplates"): "core.pod_template:HOOKS",
    ("", "replicationcontrollers"): "core.replication_controller:HOOKS",
    ("", "resourcequotas"): "core.resource_quota:HOOKS",
    ("", "secrets"): "core.secret:HOOKS",
    ("", "serviceaccounts"): "core.service_account:HOOKS",
    ("", "services"): "core.service:HOOKS",
    (
        "admissionregistration.k8s.io",
        "mutatingadmissionpolicies",
    ): "admissionregistration.policies:MUTATING_POLICY_HOOKS",
    (ADMISSION, "mutatingadmissionpolicybindings"): "admissionregistration.policies:BINDING_HOOKS",
    (ADMISSION, "mutatingwebhookconfigurations"): "admissionregistration.webhooks:MUTATING_HOOKS",
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies",
    ): "admissionregistration.policies:VALIDATING_POLICY_HOOKS",
    (
        "admissionregistration.k8s.io",
        "validatingadmissionpolicybindings",
    ): "admissionregistration.policies:BINDING_HOOKS",
    (
        "admissionregistration.k8s.io",
        "validatingwebhookconfigurations",
    ): "admissionregistration.webhooks:VALIDATING_HOOKS",
    ("apiextensions.k8s.io", "customresourcedefinitions"): "apiextensions.definition:HOOKS",
    ("apiregistration.k8s.io", "apiservices"): "apiregistration.api_service:HOOKS",
    ("apps", "controllerrevisions"): "apps.controller_revision:HOOKS",
    ("apps", "daemonsets"): "apps.daemon_set:HOOKS",
    ("apps", "deployments"): "apps.deployment:HOOKS",
    ("apps", "replicasets"): "apps.replica_set:HOOKS",
    ("apps", "statefulsets"): "apps.stateful_set:HOOKS",
    ("autoscaling", "horizontalpodautoscalers"): "autoscaling.autoscaler:HOOKS",
    ("batch", "cronjobs"): "batch.cron_job:HOOKS",
    ("batch", "jobs"): "batch.job:HOOKS",
    ("certificates.k8s.io", "certificatesigningrequests"): "certificates.signing_request:HOOKS",
    ("coordination.k8s.io", "leases"): "coordination.lease:HOOKS",
    ("discovery.k8s.io", "endpointslices"): "discovery.endpoint_slice:HOOKS",
    ("events.k8s.io", "events"): "core.event:STRICT_HOOKS",
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): "flowcontrol.flow_control:SCHEMA_HOOKS",
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): "flowcontrol.flow_control:LEVEL_HOOKS",
    ("networking.k8s.io", "ingressclasses"): "networking.ingress_class:HOOKS",
    ("networking.k8s.io", "ingresses"): "networking.ingress:HOOKS",
    ("networking.k8s.io", "ipaddresses"): "networking.addresses:ADDRESS_HOOKS",
    ("networking.k8s.io", "networkpolicies"): "networking.network_policy:HOOKS",
    ("networking.k8s.io", "servicecidrs"): "networking.addresses:CIDR_HOOKS",
    ("node.k8s.io", "runtimeclasses"): "node.runtime_class:HOOKS",
    ("policy", "poddisruptionbudgets"): "policy.pod_disruption_budget:HOOKS",
    ("rbac.authorization.k8s.io", "clusterrolebindings"): "rbac.bindings:CLUSTER_ROLE_BINDING_HOOKS",
    ("rbac.authorization.k8s.io", "clusterroles"): "rbac.roles:CLUSTER_ROLE_HOOKS",
    ("rbac.authorization.k8s.io", "rolebindings"): "rbac.bindings:ROLE_BINDING_HOOKS",
    ("rbac.authorization.k8s.io", "roles"): "rbac.roles:ROLE_HOOKS",
    ("resource.k8s.io", "deviceclasses"): "resource.devices:CLASS_HOOKS",
    ("resource.k8s.io", "resourceclaims"): "resource.devices:CLAIM_HOOKS",
    ("resource.k8s.io", "resourceclaimtemplates"): "resource.devices:TEMPLATE_HOOKS",
    ("resource.k8s.io", "resourceslices"): "resource.devices:SLICE_HOOKS",
    ("scheduling.k8s.io", "priorityclasses"): "scheduling.priority_class:HOOKS",
    ("storage.k8s.io", "csidrivers"): "storage.csi:DRIVER_HOOKS",
    ("storage.k8s.io", "csinodes"): "storage.csi:NODE_HOOKS",
    ("storage.k8s.io", "csistoragecapacities"): "storage.csi:CAPACITY_HOOKS",
    ("storage.k8s.io", "storageclasses"): "storage.storage_class:HOOKS",
    ("storage.k8s.io", "volumeattachments"): "storage.volumes:ATTACHMENT_HOOKS",
    ("storage.k8s.io", "volumeattributesclasses"): "storage.volumes:ATTRIBUTES_HOOKS",
}

GRACE_PERIODS: Mapping[Name, str] = {
    ("", "pods"): "core.pod:grace_period",
}

CONVERSIONS: Mapping[Name, str] = {
    ("events.k8s.io", "events"): "events.conversion:convert_event",
    ("", "events"): "events.conversion:convert_event",
    ("autoscaling", "horizontalpodautoscalers"): "autoscaling.conversion:convert_autoscaler",
}

STORED_IN: Mapping[Name, str] = {("events.k8s.io", "events"): ""}
"""The group that a resource is stored in, where it is not its own."""

NAMES: Mapping[Name, str] = {
    ("", "namespaces"): "dns1123-label",
    ("", "services"): "dns1123-label",
    ("rbac.authorization.k8s.io", "roles"): "path-segment",
    ("rbac.authorization.k8s.io", "rolebindings"): "path-segment",
    ("rbac.authorization.k8s.io", "clusterroles"): "path-segment",
    ("rbac.authorization.k8s.io", "clusterrolebindings"): "path-segment",
    ("apiregistration.k8s.io", "apiservices"): "path-segment",
}


@cache
def load(path: str) -> Any:
    """What ``module:name`` names."""
    module, _, name = path.partition(":")
    return getattr(import_module(f"pynetes.kinds.{module}"), name)


def later(path: str | None) -> Callable[..., Any] | None:
    """A function that is imported when it is first called; None for none."""
    return (lambda *args: load(path)(*args)) if path is not None else None
