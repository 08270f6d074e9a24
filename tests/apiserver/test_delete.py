from tests.apiserver.writing import CONFIG_MAPS, MERGE, Writing, run_writing

PODS = "/api/v1/namespaces/n/pods"


def test_a_finalizer_holds_an_object_and_its_removal_lets_it_go() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a", metadata={"finalizers": ["e.com/x"]})
        _, held = await api.ask("DELETE", f"{CONFIG_MAPS}/a")
        assert held["metadata"]["deletionGracePeriodSeconds"] == 0
        revision = api.store.revision
        await api.ask("DELETE", f"{CONFIG_MAPS}/a")
        assert api.store.revision == revision, "a second delete changes nothing"
        await api.ask("PATCH", f"{CONFIG_MAPS}/a", {"metadata": {"finalizers": None}}, type=MERGE)
        assert (await api.ask("GET", f"{CONFIG_MAPS}/a"))[0] == 404

    run_writing(main)


def test_policies_leave_finalizers_for_the_garbage_collector() -> None:
    async def main(api: Writing) -> None:
        for policy, finalizer in (("Foreground", "foregroundDeletion"), ("Orphan", "orphan")):
            await api.make(CONFIG_MAPS, policy.lower())
            _, held = await api.ask("DELETE", f"{CONFIG_MAPS}/{policy.lower()}?propagationPolicy={policy}")
            assert held["metadata"]["finalizers"] == [finalizer]
        await api.make(CONFIG_MAPS, "b")
        _, gone = await api.ask("DELETE", f"{CONFIG_MAPS}/b", {"propagationPolicy": "Background"})
        assert gone["status"] == "Success"

    run_writing(main)


def test_a_pod_on_a_node_gets_its_grace_period_and_one_without_does_not() -> None:
    async def main(api: Writing) -> None:
        await api.pod("waiting")
        _, gone = await api.ask("DELETE", f"{PODS}/waiting")
        assert gone["metadata"]["deletionGracePeriodSeconds"] == 0
        assert (await api.ask("GET", f"{PODS}/waiting"))[0] == 404
        await api.pod("placed", nodeName="one", terminationGracePeriodSeconds=20)
        _, going = await api.ask("DELETE", f"{PODS}/placed")
        assert going["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:20Z"
        _, shorter = await api.ask("DELETE", f"{PODS}/placed?gracePeriodSeconds=5")
        assert shorter["metadata"]["deletionTimestamp"] == "2026-01-01T00:00:05Z"
        _, longer = await api.ask("DELETE", f"{PODS}/placed?gracePeriodSeconds=60")
        assert longer["metadata"]["deletionGracePeriodSeconds"] == 5
        await api.ask("DELETE", f"{PODS}/placed?gracePeriodSeconds=0")
        assert (await api.ask("GET", f"{PODS}/placed"))[0] == 404

    run_writing(main)


def test_preconditions_name_the_object_that_is_meant() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a")
        code, refused = await api.ask("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": {"uid": "other"}})
        assert (code, refused["details"]) == (409, {"name": "a", "kind": "ConfigMap"})
        preconditions = {"uid": made["metadata"]["uid"], "resourceVersion": made["metadata"]["resourceVersion"]}
        assert (await api.ask("DELETE", f"{CONFIG_MAPS}/a", {"preconditions": preconditions}))[0] == 200

    run_writing(main)


def test_a_dry_run_deletes_nothing() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a")
        revision = api.store.revision
        assert (await api.ask("DELETE", f"{CONFIG_MAPS}/a?dryRun=All"))[0] == 200
        assert (await api.ask("DELETE", f"{CONFIG_MAPS}?dryRun=All"))[0] == 200
        assert api.store.revision == revision

    run_writing(main)


def test_a_collection_is_deleted_by_selector() -> None:
    async def main(api: Writing) -> None:
        for name, label in (("a", "1"), ("b", "1"), ("c", "2")):
            await api.make(CONFIG_MAPS, name, metadata={"labels": {"t": label}})
        _, listed = await api.ask("DELETE", f"{CONFIG_MAPS}?labelSelector=t%3D1")
        assert [item["metadata"]["name"] for item in listed["items"]] == ["a", "b"]
        _, left = await api.ask("GET", CONFIG_MAPS)
        assert [item["metadata"]["name"] for item in left["items"]] == ["c"]

    run_writing(main)


def test_the_first_namespaces_stay_and_others_end_when_they_are_finalized() -> None:
    async def main(api: Writing) -> None:
        assert (await api.ask("DELETE", "/api/v1/namespaces/default"))[0] == 403
        _, going = await api.ask("DELETE", "/api/v1/namespaces/n")
        assert going["status"]["phase"] == "Terminating"
        going["spec"]["finalizers"] = []
        assert (await api.ask("PUT", "/api/v1/namespaces/n/finalize", going))[0] == 200
        assert (await api.ask("GET", "/api/v1/namespaces/n"))[0] == 404

    run_writing(main)
