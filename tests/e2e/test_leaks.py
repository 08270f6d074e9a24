"""After ``down`` nothing is left: no process, mount, namespace, interface, cgroup, rule, context, file or kernel switch."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from pynetes.cluster.config import ClusterDir
from pynetes.cluster.down import cgroups, shims, writers
from pynetes.cluster.supervisor import recorded
from pynetes.network import names
from tests.e2e.conftest import Commands, busybox_root, eventually, missing

pytestmark = [pytest.mark.root, pytest.mark.kubectl]


def traces(commands: Commands, folder: ClusterDir) -> list[str]:
    """Everything on this machine that bears the cluster's handle, its tag or its folder."""
    looks = [
        commands.run("ip", "-o", "link").stdout,
        commands.run("ip", "route").stdout,
        commands.run("ip", "netns").stdout,
        commands.run("iptables-save").stdout + commands.run("iptables-legacy-save", check=False).stdout,
        Path("/proc/self/mountinfo").read_text(),
    ]
    handle = folder.handle
    marks = (
        f"{names.tag(handle)}-",
        names.namespace_prefix(handle),
        names.chain(handle),
        str(folder.path),
    )
    return [
        *(line for look in looks for line in look.splitlines() if any(mark in line for mark in marks)),
        *map(str, writers(folder.logs)),
        *map(str, shims(folder.path)),
        *map(str, cgroups(handle)),
    ]


def cluster(home: Path, name: str) -> tuple[Commands, ClusterDir]:
    """A cluster of one node with a container on it."""
    if why := missing():
        pytest.skip(why)
    home.mkdir(exist_ok=True)
    commands, folder = Commands(home), ClusterDir(home / "clusters" / name)
    assert traces(commands, folder) == []
    commands.pynetes("up", "--name", name, "--nodes", "1")
    root = busybox_root(home / "root")
    commands.pynetes("image", "build", "--name", name, "-t", "box:1", str(root), "--rootfs", "--cmd", "sh")
    commands.kubectl("run", "box", "--image=box:1", "--command", "--", "sleep", "1000")
    commands.kubectl("wait", "pod/box", "--for=condition=Ready", "--timeout=30s")
    assert list(shims(folder.path))
    assert len(traces(commands, folder)) > 5
    return commands, folder


@pytest.mark.parametrize("how", ["in order", "after everything was killed", "after its folder was deleted"])
def test_down_leaves_nothing(how, tmp_path):
    commands, folder = cluster(tmp_path, "leaks")
    try:
        if how != "in order":
            for _, record in recorded(folder.run):
                os.kill(record.pid, signal.SIGKILL)
        if how == "after its folder was deleted":
            shutil.rmtree(folder.path, ignore_errors=True)  # as far as mounts let go
    finally:
        commands.pynetes("down", "--name", "leaks")
    assert traces(commands, folder) == []
    assert not folder.path.exists()
    assert "pynetes-leaks" not in (tmp_path / "kubeconfig").read_text()
    again = commands.pynetes("down", "--name", "leaks", check=False)
    # first it may have waited for the `up` of somebody else's cluster
    told = again.stderr.splitlines()[-1]
    assert (again.returncode, told) == (1, "pynetes down: there is no cluster 'leaks'; `pynetes status` lists them")


def test_clusters_of_one_name_in_two_homes_do_not_meet(tmp_path):
    first, first_folder = cluster(tmp_path / "first", "twin")
    second, second_folder = cluster(tmp_path / "second", "twin")
    try:
        assert first.get("node", "node-1")["metadata"]["uid"] != second.get("node", "node-1")["metadata"]["uid"]
        first.pynetes("down", "--name", "twin")
        assert traces(first, first_folder) == []
        assert second.kubectl("exec", "box", "--", "echo", "here") == "here\n"
    finally:
        for commands in (first, second):
            commands.pynetes("down", "--name", "twin", check=False)
    assert traces(second, second_folder) == []


@pytest.fixture
def host():
    """A network namespace that stands for a host which forwards nothing, joined to one that stands for the world."""
    if why := missing():
        pytest.skip(why)
    commands = Commands(Path("/nonexistent"))
    pairs = [("pynetestest-host", "192.0.2.1"), ("pynetestest-world", "192.0.2.2")]
    try:
        for name, _ in pairs:
            commands.run("ip", "netns", "add", name)
            commands.run("ip", "-n", name, "link", "set", "lo", "up")
        (host, _), (world, _) = pairs
        commands.run("ip", "-n", host, "link", "add", "out0", "type", "veth", "peer", "name", "in0", "netns", world)
        for (name, address), link in zip(pairs, ("out0", "in0"), strict=True):
            commands.run("ip", "-n", name, "addr", "add", f"{address}/24", "dev", link)
            commands.run("ip", "-n", name, "link", "set", link, "up")
        commands.run("ip", "-n", host, "route", "add", "default", "via", "192.0.2.2")
        commands.run("nsenter", f"--net=/run/netns/{host}", "sysctl", "-q", "-w", "net.ipv4.ip_forward=0")
        yield host, world
    finally:
        for name, _ in pairs:
            commands.run("ip", "netns", "del", name, check=False)


def test_a_host_that_does_not_forward_is_left_so_and_pods_reach_the_world_all_the_same(host, tmp_path):
    """``down`` leaves the host's switches as ``up`` found them."""
    inside, world = (["nsenter", f"--net=/run/netns/{name}"] for name in host)
    commands = Commands(tmp_path)

    def switches() -> list[str]:
        paths = (f"/proc/sys/net/ipv4/{name}" for name in ("ip_forward", "conf/all/forwarding", "conf/out0/forwarding"))
        return commands.run(*inside, "cat", *paths).stdout.split()

    pynetes = [*inside, sys.executable, "-m", "pynetes"]
    assert switches() == ["0", "0", "0"]
    server: subprocess.Popen[bytes] | None = None
    try:
        commands.run(*pynetes, "up", "--name", "hosted", "--nodes", "1")
        assert switches() == ["0", "0", "1"]
        root = busybox_root(tmp_path / "root")
        commands.run(
            *pynetes, "image", "build", "--name", "hosted", "-t", "box:1", str(root), "--rootfs", "--cmd", "sh"
        )
        server = subprocess.Popen([*world, "busybox", "httpd", "-f", "-h", str(root / "www"), "-p", "80"])
        script = "wget -q -O - http://192.0.2.2/cgi-bin/hello"
        commands.run(
            *inside, "kubectl", "run", "box", "--image=box:1", "--restart=Never", "--command", "--", *script.split()
        )
        said = eventually(lambda: commands.run(*inside, "kubectl", "logs", "box", check=False).stdout)
        assert "192.0.2.1]" in said, "the world sees the host's address"
    finally:
        commands.run(*pynetes, "down", "--name", "hosted", check=False)
        if server is not None:
            server.kill()
            server.wait()
    assert switches() == ["0", "0", "0"]
