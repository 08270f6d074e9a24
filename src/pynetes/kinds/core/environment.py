"""What is wrong with a container's environment.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``ValidateEnv``.
"""

from collections.abc import Sequence

from pynetes.kinds.core.field_paths import ENV_FIELDS, field_reference, no_backsteps, resource_reference
from pynetes.meta.fielderrors import Path, invalid, required
from pynetes.meta.names import config_map_key, dns1123_label, dns1123_subdomain, env_var_name, prefix_problems
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

_SOURCES = ("fieldRef", "resourceFieldRef", "configMapKeyRef", "secretKeyRef", "fileKeyRef")
_ONE = "may not have more than one field specified at a time"


def env(path: Path, variables: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, variable in enumerate(variables):
        name = variable.get("name") or ""
        if not name:
            causes.append(required(f"{path}[{i}].name"))
        elif problems := env_var_name(name):
            causes += [invalid(f"{path}[{i}].name", name, p) for p in problems]
        if (source := variable.get("valueFrom")) is not None:
            causes += _value_from(f"{path}[{i}].valueFrom", source, variable.get("value") or "")
    return causes


def _value_from(path: Path, source: Object, value: str) -> list[Cause]:
    causes: list[Cause] = []
    given = [name for name in _SOURCES if source.get(name) is not None]
    for name in given:
        reference, at = source[name], f"{path}.{name}"
        if name == "fieldRef":
            causes += field_reference(at, reference, ENV_FIELDS)
        elif name == "resourceFieldRef":
            causes += resource_reference(at, reference, in_volume=False)
        elif name == "fileKeyRef":
            causes += _file_key(at, reference)
        else:
            causes += _key(at, reference)
    if not given:
        listed = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
        causes.append(invalid(path, "", f"must specify one of: {listed}"))
    elif value:
        causes.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        causes.append(invalid(path, "", _ONE))
    return causes


def _key(path: Path, reference: Object) -> list[Cause]:
    name, key = reference.get("name") or "", reference.get("key") or ""
    causes = [invalid(f"{path}.name", name, p) for p in dns1123_subdomain(name)]
    if not key:
        return [*causes, required(f"{path}.key")]
    return causes + [invalid(f"{path}.key", key, p) for p in config_map_key(key)]


def _file_key(path: Path, reference: Object) -> list[Cause]:
    causes: list[Cause] = []
    for member, rule in (("key", env_var_name), ("volumeName", dns1123_label)):
        value = reference.get(member) or ""
        if not value:
            causes.append(required(f"{path}.{member}"))
        else:
            causes += [invalid(f"{path}.{member}", value, p) for p in rule(value)]
    place = reference.get("path") or ""
    return causes + (no_backsteps(f"{path}.path", place) if place else [required(f"{path}.path")])


def env_from(path: Path, sources: Sequence[Object]) -> list[Cause]:
    causes: list[Cause] = []
    for i, source in enumerate(sources):
        if prefix := source.get("prefix"):
            causes += [invalid(f"{path}[{i}].prefix", prefix, p) for p in env_var_name(prefix)]
        given = [name for name in ("configMapRef", "secretRef") if source.get(name) is not None]
        for member in given:
            name, at = source[member].get("name") or "", f"{path}[{i}].{member}.name"
            if not name:
                causes.append(required(at))
            else:
                causes += [invalid(at, name, p) for p in prefix_problems(dns1123_subdomain, name)]
        if not given:
            causes.append(invalid(path, "", "must specify one of: `configMapRef` or `secretRef`"))
        elif len(given) > 1:
            causes.append(invalid(path, "", _ONE))
    return causes
