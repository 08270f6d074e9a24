"""After ``down`` nothing is left: no process, mount, namespace, interface, cgroup, rule, context or file."""

import os
import signal
from pathlib import Path

import pytest

from pynetes.cluster.config import ClusterDir
from pynetes.cluster.down import cgroups, shims
from pynetes.cluster.supervisor import recorded
from pynetes.network import names
from tests.e2e.conftest import Commands, busybox_root, missing

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def traces(commands: Commands) -> list[str]:
    """Everything on this machine that bears the cluster's name, its tag or its folder."""
    tag = names.tag("leaks")
    looks = [
        commands.run("ip", "-o", "link").stdout,
        commands.run("ip", "route").stdout,
        commands.run("ip", "netns").stdout,
        commands.run("iptables-save").stdout + commands.run("iptables-legacy-save", check=False).stdout,
        Path("/proc/self/mountinfo").read_text(),
        commands.run("ps", "-eo", "args").stdout,
    ]
    marks = (
        f"{tag}-",
        names.namespace_prefix("leaks"),
        names.chain("leaks"),
        str(commands.home / "clusters"),
        "--name leaks",
    )
    return [line for look in looks for line in look.splitlines() if any(mark in line for mark in marks)]


@pytest.mark.parametrize("how", ["in order", "after everything was killed"])
def test_down_leaves_nothing(how, tmp_path):
    if why := missing():
        pytest.skip(why)
    commands = Commands(tmp_path)
    assert traces(commands) == []
    try:
        commands.pynetes("up", "--name", "leaks", "--nodes", "1")
        folder = ClusterDir(tmp_path / "clusters" / "leaks")
        commands.pynetes(
            "image",
            "build",
            "--name",
            "leaks",
            "-t",
            "box:1",
            str(busybox_root(tmp_path / "root")),
            "--rootfs",
            "--cmd",
            "sh",
        )
        commands.kubectl("run", "box", "--image=box:1", "--command", "--", "sleep", "1000")
        commands.kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=30s")
        assert list(shims(folder.path))
        assert len(traces(commands)) > 5
        if how != "in order":
            for _, record in recorded(folder.run):
                os.kill(record.pid, signal.SIGKILL)
    finally:
        commands.pynetes("down", "--name", "leaks")
    assert traces(commands) == []
    assert not list(shims(folder.path))
    assert not list(cgroups("leaks"))
    assert not folder.path.exists()
    assert "pynetes-leaks" not in (tmp_path / "kubeconfig").read_text()
