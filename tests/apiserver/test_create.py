from tests.apiserver.writing import CONFIG_MAPS, MERGE, Writing, run_writing


def test_a_created_object_has_identity_and_revision() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a", data={"k": "v"}, metadata={"uid": "mine", "selfLink": "/x"})
        meta = made["metadata"]
        assert len(meta["uid"]) == 36
        assert meta["creationTimestamp"] == "2026-01-01T00:00:00Z"
        assert meta["resourceVersion"] == str(api.store.revision)
        assert "selfLink" not in meta

    run_writing(main)


def test_a_generated_name_is_tried_again_when_it_is_taken() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "g-bbbbb")
        random = api.clock.random
        drawn = iter(["bbbbb", "ccccc"])
        choices = random.choices
        random.choices = lambda *_, **__: list(next(drawn))  # type: ignore[assignment]
        _, made = await api.ask("POST", CONFIG_MAPS, {"metadata": {"generateName": "g-"}})
        random.choices = choices  # type: ignore[method-assign]
        assert made["metadata"]["name"] == "g-ccccc"

    run_writing(main)


def test_a_dry_run_writes_nothing_and_gives_no_revision() -> None:
    async def main(api: Writing) -> None:
        before = api.store.revision
        code, made = await api.ask("POST", f"{CONFIG_MAPS}?dryRun=All", {"metadata": {"name": "a"}})
        assert (code, api.store.revision) == (201, before)
        assert "resourceVersion" not in made["metadata"]

    run_writing(main)


def test_nothing_is_made_in_a_namespace_that_is_not_there_or_is_ending() -> None:
    async def main(api: Writing) -> None:
        body = {"metadata": {"name": "a"}}
        code, refused = await api.ask("POST", "/api/v1/namespaces/none/configmaps", body)
        assert (code, refused["message"]) == (404, 'namespaces "none" not found')
        await api.ask("DELETE", "/api/v1/namespaces/n")
        code, refused = await api.ask("POST", CONFIG_MAPS, body)
        assert code == 403
        assert refused["details"]["causes"][0]["reason"] == "NamespaceTerminating"

    run_writing(main)


def test_field_validation_has_three_modes() -> None:
    async def main(api: Writing) -> None:
        body = {"metadata": {"name": "a"}, "bogus": 1}
        code, refused = await api.ask("POST", f"{CONFIG_MAPS}?fieldValidation=Strict", body)
        assert (code, refused["message"].partition("strict")[2]) == (400, ' decoding error: unknown field "bogus"')
        await api.ask("POST", CONFIG_MAPS, body)
        assert api.warnings == ['299 - "unknown field \\"bogus\\""']
        body["metadata"] = {"name": "b"}
        await api.ask("POST", f"{CONFIG_MAPS}?fieldValidation=Ignore", body)
        assert api.warnings == []

    run_writing(main)


def test_events_hang_on_a_lease_that_they_share() -> None:
    async def main(api: Writing) -> None:
        leases = set()
        for name in ("a", "b"):
            about = {"kind": "Pod", "name": "p", "namespace": "n"}
            await api.make("/api/v1/namespaces/n/events", name, involvedObject=about, reason="R", message="m")
            found = await api.store.get(f"/registry/events/n/{name}".encode())
            assert found is not None
            leases.add(found.lease)
        assert len(leases) == 1
        assert leases != {0}

    run_writing(main)


def test_owner_references_that_are_there_twice_are_dropped_with_a_warning() -> None:
    async def main(api: Writing) -> None:
        owner = {"apiVersion": "v1", "kind": "Pod", "name": "p", "uid": "u"}
        other = {**owner, "name": "q"}
        made = await api.make(CONFIG_MAPS, "a", metadata={"ownerReferences": [owner, other, owner]})
        assert made["metadata"]["ownerReferences"] == [owner, other]
        assert api.warnings == [
            '299 - ".metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, '
            'and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: u"'
        ]
        change = {"metadata": {"ownerReferences": [owner, owner]}}
        _, changed = await api.ask("PATCH", f"{CONFIG_MAPS}/a", change, type=MERGE)
        assert changed["metadata"]["ownerReferences"] == [owner]
        assert "duplicate entries after mutating admission happens;" in api.warnings[0]

    run_writing(main)


def test_a_self_link_is_never_stored() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a", metadata={"selfLink": "x"})
        change = {"metadata": {"selfLink": "x"}}
        _, dry = await api.ask("PATCH", f"{CONFIG_MAPS}/a?dryRun=All", change, type=MERGE)
        assert dry["metadata"]["selfLink"] == "x"
        _, changed = await api.ask("PATCH", f"{CONFIG_MAPS}/a", change, type=MERGE)
        assert "selfLink" not in changed["metadata"]

    run_writing(main)


def test_a_limit_range_needs_no_name_and_an_event_does() -> None:
    async def main(api: Writing) -> None:
        code, made = await api.ask("POST", "/api/v1/namespaces/n/limitranges", {"spec": {"limits": []}})
        assert code == 201
        assert len(made["metadata"]["name"]) == 36
        event = {"involvedObject": {"namespace": "n"}}
        code, refused = await api.ask("POST", "/api/v1/namespaces/n/events", event)
        assert code == 422
        assert refused["message"] == (
            'Event "" is invalid: metadata.name: Required value: name or generateName is required'
        )

    run_writing(main)


def test_an_app_armor_annotation_is_warned_of_even_where_the_pod_is_invalid() -> None:
    async def main(api: Writing) -> None:
        annotations = {
            "seccomp.security.alpha.kubernetes.io/pod": "x",
            "container.apparmor.security.beta.kubernetes.io/c": "unconfined",
        }
        pod = {"metadata": {"name": "p", "annotations": annotations}, "spec": {"containers": [{"name": "c"}]}}
        code, _ = await api.ask("POST", "/api/v1/namespaces/n/pods", pod)
        assert code == 422
        assert api.warnings == [
            '299 - "metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since v1.30; '
            'use the \\"appArmorProfile\\" field instead"'
        ]

    run_writing(main)
