"""Asks the three APIs of metrics, which others serve through this one.

Source: pkg/controller/podautoscaler/metrics/client.go; k8s.io/metrics ``pkg/client``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import orjson

from pynetes.client.client import UNEXPECTED, Client
from pynetes.controllers.discovery import Kinds, group_of
from pynetes.controllers.horizontalpodautoscaler.observed import Sample
from pynetes.meta import selectors
from pynetes.meta.gotext import quoted
from pynetes.meta.objects import Object
from pynetes.meta.quantity import Quantity
from pynetes.meta.selectors import LabelSelector
from pynetes.meta.status import StatusError
from pynetes.meta.times import parse_duration, parse_time

_RESOURCE = "metrics.k8s.io"
_CUSTOM = "custom.metrics.k8s.io"
_EXTERNAL = "external.metrics.k8s.io"
_CUSTOM_VERSIONS = (f"{_CUSTOM}/v1beta2", f"{_CUSTOM}/v1beta1")
_USUAL_WINDOW = 60
_SAID = {
    404: "the server could not find the requested resource",
    429: "the server has received too many requests and has asked us to try again later",
    503: "the server is currently unable to handle the request",
    504: "the server was unable to return a response in the time allotted, but may still be processing the request",
}


class NoMetrics(Exception):
    """Why there is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    """To one of the autoscaler's metrics: samples of pods, or one value, or several; or why not."""

    samples: dict[str, Sample] = field(default_factory=dict)
    value: int = 0
    values: tuple[int, ...] = ()
    error: str = ""


class Metrics:
    """Asks; keeps nothing but which kinds there are."""

    def __init__(self, client: Client, kinds: Kinds) -> None:
        self._client = client
        self._kinds = kinds

    async def ask(self, metric: Object, namespace: str, selector: LabelSelector) -> Answer:
        """What an entry of ``spec.metrics`` asks for, of the pods that the selector selects."""
        try:
            match metric["type"]:
                case "Resource":
                    return Answer(samples=await self._of_resource(metric["resource"], namespace, selector))
                case "ContainerResource":
                    return Answer(samples=await self._of_resource(metric["containerResource"], namespace, selector))
                case "Pods":
                    return Answer(samples=await self._of_pods(metric["pods"]["metric"], namespace, selector))
                case "Object":
                    return Answer(value=await self._of_object(metric["object"], namespace))
            return Answer(values=await self._of_others(metric["external"]["metric"], namespace))
        except (NoMetrics, selectors.SelectorError) as error:
            return Answer(error=str(error))

    async def _of_resource(self, source: Object, namespace: str, selector: LabelSelector) -> dict[str, Sample]:
        path = f"/apis/{_RESOURCE}/v1beta1/namespaces/{namespace}/pods"
        query = _query(labelSelector=str(selector))
        items = await self._some(path, query, "resource", f"pods.{_RESOURCE}")
        found = {}
        for item in items:
            value = _used(item, source["name"], source.get("container", ""))
            if value is not None:
                at, window = parse_time(item["timestamp"]), parse_duration(item["window"])
                found[item["metadata"]["name"]] = Sample(value, at, window)
        return found

    async def _of_pods(self, metric: Object, namespace: str, selector: LabelSelector) -> dict[str, Sample]:
        version = await self._custom_version()
        query = _query(labelSelector=str(selector), metricLabelSelector=_of_metric(metric))
        path = f"/apis/{version}/namespaces/{namespace}/pods/*/{metric['name']}"
        items = await self._some(path, query, "custom", f"pods.{_CUSTOM} *")
        found = {}
        for item in items:
            window = item.get("windowSeconds") or item.get("window") or _USUAL_WINDOW
            sample = Sample(_milli(item["value"]), parse_time(item["timestamp"]), window)
            found[item["describedObject"]["name"]] = sample
        return found

    async def _of_object(self, source: Object, namespace: str) -> int:
        version = await self._custom_version()
        described, metric = source["describedObject"], source["metric"]
        name, group = described["name"], described.get("apiVersion", "").rpartition("/")[0]
        query = _query(metricLabelSelector=_of_metric(metric))
        if (described["kind"], group) == ("Namespace", ""):
            path = f"/apis/{version}/namespaces/{namespace}/metrics/{metric['name']}"
            items = await self._items(path, query, "custom", f"metrics.{_CUSTOM} {metric['name']}")
        else:
            resource = await self._resource(group, described["kind"])
            path = f"/apis/{version}/namespaces/{namespace}/{resource}/{name}/{metric['name']}"
            items = await self._items(path, query, "custom", f"{resource}.{_CUSTOM} {name}")
        if len(items) != 1:
            raise _failed(
                "custom", f"the custom metrics API server returned {len(items)} results when we asked for exactly one"
            )
        return _milli(items[0]["value"])

    async def _of_others(self, metric: Object, namespace: str) -> tuple[int, ...]:
        path = f"/apis/{_EXTERNAL}/v1beta1/namespaces/{namespace}/{metric['name']}"
        query = _query(labelSelector=_of_metric(metric))
        items = await self._some(path, query, "external", f"{metric['name']}.{_EXTERNAL}")
        return tuple(_milli(item["value"]) for item in items)

    async def _custom_version(self) -> str:
        groups = orjson.loads(await self._request("/apis", {}, "custom", ""))["groups"]
        group = next((group for group in groups if group["name"] == _CUSTOM), None)
        if group is None:
            raise _failed("custom", f"no custom metrics API ({_CUSTOM}) registered")
        offered = [group["preferredVersion"]["groupVersion"], *(v["groupVersion"] for v in group["versions"])]
        version = next((version for version in offered if version in _CUSTOM_VERSIONS), None)
        if version is None:
            raise _failed("custom", "no known available metric versions found")
        found: str = version
        return found

    async def _resource(self, group: str, kind: str) -> str:
        try:
            found = await self._kinds.find(group, kind)
        except (StatusError, OSError) as error:
            raise _failed("custom", str(error)) from error
        if found is None:
            who = f"{kind}.{group}" if group else kind
            why = f"no matches for kind {quoted(kind)} in group {quoted(group)}"
            raise _failed("custom", f"unable to map kind {who} to resource: {why}")
        return f"{found.plural}.{group_of(found)}" if group else found.plural

    async def _some(self, path: str, query: Mapping[str, str], api: str, resource: str) -> list[Object]:
        items = await self._items(path, query, api, resource)
        if not items:
            raise NoMetrics(f"no metrics returned from {api} metrics API")
        return items

    async def _items(self, path: str, query: Mapping[str, str], api: str, resource: str) -> list[Object]:
        items: list[Object] = orjson.loads(await self._request(path, query, api, resource)).get("items") or []
        return items

    async def _request(self, path: str, query: Mapping[str, str], api: str, resource: str) -> bytes:
        try:
            return await self._client.request("GET", path, query)
        except StatusError as error:
            raise _failed(api, _said(error, resource)) from error
        except OSError as error:
            raise _failed(api, str(error)) from error


def _failed(api: str, why: str) -> NoMetrics:
    return NoMetrics(f"unable to fetch metrics from {api} metrics API: {why}")


def _said(error: StatusError, resource: str) -> str:
    """What a client says of an answer that no API server gave."""
    causes = (error.status.get("details") or {}).get("causes") or ()
    if not any(cause.get("reason") == UNEXPECTED for cause in causes):
        return str(error)
    text = _SAID.get(error.code)
    if text is None and error.code >= 500:
        text = f"an error on the server ({quoted(str(error))}) has prevented the request from succeeding"
    if text is None:
        text = f"the server responded with the status code {error.code} but did not return more information"
    return f"{text} (get {resource})" if resource else text


def _query(**parameters: str) -> dict[str, str]:
    return {name: value for name, value in parameters.items() if value}


def _of_metric(metric: Object) -> str:
    return str(selectors.from_object(metric.get("selector")))


def _used(item: Object, resource: str, container: str) -> int | None:
    """Of one container, else of all; None when one does not tell."""
    found = [c["usage"].get(resource) for c in item.get("containers") or () if container in ("", c["name"])]
    if not found or any(text is None for text in found):
        return None
    return sum(map(_milli, found))


def _milli(text: str) -> int:
    return Quantity.parse(text).milli_value()
