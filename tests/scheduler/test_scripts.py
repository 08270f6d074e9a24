"""Decisions as sessions in ``testdata/``: each line is a command.

``node NAME [cpu=] [memory=] [pods=] [zone=] [taint=KEY:EFFECT,...] [cordoned=yes] [RESOURCE=N]`` adds or changes one,
``lose NAME`` takes it away; ``pod NAME on=NODE ...`` is there already, ``end NAME`` goes; ``decide [NAME] ...`` tells
where a pod would go, or why nowhere; ``schedule NAME ...`` puts it there as well. Pods: ``[app=] [cpu=] [memory=]
[port=] [near=APP] [apart=APP] [spread=APP]``, by zone and required; lines of YAML below hold the rest of the spec.
"""

import random
from pathlib import Path

import pytest
import yaml

from pynetes.scheduler.decide import Decider
from pynetes.scheduler.explain import message
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import PodInfo, read

from .make import make_node, make_pod

SCRIPTS = sorted((Path(__file__).parent / "testdata").glob("*.txt"))
ZONE = "topology.kubernetes.io/zone"


class Session:
    def __init__(self) -> None:
        self.table = NodeTable(2)
        self.decider = Decider(self.table, random.Random(0))
        self.placed: dict[str, tuple[PodInfo, str]] = {}

    def play(self, step) -> None:
        commands: list[list[str]] = []
        for line in step.command:
            if hasattr(self, line.split()[0]):
                commands.append([])
            commands[-1].append(line)
        for line, *below in commands:
            name, *words = line.split()
            named = dict(word.split("=", 1) for word in words if "=" in word)
            if below:
                named["spec"] = yaml.safe_load("\n".join(below))
            getattr(self, name)(step, *(word for word in words if "=" not in word), **named)

    def node(self, step, name, taint="", zone="", cordoned="", **more) -> None:
        taints = [dict(zip(("key", "effect"), one.split(":"), strict=True)) for one in taint.split(",") if one]
        labels = {ZONE: zone} if zone else {}
        self.table.set_node(make_node(name, taints=taints, labels=labels, unschedulable=bool(cordoned), **more))

    def lose(self, step, name) -> None:
        self.table.remove_node(name)

    def pod(self, step, name, on, **more) -> None:
        info = made(name, **more)
        self.table.add_pod(info, on)
        self.placed[name] = (info, on)

    def end(self, step, name) -> None:
        self.table.remove_pod(*self.placed.pop(name))

    def decide(self, step, name="p", **more) -> str:
        decision = self.decider.decide(made(name, **more))
        step.answer(decision.node or decision.refused or message(decision.refusals))
        return decision.node

    def schedule(self, step, name, **more) -> None:
        if node := self.decide(step, name, **more):
            self.pod(step, name, node, **more)


def made(name, app="", port="", near="", apart="", spread="", cpu=None, memory=None, spec=None, **resources) -> PodInfo:
    spec = dict(spec or {})
    for kind, other in (("podAffinity", near), ("podAntiAffinity", apart)):
        if other:
            spec["affinity"] = {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [in_zone(other)]}}
    if spread:
        spec["topologySpreadConstraints"] = [{**in_zone(spread), "maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule"}]
    labels = {"app": app} if app else {}
    pod = make_pod(name, cpu, memory, uid=name, labels=labels, ports=[int(port)] if port else (), **spec)
    if resources:
        container = pod["spec"]["containers"][0]
        container.setdefault("resources", {}).setdefault("requests", {}).update(resources)
    return read(pod)


def in_zone(app) -> dict[str, object]:
    return {"topologyKey": ZONE, "labelSelector": {"matchLabels": {"app": app}}}


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_session_with_the_scheduler(path, golden):
    session = Session()
    with golden(path) as steps:
        for step in steps:
            session.play(step)
