"""A small API server for client tests: an HTTP handler that keeps configmaps-like objects in a dict, with a history."""

import json
from urllib.parse import parse_qs

from pynetes.http.types import Response, Stream


class FakeAPI:
    def __init__(self):
        self.objects = {}  # path -> object
        self.history = []  # (revision, type, object)
        self.revision = 10
        self.oldest = 0
        self.writers = []  # (writer, collection)
        self.requests = []
        self.failing = []  # answers to give instead, in order

    def put(self, path, **fields):
        self.revision += 1
        parts = path.split("/")
        name = parts[-1]
        namespace = parts[parts.index("namespaces") + 1] if "namespaces" in parts else ""
        old = self.objects.get(path)
        metadata = {"name": name, "uid": fields.pop("uid", f"uid-{name}"), "resourceVersion": str(self.revision)}
        if namespace:
            metadata["namespace"] = namespace
        obj = {"kind": "Thing", "apiVersion": "v1", "metadata": metadata, **fields}
        self.objects[path] = obj
        self.tell("MODIFIED" if old else "ADDED", obj)
        return obj

    def delete(self, path):
        self.revision += 1
        obj = self.objects.pop(path)
        obj = {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self.revision)}}
        self.tell("DELETED", obj)

    def tell(self, type, obj):
        self.history.append((self.revision, type, obj))
        for writer in list(self.writers):
            writer.write(line(type, obj))

    def break_watches(self):
        for writer in list(self.writers):
            writer.abort()

    def handle(self, request):
        query = {k: v[0] for k, v in parse_qs(request.query).items()}
        self.requests.append((request.method, request.path, query))
        if self.failing:
            answer = self.failing.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer
        if "watch" in query:
            return self.watch(query)
        items = [{k: v for k, v in o.items() if k not in ("kind", "apiVersion")} for o in self.objects.values()]
        return json_response({"kind": "List", "metadata": {"resourceVersion": str(self.revision)}, "items": items})

    def watch(self, query):
        initial = query.get("sendInitialEvents") == "true"
        revision = int(query.get("resourceVersion") or 0)
        if revision and revision < self.oldest:
            return json_response(status_object(410, "Expired", "too old resource version"), 410)
        opened = []

        def start(writer):
            opened.append(writer)
            self.writers.append(writer)
            if initial:
                for obj in self.objects.values():
                    writer.write(line("ADDED", obj))
                mark = {"resourceVersion": str(self.revision), "annotations": {"k8s.io/initial-events-end": "true"}}
                writer.write(line("BOOKMARK", {"kind": "Thing", "apiVersion": "v1", "metadata": mark}))
            else:
                for at, type, obj in self.history:
                    if at > revision:
                        writer.write(line(type, obj))

        return Stream(start, lambda: self.writers.remove(opened[0]))


def line(type, obj):
    return b'{"type":"%b","object":%b}\n' % (type.encode(), json.dumps(obj, separators=(",", ":")).encode())


def json_response(obj, status=200):
    return Response(status, json.dumps(obj).encode())


def status_object(code, reason, message):
    return {"kind": "Status", "status": "Failure", "message": message, "reason": reason, "code": code}
