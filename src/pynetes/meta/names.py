"""The rules of names, keys and values: each returns the list of what is wrong with a text, empty where nothing is.

Texts are tested with precompiled expressions first, so that a valid one costs one match.

Source: apimachinery ``pkg/util/validation``, ``pkg/api/validate/content``, ``pkg/api/validation/path``.
"""

import re
from collections.abc import Callable, Mapping

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
