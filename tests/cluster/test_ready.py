"""A cluster that cannot come up is told at once, with the reason that its own log gives."""

import asyncio
import json
import os
from types import SimpleNamespace

import pytest

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.cluster import certificates, components
from pynetes.cluster.config import ClusterDir, new_config
from pynetes.cluster.ready import NotReady, wait_ready
from pynetes.cluster.supervisor import write_record


@pytest.fixture
def cluster(tmp_path):
    """The folder of a cluster whose supervisor is this process, and whose API server never answers."""
    folder = ClusterDir(tmp_path / "a")
    config = new_config(folder, "1", 0, 1, 6443, ())
    folder.save(config)
    certificates.ensure(config, folder, 1e9)
    folder.logs.mkdir()
    for name in ("supervisor", "server", "brain", "simulated"):
        write_record(folder.run / f"{name}.json", os.getpid())
    return config, folder


def waited(cluster, monkeypatch, meanwhile=lambda: None):
    """What was said, and the reason that was given in the end."""
    clock = VirtualClock()
    said = []

    async def never(*_):
        await asyncio.Event().wait()

    async def main():
        clock.call_later(1, meanwhile)
        await wait_ready(*cluster, clock, said.append, said.append)

    monkeypatch.setattr(components, "connect", never)
    with pytest.raises(NotReady) as error:
        run_virtual(main(), clock)
    return said, str(error.value), clock.monotonic()


def test_a_long_wait_says_what_for_and_ends(cluster, monkeypatch):
    said, why, seconds = waited(cluster, monkeypatch)
    assert said[:2] == ["   waiting for the API server ..."] * 2
    assert why.startswith("not ready after 90 s: waiting for the API server; look at `pynetes logs --name a")
    assert seconds == 90


def test_a_process_that_cannot_stay_up_ends_the_wait_with_its_own_words(cluster, monkeypatch):
    _, folder = cluster

    def fail():
        (folder.run / "ends").write_text(json.dumps({"server": {"count": 3, "how": "ended with 1"}}))
        (folder.logs / "server.log").write_text("Traceback ...\n  File x\nOSError: [Errno 98] address in use\n")

    _, why, seconds = waited(cluster, monkeypatch, fail)
    assert why.startswith("server ended with 1, again and again (OSError: [Errno 98] address in use); look at")
    assert seconds < 2


def test_a_supervisor_that_ended_ends_the_wait(cluster, monkeypatch):
    _, folder = cluster
    _, why, _ = waited(cluster, monkeypatch, (folder.run / "supervisor.json").unlink)
    assert why.startswith("the supervisor has ended; look at")


def test_a_cluster_that_is_taken_down_meanwhile_ends_the_wait(cluster, monkeypatch):
    _, folder = cluster
    _, why, _ = waited(cluster, monkeypatch, folder.config_file.unlink)
    assert why == "the cluster was taken down meanwhile"


def test_a_process_that_is_away_for_long_ends_the_wait_also_where_nobody_counts(cluster, monkeypatch):
    _, folder = cluster
    monkeypatch.setattr("shutil.disk_usage", lambda path: SimpleNamespace(free=4096))
    _, why, seconds = waited(cluster, monkeypatch, (folder.run / "server.json").unlink)
    assert why.startswith("server does not stay up; there is no room on the disk; look at")
    assert 10 < seconds < 12
