"""A small API server for the tests of controllers and scheduler: dicts, revisions, watches; every write is counted.

It knows what controllers rely on (conflicts, generateName, generation, status, graceful deletion of bound pods,
finalizers, bindings, strategic merge) and nothing else: no defaults, no validation, no access rules.
"""

import asyncio
import copy
import json
from urllib.parse import parse_qs

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.client import kinds
from pynetes.client.client import Client
from pynetes.client.informer import Informers
from pynetes.client.inprocess import InProcess
from pynetes.client.types import Kind
from pynetes.controllers.manager import Manager
from pynetes.controllers.settings import Settings
from pynetes.http.types import Response, Stream
from pynetes.meta.patch import merge, strategic
from pynetes.meta.times import rfc3339

KINDS = [value for value in vars(kinds).values() if isinstance(value, Kind)]
TYPES = {"pods": "io.k8s.api.core.v1.Pod", "nodes": "io.k8s.api.core.v1.Node"}


class Refused(Exception):
    def __init__(self, code, reason, message, **more):
        self.body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
        self.body |= {"message": message, **more}


class MiniAPI:
    def __init__(self, clock):
        self.clock = clock
        self.objects = {}  # (api_version, plural, namespace, name) -> object
        self.revision = 100
        self.watches = []  # (api_version, plural, namespace, writer)
        self.history = []  # (revision, type, api_version, plural, object)
        self.writes = []  # (verb, plural, subresource, name)
        self.refuse = lambda verb, plural, obj: None  # may raise Refused
        self.muted = set()  # plurals whose watches stay silent
        self.unsent = []
        self.answers = {}  # path -> body, for what others serve (metrics)
        self.groups = []  # of the list of groups, which only they are in

    # for tests

    def put(self, kind, obj):
        """Store an object as if its makers had; the test's own doing, not counted as a write."""
        metadata = obj["metadata"]
        if kind.namespaced:
            metadata.setdefault("namespace", "default")
        return self._create(kind.api_version, kind.plural, metadata.get("namespace", ""), copy.deepcopy(obj))

    def get(self, kind, name, namespace="default"):
        return self.objects.get((kind.api_version, kind.plural, namespace if kind.namespaced else "", name))

    def all(self, kind):
        return [o for (a, p, _, _), o in self.objects.items() if (a, p) == (kind.api_version, kind.plural)]

    def change(self, kind, name, change, namespace="default"):
        key = (kind.api_version, kind.plural, namespace if kind.namespaced else "", name)
        obj = copy.deepcopy(self.objects[key])
        change(obj)
        self._store(key, obj, self.objects[key])

    def remove(self, kind, name, namespace="default"):
        self._erase((kind.api_version, kind.plural, namespace if kind.namespaced else "", name))

    def unmute(self):
        self.muted = set()
        for event in self.unsent:
            self._send(*event)
        self.unsent = []

    def events(self):
        return [(e["type"], e["reason"], e["message"]) for e in self.all(kinds.EVENTS)]

    # the handler

    def handle(self, request):
        query = {k: v[0] for k, v in parse_qs(request.query).items()}
        body = json.loads(request.body) if request.body else {}
        if request.path in self.answers:
            return Response(200, json.dumps(self.answers[request.path]).encode())
        if "metrics.k8s.io/" in request.path:
            return Response(404, b"404 page not found\n")
        try:
            answer = self._route(request.method, request.path, query, body, request.headers)
        except Refused as error:
            return Response(error.body["code"], json.dumps(error.body).encode())
        return answer if isinstance(answer, Stream) else Response(200, json.dumps(answer).encode())

    def _route(self, method, path, query, body, headers):
        if path == "/apis" and "APIGroupDiscoveryList" not in headers["accept"]:
            return {"kind": "APIGroupList", "groups": self.groups}
        if path in ("/api", "/apis"):
            return self._discovery(path)
        parts = path.strip("/").split("/")
        api_version, rest = (parts[1], parts[2:]) if parts[0] == "api" else ("/".join(parts[1:3]), parts[3:])
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2 and rest[2] not in ("status", "finalize"):
            namespace, rest = rest[1], rest[2:]
        plural, name, sub = [*rest, "", ""][:3]
        key = (api_version, plural, namespace, name)
        if method == "GET" and not name:
            if "watch" in query:
                return self._watch(api_version, plural, namespace, int(query.get("resourceVersion") or 0))
            items = [o for k, o in self.objects.items() if self._of(k, api_version, plural, namespace)]
            return {"kind": "List", "metadata": {"resourceVersion": str(self.revision)}, "items": items}
        if method == "GET":
            return _scale(self._find(key)) if sub == "scale" else self._find(key)
        if plural != "events" or method != "POST":
            self.writes.append((method, plural, sub, name or body.get("metadata", {}).get("generateName", "")))
        self.refuse(method, plural, body)
        if method == "POST" and sub == "binding":
            return self._bind(key, body)
        if method == "POST":
            if plural == "events":
                self.writes.append(("EVENT", plural, "", body["reason"]))
            return self._create(api_version, plural, namespace, body)
        if method == "DELETE" and not name:
            for k in [k for k in self.objects if self._of(k, api_version, plural, namespace)]:
                self._delete(k, body)
            return {"kind": "Status", "status": "Success"}
        if method == "DELETE":
            return self._delete(key, body)
        old = self._find(key)
        if method == "PATCH":
            if "strategic" in headers["content-type"]:
                body = strategic.apply(copy.deepcopy(old), body, TYPES.get(plural, TYPES["pods"]))
            else:
                body = merge.apply(copy.deepcopy(old), body)
        if body["metadata"].get("uid", old["metadata"]["uid"]) != old["metadata"]["uid"]:
            raise Refused(409, "Conflict", "the uid is another one")
        if body["metadata"].get("resourceVersion", "") not in ("", old["metadata"]["resourceVersion"]):
            raise Refused(409, "Conflict", "the object has been modified")
        if sub == "scale":
            body = {**old, "spec": {**old["spec"], "replicas": body["spec"]["replicas"]}}
        elif sub == "status":
            body = {**old, "metadata": {**old["metadata"], "annotations": body["metadata"].get("annotations", {})}} | {
                "status": body.get("status", {})
            }
            if not body["metadata"]["annotations"]:
                del body["metadata"]["annotations"]
        elif "status" in old:
            body = {**body, "status": old["status"]}
        return self._store(key, body, old)

    def _discovery(self, path):
        groups = {}
        for kind in KINDS:
            group, _, version = kind.api_version.rpartition("/")
            if (group == "") == (path == "/api"):
                verbs = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
                entry = {
                    "resource": kind.plural,
                    "responseKind": {"kind": kind.kind},
                    "scope": "Namespaced" if kind.namespaced else "Cluster",
                    "verbs": verbs,
                }
                groups.setdefault(group, {}).setdefault(version, []).append(entry)
        items = [
            {"metadata": {"name": g}, "versions": [{"version": v, "resources": r} for v, r in versions.items()]}
            for g, versions in groups.items()
        ]
        return {"kind": "APIGroupDiscoveryList", "items": items}

    def _of(self, key, api_version, plural, namespace):
        return key[:2] == (api_version, plural) and namespace in ("", key[2])

    def _find(self, key):
        if key not in self.objects:
            raise Refused(404, "NotFound", f'{key[1]} "{key[3]}" not found')
        return self.objects[key]

    def _create(self, api_version, plural, namespace, obj):
        metadata = obj["metadata"]
        if "name" not in metadata:
            metadata["name"] = metadata["generateName"] + f"{self.clock.random.randrange(16**5):05x}"
        key = (api_version, plural, namespace, metadata["name"])
        if key in self.objects:
            raise Refused(409, "AlreadyExists", f'{plural} "{metadata["name"]}" already exists')
        kind = next(k for k in KINDS if (k.api_version, k.plural) == (api_version, plural))
        obj = {**obj, "kind": kind.kind, "apiVersion": kind.api_version}
        metadata.setdefault("uid", self.clock.uuid4())
        metadata.setdefault("creationTimestamp", rfc3339(self.clock.now()))
        metadata.setdefault("generation", 1)
        if namespace:
            metadata["namespace"] = namespace
        if plural == "pods":
            obj.setdefault("status", {"phase": "Pending"})
        return self._store(key, obj, None)

    def _store(self, key, obj, old):
        if old is not None and {**obj, "metadata": {}} == {**old, "metadata": {}}:
            if {**obj["metadata"], "resourceVersion": ""} == {**old["metadata"], "resourceVersion": ""}:
                return old
        if "deletionTimestamp" in obj["metadata"] and not obj["metadata"].get("finalizers") and old is not None:
            ready = key[1] != "namespaces" or not obj["spec"].get("finalizers")
            if old["metadata"].get("finalizers") or key[1] == "namespaces":
                if ready:
                    self._erase(key)
                    return obj
        self.revision += 1
        metadata = {**obj["metadata"], "resourceVersion": str(self.revision)}
        if old is not None and old.get("spec") != obj.get("spec"):
            metadata["generation"] = old["metadata"].get("generation", 1) + 1
        obj = {**obj, "metadata": metadata}
        self.objects[key] = obj
        self._tell("ADDED" if old is None else "MODIFIED", key, obj)
        return obj

    def _delete(self, key, options):
        obj = self._find(key)
        wanted = options.get("preconditions", {})
        if wanted.get("uid", obj["metadata"]["uid"]) != obj["metadata"]["uid"]:
            raise Refused(409, "Conflict", "Precondition failed: UID in precondition")
        if wanted.get("resourceVersion", obj["metadata"]["resourceVersion"]) != obj["metadata"]["resourceVersion"]:
            raise Refused(409, "Conflict", "Precondition failed: ResourceVersion in precondition")
        finalizers = list(obj["metadata"].get("finalizers", []))
        policy = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(options.get("propagationPolicy"))
        if policy and policy not in finalizers:
            finalizers.append(policy)
        graceful = key[1] == "pods" and obj["spec"].get("nodeName") and options.get("gracePeriodSeconds") != 0
        spec_holds = key[1] == "namespaces" and obj["spec"].get("finalizers")
        if not finalizers and not graceful and not spec_holds:
            self._erase(key)
            return obj
        if "deletionTimestamp" not in obj["metadata"]:
            metadata = {**obj["metadata"], "deletionTimestamp": rfc3339(self.clock.now())}
            if finalizers:
                metadata["finalizers"] = finalizers
            obj = self._store(key, {**obj, "metadata": metadata}, obj)
        return obj

    def _bind(self, key, body):
        pod = self._find(key)
        if pod["spec"].get("nodeName"):
            raise Refused(409, "Conflict", f"pod {key[3]} is already assigned to node")
        condition = {"type": "PodScheduled", "status": "True"}
        status = {**pod.get("status", {}), "conditions": [condition]}
        self._store(key, {**pod, "spec": {**pod["spec"], "nodeName": body["target"]["name"]}, "status": status}, pod)
        return {"kind": "Status", "status": "Success"}

    def _erase(self, key):
        obj = self.objects.pop(key)
        self.revision += 1
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        self._tell("DELETED", key, obj)

    def _tell(self, type_, key, obj):
        event = (self.revision, type_, key, obj)
        self.history.append(event)
        if key[1] in self.muted:
            self.unsent.append(event)
        else:
            self._send(*event)

    def _send(self, revision, type_, key, obj):
        for api_version, plural, namespace, writer in list(self.watches):
            if self._of(key, api_version, plural, namespace):
                writer.write(_line(type_, obj))

    def _watch(self, api_version, plural, namespace, revision):
        opened = []

        def start(writer):
            opened.append((api_version, plural, namespace, writer))
            self.watches.append(opened[0])
            for at, type_, key, obj in self.history:
                if at > revision and self._of(key, api_version, plural, namespace):
                    writer.write(_line(type_, obj))

        return Stream(start, lambda: self.watches.remove(opened[0]))


def _scale(obj):
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace", "uid", "resourceVersion")}
    labels = obj["spec"]["selector"].get("matchLabels", obj["spec"]["selector"])
    status = {
        "replicas": obj.get("status", {}).get("replicas", 0),
        "selector": ",".join(f"{k}={v}" for k, v in labels.items()),
    }
    spec = {"replicas": obj["spec"]["replicas"]}
    return {"kind": "Scale", "apiVersion": "autoscaling/v1", "metadata": metadata, "spec": spec, "status": status}


def _line(type_, obj):
    return json.dumps({"type": type_, "object": obj}, separators=(",", ":")).encode() + b"\n"


class World:
    """An API, a client, informers and the given controllers, under virtual time."""

    def __init__(self, clock, controllers, settings=None, api=None):
        self.clock = clock
        self.api = api or MiniAPI(clock)
        self.client = Client(InProcess(self.api.handle), clock)
        self.informers = Informers(self.client, clock)
        self.manager = Manager(self.client, self.informers, clock, controllers, settings or Settings())


def play(script, *controllers, settings=None, seed=0):
    """Run ``await script(world)`` beside the controllers; then check that nobody changed a shared object."""
    clock = VirtualClock(seed)

    async def main():

        world = World(clock, controllers, settings)
        running = asyncio.get_running_loop().create_task(world.manager.run())
        try:
            await script(world)
            assert world.informers.mutated() == []
            assert not controllers or not running.done(), running
        finally:
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)
            await world.informers.close()

    run_virtual(main(), clock)
