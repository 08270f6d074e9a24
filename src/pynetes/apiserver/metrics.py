"""What ``/metrics`` tells about requests: counted by verb, resource and code, in the Prometheus text format.

Source: apiserver ``pkg/endpoints/metrics/metrics.go``; names and labels are upstream's.
"""

from bisect import bisect_left

from pynetes.aio.clock import Clock
from pynetes.apiserver.requestinfo import RequestInfo
from pynetes.http.types import Answer, Response, Takeover

_BUCKETS = (0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60)

_Labels = tuple[str, str, str, str, str, str]


class Metrics:
    """Two dictionary steps a request; text is made only when it is asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._totals: dict[tuple[_Labels, int], int] = {}
        self._durations: dict[_Labels, list[float]] = {}

    def observe(self, info: RequestInfo, answer: Answer, started: float) -> None:
        scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
        if not info.is_resource:
            scope = ""
        labels = (info.verb.upper(), info.group, info.version, info.resource, info.subresource, scope)
        code = 101 if isinstance(answer, Takeover) else answer.status
        key = (labels, code)
        self._totals[key] = self._totals.get(key, 0) + 1
        if isinstance(answer, Response):
            seconds = self._clock.monotonic() - started
            row = self._durations.get(labels)
            if row is None:
                # one count a bucket, then one beyond them all, then the sum
                row = self._durations[labels] = [0.0] * (len(_BUCKETS) + 2)
            row[bisect_left(_BUCKETS, seconds)] += 1
            row[-1] += seconds

    def text(self) -> bytes:
        lines = [
            "# HELP apiserver_request_total [STABLE] Counter of apiserver requests broken out for each verb, dry run "
            "value, group, version, resource, scope, component, and HTTP response code.",
            "# TYPE apiserver_request_total counter",
        ]
        for (labels, code), times in sorted(self._totals.items()):
            lines.append(f'apiserver_request_total{{code="{code}",{_text(labels)}}} {times}')
        name = "apiserver_request_duration_seconds"
        lines += [
            f"# HELP {name} [STABLE] Response latency distribution in seconds for each verb, dry run value, group, "
            "version, resource, subresource, scope and component.",
            f"# TYPE {name} histogram",
        ]
        for labels, row in sorted(self._durations.items()):
            total = 0.0
            for bound, count in zip((*_BUCKETS, "+Inf"), row, strict=False):
                total += count
                lines.append(f'{name}_bucket{{{_text(labels)},le="{bound}"}} {total:.0f}')
            lines.append(f"{name}_sum{{{_text(labels)}}} {row[-1]:.9g}")
            lines.append(f"{name}_count{{{_text(labels)}}} {total:.0f}")
        return ("\n".join(lines) + "\n").encode()


def _text(labels: _Labels) -> str:
    verb, group, version, resource, subresource, scope = labels
    return (
        f'component="apiserver",dry_run="",group="{group}",resource="{resource}",scope="{scope}",'
        f'subresource="{subresource}",verb="{verb}",version="{version}"'
    )
