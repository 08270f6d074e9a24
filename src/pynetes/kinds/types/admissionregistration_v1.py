"""The types of admissionregistration/v1. Made by scripts/compile-facts: do not edit."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from pynetes.kinds.types.meta_v1 import Condition, LabelSelector, ListMeta, ObjectMeta


class ApplyConfiguration(TypedDict, total=False):
    expression: str


class AuditAnnotation(TypedDict, total=False):
    key: str
    valueExpression: str


class ExpressionWarning(TypedDict, total=False):
    fieldRef: str
    warning: str


class JSONPatch(TypedDict, total=False):
    expression: str


class MatchCondition(TypedDict, total=False):
    expression: str
    name: str


class MatchResources(TypedDict, total=False):
    excludeResourceRules: list[NamedRuleWithOperations]
    matchPolicy: str
    namespaceSelector: LabelSelector
    objectSelector: LabelSelector
    resourceRules: list[NamedRuleWithOperations]


class MutatingAdmissionPolicy(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: MutatingAdmissionPolicySpec


class MutatingAdmissionPolicyBinding(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: MutatingAdmissionPolicyBindingSpec


class MutatingAdmissionPolicyBindingList(TypedDict, total=False):
    apiVersion: str
    items: list[MutatingAdmissionPolicyBinding]
    kind: str
    metadata: ListMeta


class MutatingAdmissionPolicyBindingSpec(TypedDict, total=False):
    matchResources: MatchResources
    paramRef: ParamRef
    policyName: str


class MutatingAdmissionPolicyList(TypedDict, total=False):
    apiVersion: str
    items: list[MutatingAdmissionPolicy]
    kind: str
    metadata: ListMeta


class MutatingAdmissionPolicySpec(TypedDict, total=False):
    failurePolicy: str
    matchConditions: list[MatchCondition]
    matchConstraints: MatchResources
    mutations: list[Mutation]
    paramKind: ParamKind
    reinvocationPolicy: str
    variables: list[Variable]


class MutatingWebhook(TypedDict, total=False):
    admissionReviewVersions: list[str]
    clientConfig: WebhookClientConfig
    failurePolicy: str
    matchConditions: list[MatchCondition]
    matchPolicy: str
    name: str
    namespaceSelector: LabelSelector
    objectSelector: LabelSelector
    reinvocationPolicy: str
    rules: list[RuleWithOperations]
    sideEffects: str
    timeoutSeconds: int


class MutatingWebhookConfiguration(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    webhooks: list[MutatingWebhook]


class MutatingWebhookConfigurationList(TypedDict, total=False):
    apiVersion: str
    items: list[MutatingWebhookConfiguration]
    kind: str
    metadata: ListMeta


class Mutation(TypedDict, total=False):
    applyConfiguration: ApplyConfiguration
    jsonPatch: JSONPatch
    patchType: str


class NamedRuleWithOperations(TypedDict, total=False):
    apiGroups: list[str]
    apiVersions: list[str]
    operations: list[str]
    resourceNames: list[str]
    resources: list[str]
    scope: str


class ParamKind(TypedDict, total=False):
    apiVersion: str
    kind: str


class ParamRef(TypedDict, total=False):
    name: str
    namespace: str
    parameterNotFoundAction: str
    selector: LabelSelector


class RuleWithOperations(TypedDict, total=False):
    apiGroups: list[str]
    apiVersions: list[str]
    operations: list[str]
    resources: list[str]
    scope: str


class ServiceReference(TypedDict, total=False):
    name: str
    namespace: str
    path: str
    port: int


class TypeChecking(TypedDict, total=False):
    expressionWarnings: list[ExpressionWarning]


class ValidatingAdmissionPolicy(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ValidatingAdmissionPolicySpec
    status: ValidatingAdmissionPolicyStatus


class ValidatingAdmissionPolicyBinding(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: ValidatingAdmissionPolicyBindingSpec


class ValidatingAdmissionPolicyBindingList(TypedDict, total=False):
    apiVersion: str
    items: list[ValidatingAdmissionPolicyBinding]
    kind: str
    metadata: ListMeta


class ValidatingAdmissionPolicyBindingSpec(TypedDict, total=False):
    matchResources: MatchResources
    paramRef: ParamRef
    policyName: str
    validationActions: list[str]


class ValidatingAdmissionPolicyList(TypedDict, total=False):
    apiVersion: str
    items: list[ValidatingAdmissionPolicy]
    kind: str
    metadata: ListMeta


class ValidatingAdmissionPolicySpec(TypedDict, total=False):
    auditAnnotations: list[AuditAnnotation]
    failurePolicy: str
    matchConditions: list[MatchCondition]
    matchConstraints: MatchResources
    paramKind: ParamKind
    validations: list[Validation]
    variables: list[Variable]


class ValidatingAdmissionPolicyStatus(TypedDict, total=False):
    conditions: list[Condition]
    observedGeneration: int
    typeChecking: TypeChecking


class ValidatingWebhook(TypedDict, total=False):
    admissionReviewVersions: list[str]
    clientConfig: WebhookClientConfig
    failurePolicy: str
    matchConditions: list[MatchCondition]
    matchPolicy: str
    name: str
    namespaceSelector: LabelSelector
    objectSelector: LabelSelector
    rules: list[RuleWithOperations]
    sideEffects: str
    timeoutSeconds: int


class ValidatingWebhookConfiguration(TypedDict, total=False):
    apiVersion: str
    kind: str
    metadata: ObjectMeta
    webhooks: list[ValidatingWebhook]


class ValidatingWebhookConfigurationList(TypedDict, total=False):
    apiVersion: str
    items: list[ValidatingWebhookConfiguration]
    kind: str
    metadata: ListMeta


class Validation(TypedDict, total=False):
    expression: str
    message: str
    messageExpression: str
    reason: str


class Variable(TypedDict, total=False):
    expression: str
    name: str


class WebhookClientConfig(TypedDict, total=False):
    caBundle: str
    service: ServiceReference
    url: str
