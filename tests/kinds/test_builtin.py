import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pynetes.kinds import builtin, hooks, resource_for
from pynetes.meta import discovery
from pynetes.meta.decoder import decoder
from pynetes.meta.resource import Hooks
from pynetes.meta.schema import merge_key, type_name_of, types

ROOT = Path(__file__).resolve().parent.parent.parent
FACTS = os.environ.get("PYNETES_FACTS", "")
with_facts = pytest.mark.skipif(not FACTS, reason="PYNETES_FACTS names no folder of facts")


def test_all_68_stable_resources_are_there() -> None:
    assert sum(len(resource.versions) for resource in builtin()) == 68


def test_every_stored_resource_has_a_prefix_and_reviews_have_none() -> None:
    never = {r.plural for r in builtin() if r.storage_prefix is None}
    assert never == {
        "bindings",
        "componentstatuses",
        "selfsubjectreviews",
        "tokenreviews",
        "localsubjectaccessreviews",
        "selfsubjectaccessreviews",
        "selfsubjectrulesreviews",
        "subjectaccessreviews",
    }
    pods, nodes = resource_for("", "pods"), resource_for("", "nodes")
    assert pods is not None and nodes is not None
    assert pods.storage_key("ns", "a") == b"/registry/pods/ns/a"
    assert nodes.storage_key("", "n") == b"/registry/minions/n"


def test_both_groups_of_events_share_one_storage_in_the_core_shape() -> None:
    new, core = resource_for("events.k8s.io", "events"), resource_for("", "events")
    assert new is not None and core is not None
    assert new.storage_prefix == core.storage_prefix == "/registry/events"
    assert new.storage_api_version == core.storage_api_version == "v1"


def test_custom_resource_definitions_are_stored_as_v1() -> None:
    definitions = resource_for("apiextensions.k8s.io", "customresourcedefinitions")
    assert definitions is not None
    assert definitions.storage_api_version == "apiextensions.k8s.io/v1"


def test_every_version_and_subresource_has_a_type_that_decodes() -> None:
    for resource in builtin():
        for version in resource.versions:
            decoder(version.type_name)
            assert type_name_of(resource.group, version.name, resource.kind) == version.type_name
        for sub in resource.subresources.values():
            if sub.type_name:
                decoder(sub.type_name)


def test_pods_have_columns_and_selectable_fields() -> None:
    pods = resource_for("", "pods")
    assert pods is not None
    assert [c.name for c in pods.versions[0].columns][:5] == ["Name", "Ready", "Status", "Restarts", "Age"]
    assert "spec.nodeName" in pods.versions[0].selectable_fields


def test_merge_keys_are_found_by_path() -> None:
    pod = "io.k8s.api.core.v1.Pod"
    assert merge_key(pod, ["spec", "containers"]) == "name"
    assert merge_key(pod, ["spec", "containers", "ports"]) == "containerPort"
    assert merge_key(pod, ["metadata", "finalizers"]) == ""
    assert merge_key(pod, ["spec", "containers", "args"]) is None
    assert merge_key(pod, ["nope"]) is None


def test_every_reference_of_the_schemas_is_there() -> None:
    def refs(value: object) -> set[str]:
        if isinstance(value, dict):
            own = {value["$ref"]} if isinstance(value.get("$ref"), str) else set()
            return own.union(*map(refs, value.values()))
        return set().union(*map(refs, value)) if isinstance(value, list) else set()

    assert refs(dict(types())) <= set(types())


@with_facts
def test_the_shipped_data_is_what_the_compiler_makes_of_the_facts(tmp_path: Path) -> None:
    subprocess.run([sys.executable, str(ROOT / "scripts/compile-facts"), FACTS, str(tmp_path)], check=True)
    made = {file.relative_to(tmp_path) for file in tmp_path.rglob("*.*")}
    assert {Path("data/resources.json"), Path("types/core_v1.py")} <= made
    for name in made:
        assert (tmp_path / name).read_bytes() == (ROOT / "src/pynetes/kinds" / name).read_bytes(), name


@with_facts
@pytest.mark.parametrize(("name", "core"), [("discovery-api.json", True), ("discovery-apis.json", False)])
def test_aggregated_discovery_is_what_upstream_serves(name: str, core: bool) -> None:
    assert discovery.aggregated(builtin(), core=core) == json.loads((Path(FACTS) / name).read_text())


def test_all_that_the_list_of_hooks_names_is_there_and_belongs_to_a_resource() -> None:
    names = {(r.group, r.plural) for r in builtin()}
    for table in (hooks.HOOKS, hooks.CONVERSIONS, hooks.GRACE_PERIODS):
        assert set(table) <= names
    assert all(isinstance(hooks.load(path), Hooks) for path in hooks.HOOKS.values())
    assert all(callable(hooks.load(path)) for path in (*hooks.CONVERSIONS.values(), *hooks.GRACE_PERIODS.values()))


def test_no_kinds_rules_are_imported_before_they_are_asked_for() -> None:
    said = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, pynetes.kinds as kinds\n"
            "pods = next(r for r in kinds.builtin() if r.plural == 'pods')\n"
            "print('pynetes.kinds.core.pod' in sys.modules)\n"
            "pods.hooks\n"
            "print('pynetes.kinds.core.pod' in sys.modules, 'pynetes.kinds.apps.deployment' in sys.modules)\n",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert said.split() == ["False", "True", "False"]
