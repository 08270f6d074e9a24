"""One ``Kind`` for every stable resource of Kubernetes v1.36, named by its plural.

Where a kind is served by two groups or versions, the plain name is the one that components use (core ``EVENTS``,
autoscaling/v2 ``HORIZONTAL_POD_AUTOSCALERS``).

Source: the discovery documents of a kube-apiserver v1.36.3.
"""

from pynetes.client.types import Kind

BINDINGS = Kind("v1", "bindings", "Binding")
COMPONENT_STATUSES = Kind("v1", "componentstatuses", "ComponentStatus", namespaced=False)
CONFIG_MAPS = Kind("v1", "configmaps", "ConfigMap")
ENDPOINTS = Kind("v1", "endpoints", "Endpoints")
EVENTS = Kind("v1", "events", "Event")
LIMIT_RANGES = Kind("v1", "limitranges", "LimitRange")
NAMESPACES = Kind("v1", "namespaces", "Namespace", namespaced=False)
NODES = Kind("v1", "nodes", "Node", namespaced=False)
PERSISTENT_VOLUME_CLAIMS = Kind("v1", "persistentvolumeclaims", "PersistentVolumeClaim")
PERSISTENT_VOLUMES = Kind("v1", "persistentvolumes", "PersistentVolume", namespaced=False)
PODS = Kind("v1", "pods", "Pod")
POD_TEMPLATES = Kind("v1", "podtemplates", "PodTemplate")
REPLICATION_CONTROLLERS = Kind("v1", "replicationcontrollers", "ReplicationController")
RESOURCE_QUOTAS = Kind("v1", "resourcequotas", "ResourceQuota")
SECRETS = Kind("v1", "secrets", "Secret")
SERVICE_ACCOUNTS = Kind("v1", "serviceaccounts", "ServiceAccount")
SERVICES = Kind("v1", "services", "Service")

API_SERVICES = Kind("apiregistration.k8s.io/v1", "apiservices", "APIService", namespaced=False)

CONTROLLER_REVISIONS = Kind("apps/v1", "controllerrevisions", "ControllerRevision")
DAEMON_SETS = Kind("apps/v1", "daemonsets", "DaemonSet")
DEPLOYMENTS = Kind("apps/v1", "deployments", "Deployment")
REPLICA_SETS = Kind("apps/v1", "replicasets", "ReplicaSet")
STATEFUL_SETS = Kind("apps/v1", "statefulsets", "StatefulSet")

EVENTS_V1 = Kind("events.k8s.io/v1", "events", "Event")

SELF_SUBJECT_REVIEWS = Kind("authentication.k8s.io/v1", "selfsubjectreviews", "SelfSubjectReview", namespaced=False)
TOKEN_REVIEWS = Kind("authentication.k8s.io/v1", "tokenreviews", "TokenReview", namespaced=False)

LOCAL_SUBJECT_ACCESS_REVIEWS = Kind("authorization.k8s.io/v1", "localsubjectaccessreviews", "LocalSubjectAccessReview")
SELF_SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io/v1", "selfsubjectaccessreviews", "SelfSubjectAccessReview", namespaced=False
)
SELF_SUBJECT_RULES_REVIEWS = Kind(
    "authorization.k8s.io/v1", "selfsubjectrulesreviews", "SelfSubjectRulesReview", namespaced=False
)
SUBJECT_ACCESS_REVIEWS = Kind(
    "authorization.k8s.io/v1", "subjectaccessreviews", "SubjectAccessReview", namespaced=False
)

HORIZONTAL_POD_AUTOSCALERS = Kind("autoscaling/v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
HORIZONTAL_POD_AUTOSCALERS_V1 = Kind("autoscaling/v1", "horizontalpodautoscalers", "HorizontalPodAutoscaler")

CRON_JOBS = Kind("batch/v1", "cronjobs", "CronJob")
JOBS = Kind("batch/v1", "jobs", "Job")

CERTIFICATE_SIGNING_REQUESTS = Kind(
    "certificates.k8s.io/v1", "certificatesigningrequests", "CertificateSigningRequest", namespaced=False
)

INGRESS_CLASSES = Kind("networking.k8s.io/v1", "ingressclasses", "IngressClass", namespaced=False)
INGRESSES = Kind("networking.k8s.io/v1", "ingresses", "Ingress")
IP_ADDRESSES = Kind("networking.k8s.io/v1", "ipaddresses", "IPAddress", namespaced=False)
NETWORK_POLICIES = Kind("networking.k8s.io/v1", "networkpolicies", "NetworkPolicy")
SERVICE_CIDRS = Kind("networking.k8s.io/v1", "servicecidrs", "ServiceCIDR", namespaced=False)

POD_DISRUPTION_BUDGETS = Kind("policy/v1", "poddisruptionbudgets", "PodDisruptionBudget")

CLUSTER_ROLE_BINDINGS = Kind(
    "rbac.authorization.k8s.io/v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False
)
CLUSTER_ROLES = Kind("rbac.authorization.k8s.io/v1", "clusterroles", "ClusterRole", namespaced=False)
ROLE_BINDINGS = Kind("rbac.authorization.k8s.io/v1", "rolebindings", "RoleBinding")
ROLES = Kind("rbac.authorization.k8s.io/v1", "roles", "Role")

CSI_DRIVERS = Kind("storage.k8s.io/v1", "csidrivers", "CSIDriver", namespaced=False)
CSI_NODES = Kind("storage.k8s.io/v1", "csinodes", "CSINode", namespaced=False)
CSI_STORAGE_CAPACITIES = Kind("storage.k8s.io/v1", "csistoragecapacities", "CSIStorageCapacity")
STORAGE_CLASSES = Kind("storage.k8s.io/v1", "storageclasses", "StorageClass", namespaced=False)
VOLUME_ATTACHMENTS = Kind("storage.k8s.io/v1", "volumeattachments", "VolumeAttachment", namespaced=False)
VOLUME_ATTRIBUTES_CLASSES = Kind(
    "storage.k8s.io/v1", "volumeattributesclasses", "VolumeAttributesClass", namespaced=False
)

MUTATING_ADMISSION_POLICIES = Kind(
    "admissionregistration.k8s.io/v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", namespaced=False
)
MUTATING_ADMISSION_POLICY_BINDINGS = Kind(
    "admissionregistration.k8s.io/v1",
    "mutatingadmissionpolicybindings",
    "MutatingAdmissionPolicyBinding",
    namespaced=False,
)
MUTATING_WEBHOOK_CONFIGURATIONS = Kind(
    "admissionregistration.k8s.io/v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", namespaced=False
)
VALIDATING_ADMISSION_POLICIES = Kind(
    "admissionregistration.k8s.io/v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
VALIDATING_ADMISSION_POLICY_BINDINGS = Kind(
    "admissionregistration.k8s.io/v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
VALIDATING_WEBHOOK_CONFIGURATIONS = Kind(
    "admissionregistration.k8s.io/v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)

CUSTOM_RESOURCE_DEFINITIONS = Kind(
    "apiextensions.k8s.io/v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False
)

PRIORITY_CLASSES = Kind("scheduling.k8s.io/v1", "priorityclasses", "PriorityClass", namespaced=False)

LEASES = Kind("coordination.k8s.io/v1", "leases", "Lease")

RUNTIME_CLASSES = Kind("node.k8s.io/v1", "runtimeclasses", "RuntimeClass", namespaced=False)

ENDPOINT_SLICES = Kind("discovery.k8s.io/v1", "endpointslices", "EndpointSlice")

DEVICE_CLASSES = Kind("resource.k8s.io/v1", "deviceclasses", "DeviceClass", namespaced=False)
RESOURCE_CLAIMS = Kind("resource.k8s.io/v1", "resourceclaims", "ResourceClaim")
RESOURCE_CLAIM_TEMPLATES = Kind("resource.k8s.io/v1", "resourceclaimtemplates", "ResourceClaimTemplate")
RESOURCE_SLICES = Kind("resource.k8s.io/v1", "resourceslices", "ResourceSlice", namespaced=False)

FLOW_SCHEMAS = Kind("flowcontrol.apiserver.k8s.io/v1", "flowschemas", "FlowSchema", namespaced=False)
PRIORITY_LEVEL_CONFIGURATIONS = Kind(
    "flowcontrol.apiserver.k8s.io/v1", "prioritylevelconfigurations", "PriorityLevelConfiguration", namespaced=False
)

ALL: tuple[Kind, ...] = (
    BINDINGS,
    COMPONENT_STATUSES,
    CONFIG_MAPS,
    ENDPOINTS,
    EVENTS,
    LIMIT_RANGES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    PODS,
    POD_TEMPLATES,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    API_SERVICES,
    CONTROLLER_REVISIONS,
    DAEMON_SETS,
    DEPLOYMENTS,
    REPLICA_SETS,
    STATEFUL_SETS,
    EVENTS_V1,
    SELF_SUBJECT_REVIEWS,
    TOKEN_REVIEWS,
    LOCAL_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_ACCESS_REVIEWS,
    SELF_SUBJECT_RULES_REVIEWS,
    SUBJECT_ACCESS_REVIEWS,
    HORIZONTAL_POD_AUTOSCALERS,
    HORIZONTAL_POD_AUTOSCALERS_V1,
    CRON_JOBS,
    JOBS,
    CERTIFICATE_SIGNING_REQUESTS,
    INGRESS_CLASSES,
    INGRESSES,
    IP_ADDRESSES,
    NETWORK_POLICIES,
    SERVICE_CIDRS,
    POD_DISRUPTION_BUDGETS,
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    ROLES,
    CSI_DRIVERS,
    CSI_NODES,
    CSI_STORAGE_CAPACITIES,
    STORAGE_CLASSES,
    VOLUME_ATTACHMENTS,
    VOLUME_ATTRIBUTES_CLASSES,
    MUTATING_ADMISSION_POLICIES,
    MUTATING_ADMISSION_POLICY_BINDINGS,
    MUTATING_WEBHOOK_CONFIGURATIONS,
    VALIDATING_ADMISSION_POLICIES,
    VALIDATING_ADMISSION_POLICY_BINDINGS,
    VALIDATING_WEBHOOK_CONFIGURATIONS,
    CUSTOM_RESOURCE_DEFINITIONS,
    PRIORITY_CLASSES,
    LEASES,
    RUNTIME_CLASSES,
    ENDPOINT_SLICES,
    DEVICE_CLASSES,
    RESOURCE_CLAIMS,
    RESOURCE_CLAIM_TEMPLATES,
    RESOURCE_SLICES,
    FLOW_SCHEMAS,
    PRIORITY_LEVEL_CONFIGURATIONS,
)
