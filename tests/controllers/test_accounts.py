"""The controllers' own accounts: made at the first request, their tokens renewed in time and when they are refused."""

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.apiserver.server import APIServer
from pynetes.client.client import Client
from pynetes.client.inprocess import InProcess
from pynetes.client.kinds import PODS, SERVICE_ACCOUNTS
from pynetes.controllers import podgc, replicaset
from pynetes.controllers.accounts import TOKEN_SECONDS, Accounts
from pynetes.http.types import PeerCertificate
from pynetes.meta.status import StatusError
from pynetes.store.memory import MemoryStore

ACCOUNT = "replicaset-controller"


class World:
    def __init__(self, clock):
        self.clock = clock
        self.server = APIServer(MemoryStore(clock), clock)
        self.tokens = 0
        handle = InProcess(self._counting, PeerCertificate("system:kube-controller-manager"))
        self.manager = Client(handle, clock, "kube-controller-manager")
        self.admin = Client(InProcess(self.server.handle, PeerCertificate("a", ("system:masters",))), clock)
        self.accounts = Accounts(self.manager, InProcess(self.server.handle), clock)

    def _counting(self, request):
        self.tokens += request.path.endswith("/token")
        return self.server.handle(request)


def play(script):
    clock = VirtualClock()

    async def main():
        world = World(clock)
        await world.server.start()
        try:
            await script(world)
        finally:
            await world.server.close()

    run_virtual(main(), clock)


def test_an_account_is_made_at_the_first_request_and_may_what_its_role_says():
    async def script(world):
        client = world.accounts.client(replicaset.CONTROLLER)
        assert not (await world.admin.list(SERVICE_ACCOUNTS, "kube-system"))[0]
        await client.list(PODS)
        made, _ = await world.admin.list(SERVICE_ACCOUNTS, "kube-system")
        assert [account["metadata"]["name"] for account in made] == [ACCOUNT]
        try:
            await client.list(SERVICE_ACCOUNTS, "kube-system")
            raise AssertionError("was allowed")
        except StatusError as error:
            assert str(error) == (
                'serviceaccounts is forbidden: User "system:serviceaccount:kube-system:replicaset-controller" cannot '
                'list resource "serviceaccounts" in API group "" in the namespace "kube-system"'
            )
        # asked for, not there; account made; asked for again
        assert world.tokens == 2

    play(script)


def test_a_token_is_renewed_before_it_ends():
    async def script(world):
        client = world.accounts.client(replicaset.CONTROLLER)
        await client.list(PODS)
        before = world.tokens
        await world.clock.sleep(TOKEN_SECONDS * 0.79)
        await client.list(PODS)
        assert world.tokens == before
        for _ in range(5):
            await world.clock.sleep(TOKEN_SECONDS)
            await client.list(PODS)
        assert world.tokens == before + 5

    play(script)


def test_an_account_that_was_deleted_is_made_anew():
    async def script(world):
        client = world.accounts.client(replicaset.CONTROLLER)
        await client.list(PODS)
        first = await world.admin.get(SERVICE_ACCOUNTS, ACCOUNT, "kube-system")
        await world.admin.delete(SERVICE_ACCOUNTS, ACCOUNT, "kube-system")
        await client.list(PODS)
        second = await world.admin.get(SERVICE_ACCOUNTS, ACCOUNT, "kube-system")
        assert first["metadata"]["uid"] != second["metadata"]["uid"]

    play(script)


def test_controllers_of_one_account_share_its_token():
    async def script(world):
        assert world.accounts.client(podgc.CONTROLLER) is world.accounts.client(podgc.CONTROLLER)
        client = world.accounts.client(podgc.CONTROLLER)
        assert client.user_agent == "kube-controller-manager"
        assert client is not world.accounts.client(replicaset.CONTROLLER)

    play(script)
