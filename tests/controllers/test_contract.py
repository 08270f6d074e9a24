"""What every controller keeps, whichever it is: docs/checklist-controller.md."""

import asyncio
import importlib
import inspect
import pkgutil

import pytest

from pynetes.client.kinds import (
    CERTIFICATE_SIGNING_REQUESTS,
    CONFIG_MAPS,
    CRON_JOBS,
    DAEMON_SETS,
    DEPLOYMENTS,
    ENDPOINTS,
    HORIZONTAL_POD_AUTOSCALERS,
    JOBS,
    LEASES,
    NAMESPACES,
    NODES,
    PERSISTENT_VOLUME_CLAIMS,
    PERSISTENT_VOLUMES,
    POD_DISRUPTION_BUDGETS,
    PODS,
    REPLICATION_CONTROLLERS,
    RESOURCE_QUOTAS,
    SECRETS,
    SERVICE_ACCOUNTS,
    SERVICES,
    STATEFUL_SETS,
    VOLUME_ATTRIBUTES_CLASSES,
)
from pynetes.controllers import CONTROLLERS
from pynetes.controllers.settings import Settings
from pynetes.meta.times import rfc3339_micro

from .mini_api import World, play

EACH = pytest.mark.parametrize("controller", CONTROLLERS, ids=lambda controller: controller.name)
SETTINGS = Settings(ca_pem="PEM")
TEMPLATE = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
SELECTOR = {"matchLabels": {"app": "web"}}
GOING = {"deletionTimestamp": "2026-01-01T00:00:00Z", "deletionGracePeriodSeconds": 0}
"""What is to go and still held."""
OBJECTS = (
    (NAMESPACES, {"metadata": {"name": "default"}, "spec": {"finalizers": ["kubernetes"]}, "status": {}}),
    (NODES, {"metadata": {"name": "n1"}, "spec": {}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}),
    (LEASES, {"metadata": {"name": "n1", "namespace": "kube-node-lease"}, "spec": {}}),
    (
        DEPLOYMENTS,
        {
            "metadata": {"name": "web"},
            "spec": {
                "replicas": 2,
                "selector": SELECTOR,
                "template": TEMPLATE,
                "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
                "revisionHistoryLimit": 10,
                "progressDeadlineSeconds": 600,
            },
        },
    ),
    (
        DAEMON_SETS,
        {
            "metadata": {"name": "each"},
            "spec": {
                "selector": {"matchLabels": {"app": "each"}},
                "template": {**TEMPLATE, "metadata": {"labels": {"app": "each"}}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1}},
                "revisionHistoryLimit": 10,
            },
            "status": {},
        },
    ),
    (
        STATEFUL_SETS,
        {
            "metadata": {"name": "db"},
            "spec": {
                "replicas": 1,
                "selector": {"matchLabels": {"app": "db"}},
                "template": {**TEMPLATE, "metadata": {"labels": {"app": "db"}}},
                "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
                "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": {}}],
                "revisionHistoryLimit": 10,
            },
        },
    ),
    (
        JOBS,
        {
            "metadata": {"name": "batch"},
            "spec": {
                "parallelism": 1,
                "completions": 1,
                "backoffLimit": 6,
                "selector": {"matchLabels": {"app": "batch"}},
                "template": {**TEMPLATE, "metadata": {"labels": {"app": "batch"}}},
            },
        },
    ),
    (
        CRON_JOBS,
        {
            "metadata": {"name": "nightly"},
            "spec": {"schedule": "0 0 1 1 *", "jobTemplate": {"spec": {"template": TEMPLATE}}},
        },
    ),
    (
        POD_DISRUPTION_BUDGETS,
        {"metadata": {"name": "web"}, "spec": {"selector": SELECTOR, "maxUnavailable": 1}},
    ),
    (
        SERVICES,
        {
            "metadata": {"name": "web"},
            "spec": {
                "type": "ClusterIP",
                "clusterIP": "10.96.0.9",
                "clusterIPs": ["10.96.0.9"],
                "ipFamilies": ["IPv4"],
                "selector": {"app": "web"},
                "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
            },
        },
    ),
    (
        REPLICATION_CONTROLLERS,
        {
            "metadata": {"name": "old"},
            "spec": {
                "replicas": 1,
                "selector": {"app": "old"},
                "template": {**TEMPLATE, "metadata": {"labels": {"app": "old"}}},
            },
        },
    ),
    (
        REPLICATION_CONTROLLERS,
        {"metadata": {"name": "none"}, "spec": {"replicas": 0, "selector": {"app": "none"}, "template": TEMPLATE}},
    ),
    (
        HORIZONTAL_POD_AUTOSCALERS,
        {
            "metadata": {"name": "none"},
            "spec": {
                "scaleTargetRef": {"apiVersion": "v1", "kind": "ReplicationController", "name": "none"},
                "maxReplicas": 3,
            },
        },
    ),
    (
        JOBS,
        {
            "metadata": {"name": "done"},
            "spec": {
                "ttlSecondsAfterFinished": 10**8,
                "template": TEMPLATE,
                "selector": {"matchLabels": {"app": "done"}},
            },
            "status": {
                "conditions": [{"type": "Complete", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}]
            },
        },
    ),
    (
        PERSISTENT_VOLUME_CLAIMS,
        {
            "metadata": {"name": "held", "finalizers": ["kubernetes.io/pvc-protection"], **GOING},
            "spec": {"volumeAttributesClassName": "gold"},
        },
    ),
    (
        PODS,
        {
            "metadata": {"name": "holder"},
            "spec": {
                "nodeName": "n1",
                "containers": [],
                "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "held"}}],
            },
            "status": {"phase": "Running"},
        },
    ),
    (
        PERSISTENT_VOLUMES,
        {
            "metadata": {"name": "held", "finalizers": ["kubernetes.io/pv-protection"], **GOING},
            "spec": {},
            "status": {"phase": "Bound"},
        },
    ),
    (
        VOLUME_ATTRIBUTES_CLASSES,
        {"metadata": {"name": "gold", "finalizers": ["kubernetes.io/vac-protection"], **GOING}, "driverName": "d"},
    ),
    (
        CERTIFICATE_SIGNING_REQUESTS,
        {"metadata": {"name": "r"}, "spec": {"signerName": "example.com/other", "request": ""}, "status": {}},
    ),
    (SERVICES, {"metadata": {"name": "by-hand"}, "spec": {"ports": [{"port": 80}]}}),
    (
        ENDPOINTS,
        {
            "metadata": {"name": "by-hand"},
            "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 80, "protocol": "TCP"}]}],
        },
    ),
    (SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}}),
    (
        SECRETS,
        {
            "metadata": {"name": "token", "annotations": {"kubernetes.io/service-account.name": "robot"}},
            "type": "kubernetes.io/service-account-token",
            "data": {"token": "eA=="},
        },
    ),
    (
        CONFIG_MAPS,
        {
            "metadata": {"name": "kube-apiserver-legacy-service-account-token-tracking", "namespace": "kube-system"},
            "data": {"since": "2024-01-01"},
        },
    ),
    (RESOURCE_QUOTAS, {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "9"}}, "status": {}}),
)


IDLE = {"namespace-controller"}
"""Controllers that find nothing to look at among these. A new controller brings an object of its kind instead."""


def modules(controller):
    """The file of a controller, or its folder's front and all files in it."""
    module = inspect.getmodule(controller.make)
    if module.__name__.count(".") == 2:
        return [module]
    front = importlib.import_module(module.__name__.rpartition(".")[0])
    return [
        front,
        *(importlib.import_module(f"{front.__name__}.{m.name}") for m in pkgutil.iter_modules(front.__path__)),
    ]


@EACH
def test_a_controller_says_what_it_watches_owns_and_guarantees_and_where_that_is_from(controller):
    said = modules(controller)[0].__doc__
    for section in ("Watches:", "Owns:", "Guarantees:", "Source:"):
        assert f"\n{section}" in said, section


@EACH
def test_a_controller_decides_in_a_pure_plan(controller):
    plans = [f for m in modules(controller) for name, f in vars(m).items() if name.partition("_")[0] == "plan"]
    plans = [f for f in plans if callable(f)]
    assert plans
    assert not any(map(inspect.iscoroutinefunction, plans))


async def node(world):
    """Plays the node: renews its lease, places and readies pods."""
    while True:
        world.api.change(LEASES, "n1", lambda lease: renew(lease, world.clock.now()), "kube-node-lease")
        for number, pod in enumerate(world.api.all(PODS), 1):
            if pod["status"]["phase"] == "Pending":
                world.api.change(PODS, pod["metadata"]["name"], lambda pod, n=number: run(pod, n))
        await world.clock.sleep(5)


def renew(lease, now):
    lease["spec"]["renewTime"] = rfc3339_micro(now)


def run(pod, number):
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    pod["spec"]["nodeName"] = "n1"
    pod["status"] = {"phase": "Running", "podIPs": [{"ip": f"10.1.0.{number}"}], "conditions": [ready]}


def test_controllers_that_start_anew_over_what_they_made_write_nothing():
    """A second run with no change writes nothing: every key is looked at again, with all memory lost."""

    async def script(world):
        playing = asyncio.get_running_loop().create_task(node(world))
        for kind, obj in OBJECTS:
            world.api.put(kind, obj)
        await world.clock.sleep(400)  # more than the quotas' resync: there is no admission here that counts usage up
        assert len(world.api.all(PODS)) == 7
        assert world.api.get(CONFIG_MAPS, "kube-root-ca.crt")
        world.api.writes.clear()
        again = World(world.clock, CONTROLLERS, SETTINGS, world.api)
        running = asyncio.get_running_loop().create_task(again.manager.run())
        await world.clock.sleep(120)
        for task in (playing, running):
            task.cancel()
        await asyncio.gather(playing, running, return_exceptions=True)
        await again.informers.close()
        counts = again.manager.counts
        assert {name for name, each in counts.items() if not each.reconciled} == IDLE
        assert {name for name, each in counts.items() if each.failed} == set()
        assert world.api.writes == [("EVENT", "events", "", "RegisteredNode")]  # which upstream says anew as well

    play(script, *CONTROLLERS, settings=SETTINGS)
