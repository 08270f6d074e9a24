"""What is left of a cluster is found by what it is, not by what was written down about it."""

import os
import subprocess
import sys

import pytest

from pynetes.aio.clock import RealClock
from pynetes.cluster.config import ClusterDir, ConfigError
from pynetes.cluster.down import down, stop_processes, writers


def test_a_process_that_no_record_tells_of_is_found_by_its_log_and_stopped(tmp_path):
    folder = ClusterDir(tmp_path / "a")
    folder.logs.mkdir(parents=True)
    with (folder.logs / "server.log").open("a") as log:
        process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, stdout=log)
    assert [record.pid for record in writers(folder.logs)] == [process.pid]
    assert list(writers(tmp_path / "b" / "logs")) == []
    stop_processes(folder, RealClock())
    assert process.wait() == -15
    process.stdin.close()


def test_a_cluster_that_is_not_there_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(ConfigError, match="there is no cluster 'a'"):
        down(ClusterDir(tmp_path / "a"), tmp_path / "kubeconfig", RealClock(), lambda step: None)


def test_a_kubeconfig_that_cannot_be_read_does_not_keep_a_cluster_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "a").mkdir()
    (tmp_path / "kubeconfig").write_text("a: [")
    said = []
    down(ClusterDir(tmp_path / "a"), tmp_path / "kubeconfig", RealClock(), said.append)
    assert not (tmp_path / "a").exists()
    assert said[1].startswith("context pynetes-a left alone: ")
    assert (tmp_path / "kubeconfig").read_text() == "a: ["
