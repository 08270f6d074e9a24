from typing import Any

from pynetes.addons.dns.publish import endpoint_slice, service


def node(name: str, address: str, ready: str = "True") -> dict[str, Any]:
    return {
        "metadata": {"name": name},
        "status": {
            "addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}],
            "conditions": [{"type": "Ready", "status": ready}],
        },
    }


def test_the_slice_names_the_ready_nodes_that_answer_each_hinted_to_itself() -> None:
    nodes = [node("node-2", "10.89.0.3"), node("node-1", "10.89.0.2"), node("gone", "10.89.0.4", "Unknown")]
    made = endpoint_slice([*nodes, node("simulated-1", "192.168.0.1")], ("node-1", "node-2", "gone"))
    assert [(e["addresses"], e["nodeName"], e["hints"]) for e in made["endpoints"]] == [
        (["10.89.0.2"], "node-1", {"forNodes": [{"name": "node-1"}]}),
        (["10.89.0.3"], "node-2", {"forNodes": [{"name": "node-2"}]}),
    ]


def test_the_service_has_the_address_that_pods_ask_and_no_selector() -> None:
    spec = service("10.96.0.10")["spec"]
    assert spec["clusterIP"] == "10.96.0.10"
    assert "selector" not in spec
