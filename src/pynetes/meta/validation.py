"""The rules of the fields that many kinds have: labels, annotations, selectors, conditions, and object metadata.

Source: apimachinery ``pkg/api/validation/objectmeta.go``, ``pkg/apis/meta/v1/validation``, ``pkg/util/validation``.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from pynetes.meta.fielderrors import (
    FIELD_IMMUTABLE,
    NOT_NEGATIVE,
    Path,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from pynetes.meta.gotext import strings
from pynetes.meta.names import (
    NameRule,
    condition_reason,
    dns1123_label,
    dns1123_subdomain,
    label_value,
    prefix_problems,
    qualified_name,
    regex_error,
    size,
)
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

ANNOTATIONS_LIMIT: Final = 256 * 1024

_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_http_path = re.compile(_HTTP_PATH).fullmatch


def label_name(path: Path, text: str) -> list[Cause]:
    return [invalid(path, text, p) for p in qualified_name(text)]


def labels(path: Path, values: Mapping[str, str] | None) -> list[Cause]:
    causes: list[Cause] = []
    for key, value in (values or {}).items():
        if problems := qualified_name(key):
            causes += [invalid(path, key, p) for p in problems]
        if problems := label_value(value):
            causes += [invalid(path, value, p) for p in problems]
    return causes


def annotations(path: Path, values: Mapping[str, str] | None) -> list[Cause]:
    causes: list[Cause] = []
    total = 0
    for key, value in (values or {}).items():
        if problems := qualified_name(key.lower()):
            causes += [invalid(path, key, p) for p in problems]
        total += size(key) + size(value)
    if total > ANNOTATIONS_LIMIT:
        causes.append(too_long(path, ANNOTATIONS_LIMIT))
    return causes


def label_selector(path: Path, selector: Object | None, allow_invalid_values: bool = False) -> list[Cause]:
    """Against a ``LabelSelector`` object."""
    if not selector:
        return []
    causes = labels(f"{path}.matchLabels", selector.get("matchLabels"))
    for i, expression in enumerate(selector.get("matchExpressions") or ()):
        causes += _selector_requirement(f"{path}.matchExpressions[{i}]", expression, allow_invalid_values)
    return causes


def _selector_requirement(path: Path, expression: Object, allow_invalid_values: bool) -> list[Cause]:
    causes: list[Cause] = []
    values = expression.get("values") or ()
    operator = expression.get("operator", "")
    if operator in ("In", "NotIn"):
        if not values:
            causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            detail = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            causes.append(forbidden(f"{path}.values", detail))
    else:
        causes.append(invalid(f"{path}.operator", operator, "not a valid selector operator"))
    causes += label_name(f"{path}.key", expression.get("key", ""))
    if not allow_invalid_values:
        for i, value in enumerate(values):
            causes += [invalid(f"{path}.values[{i}]", value, p) for p in label_value(value)]
    return causes


def non_negative(path: Path, value: int | None) -> list[Cause]:
    return [invalid(path, value, NOT_NEGATIVE)] if value is not None and value < 0 else []


def field_manager(path: Path, text: str) -> list[Cause]:
    causes = [too_long(path, 128)] if size(text) > 128 else []
    position = 0
    for character in text:
        if not character.isprintable():
            shown = f"U+{ord(character):04X}"
            causes.append(invalid(path, text, f"invalid character {shown} (at position {position})"))
        position += len(character.encode())
    return causes


def conditions(path: Path, values: Sequence[Object] | None) -> list[Cause]:
    """Against a list of ``metav1.Condition``."""
    causes: list[Cause] = []
    seen: set[str] = set()
    for i, condition in enumerate(values or ()):
        at, kind = f"{path}[{i}]", condition.get("type", "")
        if kind in seen:
            causes.append(duplicate(f"{at}.type", kind))
        seen.add(kind)
        causes += label_name(f"{at}.type", kind)
        if condition.get("status") not in ("True", "False", "Unknown"):
            causes.append(not_supported(f"{at}.status", condition.get("status", ""), ("False", "True", "Unknown")))
        if condition.get("observedGeneration", 0) < 0:
            generation = condition["observedGeneration"]
            causes.append(invalid(f"{at}.observedGeneration", generation, "must be greater than or equal to zero"))
        if not condition.get("lastTransitionTime"):
            causes.append(required(f"{at}.lastTransitionTime"))
        reason = condition.get("reason", "")
        if not reason:
            causes.append(required(f"{at}.reason"))
        else:
            causes += [invalid(f"{at}.reason", reason, p) for p in condition_reason(reason)]
            if size(reason) > 1024:
                causes.append(too_long(f"{at}.reason", 1024))
        if size(condition.get("message", "")) > 32 * 1024:
            causes.append(too_long(f"{at}.message", 32 * 1024))
    return causes


def fully_qualified_name(path: Path, text: str) -> list[Cause]:
    if not text:
        return [required(path)]
    if problems := dns1123_subdomain(text):
        return [invalid(path, text, ",".join(problems))]
    if text.count(".") < 2:
        return [invalid(path, text, "should be a domain with at least three segments separated by dots")]
    return []


def fully_qualified_domain_name(path: Path, text: str) -> list[Cause]:
    if not text:
        return [required(path)]
    text = text.removesuffix(".")
    if problems := dns1123_subdomain(text):
        return [invalid(path, text, ",".join(problems))]
    labels = text.split(".")
    if len(labels) < 2:
        return [invalid(path, text, "should be a domain with at least two segments separated by dots")]
    for label in labels:
        if problems := dns1123_label(label):
            return [invalid(path, label, ",".join(problems))]
    return []


def domain_prefixed_path(path: Path, text: str) -> list[Cause]:
    if not text:
        return [required(path)]
    host, _, rest = text.partition("/")
    if not host or not rest:
        return [invalid(path, text, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    causes = [invalid(path, host, p) for p in dns1123_subdomain(host)]
    if not _http_path(rest):
        causes.append(invalid(path, rest, regex_error("Invalid path", _HTTP_PATH)))
    return causes


def domain_prefixed_key(path: Path, text: str) -> list[Cause]:
    if not text:
        return [required(path)]
    if problems := qualified_name(text):
        return [invalid(path, text, p) for p in problems]
    if "/" not in text:
        return [invalid(path, text, 'must be a domain-prefixed key (such as "acme.io/foo")')]
    return []


def object_meta(obj: Object, namespaced: bool, name_rule: NameRule = dns1123_subdomain) -> list[Cause]:
    """The causes against an object's metadata on create; a name has been generated already."""
    return metadata(obj["metadata"], namespaced, name_rule, "metadata")


def metadata(meta: Object, namespaced: bool, rule: NameRule, path: Path) -> list[Cause]:
    causes: list[Cause] = []
    if prefix := meta.get("generateName"):
        causes += [invalid(f"{path}.generateName", prefix, p) for p in prefix_problems(rule, prefix)]
    name = meta.get("name")
    if not name:
        causes.append(required(f"{path}.name", "name or generateName is required"))
    elif problems := rule(name):
        causes += [invalid(f"{path}.name", name, p) for p in problems]
    namespace = meta.get("namespace")
    if namespaced:
        if not namespace:
            causes.append(required(f"{path}.namespace"))
        elif problems := dns1123_label(namespace):
            causes += [invalid(f"{path}.namespace", namespace, p) for p in problems]
    elif namespace:
        causes.append(forbidden(f"{path}.namespace", "not allowed on this type"))
    if (generation := meta.get("generation")) is not None and generation < 0:
        causes.append(invalid(f"{path}.generation", generation, NOT_NEGATIVE))
    causes += _common_metadata(meta, path)
    if finalizers := meta.get("finalizers"):
        causes += _finalizers(f"{path}.finalizers", finalizers)
    if entries := meta.get("managedFields"):
        causes += managed_fields(f"{path}.managedFields", entries)
    return causes


def _common_metadata(meta: Object, path: Path) -> list[Cause]:
    causes: list[Cause] = []
    if values := meta.get("labels"):
        causes += labels(f"{path}.labels", values)
    if values := meta.get("annotations"):
        causes += annotations(f"{path}.annotations", values)
    if references := meta.get("ownerReferences"):
        causes += owner_references(f"{path}.ownerReferences", references)
    return causes


def owner_references(path: Path, references: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    controller = ""
    for reference in references:
        api_version, kind = reference.get("apiVersion", ""), reference.get("kind", "")
        if not api_version.rpartition("/")[2] or api_version.count("/") > 1:
            causes.append(invalid(f"{path}.apiVersion", api_version, "version must not be empty"))
        for name in ("kind", "name", "uid"):
            if not reference.get(name):
                causes.append(invalid(f"{path}.{name}", "", "must not be empty"))
        if api_version == "v1" and kind == "Event":
            causes.append(invalid(path, reference, "/v1, Kind=Event is disallowed from being an owner"))
        if reference.get("controller"):
            current = f"{kind}/{reference.get('name', '')}"
            if controller:
                detail = (
                    'Only one reference can have Controller set to true. Found "true" in references for'
                    f" {controller} and {current}"
                )
                causes.append(invalid(path, references, detail))
            else:
                controller = current
    return causes


def _finalizers(path: Path, finalizers: Sequence[str]) -> list[Cause]:
    causes = [invalid(path, f, p) for f in finalizers for p in qualified_name(f)]
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        causes.append(invalid(path, finalizers, "finalizer orphan and foregroundDeletion cannot be both set"))
    return causes


def _is_usual(entry: Object) -> bool:
    """As this server writes it: nothing to complain of."""
    name = entry.get("manager", "")
    return (
        entry.get("operation") in ("Apply", "Update")
        and entry.get("fieldsType") == "FieldsV1"
        and len(name) <= 32
        and name.isprintable()
        and len(entry.get("subresource", "")) <= 64
    )


def managed_fields(path: Path, entries: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, entry in enumerate(entries):
        if _is_usual(entry):
            continue
        at = f"{path}[{i}]"
        if entry.get("operation") not in ("Apply", "Update"):
            causes.append(invalid(f"{at}.operation", entry.get("operation", ""), "must be `Apply` or `Update`"))
        if entry.get("fieldsType", "FieldsV1") not in ("", "FieldsV1"):
            causes.append(invalid(f"{at}.fieldsType", entry["fieldsType"], "must be `FieldsV1`"))
        if manager := entry.get("manager"):
            causes += field_manager(f"{at}.manager", manager)
        if size(entry.get("subresource", "")) > 256:
            causes.append(too_long(f"{at}.subresource", 256))
    return causes


_IMMUTABLE_TEXTS = ("name", "namespace", "uid")
_IMMUTABLE_VALUES = ("creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def object_meta_update(obj: Object, old: Object) -> list[Cause]:
    """The causes against an object's metadata on update, without those that a create would have."""
    return metadata_update(obj["metadata"], old["metadata"], "metadata")


def metadata_update(meta: Object, old: Object, path: Path) -> list[Cause]:
    causes: list[Cause] = []
    if old.get("deletionTimestamp") is not None:
        extra = sorted(set(meta.get("finalizers") or ()) - set(old.get("finalizers") or ()))
        if extra:
            detail = "no new finalizers can be added if the object is being deleted, found new finalizers "
            causes.append(forbidden(f"{path}.finalizers", detail + strings(extra)))
    if not meta.get("resourceVersion"):
        causes.append(invalid(f"{path}.resourceVersion", "", "must be specified for an update"))
    if meta.get("generation", 0) < old.get("generation", 0):
        causes.append(invalid(f"{path}.generation", meta.get("generation", 0), "must not be decremented"))
    for name in _IMMUTABLE_TEXTS:
        if (new := meta.get(name, "")) != old.get(name, ""):
            causes.append(invalid(f"{path}.{name}", new, FIELD_IMMUTABLE))
    for name in _IMMUTABLE_VALUES:
        if (value := meta.get(name)) != old.get(name):
            causes.append(invalid(f"{path}.{name}", value, FIELD_IMMUTABLE))
    causes += _common_metadata(meta, path)
    if entries := meta.get("managedFields"):
        causes += managed_fields(f"{path}.managedFields", entries)
    return causes
