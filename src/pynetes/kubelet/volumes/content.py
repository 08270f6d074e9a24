"""What is in a projected volume: the files that ConfigMaps, Secrets, the downward API and tokens give. No disk here.

Source: kubernetes ``pkg/volume/{configmap,secret,downwardapi,projected}``.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from pynetes.kubelet import downward, pods
from pynetes.kubelet.environment import Sources, secret_data, without_group
from pynetes.kubelet.host import File, MountError
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

DEFAULT_MODE = 0o644


class Tokens(Protocol):
    """Service account tokens bound to a pod, refreshed in time."""

    async def token(self, pod: Object, audience: str, seconds: int) -> str: ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the content of a pod's volumes is made of. ``tokens`` None: none are asked for, their files are empty."""

    sources: Sources
    tokens: Tokens | None
    allocatable: Mapping[str, str]
    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()


async def content(pod: Object, volume: Object, context: Context) -> dict[str, File] | None:
    """The files of a volume by relative path; None: it is not a projected one. Raises: MountError."""
    for key, make in (("configMap", _config_map), ("secret", _secret), ("downwardAPI", _downward)):
        if key in volume:
            spec = volume[key]
            return await make(pod, spec, _mode(spec), context)
    if "projected" in volume:
        return await _projected(pod, volume["projected"], context)
    return None


def _mode(spec: Object, default: int = DEFAULT_MODE) -> int:
    mode = spec.get("defaultMode")
    return default if mode is None else int(mode)


def _chosen(
    kind: str, data: Mapping[str, bytes], items: Iterable[Object], mode: int, optional: bool
) -> dict[str, File]:
    items = list(items)
    if not items:
        return {key: File(value, mode) for key, value in data.items()}
    files = {}
    for item in items:
        if item["key"] in data:
            files[item["path"]] = File(data[item["key"]], int(item["mode"]) if "mode" in item else mode)
        elif not optional:
            word = "configmap references non-existent config key" if kind == "configmap" else (
                "references non-existent secret key"
            )  # fmt: skip
            raise MountError(f"{word}: {item['key']}")
    return files


async def _config_map(pod: Object, spec: Object, mode: int, context: Context) -> dict[str, File]:
    optional = bool(spec.get("optional"))
    try:
        found = await context.sources.config_map(pod["metadata"]["namespace"], spec["name"])
    except StatusError as error:
        if error.code == 404 and optional:
            return {}
        raise MountError(without_group(error)) from None
    data = {key: value.encode() for key, value in (found.get("data") or {}).items()}
    data.update({key: base64.b64decode(value) for key, value in (found.get("binaryData") or {}).items()})
    return _chosen("configmap", data, spec.get("items") or (), mode, optional)


async def _secret(pod: Object, spec: Object, mode: int, context: Context) -> dict[str, File]:
    optional = bool(spec.get("optional"))
    name = spec.get("secretName") or spec.get("name") or ""
    try:
        found = await context.sources.secret(pod["metadata"]["namespace"], name)
    except StatusError as error:
        if error.code == 404 and optional:
            return {}
        raise MountError(without_group(error)) from None
    return _chosen("secret", secret_data(found), spec.get("items") or (), mode, optional)


async def _downward(pod: Object, spec: Object, mode: int, context: Context) -> dict[str, File]:
    files = {}
    for item in spec.get("items") or ():
        try:
            if "fieldRef" in item:
                text = downward.field(
                    pod, item["fieldRef"]["fieldPath"], pod_ips=context.pod_ips, host_ips=context.host_ips
                )
            else:
                text = downward.resource(pod, item["resourceFieldRef"], {}, context.allocatable)
        except ValueError as error:
            raise MountError(str(error)) from None
        files[item["path"]] = File(text.encode(), int(item["mode"]) if "mode" in item else mode)
    return files


async def _projected(pod: Object, spec: Object, context: Context) -> dict[str, File]:
    mode = _mode(spec)
    files: dict[str, File] = {}
    for source in spec.get("sources") or ():
        if "configMap" in source:
            files.update(await _config_map(pod, source["configMap"], mode, context))
        elif "secret" in source:
            files.update(await _secret(pod, source["secret"], mode, context))
        elif "downwardAPI" in source:
            files.update(await _downward(pod, source["downwardAPI"], mode, context))
        elif "serviceAccountToken" in source:
            files.update(await _token(pod, source["serviceAccountToken"], mode, context))
        else:
            raise MountError(f"unsupported source of a projected volume: {next(iter(source), '')}")
    return files


async def _token(pod: Object, spec: Object, mode: int, context: Context) -> dict[str, File]:
    text = ""
    if context.tokens is not None:
        seconds = int(spec.get("expirationSeconds") or 3600)
        try:
            text = await context.tokens.token(pod, spec.get("audience") or "", seconds)
        except StatusError as error:
            raise MountError(f"failed to fetch token: {error}") from None
    owner = _single_user(pod)
    if owner is not None or (pod["spec"].get("securityContext") or {}).get("fsGroup") is not None:
        mode = 0o600
    return {spec["path"]: File(text.encode(), mode, owner)}


def _single_user(pod: Object) -> int | None:
    """The user that all containers of a pod run as, when it is one and the same: it owns the token."""
    default = (pod["spec"].get("securityContext") or {}).get("runAsUser")
    users = {(c.get("securityContext") or {}).get("runAsUser", default) for _, c in pods.all_containers(pod)}
    if len(users) == 1:
        user = users.pop()
        return None if user is None else int(user)
    return None
