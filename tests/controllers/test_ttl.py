"""How long kubelets may use what they have read, and how long finished Jobs stay."""

import pytest

from pynetes.client.kinds import JOBS, NODES
from pynetes.controllers import ttl, ttlafterfinished
from pynetes.controllers.ttl import ANNOTATION, STEPS, plan, step
from pynetes.meta.times import rfc3339

from .mini_api import play


def test_the_lifetime_grows_with_the_cluster_and_does_not_go_to_and_fro():
    def seconds(present, nodes):
        return STEPS[step(present, nodes)][2]

    assert [seconds(0, nodes) for nodes in (0, 100, 101, 500, 501, 5000)] == [0, 0, 15, 15, 30, 300]
    assert step(1, 95) == 1 and step(1, 89) == 0  # 90 to 100 nodes: as it was
    assert step(4, 1800) == 4 and step(4, 1799) == 3


def test_a_node_is_told_once():
    node = {"metadata": {"name": "n"}}
    [patch] = plan(node, 0)
    assert patch.patch == {"metadata": {"annotations": {ANNOTATION: "0"}}}
    assert not plan({"metadata": {"name": "n", "annotations": {ANNOTATION: "0"}}}, 0)
    assert plan({"metadata": {"name": "n", "annotations": {ANNOTATION: "soon"}}}, 0)


def test_all_nodes_hear_of_it_when_a_boundary_is_crossed():
    async def script(world):
        for number in range(100):
            world.api.put(NODES, {"metadata": {"name": f"n{number}"}})
        await world.clock.sleep(1)
        said = {node["metadata"]["annotations"][ANNOTATION] for node in world.api.all(NODES)}
        assert said == {"0"}
        world.api.put(NODES, {"metadata": {"name": "one-more"}})
        await world.clock.sleep(1)
        said = {node["metadata"]["annotations"][ANNOTATION] for node in world.api.all(NODES)}
        assert said == {"15"}
        world.api.writes.clear()
        world.api.change(NODES, "one-more", lambda node: node.update(status={}))
        await world.clock.sleep(1)
        assert world.api.writes == []

    play(script, ttl.CONTROLLER)


def job(seconds=100, finished="Complete", since="2026-01-01T00:00:00Z", **metadata):
    condition = {"type": finished, "status": "True", "lastTransitionTime": since}
    spec = {} if seconds is None else {"ttlSecondsAfterFinished": seconds}
    return {
        "metadata": {"name": "j", "namespace": "default", "uid": "u", **metadata},
        "spec": spec,
        "status": {"conditions": [condition] if finished else []},
    }


def test_a_finished_job_goes_when_its_time_is_over():
    ended = 1767225600.0  # 2026-01-01T00:00:00Z
    assert not ttlafterfinished.plan(job(), ended + 99)
    [delete] = ttlafterfinished.plan(job(finished="Failed"), ended + 100)
    assert (delete.uid, delete.propagation) == ("u", "Foreground")
    for stays in (job(None), job(finished=""), job(deletionTimestamp="2026-01-01T00:00:00Z")):
        assert not ttlafterfinished.plan(stays, ended + 10**6)
    with pytest.raises(ValueError, match="unable to find the time when the Job default/j finished"):
        ttlafterfinished.plan(job(since=None), ended)


def test_a_job_goes_at_that_second_and_one_whose_time_was_extended_stays():
    async def script(world):
        since = rfc3339(world.clock.now())
        made = job(60, since=since)
        world.api.put(JOBS, made)
        await world.clock.sleep(59)
        assert world.api.get(JOBS, "j")
        world.api.muted = {"jobs"}  # the extension is not seen yet
        world.api.change(JOBS, "j", lambda j: j["spec"].update(ttlSecondsAfterFinished=120))
        await world.clock.sleep(30)
        assert world.api.get(JOBS, "j")
        world.api.unmute()
        await world.clock.sleep(30)
        assert world.api.get(JOBS, "j")
        await world.clock.sleep(2)
        assert not world.api.get(JOBS, "j") or "deletionTimestamp" in world.api.get(JOBS, "j")["metadata"]

    play(script, ttlafterfinished.CONTROLLER)
