#!/usr/bin/env python3
"""What one object costs: decode, canonicalize, encode, splice. usage: PYTHONPATH=src bench/meta.py"""

import timeit

import orjson

from pynetes.meta.decoder import decoder
from pynetes.meta.encoding import Entry, list_body, stored

POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {
        "name": "web-6d4cf56db6-abcde",
        "generateName": "web-6d4cf56db6-",
        "namespace": "default",
        "labels": {"app": "web", "pod-template-hash": "6d4cf56db6", "tier": "front"},
        "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
        "ownerReferences": [
            {
                "apiVersion": "apps/v1",
                "kind": "ReplicaSet",
                "name": "web-6d4cf56db6",
                "uid": "3f1c0b8a-1f0e-4d5e-9d0c-0a1b2c3d4e5f",
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ],
    },
    "spec": {
        "containers": [
            {
                "name": name,
                "image": f"registry.example.com/team/{name}:1.2.3",
                "args": ["--listen", ":8080", "--log-level", "info"],
                "ports": [{"name": "http", "containerPort": 8080, "protocol": "TCP"}],
                "env": [{"name": f"VARIABLE_{n}", "value": f"value number {n}"} for n in range(6)]
                + [{"name": "NODE", "valueFrom": {"fieldRef": {"apiVersion": "v1", "fieldPath": "spec.nodeName"}}}],
                "resources": {"limits": {"cpu": "500m", "memory": "256Mi"}, "requests": {"cpu": "100m"}},
                "volumeMounts": [{"name": "data", "mountPath": "/data"}, {"name": "cfg", "mountPath": "/etc/cfg"}],
                "livenessProbe": {
                    "httpGet": {"path": "/healthz", "port": "http", "scheme": "HTTP"},
                    "initialDelaySeconds": 5,
                    "timeoutSeconds": 1,
                    "periodSeconds": 10,
                    "successThreshold": 1,
                    "failureThreshold": 3,
                },
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
                "imagePullPolicy": "IfNotPresent",
            }
            for name in ("web", "sidecar")
        ],
        "volumes": [
            {"name": "data", "emptyDir": {}},
            {"name": "cfg", "configMap": {"name": "web", "defaultMode": 420}},
        ],
        "restartPolicy": "Always",
        "terminationGracePeriodSeconds": 30,
        "dnsPolicy": "ClusterFirst",
        "serviceAccountName": "default",
        "securityContext": {},
        "schedulerName": "default-scheduler",
        "tolerations": [
            {
                "key": "node.kubernetes.io/not-ready",
                "operator": "Exists",
                "effect": "NoExecute",
                "tolerationSeconds": 300,
            }
        ],
    },
    "status": {"phase": "Pending", "qosClass": "Burstable"},
}


def microseconds(run: object) -> float:
    timer = timeit.Timer(run)  # type: ignore[arg-type]
    number, _ = timer.autorange()
    return min(timer.repeat(5, max(1, number // 4))) / max(1, number // 4) * 1e6


def main() -> None:
    body = orjson.dumps(POD)
    pods = decoder("io.k8s.api.core.v1.Pod")
    entry = Entry(b"/registry/pods/default/web", stored(POD), 1234)
    parse = microseconds(lambda: orjson.loads(body))
    decode = microseconds(lambda: pods.decode(orjson.loads(body))) - parse
    both = microseconds(lambda: pods.canonical(pods.decode(orjson.loads(body)).object)) - parse
    thousand = [entry.list_item()] * 1000
    rows = [
        (f"orjson.loads, a pod of {len(body)} bytes", parse),
        ("decode", decode),
        ("canonical", both - decode),
        ("stored (encode)", microseconds(lambda: stored(POD))),
        ("splice: json()", microseconds(entry.json)),
        ("splice: event(), made once", microseconds(lambda: entry.event("ADDED"))),
        ("list body of 1000 items", microseconds(lambda: list_body("PodList", "v1", 5, thousand))),
    ]
    for what, cost in rows:
        print(f"{what:40} {cost:10.2f} us")


if __name__ == "__main__":
    main()
