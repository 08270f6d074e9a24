"""Field management and server-side apply through the server, on built-in kinds."""

import asyncio
from typing import Any

from tests.apiserver.writing import CONFIG_MAPS, JSON, MERGE, Writing, run_writing

APPLY = "application/apply-patch+yaml"
DEPLOYMENTS = "/apis/apps/v1/namespaces/n/deployments"
TEMPLATE = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}}
AGENT = {"user-agent": "kubectl/v1.36 (linux)"}


def config_map(name: str, **rest: Any) -> dict[str, Any]:
    meta = {"name": name, **rest.pop("metadata", {})}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, **rest}


def deployment(**spec: Any) -> dict[str, Any]:
    whole = {"selector": {"matchLabels": {"a": "b"}}, "template": TEMPLATE, **spec}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "d"}, "spec": whole}


def managed(obj: Any) -> dict[tuple[str, str], Any]:
    """What each manager owns, by (name, subresource)."""
    return {
        (entry["manager"], entry.get("subresource", "")): entry["fieldsV1"]
        for entry in obj["metadata"].get("managedFields", ())
    }


def test_writers_are_named_by_the_parameter_or_by_their_agent() -> None:
    async def main(api: Writing) -> None:
        body = config_map("a", data={"k": "v"})
        _, made = await api.ask("POST", f"{CONFIG_MAPS}?fieldManager=me", body)
        assert set(managed(made)) == {("me", "")}
        _, changed = await api.ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {"l": "w"}}, type=MERGE, headers=AGENT)
        assert managed(changed) == {
            ("me", ""): {"f:data": {".": {}, "f:k": {}}},
            ("kubectl", ""): {"f:data": {"f:l": {}}},
        }
        _, nameless = await api.ask("POST", CONFIG_MAPS, config_map("b", data={"k": "v"}))
        assert set(managed(nameless)) == {("unknown", "")}

    run_writing(main)


def test_what_the_server_adds_is_owned_by_nobody_and_defaults_by_who_made_the_object() -> None:
    async def main(api: Writing) -> None:
        pod = await api.pod("p")
        owned = managed(pod)["unknown", ""]
        assert "f:status" not in owned and "f:volumes" not in owned["f:spec"]
        assert "f:imagePullPolicy" in owned["f:spec"]["f:containers"]['k:{"name":"c"}']

    run_writing(main)


def test_an_apply_makes_changes_and_finally_leaves_out() -> None:
    async def main(api: Writing) -> None:
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        code, made = await api.ask("PATCH", path, config_map("a", data={"k": "1", "l": "1"}), type=APPLY)
        assert (code, made["data"], managed(made)) == (
            201,
            {"k": "1", "l": "1"},
            {("me", ""): {"f:data": {"f:k": {}, "f:l": {}}}},
        )
        code, changed = await api.ask("PATCH", path, config_map("a", data={"k": "2"}), type=APPLY)
        assert (code, changed["data"], managed(changed)) == (200, {"k": "2"}, {("me", ""): {"f:data": {"f:k": {}}}})

    run_writing(main)


def test_an_apply_that_changes_nothing_writes_nothing() -> None:
    async def main(api: Writing) -> None:
        path = f"{DEPLOYMENTS}/d?fieldManager=me"
        await api.ask("PATCH", path, deployment(), type=APPLY)
        before = api.store.revision
        await asyncio.sleep(5)
        code, _ = await api.ask("PATCH", path, deployment(), type=APPLY)
        assert (code, api.store.revision) == (200, before)

    run_writing(main)


def test_a_write_that_changes_no_more_than_a_time_writes_nothing() -> None:
    """An empty list that was stored comes back as null, so that a client that sends it again takes it once more."""

    async def main(api: Writing) -> None:
        path = "/apis/discovery.k8s.io/v1/namespaces/n/endpointslices"
        body = {"metadata": {"name": "s"}, "addressType": "IPv4", "endpoints": []}
        _, made = await api.ask("POST", f"{path}?fieldManager=c", body)
        assert "f:endpoints" in managed(made)["c", ""]
        before = api.store.revision
        await asyncio.sleep(5)
        code, same = await api.ask("PUT", f"{path}/s?fieldManager=c", body)
        assert (code, same, api.store.revision) == (200, made, before)
        code, other = await api.ask("PUT", f"{path}/s?fieldManager=d", body)
        assert "f:endpoints" in managed(other)["d", ""] and api.store.revision == before + 1

    run_writing(main)


def test_a_conflict_is_refused_and_forced() -> None:
    async def main(api: Writing) -> None:
        await api.ask("POST", f"{CONFIG_MAPS}?fieldManager=maker", config_map("a", data={"k": "1"}))
        wanted, path = config_map("a", data={"k": "2"}), f"{CONFIG_MAPS}/a?fieldManager=me"
        code, refused = await api.ask("PATCH", path, wanted, type=APPLY)
        assert (code, refused["message"]) == (
            409,
            'Apply failed with 1 conflict: conflict with "maker" using v1: .data.k',
        )
        code, forced = await api.ask("PATCH", f"{path}&force=true", wanted, type=APPLY)
        assert (code, forced["data"]) == (200, {"k": "2"})

    run_writing(main)


def test_applies_at_the_same_time_all_take_effect() -> None:
    async def main(api: Writing) -> None:
        await api.ask("POST", CONFIG_MAPS, config_map("a"))
        wanted = [
            api.ask("PATCH", f"{CONFIG_MAPS}/a?fieldManager=m{i}", config_map("a", data={f"k{i}": "v"}), type=APPLY)
            for i in range(12)
        ]
        assert {code for code, _ in await asyncio.gather(*wanted)} == {200}
        _, found = await api.ask("GET", f"{CONFIG_MAPS}/a")
        assert len(found["data"]) == 12

    run_writing(main)


def test_the_body_may_be_yaml_and_its_duplicate_keys_are_told() -> None:
    async def main(api: Writing) -> None:
        text = b"# hello\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: one\n  k: two\n"
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        code, made = await api.ask("PATCH", path, text, type=APPLY)
        assert (code, made["data"], api.warnings) == (
            201,
            {"k": "two"},
            ['299 - "line 7: key \\"k\\" already set in map"'],
        )
        code, refused = await api.ask("PATCH", f"{path}&fieldValidation=Strict", text, type=APPLY)
        assert (code, refused["message"]) == (
            400,
            "error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n"
            '  line 7: key "k" already set in map',
        )
        code, _ = await api.ask("PATCH", f"{path}&fieldValidation=Ignore", text, type=APPLY)
        assert (code, api.warnings) == (200, [])

    run_writing(main)


def test_bodies_that_are_no_objects_are_refused() -> None:
    async def main(api: Writing) -> None:
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        for text, why in (
            (b"a: [", "error decoding YAML: error converting YAML to JSON: yaml: line 1: did not find expected node"),
            (b"[1]", "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array"),
            (b"", "invalid object type: /, Kind="),
            (b'{"apiVersion":"v1","kind":"Secret"}', "invalid object type: /v1, Kind=Secret"),
        ):
            code, refused = await api.ask("PATCH", path, text, type=APPLY)
            assert code == 400 and refused["message"].startswith(why), refused

    run_writing(main)


def test_values_of_the_wrong_type_are_told_in_upstreams_words() -> None:
    async def main(api: Writing) -> None:
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        code, refused = await api.ask("PATCH", path, config_map("a", data={"k": 5}), type=APPLY)
        assert (code, refused["message"]) == (
            500,
            "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.k: expected string, got "
            "&value.valueUnstructured{Value:5}",
        )
        path = f"{DEPLOYMENTS}/d?fieldManager=me"
        code, refused = await api.ask("PATCH", path, deployment(replicas=1.5), type=APPLY)
        assert (code, refused["message"].split(":")[0]) == (
            500,
            "failed to convert new object (/d; apps/v1, Kind=Deployment) to proper version",
        )
        surge = {"rollingUpdate": {"maxSurge": 1.5}}
        _, refused = await api.ask("PATCH", path, deployment(strategy=surge), type=APPLY)
        assert refused["message"].endswith(": json: cannot unmarshal number 1.5 into Go value of type int32")
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        _, refused = await api.ask("PATCH", path, config_map("a", binaryData={"k": "AAAA!"}), type=APPLY)
        assert refused["message"].endswith(": error decoding from json: illegal base64 data at input byte 4")

    run_writing(main)


def test_apply_needs_a_manager() -> None:
    async def main(api: Writing) -> None:
        for query in ("", "?fieldManager=", "?force=true"):
            code, refused = await api.ask("PATCH", f"{CONFIG_MAPS}/a{query}", config_map("a"), type=APPLY)
            assert (code, refused["details"]["causes"][0]["field"]) == (422, "fieldManager")
        code, _ = await api.ask("PATCH", f"{CONFIG_MAPS}/a?fieldManager=m", {}, type="application/apply-patch+cbor")
        assert code == 415

    run_writing(main)


def test_identity_is_checked_as_on_other_writes() -> None:
    async def main(api: Writing) -> None:
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        code, refused = await api.ask("PATCH", path, config_map("a", metadata={"uid": "u"}), type=APPLY)
        assert (code, refused["message"]) == (
            409,
            'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid u, and no '
            "existing object was found",
        )
        code, refused = await api.ask("PATCH", path, config_map("b"), type=APPLY)
        assert (code, refused["message"]) == (
            400,
            "the name of the object (b) does not match the name on the URL (a)",
        )
        nameless = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}}
        code, refused = await api.ask("PATCH", path, nameless, type=APPLY)
        assert (code, refused["message"]) == (
            400,
            "the name of the object (a based on URL) was undeterminable: name must be provided",
        )
        _, refused = await api.ask("PATCH", path, {**nameless, "metadata": {"name": 5}}, type=APPLY)
        assert refused["message"].startswith("failed to create typed patch object (/; /v1, Kind=ConfigMap)")
        await api.ask("PATCH", path, config_map("a", metadata={"resourceVersion": "1"}), type=APPLY)
        code, refused = await api.ask("PATCH", path, config_map("a", metadata={"resourceVersion": "1"}), type=APPLY)
        assert (code, refused["reason"]) == (409, "Conflict")

    run_writing(main)


def test_a_dry_run_says_what_would_be() -> None:
    async def main(api: Writing) -> None:
        path = f"{CONFIG_MAPS}/a?fieldManager=me&dryRun=All"
        code, made = await api.ask("PATCH", path, config_map("a", data={"k": "v"}), type=APPLY)
        assert (code, managed(made)) == (201, {("me", ""): {"f:data": {"f:k": {}}}})
        assert (await api.ask("GET", f"{CONFIG_MAPS}/a"))[0] == 404

    run_writing(main)


def test_making_by_apply_takes_the_right_to_create() -> None:
    async def main(api: Writing) -> None:
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["patch"]}]
        roles = "/apis/rbac.authorization.k8s.io/v1/namespaces/n"
        await api.make(f"{roles}/roles", "patcher", rules=rules)
        subjects = [{"kind": "User", "name": "eve", "apiGroup": "rbac.authorization.k8s.io"}]
        role = {"kind": "Role", "name": "patcher", "apiGroup": "rbac.authorization.k8s.io"}
        await api.make(f"{roles}/rolebindings", "patcher", roleRef=role, subjects=subjects)
        path = f"{CONFIG_MAPS}/a?fieldManager=me"
        code, refused = await api.ask("PATCH", path, config_map("a"), type=APPLY, user="eve")
        assert (code, refused["message"]) == (
            403,
            'configmaps "a" is forbidden: User "eve" cannot create resource "configmaps" in API group "" in the namespace '
            '"n"',
        )
        await api.make(CONFIG_MAPS, "a")
        assert (await api.ask("PATCH", path, config_map("a"), type=APPLY, user="eve"))[0] == 200

    run_writing(main)


def test_a_status_is_applied_on_its_own_path_and_nothing_else_is() -> None:
    async def main(api: Writing) -> None:
        await api.ask("PATCH", f"{DEPLOYMENTS}/d?fieldManager=me", deployment(replicas=1), type=APPLY)
        body = {**deployment(replicas=5), "status": {"replicas": 3}}
        path = f"{DEPLOYMENTS}/d/status?fieldManager=ctl&force=true"
        code, done = await api.ask("PATCH", path, body, type=APPLY)
        assert (code, done["spec"]["replicas"], done["status"]["replicas"]) == (200, 1, 3)
        assert managed(done)["ctl", "status"] == {"f:status": {"f:replicas": {}}}
        code, _ = await api.ask("PATCH", f"{DEPLOYMENTS}/x/status?fieldManager=ctl", body, type=APPLY)
        assert code == 404

    run_writing(main)


def test_replicas_belong_to_whoever_scaled_last() -> None:
    async def main(api: Writing) -> None:
        await api.ask("PATCH", f"{DEPLOYMENTS}/d?fieldManager=me", deployment(replicas=1), type=APPLY)
        scale = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": "d"}, "spec": {"replicas": 2}}
        path = f"{DEPLOYMENTS}/d/scale"
        code, refused = await api.ask("PATCH", f"{path}?fieldManager=hpa", scale, type=APPLY)
        assert (code, refused["message"]) == (
            409,
            'Apply failed with 1 conflict: conflict with "me": .spec.replicas',
        )
        code, scaled = await api.ask("PATCH", f"{path}?fieldManager=hpa", {"spec": {"replicas": 2}}, type=MERGE)
        assert (code, scaled["spec"]["replicas"], managed(scaled)) == (200, 2, {})
        _, found = await api.ask("GET", f"{DEPLOYMENTS}/d")
        assert managed(found)["hpa", "scale"] == {"f:spec": {"f:replicas": {}}}
        assert "f:replicas" not in managed(found)["me", ""]["f:spec"]
        path = f"{DEPLOYMENTS}/d?fieldManager=me"
        code, refused = await api.ask("PATCH", path, deployment(replicas=1), type=APPLY)
        assert (code, refused["message"]) == (
            409,
            'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
        )

    run_writing(main)


def test_managed_fields_are_reset_by_an_empty_list_in_any_kind_of_patch() -> None:
    async def main(api: Writing) -> None:
        for name, type, patch in (
            ("a", MERGE, {"metadata": {"managedFields": []}}),
            ("b", MERGE, {"metadata": {"managedFields": [{}]}}),
            ("c", JSON, [{"op": "replace", "path": "/metadata/managedFields", "value": []}]),
        ):
            await api.make(CONFIG_MAPS, name, data={"k": "v"})
            code, done = await api.ask("PATCH", f"{CONFIG_MAPS}/{name}", patch, type=type)
            assert (code, managed(done)) == (200, {})
        await api.make(CONFIG_MAPS, "d", data={"k": "v"})
        body = config_map("d", data={"k": "v"}, metadata={"managedFields": []})
        assert managed((await api.ask("PUT", f"{CONFIG_MAPS}/d", body))[1]) == {}

    run_writing(main)


def test_autoscalers_are_managed_in_the_version_that_is_written() -> None:
    async def main(api: Writing) -> None:
        target = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
        spec = {"scaleTargetRef": target, "maxReplicas": 3, "targetCPUUtilizationPercentage": 50}
        path = "/apis/autoscaling/v1/namespaces/n/horizontalpodautoscalers"
        _, made = await api.ask("POST", f"{path}?fieldManager=one", {"metadata": {"name": "h"}, "spec": spec})
        assert "f:targetCPUUtilizationPercentage" in managed(made)["one", ""]["f:spec"]
        wanted = {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "h"},
            "spec": {"scaleTargetRef": target, "maxReplicas": 5},
        }
        path = path.replace("v1", "v2", 1) + "/h?fieldManager=two"
        code, refused = await api.ask("PATCH", path, wanted, type=APPLY)
        assert (code, refused["message"]) == (
            409,
            'Apply failed with 1 conflict: conflict with "one" using autoscaling/v1: .spec.maxReplicas',
        )
        code, done = await api.ask("PATCH", f"{path}&force=true", wanted, type=APPLY)
        assert code == 200 and "f:maxReplicas" not in managed(done)["one", ""]["f:spec"]

    run_writing(main)


def test_entries_are_written_in_the_order_of_upstreams_fields() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a", data={"k": "v"})
        entry = made["metadata"]["managedFields"][0]
        assert list(entry) == ["manager", "operation", "apiVersion", "time", "fieldsType", "fieldsV1"]

    run_writing(main)
