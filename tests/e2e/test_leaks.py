"""After ``down`` nothing is left: no process, mount, namespace, interface, cgroup, rule, context or file."""

import os
import signal
from pathlib import Path

import pytest

from pynetes.cluster.config import ClusterDir
from pynetes.cluster.down import cgroups, shims
from pynetes.cluster.supervisor import recorded
from tests.e2e.conftest import Commands, busybox_root, missing

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def traces(commands: Commands) -> dict[str, object]:
    """What a machine shows of clusters."""
    return {
        "links": {line.split(":")[1].strip() for line in commands.run("ip", "-o", "link").stdout.splitlines()},
        "routes": commands.run("ip", "route").stdout,
        "namespaces": commands.run("ip", "netns").stdout,
        "rules": commands.run("iptables-save").stdout.count("pynetes"),
        "mounts": sorted(line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()),
    }


@pytest.mark.parametrize("how", ["in order", "after everything was killed"])
def test_down_leaves_nothing(how, tmp_path):
    if why := missing():
        pytest.skip(why)
    commands = Commands(tmp_path)
    before = traces(commands)
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
        if how != "in order":
            for _, record in recorded(folder.run):
                os.kill(record.pid, signal.SIGKILL)
    finally:
        commands.pynetes("down", "--name", "leaks")
    assert traces(commands) == before
    assert not list(shims(folder.path))
    assert not list(cgroups("leaks"))
    assert not folder.path.exists()
    assert "pynetes-leaks" not in (tmp_path / "kubeconfig").read_text()
