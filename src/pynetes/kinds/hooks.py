"""The plain list of what kinds add to their data: hooks, conversions, grace periods, the rule of their names.

A resource without an entry has no rules of its own. Keys are (group, plural).
"""

from collections.abc import Callable, Mapping

from pynetes.kinds.admissionregistration import policies, webhooks
from pynetes.kinds.apiregistration import api_service
from pynetes.kinds.apps import controller_revision, daemon_set, deployment, replica_set, stateful_set
from pynetes.kinds.autoscaling import autoscaler
from pynetes.kinds.autoscaling.conversion import convert_autoscaler
from pynetes.kinds.batch import cron_job, job
from pynetes.kinds.certificates import signing_request
from pynetes.kinds.coordination import lease
from pynetes.kinds.core import (
    config_map,
    endpoints,
    event,
    limit_range,
    namespace,
    node,
    persistent_volume,
    persistent_volume_claim,
    pod,
    pod_template,
    replication_controller,
    resource_quota,
    secret,
    service,
    service_account,
)
from pynetes.kinds.discovery import endpoint_slice
from pynetes.kinds.events.conversion import convert_event
from pynetes.kinds.flowcontrol import flow_control
from pynetes.kinds.networking import addresses, ingress, ingress_class, network_policy
from pynetes.kinds.node import runtime_class
from pynetes.kinds.policy import pod_disruption_budget
from pynetes.kinds.rbac import bindings, roles
from pynetes.kinds.resource import devices
from pynetes.kinds.scheduling import priority_class
from pynetes.kinds.storage import csi, storage_class, volumes
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

Name = tuple[str, str]

HOOKS: Mapping[Name, Hooks] = {
    ("", "configmaps"): config_map.HOOKS,
    ("", "endpoints"): endpoints.HOOKS,
    ("", "events"): event.HOOKS,
    ("", "limitranges"): limit_range.HOOKS,
    ("", "namespaces"): namespace.HOOKS,
    ("", "nodes"): node.HOOKS,
    ("", "persistentvolumeclaims"): persistent_volume_claim.HOOKS,
    ("", "persistentvolumes"): persistent_volume.HOOKS,
    ("", "pods"): pod.HOOKS,
    ("", "podtemplates"): pod_template.HOOKS,
    ("", "replicationcontrollers"): replication_controller.HOOKS,
    ("", "resourcequotas"): resource_quota.HOOKS,
    ("", "secrets"): secret.HOOKS,
    ("", "serviceaccounts"): service_account.HOOKS,
    ("", "services"): service.HOOKS,
    ("admissionregistration.k8s.io", "mutatingadmissionpolicies"): policies.MUTATING_POLICY_HOOKS,
    ("admissionregistration.k8s.io", "mutatingadmissionpolicybindings"): policies.BINDING_HOOKS,
    ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"): webhooks.MUTATING_HOOKS,
    ("admissionregistration.k8s.io", "validatingadmissionpolicies"): policies.VALIDATING_POLICY_HOOKS,
    ("admissionregistration.k8s.io", "validatingadmissionpolicybindings"): policies.BINDING_HOOKS,
    ("admissionregistration.k8s.io", "validatingwebhookconfigurations"): webhooks.VALIDATING_HOOKS,
    ("apiregistration.k8s.io", "apiservices"): api_service.HOOKS,
    ("apps", "controllerrevisions"): controller_revision.HOOKS,
    ("apps", "daemonsets"): daemon_set.HOOKS,
    ("apps", "deployments"): deployment.HOOKS,
    ("apps", "replicasets"): replica_set.HOOKS,
    ("apps", "statefulsets"): stateful_set.HOOKS,
    ("autoscaling", "horizontalpodautoscalers"): autoscaler.HOOKS,
    ("batch", "cronjobs"): cron_job.HOOKS,
    ("batch", "jobs"): job.HOOKS,
    ("certificates.k8s.io", "certificatesigningrequests"): signing_request.HOOKS,
    ("coordination.k8s.io", "leases"): lease.HOOKS,
    ("discovery.k8s.io", "endpointslices"): endpoint_slice.HOOKS,
    ("events.k8s.io", "events"): event.STRICT_HOOKS,
    ("flowcontrol.apiserver.k8s.io", "flowschemas"): flow_control.SCHEMA_HOOKS,
    ("flowcontrol.apiserver.k8s.io", "prioritylevelconfigurations"): flow_control.LEVEL_HOOKS,
    ("networking.k8s.io", "ingressclasses"): ingress_class.HOOKS,
    ("networking.k8s.io", "ingresses"): ingress.HOOKS,
    ("networking.k8s.io", "ipaddresses"): addresses.ADDRESS_HOOKS,
    ("networking.k8s.io", "networkpolicies"): network_policy.HOOKS,
    ("networking.k8s.io", "servicecidrs"): addresses.CIDR_HOOKS,
    ("node.k8s.io", "runtimeclasses"): runtime_class.HOOKS,
    ("policy", "poddisruptionbudgets"): pod_disruption_budget.HOOKS,
    ("rbac.authorization.k8s.io", "clusterrolebindings"): bindings.CLUSTER_ROLE_BINDING_HOOKS,
    ("rbac.authorization.k8s.io", "clusterroles"): roles.CLUSTER_ROLE_HOOKS,
    ("rbac.authorization.k8s.io", "rolebindings"): bindings.ROLE_BINDING_HOOKS,
    ("rbac.authorization.k8s.io", "roles"): roles.ROLE_HOOKS,
    ("resource.k8s.io", "deviceclasses"): devices.CLASS_HOOKS,
    ("resource.k8s.io", "resourceclaims"): devices.CLAIM_HOOKS,
    ("resource.k8s.io", "resourceclaimtemplates"): devices.TEMPLATE_HOOKS,
    ("resource.k8s.io", "resourceslices"): devices.SLICE_HOOKS,
    ("scheduling.k8s.io", "priorityclasses"): priority_class.HOOKS,
    ("storage.k8s.io", "csidrivers"): csi.DRIVER_HOOKS,
    ("storage.k8s.io", "csinodes"): csi.NODE_HOOKS,
    ("storage.k8s.io", "csistoragecapacities"): csi.CAPACITY_HOOKS,
    ("storage.k8s.io", "storageclasses"): storage_class.HOOKS,
    ("storage.k8s.io", "volumeattachments"): volumes.ATTACHMENT_HOOKS,
    ("storage.k8s.io", "volumeattributesclasses"): volumes.ATTRIBUTES_HOOKS,
}

GRACE_PERIODS: Mapping[Name, Callable[[Object, int | None], int]] = {
    ("", "pods"): pod.grace_period,
}

CONVERSIONS: Mapping[Name, Callable[[Object, str], Object]] = {
    ("events.k8s.io", "events"): convert_event,
    ("", "events"): convert_event,
    ("autoscaling", "horizontalpodautoscalers"): convert_autoscaler,
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
