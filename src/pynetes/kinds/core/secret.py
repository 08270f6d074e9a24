"""Secrets: ``stringData`` becomes ``data`` when a client writes it.

Source: kubernetes ``pkg/apis/core/v1/conversion.go``, ``pkg/registry/core/secret/strategy.go``,
``pkg/apis/core/validation/validation.go`` ``ValidateSecret``.
"""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core import account_secrets
from pynetes.kinds.core.tls_pair import key_pair_problem
from pynetes.kinds.metadata import object_meta, object_meta_update
from pynetes.meta import gojson
from pynetes.meta.fielderrors import forbidden, immutable, invalid, required, same, too_long
from pynetes.meta.names import config_map_key
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext
from pynetes.meta.status import Cause

MAX_SIZE = 1024 * 1024
_JSON_KEYS = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_FROZEN = "field is immutable when `immutable` is set"


def default(secret: Object) -> None:
    if (texts := secret.pop("stringData", None)) is not None:
        encoded = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
        if encoded:
            secret["data"] = (secret.get("data") or {}) | encoded
    if not secret.get("type"):
        secret["type"] = "Opaque"


def prepare_update(secret: Object, old: Object, context: WriteContext) -> None:
    if not secret.get("type"):
        secret["type"] = old.get("type", "")


def validate(secret: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta(secret, True)
    data = secret.get("data") or {}
    total = 0
    for key, value in data.items():
        if problems := config_map_key(key):
            causes += [invalid(f"data[{key}]", key, p) for p in problems]
        total += decoded_size(value)
    if total > MAX_SIZE:
        causes.append(too_long("data", MAX_SIZE))
    return causes + _type_rules(secret, data)


def decoded_size(text: str) -> int:
    """Bytes in a base64 text."""
    return len(text) * 3 // 4 - text.count("=", -2)


def _type_rules(secret: Object, data: Mapping[str, str]) -> list[Cause]:
    kind = secret.get("type", "")
    match kind:
        case account_secrets.TYPE:
            if not (secret["metadata"].get("annotations") or {}).get(account_secrets.ACCOUNT):
                return [required(f"metadata.annotations[{account_secrets.ACCOUNT}]")]
        case "kubernetes.io/dockercfg" | "kubernetes.io/dockerconfigjson":
            return _json_object(data, _JSON_KEYS[kind])
        case "kubernetes.io/basic-auth":
            if "username" not in data and "password" not in data:
                return [required("data[username]"), required("data[password]")]
        case "kubernetes.io/ssh-auth":
            if not data.get("ssh-privatekey"):
                return [required("data[ssh-privatekey]")]
        case "kubernetes.io/tls":
            return [required(f"data[{key}]") for key in ("tls.crt", "tls.key") if key not in data]
    return []


def _json_object(data: Mapping[str, str], key: str) -> list[Cause]:
    if key not in data:
        return [required(f"data[{key}]")]
    try:
        content = base64.b64decode(data[key] or "")
    except binascii.Error:
        return []
    if problem := _json_problem(content):
        return [invalid(f"data[{key}]", "<secret contents redacted>", problem)]
    return []


def _json_problem(content: bytes) -> str:
    """In Go's words."""
    try:
        value = gojson.loads(content)
    except gojson.JSONError as error:
        return str(error)
    if value is None or isinstance(value, dict):
        return ""
    kind = {list: "array", str: "string", bool: "bool"}.get(type(value), "number")
    return f"json: cannot unmarshal {kind} into Go value of type map[string]interface {{}}"


def warnings(secret: Object, old: Object | None) -> Sequence[str]:
    if secret.get("type") != "kubernetes.io/tls":
        return []
    data = secret.get("data") or {}
    problem = key_pair_problem(*(base64.b64decode(data.get(key) or "") for key in ("tls.crt", "tls.key")))
    return [problem] if problem else []


def validate_update(secret: Object, old: Object, context: WriteContext) -> Sequence[Cause]:
    causes = object_meta_update(secret, old)
    causes += immutable("type", secret.get("type", ""), old.get("type", ""))
    if old.get("immutable"):
        if not secret.get("immutable"):
            causes.append(forbidden("immutable", _FROZEN))
        if not same(secret.get("data"), old.get("data")):
            causes.append(forbidden("data", _FROZEN))
    return causes + list(validate(secret, context))


def table_row(secret: Object, now: float) -> list[Any]:
    count = len(secret.get("data") or ())
    return [secret["metadata"]["name"], secret.get("type") or "", count, rows.age(secret, now)]


def fields(secret: Object) -> Mapping[str, str]:
    return {"type": secret.get("type") or ""}


HOOKS = Hooks(
    default=default,
    prepare_update=prepare_update,
    validate=validate,
    validate_update=validate_update,
    warnings=warnings,
    table_row=table_row,
    fields=fields,
)
