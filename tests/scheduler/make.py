"""Nodes and pods for the scheduler's tests."""

import itertools

_uids = itertools.count()


def make_node(name, cpu="4", memory="8Gi", pods="110", taints=(), labels=None, unschedulable=False, images=(), **more):
    spec = {"taints": list(taints)} if taints else {}
    if unschedulable:
        spec["unschedulable"] = True
    status = {"allocatable": {"cpu": cpu, "memory": memory, "pods": pods, **more}}
    if images:
        status["images"] = [{"names": [image], "sizeBytes": size} for image, size in images]
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/hostname": name, **(labels or {})}},
        "spec": spec,
        "status": status,
    }


def make_pod(name="p", cpu=None, memory=None, uid=None, labels=None, ports=(), image="i", **spec):
    requests = {k: v for k, v in (("cpu", cpu), ("memory", memory)) if v}
    container = {"name": "c", "image": image}
    if requests:
        container["resources"] = {"requests": requests}
    if ports:
        container["ports"] = [{"hostPort": port, "containerPort": port, "protocol": "TCP"} for port in ports]
    metadata = {"name": name, "namespace": "default", "uid": uid or f"uid-{next(_uids)}", "labels": labels or {}}
    return {"metadata": metadata, "spec": {"containers": [container], **spec}, "status": {"phase": "Pending"}}
