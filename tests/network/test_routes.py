"""Routes of one cluster are never taken away by another that shares the host's namespace."""

from pynetes.aio.clock import VirtualClock, run_virtual
from pynetes.aio.commands import Completed, RecordingCommands
from pynetes.network.routes import Routes

NODE = {
    "metadata": {"name": "node-1"},
    "spec": {"podCIDRs": ["10.244.0.0/24"]},
    "status": {"addresses": [{"type": "InternalIP", "address": "10.89.0.2"}]},
}


class Nodes:
    def get(self, kind):
        return self

    def list(self):
        return [NODE]


def sync(device: str, shown: bytes) -> list[str]:
    """What was written by one pass, given what ``ip route show`` says."""

    def answer(argv, stdin):
        return Completed(argv, 0, shown if "-4" in argv else b"[]") if "show" in argv else None

    commands = RecordingCommands([answer])
    clock = VirtualClock()

    async def main():
        await Routes(Nodes(), clock, "", commands, device=device).sync()

    run_virtual(main(), clock)
    looks = [argv for argv, _ in commands.calls if "show" in argv]
    assert all(("dev" in argv) == bool(device) and argv[-1] == (device or "87") for argv in looks)
    return [stdin.decode() for argv, stdin in commands.calls if "-batch" in argv]


def test_a_missing_route_is_written_and_a_present_one_is_not():
    assert sync("br", b"[]") == ["route replace 10.244.0.0/24 via 10.89.0.2 proto 87\n"]
    assert sync("br", b'[{"dst":"10.244.0.0/24","gateway":"10.89.0.2"}]') == []


def test_a_stale_route_of_our_own_link_is_removed():
    shown = b'[{"dst":"10.244.0.0/24","gateway":"10.89.0.2"},{"dst":"10.244.9.0/24","gateway":"10.89.0.9"}]'
    assert sync("br", shown) == ["route del 10.244.9.0/24 proto 87\n"]
