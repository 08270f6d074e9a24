"""Quotes: https://kubernetes.io/docs/concepts/policy/resource-quotas/."""

import asyncio
from typing import Any

import orjson

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.server import APIServer
from pynetes.client.client import Client
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import CONFIG_MAPS, NAMESPACES, RESOURCE_QUOTAS
from pynetes.http.types import PeerCertificate
from pynetes.meta.status import StatusError
from pynetes.store.memory import MemoryStore
from tests.apiserver.writing import Writing, run_writing

QUOTAS = "/api/v1/namespaces/n/resourcequotas"
MAPS = "/api/v1/namespaces/n/configmaps"


async def limit(api: Writing, name: str, used: dict[str, str] | None = None, **hard: str) -> None:
    """A quota as the controller leaves it."""
    named = {key.replace("__", "/").replace("_", "."): amount for key, amount in hard.items()}
    made = await api.make(QUOTAS, name, spec={"hard": named})
    made["status"] = {"hard": named, "used": dict.fromkeys(named, "0") | (used or {})}
    assert (await api.ask("PUT", f"{QUOTAS}/{name}/status", made))[0] == 200


async def used(api: Writing, name: str) -> Any:
    return (await api.ask("GET", f"{QUOTAS}/{name}"))[1]["status"]["used"]


def test_a_create_is_charged_and_the_one_too_many_is_refused() -> None:
    # "If creating or updating a resource violates a quota constraint, the control plane rejects that request with HTTP
    # status code 403 Forbidden. The error includes a message explaining the constraint that would be violated."
    async def main(api: Writing) -> None:
        await limit(api, "q", count__configmaps="1")
        await api.make(MAPS, "a")
        assert await used(api, "q") == {"count/configmaps": "1"}
        code, refused = await api.ask("POST", MAPS, {"metadata": {"name": "b"}})
        assert (code, refused["message"]) == (
            403,
            'configmaps "b" is forbidden: exceeded quota: q, requested: count/configmaps=1, '
            "used: count/configmaps=1, limited: count/configmaps=1",
        )
        # neither in another namespace nor without a namespace is there a limit
        await api.make("/api/v1/namespaces", "m")
        await api.make("/api/v1/namespaces/m/configmaps", "a")

    run_writing(main)


def test_a_dry_run_is_checked_and_not_charged() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", count__configmaps="1")
        for _ in range(2):
            assert (await api.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "a"}}))[0] == 201
        assert await used(api, "q") == {"count/configmaps": "0"}
        await api.make(MAPS, "a")
        assert (await api.ask("POST", f"{MAPS}?dryRun=All", {"metadata": {"name": "b"}}))[0] == 403

    run_writing(main)


def test_of_many_at_once_exactly_as_many_pass_as_fit() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", count__configmaps="10")
        await limit(api, "wide", count__configmaps="1000")
        answers = await asyncio.gather(*(api.ask("POST", MAPS, {"metadata": {"name": f"c{i}"}}) for i in range(30)))
        assert sorted(code for code, _ in answers) == [201] * 10 + [403] * 20
        assert await used(api, "q") == await used(api, "wide") == {"count/configmaps": "10"}
        assert len((await api.ask("GET", MAPS))[1]["items"]) == 10

    run_writing(main)


def test_a_batch_writes_its_quota_once() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", count__configmaps="100")
        before = int((await api.ask("GET", f"{QUOTAS}/q"))[1]["metadata"]["resourceVersion"])
        answers = await asyncio.gather(*(api.ask("POST", MAPS, {"metadata": {"name": f"c{i}"}}) for i in range(50)))
        assert {code for code, _ in answers} == {201}
        now = int((await api.ask("GET", f"{QUOTAS}/q"))[1]["metadata"]["resourceVersion"])
        # the first alone, the others that came meanwhile together; each map is a revision, too
        assert now - before <= 50 + 2

    run_writing(main)


def test_two_servers_never_let_in_more_than_fits() -> None:
    """Both charge the same quota in one store: compare-and-set tells the slower one to look again."""
    clock = VirtualClock()

    async def main() -> None:
        store = MemoryStore(clock)
        servers = [APIServer(store, clock) for _ in range(2)]
        for server in servers:
            await server.start()
        peer = PeerCertificate("admin", ("system:masters",))
        clients = [Client(InProcess(server.handle, peer), clock) for server in servers]
        try:
            await clients[0].create(NAMESPACES, {"metadata": {"name": "n"}})
            hard = {"count/configmaps": "10"}
            quota = {"metadata": {"name": "q", "namespace": "n"}, "spec": {"hard": hard}}
            made = await clients[0].create(RESOURCE_QUOTAS, quota)
            made["status"] = {"hard": hard, "used": {"count/configmaps": "0"}}
            await clients[0].update(RESOURCE_QUOTAS, made, "status")

            async def create(i: int) -> bool:
                try:
                    await clients[i % 2].create(CONFIG_MAPS, {"metadata": {"name": f"c{i}"}}, "n")
                except StatusError as error:
                    assert error.code == 403, error
                    return False
                return True

            assert sum(await asyncio.gather(*(create(i) for i in range(30)))) == 10
            counted = await clients[0].get(RESOURCE_QUOTAS, "q", "n")
            assert counted["status"]["used"] == {"count/configmaps": "10"}
        finally:
            for server in servers:
                await server.close()
            await store.close()

    run_virtual(main(), clock)


def test_a_quota_that_goes_while_it_is_charged_limits_nothing() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", count__configmaps="0", count__secrets="5")
        creating = asyncio.ensure_future(
            asyncio.gather(*(api.ask("POST", "/api/v1/namespaces/n/secrets", named(f"s{i}")) for i in range(5)))
        )
        await api.ask("DELETE", f"{QUOTAS}/q")
        assert {code for code, _ in await creating} == {201}
        await api.make(MAPS, "a")

    run_writing(main)


def test_a_service_that_becomes_a_node_port_is_charged() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", services_nodeports="0")
        services = "/api/v1/namespaces/n/services"
        made = await api.make(services, "s", spec={"ports": [{"port": 80}]})
        made["spec"]["type"] = "NodePort"
        code, refused = await api.ask("PUT", f"{services}/s", made)
        assert code == 403
        assert "requested: services.nodeports=1, used: services.nodeports=0" in refused["message"]

    run_writing(main)


def test_a_resize_is_charged_by_what_it_adds() -> None:
    async def main(api: Writing) -> None:
        await limit(api, "q", requests_cpu="3")
        container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "1"}}}
        await api.pod("p", containers=[container])
        strategic = "application/strategic-merge-patch+json"

        async def resize(cpu: str) -> int:
            container = {"name": "c", "resources": {"requests": {"cpu": cpu}}}
            path = "/api/v1/namespaces/n/pods/p/resize"
            return (await api.ask("PATCH", path, {"spec": {"containers": [container]}}, type=strategic))[0]

        assert await resize("4") == 403
        assert await resize("2") == 200
        assert await used(api, "q") == {"requests.cpu": "2"}

    run_writing(main)


def named(name: str) -> bytes:
    return orjson.dumps({"metadata": {"name": name}})
