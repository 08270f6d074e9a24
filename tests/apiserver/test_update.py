import asyncio

from tests.apiserver.writing import CONFIG_MAPS, JSON, MERGE, Writing, run_writing


def test_an_update_without_a_change_keeps_the_revision() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a", data={"k": "v"})
        before = api.store.revision
        code, same = await api.ask("PUT", f"{CONFIG_MAPS}/a", {"metadata": {"name": "a"}, "data": {"k": "v"}})
        assert (code, same, api.store.revision) == (200, made, before)

    run_writing(main)


def test_an_update_from_an_old_revision_is_a_conflict() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a")
        await api.ask("PUT", f"{CONFIG_MAPS}/a", {"metadata": {"name": "a"}, "data": {"k": "v"}})
        code, refused = await api.ask("PUT", f"{CONFIG_MAPS}/a", {"metadata": made["metadata"], "data": {"k": "w"}})
        assert (code, refused["reason"]) == (409, "Conflict")

    run_writing(main)


def test_patches_at_the_same_time_all_take_effect() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a")
        patches = [api.ask("PATCH", f"{CONFIG_MAPS}/a", {"data": {f"k{i}": "v"}}, type=MERGE) for i in range(20)]
        assert {code for code, _ in await asyncio.gather(*patches)} == {200}
        _, found = await api.ask("GET", f"{CONFIG_MAPS}/a")
        assert len(found["data"]) == 20

    run_writing(main)


def test_put_makes_the_kinds_that_allow_it() -> None:
    async def main(api: Writing) -> None:
        leases = "/apis/coordination.k8s.io/v1/namespaces/n/leases/l"
        assert (await api.ask("PUT", leases, {"metadata": {"name": "l"}}))[0] == 201
        assert (await api.ask("PUT", f"{CONFIG_MAPS}/x", {"metadata": {"name": "x"}}))[0] == 404

    run_writing(main)


def test_spec_and_status_are_written_on_their_own_paths() -> None:
    async def main(api: Writing) -> None:
        await api.pod("p")
        path = "/api/v1/namespaces/n/pods/p"
        _, pod = await api.ask("PATCH", path, {"status": {"phase": "Running"}}, type=MERGE)
        assert pod["status"]["phase"] == "Pending"
        change = {"spec": {"activeDeadlineSeconds": 5}, "status": {"phase": "Running"}}
        _, pod = await api.ask("PATCH", f"{path}/status", change, type=MERGE)
        assert pod["status"]["phase"] == "Running"
        assert "activeDeadlineSeconds" not in pod["spec"]

    run_writing(main)


def test_a_refused_patch_shows_the_document_as_go_would_print_it() -> None:
    async def main(api: Writing) -> None:
        await api.make(CONFIG_MAPS, "a")
        operations = [{"op": "add", "path": "/bogus", "value": 1}]
        _, refused = await api.ask("PATCH", f"{CONFIG_MAPS}/a?fieldValidation=Strict", operations, type=JSON)
        shown = '{\\"apiVersion\\":\\"v1\\",\\"bogus\\":1,\\"kind\\":\\"ConfigMap\\",\\"metadata\\":{\\"name\\":\\"a\\",\\"namespace\\":'
        assert refused["message"].startswith(f' "" is invalid: patch: Invalid value: "{shown}')

    run_writing(main)


def test_an_update_that_only_orders_members_otherwise_writes_nothing() -> None:
    async def main(api: Writing) -> None:
        made = await api.make(CONFIG_MAPS, "a", data={"k": "v", "l": "w"}, metadata={"labels": {"x": "1", "y": "2"}})
        before = api.store.revision
        turned = {name: dict(reversed(part.items())) if isinstance(part, dict) else part for name, part in made.items()}
        turned["metadata"]["labels"] = {"y": "2", "x": "1"}
        code, same = await api.ask("PUT", f"{CONFIG_MAPS}/a", dict(reversed(turned.items())))
        assert (code, same, api.store.revision) == (200, made, before)

    run_writing(main)
