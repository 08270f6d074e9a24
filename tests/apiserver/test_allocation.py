import asyncio

from pynetes.apiserver.settings import Settings
from tests.apiserver.writing import MERGE, Writing, run_writing

SERVICES = "/api/v1/namespaces/n/services"
SMALL = Settings(service_cidrs=("10.0.0.0/29",), node_port_range=(30000, 30001))


async def service(api: Writing, name: str, **spec: object) -> tuple[int, dict[str, object]]:
    return await api.ask("POST", SERVICES, {"metadata": {"name": name}, "spec": {"ports": [{"port": 80}], **spec}})


def test_services_made_at_once_get_addresses_of_their_own_until_there_are_none() -> None:
    async def main(api: Writing) -> None:
        answers = await asyncio.gather(*(service(api, f"s{i}") for i in range(6)))
        # six usable addresses, the first of which is the Service kubernetes's
        assert sorted(code for code, _ in answers) == [201] * 5 + [500]
        given = {made["spec"]["clusterIP"] for code, made in answers if code == 201}  # type: ignore[index]
        assert len(given) == 5

    run_writing(main, SMALL)


def test_a_deleted_service_gives_its_address_and_ports_back() -> None:
    async def main(api: Writing) -> None:
        for _ in range(4):
            code, made = await service(api, "a", type="NodePort")
            assert code == 201, made
            await api.ask("DELETE", f"{SERVICES}/a")
        found = await api.store.range(b"/registry/ipaddresses/", b"/registry/ipaddresses0")
        assert [pair.key for pair in found.items] == [b"/registry/ipaddresses/10.0.0.1"]

    run_writing(main, SMALL)


def test_a_refused_service_keeps_nothing() -> None:
    async def main(api: Writing) -> None:
        for _ in range(8):
            code, _ = await service(api, "a", type="NodePort", sessionAffinity="Odd")
            assert code == 422
        assert (await service(api, "a", type="NodePort"))[0] == 201

    run_writing(main, SMALL)


def test_an_address_can_be_asked_for_once() -> None:
    async def main(api: Writing) -> None:
        assert (await service(api, "a", clusterIP="10.96.3.4"))[0] == 201
        _, refused = await service(api, "b", clusterIP="10.96.3.4")
        assert str(refused["message"]).endswith("failed to allocate IP 10.96.3.4: provided IP is already allocated")
        _, refused = await service(api, "b", clusterIP="192.0.2.1")
        assert str(refused["message"]).endswith("the provided network does not match the current range")

    run_writing(main)


def test_a_service_of_two_families_has_two_addresses() -> None:
    async def main(api: Writing) -> None:
        _, made = await service(api, "a", ipFamilyPolicy="PreferDualStack")
        spec = made["spec"]
        assert spec["ipFamilies"] == ["IPv4", "IPv6"]  # type: ignore[index]
        assert [":" in ip for ip in spec["clusterIPs"]] == [False, True]  # type: ignore[index]
        _, single = await api.ask("PATCH", f"{SERVICES}/a", {"spec": {"ipFamilyPolicy": "SingleStack"}}, type=MERGE)
        assert len(single["spec"]["clusterIPs"]) == 1

    run_writing(main, Settings(service_cidrs=("10.96.0.0/16", "fd00::/108")))


def test_a_change_of_type_gives_and_takes() -> None:
    async def main(api: Writing) -> None:
        await service(api, "a")
        _, made = await api.ask("PATCH", f"{SERVICES}/a", {"spec": {"type": "NodePort"}}, type=MERGE)
        assert 30000 <= made["spec"]["ports"][0]["nodePort"] <= 32767
        change = {"spec": {"type": "ExternalName", "externalName": "x.example"}}
        _, made = await api.ask("PATCH", f"{SERVICES}/a", change, type=MERGE)
        assert "clusterIP" not in made["spec"]
        assert "nodePort" not in made["spec"]["ports"][0]
        left = await api.store.range(b"/registry/ipaddresses/", b"/registry/ipaddresses0")
        assert left.count == 1

    run_writing(main)
