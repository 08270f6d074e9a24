"""Webhook configurations.

Differs: webhooks with matchConditions are refused: they are CEL expressions, which nothing here evaluates yet.

Source: kubernetes ``pkg/apis/admissionregistration/{v1/defaults.go,validation/validation.go}``,
``pkg/registry/admissionregistration``, apiserver ``pkg/util/webhook/validation.go``.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from pynetes.kinds import rows
from pynetes.kinds.admissionregistration.rules import rule_with_operations
from pynetes.kinds.core.pod_defaults import fill
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.kinds.strategy import Strategy
from pynetes.meta.fielderrors import Path, duplicate, forbidden, invalid, not_supported, required
from pynetes.meta.names import dns1035_label, dns1123_subdomain, port_number
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause
from pynetes.meta.validation import label_selector

REVIEW_VERSIONS = ("v1", "v1beta1")
"""Of AdmissionReview, the ones that the server speaks."""

_FAILURE_POLICIES, _MATCH_POLICIES = ("Fail", "Ignore"), ("Equivalent", "Exact")
_NO_SIDE_EFFECTS, _SIDE_EFFECTS = ("None", "NoneOnDryRun"), ("None", "NoneOnDryRun", "Some", "Unknown")
_REINVOCATIONS = ("IfNeeded", "Never")
_MOST_SECONDS = 30
_FORM = "; desired format: https://host[/path]"
_NO_CEL = "match conditions are CEL expressions, which pynetes does not evaluate yet"
_STRATEGY = Strategy(generation=True, spec=("webhooks",))


def default(obj: Object) -> None:
    """What both kinds of webhooks have."""
    for webhook in obj.get("webhooks") or ():
        fill(webhook, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
        for name in ("namespaceSelector", "objectSelector"):
            if webhook.get(name) is None:
                webhook[name] = {}
        for rule in webhook.get("rules") or ():
            fill(rule, scope="*")
        service = (webhook.get("clientConfig") or {}).get("service")
        if service is not None:
            fill(service, port=443)


def default_mutating(obj: Object) -> None:
    default(obj)
    for webhook in obj.get("webhooks") or ():
        fill(webhook, reinvocationPolicy="Never")


def table_row(obj: Object, now: float) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), rows.age(obj, now)]


@dataclass(frozen=True, slots=True)
class _Strictness:
    """What an update need not hold to where the old object did not."""

    side_effects: tuple[str, ...] = _NO_SIDE_EFFECTS
    known_review: bool = True
    unique_names: bool = True
    valid_selectors: bool = True


def _strictness(old: Object) -> _Strictness:
    webhooks = old.get("webhooks") or ()
    names = [webhook.get("name") or "" for webhook in webhooks]
    harmless = all((webhook.get("sideEffects") or "None") in _NO_SIDE_EFFECTS for webhook in webhooks)
    return _Strictness(
        side_effects=_NO_SIDE_EFFECTS if harmless else _SIDE_EFFECTS,
        known_review=all(_speaks(webhook) for webhook in webhooks),
        unique_names=len({*names}) == len(names),
        valid_selectors=not any(
            label_selector("", webhook.get(name))
            for webhook in webhooks
            for name in ("namespaceSelector", "objectSelector")
        ),
    )


def _speaks(webhook: Object) -> bool:
    return any(version in REVIEW_VERSIONS for version in webhook.get("admissionReviewVersions") or ())


def validate(obj: Object, context: WriteContext, *, mutating: bool) -> list[Cause]:
    return object_meta(obj, False) + _webhooks(obj, _Strictness(), mutating)


def validate_update(obj: Object, old: Object, context: WriteContext, *, mutating: bool) -> list[Cause]:
    return object_meta_update(obj, old) + _webhooks(obj, _strictness(old), mutating)


def _webhooks(obj: Object, strictness: _Strictness, mutating: bool) -> list[Cause]:
    causes: list[Cause] = []
    names: set[str] = set()
    for i, webhook in enumerate(obj.get("webhooks") or ()):
        path = f"webhooks[{i}]"
        causes += _webhook(path, webhook, strictness, mutating)
        causes += _review_versions(path, webhook, strictness)
        name = webhook.get("name") or ""
        if strictness.unique_names and name:
            if name in names:
                causes.append(duplicate(f"{path}.name", name))
            names.add(name)
    return causes


def _webhook(path: Path, webhook: Object, strictness: _Strictness, mutating: bool) -> Iterator[Cause]:
    yield from _fully_qualified(f"{path}.name", webhook.get("name") or "")
    for i, rule in enumerate(webhook.get("rules") or ()):
        yield from rule_with_operations(f"{path}.rules[{i}]", rule)
    yield from _one_of(path, webhook, "failurePolicy", _FAILURE_POLICIES)
    yield from _one_of(path, webhook, "matchPolicy", _MATCH_POLICIES)
    if webhook.get("sideEffects") is None:
        yield required(f"{path}.sideEffects", f"must specify one of {', '.join(strictness.side_effects)}")
    yield from _one_of(path, webhook, "sideEffects", strictness.side_effects)
    seconds = webhook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= _MOST_SECONDS:
        yield invalid(f"{path}.timeoutSeconds", seconds, "the timeout value must be between 1 and 30 seconds")
    for name in ("namespaceSelector", "objectSelector"):
        yield from label_selector(f"{path}.{name}", webhook.get(name), not strictness.valid_selectors)
    if mutating:
        yield from _one_of(path, webhook, "reinvocationPolicy", _REINVOCATIONS)
    yield from _client(f"{path}.clientConfig", webhook.get("clientConfig") or {})
    if webhook.get("matchConditions"):
        yield forbidden(f"{path}.matchConditions", _NO_CEL)


def _fully_qualified(path: Path, name: str) -> Iterator[Cause]:
    if not name:
        yield required(path)
    elif problems := dns1123_subdomain(name):
        yield invalid(path, name, ",".join(problems))
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def _one_of(path: Path, webhook: Object, name: str, known: Sequence[str]) -> Iterator[Cause]:
    value = webhook.get(name)
    if value is not None and value not in known:
        yield not_supported(f"{path}.{name}", value, known)


def _client(path: Path, config: Object) -> Iterator[Cause]:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif service is None:
        yield from https_url(f"{path}.url", url or "")
    else:
        yield from service_reference(f"{path}.service", service)


def https_url(path: Path, text: str) -> Iterator[Cause]:
    """Where a webhook may be."""
    try:
        url = urlsplit(text)
    except ValueError as error:
        yield required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    user, at, host = url.netloc.rpartition("@")
    if url.scheme != "https":
        yield invalid(path, url.scheme, f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        yield invalid(path, host, f"host must be specified{_FORM}")
    if at:
        yield invalid(path, user, "user information is not permitted in the URL")
    if url.fragment:
        yield invalid(path, url.fragment, "fragments are not permitted in the URL")
    if url.query:
        yield invalid(path, url.query, "query parameters are not permitted in the URL")


def service_reference(path: Path, service: Object) -> Iterator[Cause]:
    """The service that a webhook is behind."""
    for name in ("name", "namespace"):
        if not service.get(name):
            yield required(f"{path}.{name}")
    port = service.get("port") or 0
    if problems := port_number(port):
        yield invalid(f"{path}.port", port, f"port is not valid: {', '.join(problems)}")
    yield from _path(f"{path}.path", service.get("path") or "/")


def _path(path: Path, text: str) -> Iterator[Cause]:
    if text == "/":
        return
    if text == "//":
        yield invalid(path, text, "segment[0] may not be empty")
        return
    if text[0] != "/":
        yield invalid(path, text, "must start with a '/'")
    for i, step in enumerate(text[1:].removesuffix("/").split("/")):
        if not step:
            yield invalid(path, text, f"segment[{i}] may not be empty")
        else:
            yield from (invalid(path, text, f"segment[{i}]: {problem}") for problem in dns1123_subdomain(step))


def _review_versions(path: Path, webhook: Object, strictness: _Strictness) -> Iterator[Cause]:
    path, versions = f"{path}.admissionReviewVersions", webhook.get("admissionReviewVersions") or []
    if not versions:
        yield required(path, f"must specify one of {', '.join(REVIEW_VERSIONS)}")
        return
    for i, version in enumerate(versions):
        if version in versions[:i]:
            yield invalid(f"{path}[{i}]", version, "duplicate version")
        else:
            yield from (invalid(f"{path}[{i}]", version, problem) for problem in dns1035_label(version))
    if strictness.known_review and not _speaks(webhook):
        yield invalid(path, versions, f"must include at least one of {', '.join(REVIEW_VERSIONS)}")


VALIDATING_HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=partial(validate, mutating=False),
    validate_update=partial(validate_update, mutating=False),
    table_row=table_row,
)

MUTATING_HOOKS = Hooks(
    default=default_mutating,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=partial(validate, mutating=True),
    validate_update=partial(validate_update, mutating=True),
    table_row=table_row,
)
