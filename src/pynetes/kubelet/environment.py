"""A container's environment: ``envFrom``, ``env``, ``$(VAR)`` and the variables of services.

Source: kubernetes ``pkg/kubelet/kubelet_pods.go`` (makeEnvironmentVariables), ``pkg/kubelet/envvars``,
``third_party/forked/golang/expansion``.
"""

import base64
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from pynetes.kubelet import downward
from pynetes.kubelet.envfile import EnvFileError, value_of
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError


class ConfigError(Exception):
    """A container cannot be configured: CreateContainerConfigError with this message."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a container is and what it can be told of: addresses, the node's resources, its pod's volumes.

    ``read``: what a file of a volume says, by the volume's host path and its own; None: it is not there.
    """

    pod_ips: tuple[str, ...] = ()
    host_ips: tuple[str, ...] = ()
    allocatable: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    read: Callable[[str, str], Awaitable[bytes | None]] | None = None


class Sources(Protocol):
    """Where ConfigMaps and Secrets come from. Raises: StatusError (404 when they are not there)."""

    async def config_map(self, namespace: str, name: str) -> Object: ...

    async def secret(self, namespace: str, name: str) -> Object: ...


def expand(text: str, lookup: Callable[[str], str | None]) -> str:
    """``$(NAME)`` becomes its value, an unknown name stays as it is written, ``$$`` is one ``$``."""
    pieces: list[str] = []
    index = 0
    while index < len(text):
        at = text.find("$", index)
        if at < 0 or at + 1 >= len(text):
            pieces.append(text[index:])
            break
        pieces.append(text[index:at])
        following = text[at + 1]
        if following == "$":
            pieces.append("$")
            index = at + 2
        elif following == "(":
            end = text.find(")", at + 2)
            if end < 0:
                pieces.append("$(")
                index = at + 2
                continue
            name = text[at + 2 : end]
            value = lookup(name)
            pieces.append(f"$({name})" if value is None else value)
            index = end + 1
        else:
            pieces.append("$" + following)
            index = at + 2
    return "".join(pieces)


def service_variables(services: Iterable[Object], namespace: str, links: bool) -> dict[str, str]:
    """The variables of the services of a namespace, and always those of ``default/kubernetes``."""
    chosen: dict[str, Object] = {}
    for service in services:
        meta, ip = service["metadata"], service["spec"].get("clusterIP")
        if not ip or ip == "None":
            continue
        if meta["namespace"] == "default" and meta["name"] == "kubernetes":
            chosen.setdefault(meta["name"], service)
        elif meta["namespace"] == namespace and links:
            chosen[meta["name"]] = service
    variables: dict[str, str] = {}
    for name in sorted(chosen):
        variables.update(_variables(chosen[name]))
    return variables


def _variable_name(name: str) -> str:
    return name.replace("-", "_").upper()


def _variables(service: Object) -> dict[str, str]:
    name, ip = _variable_name(service["metadata"]["name"]), service["spec"]["clusterIP"]
    ports = service["spec"].get("ports") or []
    if not ports:
        return {f"{name}_SERVICE_HOST": ip}
    found = {f"{name}_SERVICE_HOST": ip, f"{name}_SERVICE_PORT": str(ports[0]["port"])}
    for port in ports:
        if port.get("name"):
            found[f"{name}_SERVICE_PORT_{_variable_name(port['name'])}"] = str(port["port"])
    host = f"[{ip}]" if ":" in ip else ip
    for index, port in enumerate(ports):
        protocol = port.get("protocol") or "TCP"
        url = f"{protocol.lower()}://{host}:{port['port']}"
        if index == 0:
            found[f"{name}_PORT"] = url
        prefix = f"{name}_PORT_{port['port']}_{protocol.upper()}"
        found[prefix] = url
        found[f"{prefix}_PROTO"] = protocol.lower()
        found[f"{prefix}_PORT"] = str(port["port"])
        found[f"{prefix}_ADDR"] = ip
    return found


async def environment(
    pod: Object, container: Object, sources: Sources, services: Mapping[str, str], place: Place
) -> dict[str, str]:
    """All variables, the declared ones first. Raises: ConfigError with upstream's words."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found.update(await _from(pod, source, sources))
    for variable in container.get("env") or ():
        text = variable.get("value") or ""
        if text:
            value: str | None = expand(text, lambda name: found.get(name, services.get(name)))
        elif variable.get("valueFrom"):
            value = await _value(pod, container, variable["valueFrom"], sources, place)
        else:
            value = ""
        if value is not None:
            found[variable["name"]] = value
    return {**found, **{name: value for name, value in services.items() if name not in found}}


def secret_data(secret: Object) -> dict[str, bytes]:
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


async def _from(pod: Object, source: Object, sources: Sources) -> dict[str, str]:
    namespace, prefix = pod["metadata"]["namespace"], source.get("prefix") or ""
    reference = source.get("configMapRef") or source.get("secretRef") or {}
    try:
        if "configMapRef" in source:
            config_map = await sources.config_map(namespace, reference["name"])
            data = dict(config_map.get("data") or {})
        else:
            secret = await sources.secret(namespace, reference["name"])
            data = {key: value.decode(errors="replace") for key, value in secret_data(secret).items()}
    except StatusError as error:
        if error.code == 404 and reference.get("optional"):
            return {}
        raise ConfigError(without_group(error)) from None
    return {prefix + key: value for key, value in data.items()}


def without_group(error: StatusError) -> str:
    """``configmap "x" not found``: the kubelet's caches name the kind, the API names the resource."""
    text = str(error)
    for plural, singular in (('configmaps "', 'configmap "'), ('secrets "', 'secret "')):
        if text.startswith(plural):
            return singular + text[len(plural) :]
    return text


async def _value(pod: Object, container: Object, source: Object, sources: Sources, place: Place) -> str | None:
    namespace = pod["metadata"]["namespace"]
    try:
        if "fieldRef" in source:
            path = source["fieldRef"]["fieldPath"]
            return downward.field(pod, path, pod_ips=place.pod_ips, host_ips=place.host_ips)
        if "resourceFieldRef" in source:
            return downward.resource(pod, source["resourceFieldRef"], container, place.allocatable)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if "fileKeyRef" in source:
        return await _from_file(source["fileKeyRef"], place)
    reference = source.get("configMapKeyRef") or source.get("secretKeyRef")
    if reference is None:
        raise ConfigError(f"unsupported source of a variable: {next(iter(source))}")
    kind = "ConfigMap" if "configMapKeyRef" in source else "Secret"
    try:
        if kind == "ConfigMap":
            data = (await sources.config_map(namespace, reference["name"])).get("data") or {}
            value = data.get(reference["key"])
        else:
            raw = secret_data(await sources.secret(namespace, reference["name"])).get(reference["key"])
            value = None if raw is None else raw.decode(errors="replace")
    except StatusError as error:
        if error.code == 404 and reference.get("optional"):
            return None
        raise ConfigError(without_group(error)) from None
    if value is None and not reference.get("optional"):
        raise ConfigError(f"couldn't find key {reference['key']} in {kind} {namespace}/{reference['name']}")
    return value


async def _from_file(reference: Object, place: Place) -> str | None:
    volume, path, key = reference["volumeName"], reference["path"], reference["key"]
    root = place.volumes.get(volume)
    if root is None or place.read is None:
        raise ConfigError(f'cannot find the volume "{volume}" referenced by FileKeyRef')
    data = await place.read(root, path)
    try:
        if data is None:
            raise EnvFileError(f"no file {path}")
        value = value_of(data.decode(errors="replace"), key)
    except EnvFileError:
        raise ConfigError("couldn't parse env file") from None
    if value:
        return value
    if reference.get("optional"):
        return None
    raise ConfigError(f'environment variable key "{key}" not found in file "{root}/{path}"')
