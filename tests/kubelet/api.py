"""A small API server in memory for the kubelet's tests: real HTTP nouns, real client and informers, no sockets."""

import asyncio
import base64
import copy
import json
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

import orjson

from pynetes.aio.clock import VirtualClock
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.inprocess import InProcess
from pynetes.http.types import Answer, Request, Response, Stream, Writer
from pynetes.kinds.pods.resources import qos_class
from pynetes.meta.objects import Object
from pynetes.meta.patch import strategic
from pynetes.meta.times import rfc3339

KINDS = {
    "pods": "Pod", "nodes": "Node", "services": "Service", "events": "Event", "leases": "Lease",
    "configmaps": "ConfigMap", "secrets": "Secret", "serviceaccounts": "ServiceAccount",
}  # fmt: skip


class FakeAPI:
    """Objects by (plural, namespace, name). ``writes`` logs each write of the kubelet: (time, method, path, body)."""

    def __init__(self, clock: VirtualClock) -> None:
        self.clock = clock
        self.objects: dict[tuple[str, str, str], Object] = {}
        self.writes: list[tuple[float, str, str, Object]] = []
        self.revision = 0
        self.watchers: list[tuple[str, str, Writer]] = []
        self.client = Client(InProcess(self.handle), clock, "test")
        self.informers = Informers(self.client, clock)
        self.seen: list[Object] = []
        self.patch_seconds = 0.0
        self.changed = asyncio.Event()

    def put(self, plural: str, obj: Object, *, event: str = "") -> Object:
        meta = obj["metadata"]
        key = (plural, meta.get("namespace", ""), meta["name"])
        event = event or ("MODIFIED" if key in self.objects else "ADDED")
        self.revision += 1
        meta["resourceVersion"] = str(self.revision)
        meta.setdefault("uid", f"uid-{meta['name']}")
        meta.setdefault("creationTimestamp", rfc3339(self.clock.now()))
        obj.setdefault("kind", KINDS[plural])
        obj.setdefault("apiVersion", "v1")
        if event == "DELETED":
            self.objects.pop(key, None)
        else:
            self.objects[key] = obj
        if plural == "pods":
            self.seen.append(copy.deepcopy(obj))
            self.changed.set()
        line = orjson.dumps({"type": event, "object": obj}) + b"\n"
        for watched, fields, writer in list(self.watchers):
            if watched == plural and self._matches(fields, obj):
                writer.write(line)
        return obj

    def get(self, plural: str, name: str, namespace: str = "default") -> Object:
        return self.objects[plural, namespace, name]

    def delete_pod(self, name: str, grace: int | None = None, namespace: str = "default") -> None:
        """As a user's delete does."""
        pod = copy.deepcopy(self.get("pods", name, namespace))
        if grace == 0:
            pod["metadata"]["deletionGracePeriodSeconds"] = 0
            self.put("pods", pod, event="DELETED")
            return
        first = "deletionTimestamp" not in pod["metadata"]
        seconds = pod["spec"].get("terminationGracePeriodSeconds", 30) if grace is None else grace
        pod["metadata"]["deletionTimestamp"] = rfc3339(self.clock.now() + seconds)
        pod["metadata"]["deletionGracePeriodSeconds"] = seconds
        if first:
            pod["metadata"]["generation"] = pod["metadata"].get("generation", 1) + 1
        self.put("pods", pod)

    async def until(self, condition: Callable[[], bool], seconds: float = 600.0) -> None:
        async with self.clock.timeout(seconds):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    def _matches(self, fields: str, obj: Object) -> bool:
        for part in filter(None, fields.split(",")):
            path, _, value = part.partition("=")
            found: object = obj
            for word in path.split("."):
                found = found.get(word, "") if isinstance(found, dict) else ""
            if found != value:
                return False
        return True

    def handle(self, request: Request) -> Answer | Awaitable[Answer]:
        parts = request.path.strip("/").split("/")
        parts = parts[2:] if parts[0] == "api" else parts[3:]
        namespace = ""
        if parts[0] == "namespaces" and len(parts) > 2:
            namespace, parts = parts[1], parts[2:]
        plural, name, sub = ([*parts, "", ""])[:3]
        query = {k: v[0] for k, v in parse_qs(request.query).items()}
        body = orjson.loads(request.body) if request.body else {}
        if request.method != "GET":
            self.writes.append((self.clock.now(), request.method, request.path, body))
        if request.method == "GET" and query.get("watch"):
            return self._watch(plural, query)
        if request.method == "GET" and not name:
            return self._list(plural, query)
        key = (plural, namespace, name or body.get("metadata", {}).get("name", ""))
        if sub == "token":
            token = base64.b64encode(json.dumps(body["spec"]["audiences"]).encode()).decode()
            expires = rfc3339(self.clock.now() + body["spec"]["expirationSeconds"])
            return self._answer({**body, "status": {"token": token, "expirationTimestamp": expires}}, 201)
        if request.method == "POST":
            if key in self.objects:
                return self._error(409, "AlreadyExists", key)
            body["metadata"]["namespace"] = namespace
            body["metadata"]["uid"] = f"uid-{key[2]}-{self.revision}"
            if plural == "pods":
                body["status"] = {"phase": "Pending"}
            return self._answer(self.put(plural, body), 201)
        if key not in self.objects:
            return self._error(404, "NotFound", key)
        if self.patch_seconds and request.method == "PATCH":
            return self._later(request, key, body)
        return self._change(request, key, body)

    async def _later(self, request: Request, key: tuple[str, str, str], body: Object) -> Answer:
        await self.clock.sleep(self.patch_seconds)
        return self._change(request, key, body)

    def _change(self, request: Request, key: tuple[str, str, str], body: Object) -> Answer:
        plural = key[0]
        old = self.objects[key]
        if request.method == "GET":
            return self._answer(old)
        if request.method == "PUT":
            return self._answer(self.put(plural, {**body, "metadata": {**old["metadata"], **body["metadata"]}}))
        if request.method == "DELETE":
            wanted = (body.get("preconditions") or {}).get("uid")
            if wanted and wanted != old["metadata"]["uid"]:
                return self._error(409, "Conflict", key)
            pod = copy.deepcopy(old)
            pod["metadata"]["deletionGracePeriodSeconds"] = 0
            held = bool(pod["metadata"].get("finalizers"))
            return self._answer(self.put(plural, pod, event="MODIFIED" if held else "DELETED"))
        wanted = (body.get("metadata") or {}).get("uid")
        if wanted and wanted != old["metadata"]["uid"]:
            return self._error(409, "Conflict", key)
        new = strategic.apply(copy.deepcopy(old), body, f"io.k8s.api.core.v1.{KINDS[plural]}")
        if new == old:
            return self._answer(old)
        return self._answer(self.put(plural, new))

    def _answer(self, obj: Object, status: int = 200) -> Response:
        return Response(status, orjson.dumps(obj))

    def _error(self, code: int, reason: str, key: tuple[str, str, str]) -> Response:
        message = f'{key[0]} "{key[2]}" not found' if code == 404 else f'{key[0]} "{key[2]}" {reason}'
        status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "message": message, "reason": reason}
        return Response(code, orjson.dumps({**status, "metadata": {}, "code": code}))

    def _list(self, plural: str, query: dict[str, str]) -> Response:
        fields = query.get("fieldSelector", "")
        items = [o for k, o in self.objects.items() if k[0] == plural and self._matches(fields, o)]
        meta = {"resourceVersion": str(self.revision)}
        return self._answer({"kind": KINDS[plural] + "List", "apiVersion": "v1", "metadata": meta, "items": items})

    def _watch(self, plural: str, query: dict[str, str]) -> Stream:
        entry: list[tuple[str, str, Writer]] = []

        def start(writer: Writer) -> None:
            entry.append((plural, query.get("fieldSelector", ""), writer))
            self.watchers.append(entry[0])
            if query.get("sendInitialEvents") == "true":
                for key, obj in list(self.objects.items()):
                    if key[0] == plural and self._matches(entry[0][1], obj):
                        writer.write(orjson.dumps({"type": "ADDED", "object": obj}) + b"\n")
                mark = {
                    "kind": KINDS[plural],
                    "apiVersion": "v1",
                    "metadata": {
                        "resourceVersion": str(self.revision),
                        "annotations": {"k8s.io/initial-events-end": "true"},
                    },
                }
                writer.write(orjson.dumps({"type": "BOOKMARK", "object": mark}) + b"\n")

        def ended() -> None:
            if entry and entry[0] in self.watchers:
                self.watchers.remove(entry[0])

        return Stream(start, ended)


def pod(
    name: str, *containers: Object, uid: str = "", annotations: dict[str, str] | None = None, **spec: object
) -> Object:
    """A pod as the API server would store it, bound to node ``n1``."""
    meta: Object = {"name": name, "namespace": "default", "uid": uid or f"uid-{name}", "generation": 1}
    if annotations:
        meta["annotations"] = annotations
    whole = {
        "nodeName": "n1",
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 2,
        "enableServiceLinks": True,
        "containers": list(containers) or [container("c")],
        **spec,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": whole,
        "status": {
            "phase": "Pending",
            "qosClass": qos_class({"spec": whole}),
            "conditions": [{"type": "PodScheduled", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}],
        },
    }


def container(name: str, image: str = "busybox:1", **more: object) -> Object:
    return {"name": name, "image": image, "imagePullPolicy": "IfNotPresent", **more}
