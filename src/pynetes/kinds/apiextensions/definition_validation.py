"""What is wrong with a CustomResourceDefinition.

What all versions have in common upstream validates once, as if it stood above the versions: so are its paths.

Source: apiextensions-apiserver ``pkg/apis/apiextensions/validation/validation.go``, ``v1/conversion.go``.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from pynetes.meta.fielderrors import (
    Path,
    Raw,
    duplicate,
    forbidden,
    immutable,
    invalid,
    not_supported,
    required,
    too_many,
)
from pynetes.meta.gotext import json_text
from pynetes.meta.names import dns1035_label, dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.structural import paths, rules
from pynetes.meta.validation import object_meta, object_meta_update

APPROVED = "api-approved.kubernetes.io"
_KEP = "https://github.com/kubernetes/enhancements/pull/1111"
_COLUMN_TYPES = "boolean,date,integer,number,string"
_COLUMN_FORMATS = "byte,date,date-time,double,float,int32,int64,password"
_REVIEW_VERSIONS = ("v1", "v1beta1")
_MAX_FIELDS = 8
_CEL = "validation rules (x-kubernetes-validations) are not supported by this server yet"
_WEBHOOK = "conversion webhooks are not supported by this server yet"


def validate(obj: Object) -> list[Cause]:
    spec = obj.get("spec") or {}
    causes = object_meta(obj, False, lambda name: _name(name, spec))
    causes += _spec(spec)
    causes += _names("status.acceptedNames", (obj.get("status") or {}).get("acceptedNames") or {})
    causes += _stored_versions(obj)
    return causes + list(_approval(obj, None)) + _preserve(spec, {})


def validate_update(obj: Object, old: Object) -> list[Cause]:
    spec, before = obj.get("spec") or {}, old.get("spec") or {}
    causes = object_meta_update(obj, old) + _spec(spec)
    names, names_before = spec.get("names") or {}, before.get("names") or {}
    if is_true(old, "Established"):
        causes += immutable("spec.scope", spec.get("scope"), before.get("scope"))
        causes += immutable("spec.names.kind", names.get("kind"), names_before.get("kind"))
    causes += immutable("spec.group", spec.get("group"), before.get("group"))
    causes += immutable("spec.names.plural", names.get("plural"), names_before.get("plural"))
    causes += _names("status.acceptedNames", (obj.get("status") or {}).get("acceptedNames") or {})
    causes += _stored_versions(obj)
    return causes + list(_approval(obj, old)) + _preserve(spec, before)


def validate_status(obj: Object, old: Object) -> list[Cause]:
    accepted = (obj.get("status") or {}).get("acceptedNames") or {}
    return [*object_meta_update(obj, old), *_names("status.acceptedNames", accepted)]


def is_true(obj: Object, condition: str) -> bool:
    conditions = (obj.get("status") or {}).get("conditions") or ()
    return any(c.get("type") == condition and c.get("status") == "True" for c in conditions)


def _name(name: str, spec: Object) -> list[str]:
    wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
    return dns1123_subdomain(name) + ([] if name == wanted else ['must be spec.names.plural+"."+spec.group'])


# the spec


def _spec(spec: Object) -> list[Cause]:
    causes: list[Cause] = []
    group, scope = spec.get("group") or "", spec.get("scope") or ""
    if not group:
        causes.append(required("spec.group", ""))
    elif problems := dns1123_subdomain(group):
        causes.append(invalid("spec.group", group, ",".join(problems)))
    elif "." not in group:
        causes.append(invalid("spec.group", group, "should be a domain with at least one dot"))
    if not scope:
        causes.append(required("spec.scope", ""))
    elif scope not in ("Cluster", "Namespaced"):
        causes.append(not_supported("spec.scope", scope, ("Cluster", "Namespaced")))
    versions: Sequence[Object] = spec.get("versions") or ()
    common = {part: _common(versions, part) for part in _PARTS}
    for i, version in enumerate(versions):
        if (version.get("schema") or {}).get("openAPIV3Schema") is None:
            causes.append(required(f"spec.versions[{i}].schema.openAPIV3Schema", ""))
    for i, version in enumerate(versions):
        at, name = f"spec.versions[{i}]", version.get("name") or ""
        if problems := dns1035_label(name):
            causes.append(invalid(f"{at}.name", name, ",".join(problems)))
        causes += _version(at, version, common)
    causes += _whole(versions, common)
    names = spec.get("names") or {}
    causes += [required(f"spec.names.{n}", "") for n in ("plural", "singular", "kind", "listKind") if not names.get(n)]
    causes += _names("spec.names", names)
    has_status = any((version.get("subresources") or {}).get("status") is not None for version in versions)
    causes += _schema("spec.validation", common["schema"], has_status)
    causes += _subresources("spec.subresources", common["subresources"])
    causes += _columns("spec.additionalPrinterColumns", common["additionalPrinterColumns"] or ())
    causes += _selectable("spec.selectableFields", common["selectableFields"] or (), common["schema"])
    return causes + _conversion(spec.get("conversion"))


_PARTS = ("schema", "subresources", "additionalPrinterColumns", "selectableFields")


def _common(versions: Sequence[Object], part: str) -> Any:
    """What all versions have alike; None: nothing."""
    if not versions or versions[0].get(part) is None:
        return None
    first = versions[0][part]
    return first if all(version.get(part) == first for version in versions) else None


def _version(path: Path, version: Object, common: Mapping[str, Any]) -> list[Cause]:
    causes: list[Cause] = []
    text = version.get("deprecationWarning")
    if text is not None:
        causes += [invalid(f"{path}.deprecationWarning", text, p) for p in _warning_problems(version, text)]
    subresources = version.get("subresources")
    if common["schema"] is None:
        has_status = (subresources or {}).get("status") is not None
        causes += _schema(f"{path}.schema", version.get("schema"), has_status)
    if common["subresources"] is None:
        causes += _subresources(f"{path}.subresources", subresources)
    if common["additionalPrinterColumns"] is None:
        causes += _columns(f"{path}.additionalPrinterColumns", version.get("additionalPrinterColumns") or ())
    if common["selectableFields"] is None:
        fields = version.get("selectableFields") or ()
        causes += _selectable(f"{path}.selectableFields", fields, version.get("schema"))
    return causes


def _warning_problems(version: Object, text: str) -> Iterator[str]:
    if not version.get("deprecated"):
        yield "can only be set for deprecated versions"
        return
    if len(text.encode()) > 256:
        yield "must be <= 256 characters long"
    if not text:
        yield "must not be an empty string"
    odd = next((i for i, c in enumerate(text) if not c.isprintable()), None)
    if odd is not None:
        yield f"must only contain printable UTF-8 characters; non-printable character found at index {odd}"


def _whole(versions: Sequence[Object], common: Mapping[str, Any]) -> Iterator[Cause]:
    names = [version.get("name") or "" for version in versions]
    if len(set(names)) < len(names):
        yield invalid("spec.versions", _shown(versions, common), "must contain unique version names")
    if sum(1 for version in versions if version.get("storage")) != 1:
        detail = "must have exactly one version marked as storage version"
        yield invalid("spec.versions", _shown(versions, common), detail)
    if names and names[0] and (problems := dns1035_label(names[0])):
        yield invalid("spec.version", names[0], ",".join(problems))


def _shown(versions: Sequence[Object], common: Mapping[str, Any]) -> Raw:
    """As Go's JSON of its internal type; what stands above the versions is not in them."""
    rows = []
    for version in versions:
        row = {
            "Name": version.get("name") or "",
            "Served": bool(version.get("served")),
            "Storage": bool(version.get("storage")),
            "Deprecated": bool(version.get("deprecated")),
            "DeprecationWarning": version.get("deprecationWarning"),
        }
        for part, name in zip(
            _PARTS, ("Schema", "Subresources", "AdditionalPrinterColumns", "SelectableFields"), strict=True
        ):
            row[name] = version.get(part) if common[part] is None else None
        rows.append(row)
    return Raw(json_text(rows))


def _schema(path: Path, validation: Object | None, has_status: bool) -> list[Cause]:
    schema = (validation or {}).get("openAPIV3Schema")
    if schema is None:
        return []
    at = f"{path}.openAPIV3Schema"
    causes = rules.problems(at, schema, has_status=has_status)
    if not causes and rules.has(schema, "x-kubernetes-validations"):
        causes.append(forbidden(at, _CEL))
    return causes


def _names(path: Path, names: Object) -> Iterator[Cause]:
    for field in ("plural", "singular"):
        if (name := names.get(field)) and (problems := dns1035_label(name)):
            yield invalid(f"{path}.{field}", name, ",".join(problems))
    for field in ("kind", "listKind"):
        if (name := names.get(field)) and (problems := dns1035_label(name.lower())):
            detail = f"may have mixed case, but should otherwise match: {','.join(problems)}"
            yield invalid(f"{path}.{field}", name, detail)
    for i, name in enumerate(names.get("shortNames") or ()):
        if problems := dns1035_label(name):
            yield invalid(f"{path}.shortNames[{i}]", name, ",".join(problems))
    if names.get("kind") and names["kind"] == names.get("listKind"):
        yield invalid(f"{path}.listKind", names["listKind"], "kind and listKind may not be the same")
    for i, name in enumerate(names.get("categories") or ()):
        if problems := dns1035_label(name):
            yield invalid(f"{path}.categories[{i}]", name, ",".join(problems))


def _subresources(path: Path, subresources: Object | None) -> Iterator[Cause]:
    scale = (subresources or {}).get("scale")
    if scale is None:
        return
    for field, below in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        value = scale.get(field) or ""
        if not value:
            yield required(f"{path}.scale.{field}", "")
        elif problem := paths.problem(value):
            yield invalid(f"{path}.scale.{field}", value, problem)
        elif not value.startswith(f"{below}."):
            yield invalid(f"{path}.scale.{field}", value, f"should be a json path under {below}")
    if value := scale.get("labelSelectorPath"):
        if problem := paths.problem(value):
            yield invalid(f"{path}.scale.labelSelectorPath", value, problem)
        elif not value.startswith((".spec.", ".status.")):
            detail = "should be a json path under either .spec or .status"
            yield invalid(f"{path}.scale.labelSelectorPath", value, detail)


def _columns(path: Path, columns: Sequence[Object]) -> Iterator[Cause]:
    for i, column in enumerate(columns):
        at, kind, form = f"{path}[{i}]", column.get("type") or "", column.get("format") or ""
        if not column.get("name"):
            yield required(f"{at}.name", "")
        if not kind:
            yield required(f"{at}.type", f"must be one of {_COLUMN_TYPES}")
        elif kind not in _COLUMN_TYPES.split(","):
            yield invalid(f"{at}.type", kind, f"must be one of {_COLUMN_TYPES}")
        if form and form not in _COLUMN_FORMATS.split(","):
            yield invalid(f"{at}.format", form, f"must be one of {_COLUMN_FORMATS}")
        text = column.get("jsonPath") or ""
        if not text:
            yield required(f"{at}.JSONPath", "")
        elif problem := paths.problem(text):
            yield invalid(f"{at}.JSONPath", text, problem)


def _selectable(path: Path, fields: Sequence[Object], validation: Object | None) -> Iterator[Cause]:
    schema = (validation or {}).get("openAPIV3Schema")
    if fields and schema is None:
        yield invalid(path, "", "may only be set when `version.schema.openAPIV3Schema` is not included")
        return
    seen = set()
    for i, field in enumerate(fields):
        at, text = f"{path}[{i}].jsonPath", field.get("jsonPath") or ""
        if not text:
            yield required(at, "")
            continue
        found, problem = paths.schema_at(text, schema)
        if problem:
            yield invalid(at, text, f"is an invalid path: {problem}")
            continue
        if text.split(".")[1] == "metadata":
            yield invalid(at, text, "must not point to fields in metadata")
        if (found or {}).get("type") not in ("string", "boolean", "integer"):
            detail = (
                "must point to a field of type string, boolean or integer. "
                "Enum string fields and strings with formats are allowed."
            )
            yield invalid(at, text, detail)
        if text in seen:
            yield duplicate(at, text)
        seen.add(text)
    if len(seen) > _MAX_FIELDS:
        yield too_many(path, len(seen), _MAX_FIELDS)


def _conversion(conversion: Object | None) -> list[Cause]:
    if conversion is None:
        return []
    path, strategy = "spec.conversion", conversion.get("strategy") or ""
    webhook = conversion.get("webhook") or {}
    client, versions = webhook.get("clientConfig"), webhook.get("conversionReviewVersions") or []
    if strategy not in ("None", "Webhook"):
        causes = [
            not_supported(f"{path}.strategy", strategy, ("None", "Webhook"))
            if strategy
            else required(f"{path}.strategy", "")
        ]
    else:
        causes = []
    if strategy == "Webhook":
        causes += _client(f"{path}.webhookClientConfig", client)
        causes += _review_versions(f"{path}.conversionReviewVersions", versions)
        return causes or [forbidden(f"{path}.strategy", _WEBHOOK)]
    if client is not None:
        causes.append(forbidden(f"{path}.webhookClientConfig", "should not be set when strategy is not set to Webhook"))
    if versions:
        causes.append(
            forbidden(f"{path}.conversionReviewVersions", "should not be set when strategy is not set to Webhook")
        )
    return causes


def _client(path: Path, client: Object | None) -> list[Cause]:
    if client is None:
        return [required(path, "required when strategy is set to Webhook")]
    if (client.get("url") is None) == (client.get("service") is None):
        return [required(path, "exactly one of url or service is required")]
    return []


def _review_versions(path: Path, versions: list[str]) -> list[Cause]:
    if not versions:
        return [required(path, "")]
    causes: list[Cause] = []
    for i, version in enumerate(versions):
        if version in versions[:i]:
            causes.append(invalid(f"{path}[{i}]", version, "duplicate version"))
        else:
            causes += [invalid(f"{path}[{i}]", version, p) for p in dns1035_label(version)]
    if not any(version in _REVIEW_VERSIONS for version in versions):
        causes.append(invalid(path, versions, "must include at least one of v1, v1beta1"))
    return causes


# the rest


def _stored_versions(obj: Object) -> list[Cause]:
    path, stored = "status.storedVersions", (obj.get("status") or {}).get("storedVersions") or []
    if not stored:
        return [invalid(path, None, "must have at least one stored version")]
    versions = (obj.get("spec") or {}).get("versions") or ()
    names = {version.get("name") for version in versions}
    causes = [
        invalid(path, stored, f"must have the storage version {version.get('name')}")
        for version in versions
        if version.get("storage") and version.get("name") not in stored
    ]
    for i, name in enumerate(stored):
        if name not in names:
            detail = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in spec.versions"
                f" until a storage migration ensures no data remains persisted in {name} and removes {name} from "
                "status.storedVersions"
            )
            causes.append(invalid(f"{path}[{i}]", name, detail))
    return causes


def _approval(obj: Object, old: Object | None) -> Iterator[Cause]:
    """Groups of the project itself need somebody's approval."""
    group = (obj.get("spec") or {}).get("group") or ""
    if not (f".{group}").endswith((".k8s.io", ".kubernetes.io")):
        return
    state, given = _approval_state(obj)
    if state in ("approved", "bypassed") or (old is not None and _approval_state(old)[0] == state):
        return
    path, must = f"metadata.annotations[{APPROVED}]", f'protected groups must have approval annotation "{APPROVED}"'
    if state == "missing":
        yield required(path, f"{must}, see {_KEP}")
    else:
        yield invalid(path, given, f'{must} with either a URL or a reason starting with "unapproved", see {_KEP}')


def _approval_state(obj: Object) -> tuple[str, str]:
    text = (obj["metadata"].get("annotations") or {}).get(APPROVED) or ""
    if not text:
        return "missing", text
    if text.startswith("unapproved"):
        return "bypassed", text
    try:
        url = urlsplit(text)
    except ValueError:
        return "invalid", text
    return ("approved" if url.scheme and url.netloc else "invalid"), text


def _preserve(spec: Object, before: Object) -> list[Cause]:
    if not spec.get("preserveUnknownFields") or before.get("preserveUnknownFields"):
        return []
    detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
    return [invalid("spec.preserveUnknownFields", True, detail)]
