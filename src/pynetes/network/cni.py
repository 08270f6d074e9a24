"""The CNI driver: a network configuration list, run plug-in by plug-in.

The configuration is given (``configure``) or read from a directory, as upstream's runtimes do: the first by name of
``*.conflist``, ``*.conf`` and ``*.json``. What ADD answered is kept on disk until DEL, which gets it back as
``prevResult``, so that addresses are given back also after a crash.

Source: CNI specification 1.0.0, sections 2 to 5; containernetworking/cni ``libcni``.
"""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from pynetes.aio.commands import Commands, Completed

PLUGIN_DIRECTORIES = (Path("/opt/cni/bin"), Path("/usr/lib/cni"))
VERSIONS = ("1.0.0", "0.4.0", "0.3.1", "0.3.0")


class CNIError(Exception):
    """A plug-in refused, or there is no network. ``code`` is the specification's, 0 where there is none."""

    def __init__(self, message: str, code: int = 0) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Attachment:
    """One container's place in the network: what is added, checked and deleted. ``netns`` may be gone at deletion."""

    container_id: str
    netns: Path | None
    interface: str = "eth0"
    arguments: Mapping[str, str] | None = None
    capabilities: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Result:
    """What ADD gave: addresses without prefix length, in the plug-in's order, and the whole answer."""

    ips: tuple[str, ...]
    raw: Mapping[str, Any]


class CNI:
    """Runs one network's plug-ins for a node.

    ``cache`` holds ``results/`` (one file an attachment) and ``networks/`` (the addresses of ``host-local``).
    """

    def __init__(
        self,
        commands: Commands,
        cache: Path,
        *,
        conflist: Mapping[str, Any] | None = None,
        directory: Path | None = None,
        plugins: Sequence[Path] = PLUGIN_DIRECTORIES,
    ) -> None:
        self._commands = commands
        self._results = cache / "results"
        self._conflist = conflist
        self._directory = directory
        self._plugins = tuple(plugins)

    def configure(self, conflist: Mapping[str, Any]) -> None:
        """Use this configuration list for what is added from now on."""
        self._conflist = conflist

    @property
    def ready(self) -> bool:
        """Whether there is a network to add to: the node's NetworkReady."""
        try:
            self._configuration()
        except CNIError:
            return False
        return True

    async def add(self, attachment: Attachment) -> Result:
        """Raises: CNIError; then what the earlier plug-ins did has been undone."""
        network = self._configuration()
        result: Mapping[str, Any] | None = None
        self._remember(attachment, network, None)  # before the first plug-in acts: a crash must find what to undo
        try:
            for plugin in _acting(network, attachment):
                result = await self._execute("ADD", network, plugin, attachment, result)
        except BaseException:
            await self.delete(attachment)
            raise
        result = result or {}
        self._remember(attachment, network, result)
        return Result(_addresses(result), result)

    async def check(self, attachment: Attachment) -> None:
        """Raises: CNIError when the attachment is not as ADD left it."""
        remembered = self._recall(attachment)
        if remembered is None:
            raise CNIError(f"container {attachment.container_id} was never added")
        network = remembered["network"]
        if network.get("disableCheck"):
            return
        for plugin in _acting(network, attachment):
            await self._execute("CHECK", network, plugin, attachment, remembered["result"])

    async def delete(self, attachment: Attachment) -> None:
        """Undo ADD, last plug-in first; all are asked even when one fails. What was never added succeeds.

        Raises: CNIError of the first failure, after which it may be called again.
        """
        remembered = self._recall(attachment)
        if remembered is None:
            return
        network = remembered["network"]
        attachment = replace(attachment, capabilities=remembered["capabilities"], arguments=remembered["arguments"])
        failure: CNIError | None = None
        for plugin in reversed(_acting(network, attachment)):
            try:
                await self._execute("DEL", network, plugin, attachment, remembered["result"])
            except CNIError as error:
                failure = failure or error
        if failure is not None:
            raise failure
        self._file(attachment).unlink(missing_ok=True)

    def attachments(self) -> list[tuple[str, str]]:
        """(container id, interface) of all that were added and not deleted: for collecting what a crash left."""
        if not self._results.is_dir():
            return []
        found = [orjson.loads(f.read_bytes()) for f in self._results.glob("*.json")]
        return sorted((f["container_id"], f["interface"]) for f in found)

    def _configuration(self) -> Mapping[str, Any]:
        if self._conflist is not None:
            return self._conflist
        for file in sorted(self._directory.iterdir()) if self._directory and self._directory.is_dir() else ():
            if file.suffix == ".conflist":
                return load_conflist(file.read_bytes())
            if file.suffix in (".conf", ".json"):
                plugin = orjson.loads(file.read_bytes())
                return load_conflist(
                    orjson.dumps({"cniVersion": plugin.get("cniVersion"), "name": plugin["name"], "plugins": [plugin]})
                )
        raise CNIError("cni plugin not initialized")

    async def _execute(
        self,
        command: str,
        network: Mapping[str, Any],
        plugin: Mapping[str, Any],
        attachment: Attachment,
        previous: Mapping[str, Any] | None,
    ) -> Mapping[str, Any] | None:
        config = plugin_config(network, plugin, attachment, previous)
        try:
            program = self._find(plugin["type"])
        except CNIError:
            if command == "DEL" and previous is None:
                return None  # a plug-in that could not be found has done nothing
            raise
        environment = {
            "PATH": os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": attachment.container_id,
            "CNI_NETNS": str(attachment.netns) if attachment.netns and attachment.netns.exists() else "",
            "CNI_IFNAME": attachment.interface,
            "CNI_PATH": ":".join(map(str, self._plugins)),
            "CNI_ARGS": ";".join(f"{k}={v}" for k, v in (attachment.arguments or {}).items()),
        }
        done = await self._commands.run([str(program)], stdin=orjson.dumps(config), env=environment, check=False)
        return parse_answer(command, plugin["type"], attachment, done)

    def _find(self, name: str) -> Path:
        for directory in self._plugins:
            if (directory / name).exists():
                return directory / name
        where = ":".join(map(str, self._plugins))
        raise CNIError(f'failed to find plugin "{name}" in path [{where}]')

    def _file(self, attachment: Attachment) -> Path:
        return self._results / f"{attachment.container_id}-{attachment.interface}.json"

    def _remember(self, attachment: Attachment, network: Mapping[str, Any], result: Mapping[str, Any] | None) -> None:
        self._results.mkdir(parents=True, exist_ok=True)
        file = self._file(attachment)
        record = {
            "container_id": attachment.container_id,
            "interface": attachment.interface,
            "capabilities": attachment.capabilities,
            "arguments": attachment.arguments,
            "network": network,
            "result": result,
        }
        temporary = file.with_suffix(".new")
        temporary.write_bytes(orjson.dumps(record))
        temporary.rename(file)

    def _recall(self, attachment: Attachment) -> dict[str, Any] | None:
        try:
            remembered: dict[str, Any] = orjson.loads(self._file(attachment).read_bytes())
        except FileNotFoundError:
            return None
        return remembered


def load_conflist(data: bytes) -> Mapping[str, Any]:
    """A configuration list that this driver can run. Raises: CNIError."""
    try:
        network: dict[str, Any] = orjson.loads(data)
    except ValueError as error:
        raise CNIError(f"error parsing configuration list: {error}") from error
    if not network.get("name"):
        raise CNIError("error parsing configuration list: no name")
    if not network.get("plugins"):
        raise CNIError("error parsing configuration list: no plugins in list")
    if network.setdefault("cniVersion", "0.3.1") not in VERSIONS:
        raise CNIError(f"configuration list {network['name']}: CNI version {network['cniVersion']} is not supported")
    return network


def _acting(network: Mapping[str, Any], attachment: Attachment) -> list[Mapping[str, Any]]:
    """The plug-ins worth an execution: ``portmap`` without ports to map does nothing but cost one."""
    ports = (attachment.capabilities or {}).get("portMappings")
    return [p for p in network["plugins"] if p["type"] != "portmap" or ports]


def plugin_config(
    network: Mapping[str, Any],
    plugin: Mapping[str, Any],
    attachment: Attachment,
    previous: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """What a plug-in reads on its standard input. Source: CNI specification, section 3, "deriving execution config"."""
    config = {k: v for k, v in plugin.items() if k != "capabilities"}
    config |= {"cniVersion": network["cniVersion"], "name": network["name"]}
    wanted = plugin.get("capabilities") or {}
    given = {k: v for k, v in (attachment.capabilities or {}).items() if wanted.get(k)}
    if given:
        config["runtimeConfig"] = given
    if previous is not None:
        config["prevResult"] = previous
    return config


def parse_answer(command: str, plugin: str, attachment: Attachment, done: Completed) -> Mapping[str, Any] | None:
    """The result of ADD, or the plug-in's complaint as an error in libcni's words."""
    if done.code == 0:
        if command != "ADD" or not done.stdout.strip():
            return None
        result: Mapping[str, Any] = orjson.loads(done.stdout)
        return result
    try:
        said = orjson.loads(done.stdout)
        code = int(said.get("code", 0))
        text = str(said.get("msg", "")) + (f"; {said['details']}" if said.get("details") else "")
    except (ValueError, AttributeError):
        code, text = 0, (done.stderr or done.stdout).decode(errors="replace").strip()
    verb = {"ADD": "add", "DEL": "delete", "CHECK": "check"}[command]
    raise CNIError(f'plugin type="{plugin}" failed ({verb}): {text or f"exit code {done.code}"}', code)


def _addresses(result: Mapping[str, Any]) -> tuple[str, ...]:
    """The addresses of the container's own interfaces, not those of the host's end."""
    interfaces = result.get("interfaces") or []

    def inside(entry: Mapping[str, Any]) -> bool:
        number = entry.get("interface")
        return number is None or number >= len(interfaces) or bool(interfaces[number].get("sandbox"))

    return tuple(str(e["address"]).split("/")[0] for e in result.get("ips") or [] if inside(e))
