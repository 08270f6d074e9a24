"""The two plug-ins: MutatingAdmissionWebhook asks one after another, ValidatingAdmissionWebhook all at once.

A mutating webhook that changed something lets the mutating plug-ins run a second time: the built-in ones all, webhooks
only those with ``reinvocationPolicy: IfNeeded`` whose object has changed since they saw it.
"""

import asyncio
import logging
from collections.abc import Awaitable, Sequence
from typing import TypeVar

import orjson

from pynetes.apiserver.admission import CREATE, DELETE, UPDATE, Attributes, Plugin
from pynetes.apiserver.admission.webhooks import reviews
from pynetes.apiserver.admission.webhooks.calls import Caller, Unreachable
from pynetes.apiserver.admission.webhooks.hooks import Source, Webhook
from pynetes.apiserver.admission.webhooks.matching import Invocation, Request, invocation
from pynetes.apiserver.admission.webhooks.reviews import Answer, InvalidReview, Shown
from pynetes.apiserver.context import Reinvocation, Server
from pynetes.meta import schema, status
from pynetes.meta.decoder import DecodeError, decoder
from pynetes.meta.gotext import quoted
from pynetes.meta.groupversionkind import GroupVersionKind
from pynetes.meta.objects import Object, labels_of
from pynetes.meta.patch import json as json_patch
from pynetes.meta.patch.errors import PatchError
from pynetes.meta.resource import Version

log = logging.getLogger(__name__)

_GROUP = "admissionregistration.k8s.io"
_OPERATIONS = frozenset({CREATE, UPDATE, DELETE})
_SECONDS = 10
_T = TypeVar("_T")


class CallError(Exception):
    """There is no usable answer: what ``failurePolicy`` is about."""


def plugins(server: Server) -> tuple[Plugin, Plugin]:
    """Mutating, validating."""
    caller = Caller(server)
    mutating = _Mutating(Source(server, "mutatingwebhookconfigurations"), caller)
    validating = _Validating(Source(server, "validatingwebhookconfigurations"), caller)
    return (
        Plugin("MutatingAdmissionWebhook", _OPERATIONS, mutate=mutating.mutate),
        Plugin("ValidatingAdmissionWebhook", _OPERATIONS, validate=validating.validate),
    )


class _Mutating:
    def __init__(self, source: Source, caller: Caller) -> None:
        self._source = source
        self._caller = caller

    def mutate(self, asked: Attributes) -> Awaitable[None] | None:
        """Raises: StatusError."""
        webhooks = self._source.current()
        return self._ask_all(asked, webhooks) if webhooks and not _is_exempt(asked) else None

    async def _ask_all(self, asked: Attributes, webhooks: Sequence[Webhook]) -> None:
        again = asked.reinvocation = asked.reinvocation or Reinvocation()
        if again.is_second and asked.obj != again.last_seen:
            again.require()
        try:
            for webhook in webhooks:
                found = invocation(webhook, _request(asked))
                if found is None or (again.is_second and webhook.uid not in again.required):
                    continue
                changed = await _guarded(webhook, self._ask(asked, found))
                if changed:
                    again.require()
                    again.is_wanted = True
                if webhook.spec.get("reinvocationPolicy") == "IfNeeded":
                    again.invoked.add(webhook.uid)
        finally:
            again.last_seen = orjson.loads(orjson.dumps(asked.obj))

    async def _ask(self, asked: Attributes, found: Invocation) -> bool:
        answer = await _ask(self._caller, asked, found, mutating=True)
        operations = orjson.loads(answer.patch) if answer.patch else []
        if not operations:
            return False
        if asked.obj is None:
            why = f"admission webhook {quoted(found.webhook.name)} attempted to modify the object"
            raise status.internal_error(f"{why}, which is not supported for this operation")
        return _patch(asked, found, operations)


class _Validating:
    def __init__(self, source: Source, caller: Caller) -> None:
        self._source = source
        self._caller = caller

    def validate(self, asked: Attributes) -> Awaitable[None] | None:
        """Raises: StatusError."""
        webhooks = self._source.current()
        if not webhooks or _is_exempt(asked):
            return None
        request = _request(asked)
        found = [i for webhook in webhooks if (i := invocation(webhook, request)) is not None]
        return self._ask_all(asked, found) if found else None

    async def _ask_all(self, asked: Attributes, found: Sequence[Invocation]) -> None:
        asking = (_guarded(i.webhook, _ask(self._caller, asked, i, mutating=False)) for i in found)
        for outcome in await asyncio.gather(*asking, return_exceptions=True):
            if isinstance(outcome, BaseException):
                raise outcome


async def _guarded(webhook: Webhook, asking: Awaitable[_T]) -> _T | None:
    """None where the webhook failed and that is to be ignored. Raises: StatusError."""
    try:
        return await asking
    except CallError as error:
        if webhook.ignores_failures:
            log.warning("failed calling webhook, failing open %s: %s", webhook.name, error)
            return None
        raise status.internal_error(f"failed calling webhook {quoted(webhook.name)}: {error}") from None


async def _ask(caller: Caller, asked: Attributes, found: Invocation, *, mutating: bool) -> Answer:
    """Raises: CallError; StatusError when the webhook refuses."""
    webhook = found.webhook
    if asked.dry_run and webhook.spec.get("sideEffects") not in ("None", "NoneOnDryRun"):
        raise status.bad_request(f"admission webhook {quoted(webhook.name)} does not support dry run")
    version = reviews.version_for(webhook.spec)
    if not version:
        why = "webhook does not accept known AdmissionReview versions (v1, v1beta1)"
        raise CallError(f"could not create admission objects: {why}")
    uid, request, options = asked.server.clock.uuid4(), _request(asked), _options(asked)
    shown = _shown(asked, request, found.version)
    review = reviews.question(version, uid, request, shown, asked.ctx.user, options, dry_run=asked.dry_run)
    seconds = webhook.spec.get("timeoutSeconds") or _SECONDS
    try:
        body = await caller.ask(asked, webhook.spec["clientConfig"], review, seconds)
    except Unreachable as error:
        raise CallError(f"failed to call webhook: {error}") from None
    try:
        answer = reviews.answer(body, version, uid, mutating=mutating)
    except InvalidReview as error:
        raise CallError(f"received invalid webhook response: {error}") from None
    for key, value in answer.annotations.items():
        asked.audit(f"{webhook.name}/{key}", value)
    asked.ctx.warnings += answer.warnings
    if not answer.allowed:
        raise reviews.refusal(webhook.name, answer.result)
    return answer


# what a write is to webhooks


def _is_exempt(asked: Attributes) -> bool:
    """What could lock everybody out, and what is not what it seems: a scale is written as its workload."""
    return asked.resource.group == _GROUP or asked.ctx.info.subresource != asked.subresource


def _version(asked: Attributes) -> Version:
    version, resource = asked.ctx.version, asked.resource
    if version is not None and version in resource.versions:
        return version
    return next(v for v in resource.versions if v.name == resource.storage_version)


def _request(asked: Attributes) -> Request:
    resource, version, obj = asked.resource, _version(asked), asked.obj
    kind, own = resource.gvk(version.name), False
    if obj is not None and asked.subresource and obj.get("kind") not in (None, resource.kind):
        group, _, name = obj["apiVersion"].rpartition("/")
        kind, own = GroupVersionKind(group, name, obj["kind"]), True
    is_namespace = (resource.group, resource.plural) == ("", "namespaces")
    namespace = asked.name if is_namespace else asked.namespace
    return Request(
        operation=asked.operation,
        kind=kind,
        group=resource.group,
        plural=resource.plural,
        version=version.name,
        versions=[v.name for v in resource.versions],
        subresource=asked.subresource,
        namespace=namespace,
        namespace_labels=_namespace_labels(asked, namespace, is_namespace),
        obj=obj,
        old=asked.old,
        has_own_kind=own,
    )


def _namespace_labels(asked: Attributes, namespace: str, is_namespace: bool) -> dict[str, str] | None:
    if is_namespace and not asked.subresource and asked.obj is not None:
        return labels_of(asked.obj)
    if not namespace:
        return None
    found = asked.find("", "namespaces", namespace)
    return labels_of(found) if found is not None else {}


def _shown(asked: Attributes, request: Request, version: str) -> Shown:
    if request.has_own_kind:
        return Shown(request.version, request.kind, _name(asked), asked.obj, asked.old)
    kind = asked.resource.gvk(version)

    def converted(obj: Object | None) -> Object | None:
        convert = asked.resource.convert
        if obj is None or convert is None or obj.get("apiVersion") == kind.api_version:
            return obj
        return convert(obj, kind.api_version)

    return Shown(version, kind, _name(asked), converted(asked.obj), converted(asked.old))


def _name(asked: Attributes) -> str:
    """Also a name that a mutating plug-in has given."""
    name: str = asked.name or (asked.obj["metadata"].get("name") or "" if asked.obj is not None else "")
    return name


def _options(asked: Attributes) -> Object:
    """CreateOptions and so on, as the client gave them."""
    if asked.options is not None:
        return asked.options
    kind = {CREATE: "CreateOptions", DELETE: "DeleteOptions"}.get(asked.operation, "UpdateOptions")
    if asked.ctx.request.method == "PATCH" and asked.operation == UPDATE:
        kind = "PatchOptions"
    found: Object = {"kind": kind, "apiVersion": "meta.k8s.io/v1"}
    if asked.dry_run:
        found["dryRun"] = ["All"]
    for name in ("fieldManager", "fieldValidation"):
        if value := asked.ctx.param(name):
            found[name] = value
    return found


# patches


def _patch(asked: Attributes, found: Invocation, operations: list[Object]) -> bool:
    """Change the object in place as a webhook wants it; whether that made a difference. Raises: StatusError 500."""
    assert asked.obj is not None
    request = _request(asked)
    before = _shown(asked, request, found.version)
    assert before.obj is not None
    try:
        patched = json_patch.apply(before.obj, operations)
        own = orjson.loads(orjson.dumps(patched))
        obj = _decoded(asked, before, own)
    except (PatchError, DecodeError) as error:
        raise status.internal_error(str(error)) from None
    if obj == before.obj:
        return False
    resource = asked.resource
    if not request.has_own_kind:
        if resource.convert is not None:
            obj = resource.convert(obj, resource.gvk(resource.storage_version).api_version)
        if resource.hooks.default is not None:
            resource.hooks.default(obj)
    asked.obj.clear()
    asked.obj.update(obj)
    return True


def _decoded(asked: Attributes, before: Shown, value: Object) -> Object:
    """Raises: DecodeError."""
    version = next((v for v in asked.resource.versions if v.name == before.version), None)
    if version is not None and version.structural is not None:
        return version.structural.decode(value).object
    kind = before.kind
    type_name = schema.type_name_of(kind.group, kind.version, kind.kind)
    if type_name is None:
        raise DecodeError(f"no kind {quoted(kind.kind)} is registered for version {quoted(kind.api_version)}")
    obj = decoder(type_name).decode(value).object
    obj.setdefault("metadata", {})
    return {**obj, "apiVersion": kind.api_version, "kind": kind.kind}
