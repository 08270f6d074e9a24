"""Lifecycle hooks: postStart and preStop by exec, HTTP or sleep. A ``tcpSocket`` hook always fails, as upstream: the
field is there for old objects only.

Source: kubernetes ``pkg/kubelet/lifecycle/handlers.go``.
"""

from pynetes.aio.clock import Clock
from pynetes.kubelet.host import Host
from pynetes.meta.objects import Object
from pynetes.runtime.types import Runtime, RuntimeFailure

HTTP_SECONDS = 30.0


class HookFailed(Exception):
    """A hook did not succeed; the message is for the log, users see only that it failed."""


class Hooks:
    def __init__(self, runtime: Runtime, host: Host, clock: Clock) -> None:
        self._runtime = runtime
        self._host = host
        self._clock = clock

    async def run(self, hook: Object, container: Object, container_id: str, pod_ip: str) -> None:
        """Raises: HookFailed."""
        try:
            if "exec" in hook:
                result = await self._runtime.exec_sync(container_id, hook["exec"].get("command") or [], 0)
                if result.exit_code != 0:
                    raise HookFailed(f"command exited with {result.exit_code}: {result.stdout!r} {result.stderr!r}")
            elif "httpGet" in hook:
                url, headers = http_target(hook["httpGet"], container, pod_ip)
                await self._host.http_get(url, headers, HTTP_SECONDS)
            elif "sleep" in hook:
                await self._clock.sleep(float(hook["sleep"]["seconds"]))
            else:
                raise HookFailed(f"invalid handler: {sorted(hook)}")
        except (RuntimeFailure, OSError, TimeoutError, ValueError) as error:
            raise HookFailed(str(error)) from None


def resolve_port(port: object, container: Object) -> int:
    """A number, or the name of one of the container's ports. Raises: ValueError."""
    if isinstance(port, int):
        return port
    text = str(port)
    for declared in container.get("ports") or ():
        if declared.get("name") == text:
            return int(declared["containerPort"])
    if text.isdigit():
        return int(text)
    raise ValueError(f'strconv.Atoi: parsing "{text}": invalid syntax')


def http_target(action: Object, container: Object, pod_ip: str) -> tuple[str, list[tuple[str, str]]]:
    """The URL and headers of an httpGet. Raises: ValueError."""
    host = action.get("host") or pod_ip
    if ":" in host:
        host = f"[{host}]"
    path = action.get("path") or ""
    if path and not path.startswith("/"):
        path = "/" + path
    scheme = (action.get("scheme") or "HTTP").lower()
    headers = [(h["name"], h.get("value") or "") for h in action.get("httpHeaders") or ()]
    return f"{scheme}://{host}:{resolve_port(action['port'], container)}{path}", headers
