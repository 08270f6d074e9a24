"""The README's first command does what the README says, with root and without."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.conftest import missing

pytestmark = [pytest.mark.kubectl]

ROOT = Path(__file__).parents[2]
NOBODY = 65534


def quickstart(home: Path, *prefix: str) -> str:
    env = {
        **os.environ,
        "HOME": str(home),
        "PYNETES_HOME": str(home / "clusters"),
        "KUBECONFIG": str(home / "kubeconfig"),
    }
    env |= {"PYNETES_NAME": "quick"}
    command = [*prefix, str(ROOT / "scripts/quickstart")]
    try:
        done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, cwd="/")
    finally:
        down = [*prefix, str(ROOT / ".venv/bin/pynetes"), "down", "--name", "quick"]
        ended = subprocess.run(down, env=env, capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stdout + done.stderr
    assert ended.returncode == 0, ended.stderr
    return done.stdout


@pytest.mark.root
def test_as_root_the_sample_answers_from_a_node_and_from_a_pod(tmp_path):
    if why := missing():
        pytest.skip(why)
    said = quickstart(tmp_path)
    node, pod = said.split("From node-1, through the ClusterIP:\n")[1].split(
        "From a pod on node-2, through the ClusterIP:\n"
    )
    assert node.count("Hello from hello-") == 3
    assert pod.count("Hello from hello-") == 3
    assert said.count(" 1/1     Running ") == 3
    assert "pynetes down --name quick" in said


def test_without_root_the_sample_runs_simulated_and_says_what_is_left_out(tmp_path):
    prefix: tuple[str, ...] = ()
    home = tmp_path
    if os.geteuid() == 0:
        prefix = ("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
        python = str(ROOT / ".venv/bin/python")
        if (
            shutil.which("setpriv") is None
            or subprocess.run([*prefix, "sh", "-c", f"exec {python} -c ''"], cwd="/").returncode != 0
        ):
            pytest.skip("the user nobody may not run this checkout's python")
        home = Path("/var/tmp") / f"pynetes-test-{os.getpid()}"
        home.mkdir(mode=0o755)
        os.chown(home, NOBODY, NOBODY)
    try:
        said = quickstart(home, *prefix)
    finally:
        if home != tmp_path:
            shutil.rmtree(home)
    assert said.count(" 1/1     Running ") == 3
    assert "Left out without root: containers, the pod and service networks" in said
