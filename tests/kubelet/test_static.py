"""Static pods: what a file says, made a pod; their mirrors; files that are refused by name."""

import asyncio
from collections.abc import Callable, Mapping

import pytest

from pynetes.kubelet.kubelet import Kubelet
from pynetes.kubelet.settings import Settings
from pynetes.kubelet.simulated import SimulatedHost
from pynetes.kubelet.static import StaticPodError, read
from tests.kubelet.api import FakeAPI
from tests.kubelet.test_kubelet import Node, run

WEB = b"""
apiVersion: v1
kind: Pod
metadata: {name: web}
spec: {containers: [{name: c, image: "busybox:1"}]}
"""


def test_the_pod_has_the_nodes_name_behind_its_own_and_defaults() -> None:
    (pod,) = read("/m/web.yaml", WEB, "n1")
    assert (pod["metadata"]["name"], pod["metadata"]["namespace"]) == ("web-n1", "default")
    assert pod["metadata"]["annotations"]["kubernetes.io/config.source"] == "file"
    assert pod["metadata"]["annotations"]["kubernetes.io/config.hash"] == pod["metadata"]["uid"]
    assert pod["spec"]["nodeName"] == "n1"
    assert pod["spec"]["tolerations"] == [{"operator": "Exists", "effect": "NoExecute"}]
    assert pod["spec"]["restartPolicy"] == "Always"
    assert (
        read("/m/web.yaml", WEB.replace(b"busybox:1", b"busybox:2"), "n1")[0]["metadata"]["uid"]
        != pod["metadata"]["uid"]
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"kind: Deployment", "kind Pod or PodList expected"),
        (WEB.replace(b"name: web", b"labels: {}"), "name is needed"),
        (WEB.replace(b"spec: {", b"spec: {serviceAccountName: x, "), "may not reference serviceaccounts"),
        (WEB.replace(b"spec: {", b"spec: {volumes: [{name: v, secret: {secretName: s}}], "), "secrets"),
        (WEB.replace(b"name: c,", b"name: C_,"), "spec.containers"),
    ],
)
def test_a_file_that_is_no_static_pod_says_why(text: bytes, complaint: str) -> None:
    with pytest.raises(StaticPodError, match=complaint):
        read("/m/web.yaml", text, "n1")


class Folder(SimulatedHost):
    files: dict[str, bytes]
    changed: Callable[[], None]

    async def static_files(self, folder: str) -> Mapping[str, bytes]:
        return dict(self.files)

    def watch_folder(self, folder: str, changed: Callable[[], None]) -> Callable[[], None]:
        self.changed = changed
        return lambda: None


def test_a_file_is_run_and_mirrored_and_its_removal_ends_both() -> None:
    async def body(node: Node) -> None:
        host = Folder(node.runtime, node.clock)
        host.files = {"/m/web.yaml": WEB}
        settings = Settings("n2", addresses=("192.0.2.2",), port=None, static_dir="/m")
        api = FakeAPI(node.clock)
        kubelet = Kubelet(api.client, api.informers, node.clock, node.runtime, settings, host)
        task = asyncio.get_running_loop().create_task(kubelet.run())
        await kubelet.ready.wait()
        await node.clock.sleep(3)
        mirror = api.get("pods", "web-n2")
        assert mirror["status"]["phase"] == "Running"
        assert "observedGeneration" not in mirror["status"]
        assert mirror["metadata"]["ownerReferences"][0]["kind"] == "Node"
        api.put("pods", mirror, event="DELETED")  # by hand: it comes back
        await node.clock.sleep(3)
        assert api.get("pods", "web-n2")["status"]["phase"] == "Running"
        host.files.clear()
        host.changed()
        await node.clock.sleep(3)
        assert ("pods", "default", "web-n2") not in api.objects
        assert kubelet.pods() == []
        await kubelet.close()
        await task
        await api.informers.close()

    run(body)
