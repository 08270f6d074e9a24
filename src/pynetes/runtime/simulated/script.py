"""How simulated containers behave: the annotation ``pynetes.dev/simulate``, a JSON object.

::

    {"containers": {"c": {"run": "1s", "exitCode": 1}, "*": {"run": "5m"}}, "sandboxDelay": "2s"}

Per container (``*``: those that are not named), all optional:

``run``          how long it runs before it ends by itself (``0`` ends at once; absent: for ever)
``exitCode``     what it ends with then (0)
``runs``         a list of ``{run, exitCode, reason, message}``, one an attempt; the last one repeats
``reason``       the termination reason (``OOMKilled``; else ``Completed`` or ``Error`` by the code)
``message``      the termination message
``startDelay``   what starting it takes
``startError``   starting fails with this text (exit code 128, reason StartError)
``stopDelay``    how long it takes to end after its stop signal (0); longer than the grace: killed, 137
``stopExitCode`` what it ends with when stopped (0)
``readyAfter``, ``startedAfter``   readiness and startup probes fail until then
``unhealthyAfter``                 liveness probes fail from then on
``notReady``     list of ``[from, until]`` in which readiness probes fail
``logs``         lines of output, written at the start
``exec``         ``{"stdout": text, "stderr": text, "exitCode": n}``: what every exec answers

Durations are Go's (``1m30s``) or numbers of seconds. One that is not understood fails the pod's sandbox, by name.
Commands are never interpreted.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

ANNOTATION = "pynetes.dev/simulate"

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h)")
_KEYS = {
    "run", "exitCode", "runs", "reason", "message", "startDelay", "startError", "stopDelay", "stopExitCode",
    "readyAfter", "startedAfter", "unhealthyAfter", "notReady", "logs", "exec",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Run:
    """One attempt: ``seconds`` None runs for ever."""

    seconds: float | None = None
    exit_code: int = 0
    reason: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class ContainerScript:
    runs: tuple[Run, ...] = (Run(),)
    start_delay: float = 0.0
    start_error: str = ""
    stop_delay: float = 0.0
    stop_exit_code: int = 0
    ready_after: float = 0.0
    started_after: float = 0.0
    unhealthy_after: float | None = None
    not_ready: tuple[tuple[float, float], ...] = ()
    logs: tuple[str, ...] = ()
    exec_stdout: bytes = b""
    exec_stderr: bytes = b""
    exec_exit_code: int = 0

    def attempt(self, number: int) -> Run:
        return self.runs[min(number, len(self.runs) - 1)]

    def probe(self, kind: str, age_seconds: float) -> bool:
        """Whether a probe of this kind succeeds when the container has run this long."""
        if kind == "startup":
            return age_seconds >= self.started_after
        if kind == "liveness":
            return self.unhealthy_after is None or age_seconds < self.unhealthy_after
        return age_seconds >= self.ready_after and not any(a <= age_seconds < b for a, b in self.not_ready)


@dataclass(frozen=True, slots=True)
class Script:
    """A pod's whole script."""

    containers: Mapping[str, ContainerScript] = field(default_factory=dict)
    sandbox_delay: float = 0.0

    def container(self, name: str) -> ContainerScript:
        return self.containers.get(name) or self.containers.get("*") or DEFAULT

    @staticmethod
    def parse(annotations: Mapping[str, str]) -> "Script":
        """Raises: ValueError naming what is not understood."""
        text = annotations.get(ANNOTATION)
        if not text:
            return NOTHING
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ValueError(f"annotation {ANNOTATION}: {error}") from None
        unknown = set(_mapping(value, ANNOTATION)) - {"containers", "sandboxDelay"}
        if unknown:
            raise ValueError(f"annotation {ANNOTATION}: unknown key {sorted(unknown)[0]!r}")
        containers = _mapping(value.get("containers", {}), "containers")
        return Script({n: _container(n, s) for n, s in containers.items()}, seconds(value.get("sandboxDelay", 0)))


DEFAULT = ContainerScript()
NOTHING = Script()


def seconds(value: Any) -> float:
    """A Go duration (``1m30s``) or a number, in seconds. Raises: ValueError."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    text = str(value)
    if text.replace(".", "", 1).isdigit():
        return float(text)
    parts = _PART.findall(text)
    if not parts or "".join(n + u for n, u in parts) != text:
        raise ValueError(f"annotation {ANNOTATION}: {text!r} is not a duration")
    return sum(float(n) * _UNITS[u] for n, u in parts)


def _mapping(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"annotation {ANNOTATION}: {where} is not an object")
    return value


def _container(name: str, raw: Any) -> ContainerScript:
    spec = _mapping(raw, f"containers.{name}")
    unknown = set(spec) - _KEYS
    if unknown:
        raise ValueError(f"annotation {ANNOTATION}: containers.{name}: unknown key {sorted(unknown)[0]!r}")
    runs = spec.get("runs") or [spec]
    answer = _mapping(spec.get("exec", {}), f"containers.{name}.exec")
    unhealthy = spec.get("unhealthyAfter")
    return ContainerScript(
        runs=tuple(_run(r) for r in runs),
        start_delay=seconds(spec.get("startDelay", 0)),
        start_error=spec.get("startError", ""),
        stop_delay=seconds(spec.get("stopDelay", 0)),
        stop_exit_code=int(spec.get("stopExitCode", 0)),
        ready_after=seconds(spec.get("readyAfter", 0)),
        started_after=seconds(spec.get("startedAfter", 0)),
        unhealthy_after=None if unhealthy is None else seconds(unhealthy),
        not_ready=tuple((seconds(a), seconds(b)) for a, b in spec.get("notReady", ())),
        logs=tuple(str(line) for line in spec.get("logs", ())),
        exec_stdout=str(answer.get("stdout", "")).encode(),
        exec_stderr=str(answer.get("stderr", "")).encode(),
        exec_exit_code=int(answer.get("exitCode", 0)),
    )


def _run(raw: Mapping[str, Any]) -> Run:
    run = raw.get("run")
    ends = run is not None or "exitCode" in raw
    return Run(
        seconds=seconds(run or 0) if ends else None,
        exit_code=int(raw.get("exitCode", 0)),
        reason=raw.get("reason", ""),
        message=raw.get("message", ""),
    )
