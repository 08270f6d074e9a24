"""Field errors in upstream's exact words, the rules of names and values, and the rules of object metadata.

A rule about text returns the list of what is wrong with it (empty: nothing); a cause maker puts one such text at a
field's path, which is written as upstream prints it: ``spec.containers[0].name``. Rules are tested with precompiled
expressions first, so that valid input costs one match each.

Source: apimachinery ``pkg/util/validation``, ``pkg/util/validation/field/errors.go``,
``pkg/api/validation/objectmeta.go``,
``pkg/apis/meta/v1/validation``, ``pkg/api/validate/content``.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from pynetes.meta.gotext import json_text, plain, quoted, strings
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

Path = str
"""A field's path, as upstream prints it: ``spec.containers[0].name``."""

FIELD_IMMUTABLE: Final = "field is immutable"
NOT_NEGATIVE: Final = "must be greater than or equal to 0"
ANNOTATIONS_LIMIT: Final = 256 * 1024

# Causes


class Raw(str):
    """A value that is shown as it is: already the JSON of something."""


class Omitted:
    """Stands for a value that the message leaves out."""


OMITTED = Omitted()


def _shown(value: Any) -> str:
    """A bad value as the message shows it."""
    if isinstance(value, str):
        return str(value) if isinstance(value, Raw) else quoted(value)
    if isinstance(value, (bool, int, float)):
        return plain(value)
    return json_text(value)


def _cause(reason: str, label: str, path: Path, value: Any, detail: str) -> Cause:
    message = label if value is OMITTED else f"{label}: {_shown(value)}"
    return Cause(reason, f"{message}: {detail}" if detail else message, path)


def required(path: Path, detail: str = "") -> Cause:
    return _cause("FieldValueRequired", "Required value", path, OMITTED, detail)


def invalid(path: Path, value: Any, detail: str) -> Cause:
    return _cause("FieldValueInvalid", "Invalid value", path, value, detail)


def type_invalid(path: Path, value: Any, detail: str) -> Cause:
    return _cause("FieldValueTypeInvalid", "Invalid value", path, value, detail)


def not_supported(path: Path, value: Any, supported: Iterable[str]) -> Cause:
    """``supported`` in the order that the message lists."""
    listed = ", ".join(map(quoted, supported))
    detail = f"supported values: {listed}" if listed else ""
    return _cause("FieldValueNotSupported", "Unsupported value", path, value, detail)


def duplicate(path: Path, value: Any) -> Cause:
    return _cause("FieldValueDuplicate", "Duplicate value", path, value, "")


def forbidden(path: Path, detail: str = "") -> Cause:
    return _cause("FieldValueForbidden", "Forbidden", path, OMITTED, detail)


def too_long(path: Path, limit: int) -> Cause:
    unit = "byte" if limit == 1 else "bytes"
    detail = f"may not be more than {limit} {unit}" if limit >= 0 else "value is too long"
    return _cause("FieldValueTooLong", "Too long", path, OMITTED, detail)


def too_long_characters(path: Path, limit: int) -> Cause:
    unit = "character" if limit == 1 else "characters"
    return _cause("FieldValueTooLong", "Too long", path, OMITTED, f"may not be more than {limit} {unit}")


def too_short(path: Path, limit: int) -> Cause:
    unit = "character" if limit == 1 else "characters"
    return _cause("FieldValueTooShort", "Too short", path, OMITTED, f"must be at least {limit} {unit}")


def too_many(path: Path, count: int, limit: int) -> Cause:
    """``count`` below 0: the message does not show it."""
    unit = "item" if limit == 1 else "items"
    detail = f"must have at most {limit} {unit}" if limit >= 0 else "has too many items"
    return _cause("FieldValueTooMany", "Too many", path, count if count >= 0 else OMITTED, detail)


def too_few(path: Path, count: int, limit: int) -> Cause:
    unit = "item" if limit == 1 else "items"
    return _cause("FieldValueTooFew", "Too few", path, count, f"must have at least {limit} {unit}")


def not_found(path: Path, value: Any) -> Cause:
    return _cause("FieldValueNotFound", "Not found", path, value, "")


def internal(path: Path, detail: str) -> Cause:
    return _cause("InternalError", "Internal error", path, OMITTED, detail)


def with_detail(cause: Cause, detail: str) -> Cause:
    """The cause with a detail that its maker takes none for."""
    return Cause(cause.reason, f"{cause.message}: {detail}", cause.field)


def immutable(path: Path, new: Any, old: Any) -> list[Cause]:
    """The cause against a change of an immutable field; absent, empty and null are the same."""
    return [] if same(new, old) else [invalid(path, new, FIELD_IMMUTABLE)]


def same(left: Any, right: Any) -> bool:
    """Semantic equality: what is absent, null or an empty list or map is equal. Source: ``equality.Semantic``."""
    if left == right:
        return True
    if isinstance(left, dict) and isinstance(right, dict):
        return all(same(left.get(key), right.get(key)) for key in left.keys() | right.keys())
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(same, left, right))
    return _empty(left) and _empty(right)


def _empty(value: Any) -> bool:
    return value is None or value == [] or value == {}


# Texts of rules


def regex_error(message: str, expression: str, *examples: str) -> str:
    if not examples:
        return f"{message} (regex used for validation is '{expression}')"
    listed = " or ".join(f"'{e}', " for e in examples)
    return f"{message} (e.g. {listed}regex used for validation is '{expression}')"


def inclusive_range_error(low: int, high: int) -> str:
    return f"must be between {low} and {high}, inclusive"


def max_len_error(limit: int) -> str:
    return f"must be no more than {limit} characters"


def size(text: str) -> int:
    """Its length in bytes, which is how upstream counts."""
    return len(text) if text.isascii() else len(text.encode())


# Rules of names

NameRule = Callable[[str], list[str]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = _LABEL + r"(\." + _LABEL + ")*"
_LABEL_UNDERSCORE = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_SUBDOMAIN_UNDERSCORE = _LABEL_UNDERSCORE + r"(\." + _LABEL_UNDERSCORE + ")*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_KEY = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE = "(" + _KEY + ")?"
_WILDCARD = r"\*\." + _SUBDOMAIN
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENV = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_PERCENT = "[0-9]+%"
_HEADER = "[-A-Za-z0-9]+"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"

_label = re.compile(_LABEL).fullmatch
_subdomain = re.compile(_SUBDOMAIN).fullmatch
_subdomain_underscore = re.compile(_SUBDOMAIN_UNDERSCORE).fullmatch
_subdomain_caseless = re.compile(_SUBDOMAIN, re.IGNORECASE | re.ASCII).fullmatch
_label_1035 = re.compile(_LABEL_1035).fullmatch
_key = re.compile(_KEY).fullmatch
_value = re.compile(_VALUE).fullmatch
_wildcard = re.compile(_WILDCARD).fullmatch
_config_key = re.compile(_CONFIG_KEY).fullmatch
_env = re.compile(_ENV).fullmatch
_c_identifier = re.compile(_C_IDENTIFIER).fullmatch
_percent = re.compile(_PERCENT).fullmatch
_header = re.compile(_HEADER).fullmatch
_http_path = re.compile(_HTTP_PATH).fullmatch
_condition_reason = re.compile(_CONDITION_REASON).fullmatch
_port_characters = re.compile("[-a-z0-9]+").fullmatch
_port_letter = re.compile("[a-z]").search
_decimal = re.compile("-?[1-9][0-9]*|0").fullmatch

_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    " an alphanumeric character"
)
_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    " end with an alphanumeric character"
)
_SUBDOMAIN_UNDERSCORE_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start"
    " and end with an alphanumeric character"
)
_SUBDOMAIN_CASELESS_TEXT = (
    "an RFC 1123 subdomain must consist of alphanumeric characters, '-' or '.', and must start and end with an"
    " alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character,"
    " and end with an alphanumeric character"
)
_KEY_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
)
_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower"
    " case alphanumeric characters, '-' or '.' and end with an alphanumeric character"
)


def dns1123_label(text: str) -> list[str]:
    if len(text) <= 63 and _label(text):
        return []
    problems = [max_len_error(63)] if size(text) > 63 else []
    if not _label(text):
        dotted = _subdomain(text) is not None
        problems.append("must not contain dots" if dotted else regex_error(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return problems


def dns1123_subdomain(text: str) -> list[str]:
    if len(text) <= 253 and _subdomain(text):
        return []
    problems = [max_len_error(253)] if size(text) > 253 else []
    if not _subdomain(text):
        problems.append(regex_error(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return problems


def dns1123_subdomain_with_underscore(text: str) -> list[str]:
    problems = [max_len_error(253)] if size(text) > 253 else []
    if not _subdomain_underscore(text):
        problems.append(regex_error(_SUBDOMAIN_UNDERSCORE_TEXT, _SUBDOMAIN_UNDERSCORE, "example.com"))
    return problems


def dns1123_subdomain_caseless(text: str) -> list[str]:
    problems = ["must be no more than 253 bytes"] if size(text) > 253 else []
    if not _subdomain_caseless(text):
        problems.append(regex_error(_SUBDOMAIN_CASELESS_TEXT, _SUBDOMAIN, "Example.com"))
    return problems


def dns1035_label(text: str) -> list[str]:
    problems = [max_len_error(63)] if size(text) > 63 else []
    if not _label_1035(text):
        problems.append(regex_error(_LABEL_1035_TEXT, _LABEL_1035, "my-name", "abc-123"))
    return problems


def wildcard_subdomain(text: str) -> list[str]:
    problems = [max_len_error(253)] if size(text) > 253 else []
    if not _wildcard(text):
        problems.append(regex_error(_WILDCARD_TEXT, _WILDCARD, "*.example.com"))
    return problems


def path_segment(text: str) -> list[str]:
    """A name that can stand in a URL path."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{c}'" for c in "/%" if c in text]


def path_segment_prefix(text: str) -> list[str]:
    return [f"may not contain '{c}'" for c in "/%" if c in text]


_NAME_RULES: Mapping[str, NameRule] = {
    "dns1123-subdomain": dns1123_subdomain,
    "dns1123-label": dns1123_label,
    "dns1035-label": dns1035_label,
    "path-segment": path_segment,
}


def name_rule(name_is: str) -> NameRule:
    """The rule that a resource's ``name_is`` names."""
    return _NAME_RULES[name_is]


def prefix_problems(rule: NameRule, prefix: str) -> list[str]:
    """What is wrong with a ``generateName``: a trailing dash is all right, for a suffix follows."""
    if rule is path_segment:
        return path_segment_prefix(prefix)
    if len(prefix) > 1 and prefix.endswith("-"):
        prefix = prefix[:-2] + "a"
    return rule(prefix)


# Rules of keys and values


def qualified_name(text: str) -> list[str]:
    """A label key: an optional DNS subdomain and ``/``, then a name."""
    if len(text) <= 63 and _key(text):
        return []
    parts = text.split("/")
    if len(parts) > 2:
        text = regex_error(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc")
        return [f"a valid label key {text} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"]
    problems = []
    if len(parts) == 2:
        if not parts[0]:
            problems.append("prefix part must be non-empty")
        else:
            problems += ["prefix part " + p.replace(" characters", " bytes") if p.startswith("must be no more") else
                         "prefix part " + p for p in dns1123_subdomain(parts[0])]  # fmt: skip
    name = parts[-1]
    if not name:
        problems.append("name part must be non-empty")
    elif size(name) > 63:
        problems.append("name part must be no more than 63 bytes")
    if not _key(name):
        problems.append("name part " + regex_error(_KEY_TEXT, _KEY, "MyName", "my.name", "123-abc"))
    return problems


def label_value(text: str) -> list[str]:
    if len(text) <= 63 and _value(text):
        return []
    problems = ["must be no more than 63 bytes"] if size(text) > 63 else []
    if not _value(text):
        problems.append(regex_error(_VALUE_TEXT, _VALUE, "MyValue", "my_value", "12345"))
    return problems


def c_identifier(text: str) -> list[str]:
    if _c_identifier(text):
        return []
    message = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string of alphanumeric"
        " characters or '_'"
    )
    return [regex_error(message, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def _change_directory(text: str) -> list[str]:
    if text in (".", ".."):
        return [f"must not be '{text}'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def config_map_key(text: str) -> list[str]:
    problems = [max_len_error(253)] if size(text) > 253 else []
    if not _config_key(text):
        message = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        problems.append(regex_error(message, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return problems + _change_directory(text)


def env_var_name(text: str) -> list[str]:
    """Any printable ASCII but ``=`` (RelaxedEnvironmentVariableValidation)."""
    problems = [] if text else ["environment variable name must be non-empty"]
    if any(not " " <= c <= "~" or c == "=" for c in text):
        problems.append(
            "a valid environment variable name must consist only of printable ASCII characters other than '='"
        )
    return problems


def strict_env_var_name(text: str) -> list[str]:
    problems = []
    if not _env(text):
        message = (
            "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and"
            " must not start with a digit"
        )
        problems.append(regex_error(message, _ENV, "my.env-name", "MY_ENV.NAME", "MyEnvName1"))
    return problems + _change_directory(text)


def port_number(number: int) -> list[str]:
    return [] if 1 <= number <= 65535 else [inclusive_range_error(1, 65535)]


def port_name(text: str) -> list[str]:
    problems = [max_len_error(15)] if size(text) > 15 else []
    if not _port_characters(text):
        problems.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not _port_letter(text):
        problems.append("must contain at least one letter (a-z)")
    if "--" in text:
        problems.append("must not contain consecutive hyphens")
    if text.startswith("-") or text.endswith("-"):
        problems.append("must not begin or end with a hyphen")
    return problems


def in_range(number: int, low: int, high: int) -> list[str]:
    return [] if low <= number <= high else [inclusive_range_error(low, high)]


def user_id(number: int) -> list[str]:
    return in_range(number, 0, 2147483647)


def percent(text: str) -> list[str]:
    if _percent(text):
        return []
    return [
        regex_error("a valid percent string must be a numeric string followed by an ending '%'", _PERCENT, "1%", "93%")
    ]


def http_header_name(text: str) -> list[str]:
    if _header(text):
        return []
    message = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(message, _HEADER, "X-Header-Name")]


def decimal_integer(text: str) -> list[str]:
    if not text:
        return ["must be non-empty"]
    return [] if _decimal(text) else ["must be a valid decimal integer in canonical form"]


def condition_reason(text: str) -> list[str]:
    if _condition_reason(text):
        return []
    message = (
        "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric"
        " characters or '_,:', and must end with an alphanumeric character or '_'"
    )
    examples = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
    return [regex_error(message, _CONDITION_REASON, *examples)]


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


# Labels and annotations


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


# Metadata


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


def managed_fields(path: Path, entries: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, entry in enumerate(entries):
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
