"""A real cluster of two nodes for the end-to-end tests, an image made from busybox, and kubectl."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

NUMBERS = itertools.count()
IMAGE = "hello:1"
BUSYBOX_IMAGE = "busybox:1"


def missing() -> str:
    """Why no real cluster can run here; empty when it can."""
    if os.geteuid() != 0:
        return "needs root"
    for program in ("runc", "conmon", "ip", "iptables", "busybox"):
        if shutil.which(program) is None:
            return f"needs {program}"
    if not Path("/usr/lib/cni/bridge").exists():
        return "needs containernetworking-plugins"
    return ""


class Commands:
    """Runs pynetes and kubectl against clusters of a home of their own."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {
            **os.environ,
            "PYNETES_HOME": str(home / "clusters"),
            "KUBECONFIG": str(home / "kubeconfig"),
            "HOME": str(home),
        }

    def run(
        self, *argv: str, input: str | None = None, check: bool = True, timeout: float = 120
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(argv, input=input, env=self.env, capture_output=True, text=True, timeout=timeout)
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(argv)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
        return done

    def pynetes(self, *argv: str, **more) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, "-m", "pynetes", *argv, **more)

    def kubectl(self, *argv: str, input: str | None = None, check: bool = True, timeout: float = 120) -> str:
        done = self.run("kubectl", *argv, input=input, check=check, timeout=timeout)
        return done.stdout if check else done.stdout + done.stderr

    def get(self, *argv: str):
        return json.loads(self.kubectl("get", *argv, "-o", "json"))


def eventually(holds, seconds: float = 30, every: float = 0.1):
    """The first true result; an AssertionError with the last result when the time is over."""
    deadline = time.monotonic() + seconds
    while True:
        result = holds()
        if result:
            return result
        assert time.monotonic() < deadline, f"not so after {seconds} s: {result!r}"
        time.sleep(every)


def busybox_root(root: Path) -> Path:
    """A root directory with busybox, a link for each applet, and a small web application."""
    (root / "bin").mkdir(parents=True)
    for folder in ("etc", "tmp", "www/cgi-bin"):
        (root / folder).mkdir(parents=True)
    busybox = shutil.which("busybox") or ""
    shutil.copy(busybox, root / "bin/busybox")
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet != "busybox":
            (root / "bin" / applet).symlink_to("busybox")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n")
    (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
    script = root / "www/cgi-bin/hello"
    script.write_text('#!/bin/sh\nprintf "Content-Type: text/plain\\r\\n\\r\\n%s %s\\n" "$(hostname)" "$REMOTE_ADDR"\n')
    script.chmod(0o755)
    return root


@pytest.fixture(scope="session")
def commands(tmp_path_factory) -> Commands:
    if shutil.which("kubectl") is None:
        pytest.skip("needs kubectl")
    return Commands(tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def cluster(commands, tmp_path_factory):
    """Two real nodes, with the images loaded; taken down at the end."""
    if why := missing():
        pytest.skip(why)
    up = commands.pynetes("up", "--name", "e2e", "--nodes", "2", check=False)
    if up.returncode != 0:
        logs = "".join(path.read_text()[-3000:] for path in (commands.home / "clusters/e2e/logs").glob("*.log"))
        commands.pynetes("down", "--name", "e2e", check=False)
        pytest.fail(up.stderr + logs)
    root = busybox_root(tmp_path_factory.mktemp("image") / "root")
    commands.pynetes(
        "image",
        "build",
        "--name",
        "e2e",
        "-t",
        IMAGE,
        str(root),
        "--rootfs",
        "--cmd",
        "/bin/httpd",
        "-f",
        "-p",
        "8080",
        "-h",
        "/www",
    )
    commands.pynetes("image", "build", "--name", "e2e", "-t", BUSYBOX_IMAGE, str(root), "--rootfs", "--cmd", "sh")
    yield commands
    commands.pynetes("down", "--name", "e2e", check=False)


@pytest.fixture
def namespace(cluster, request):
    """A namespace of the test's own, gone afterwards."""
    words = request.node.name.replace("_", "-").replace("[", "-").lower()[:40].strip("-]")
    name = f"t{next(NUMBERS)}-{words}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("config", "set-context", "--current", "--namespace", name)
    eventually(lambda: cluster.kubectl("get", "serviceaccount", "default", check=False).startswith("NAME"))
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")
