"""Services to ``iptables-restore`` text, as sessions in ``testdata/``: each line is a command, ``sync`` tells what was
written. Lines that every sync writes are left out but for ``sync all``. The chains' names are upstream's for these names.

``service NAMESPACE/NAME ip=A[,B] [port=[NAME:]PORT[/PROTOCOL]] [type=] [node_port=] [external=A,B] [balancer=A,B]
[proxied=A,B] [ranges=] [affinity=SECONDS] [internal=Local] [outside=Local] [health=PORT]``; ``gone NAME``;
``endpoints NAME [port=] ADDRESS[@NODE][!ending|!dead] ...``.
"""

import asyncio
from pathlib import Path

import pytest

from pynetes.aio.clock import VirtualClock
from pynetes.aio.commands import RecordingCommands
from pynetes.aio.turns import Turns
from pynetes.proxy.iptables.backend import IPTables
from pynetes.proxy.iptables.rules import options, restore_text
from pynetes.proxy.settings import Settings
from pynetes.proxy.wanted import Wanted

SCRIPTS = sorted((Path(__file__).parent / "testdata").glob("*.txt"))


class Session:
    def __init__(self, family: int) -> None:
        self.family = family
        self.settings = Settings("here", ("10.0.0.0/8", "fd00:1::/48"), ("192.168.0.2", "fd00::2"))
        self.commands = RecordingCommands()
        self.clock = VirtualClock()
        self.wanted = Wanted(family, "here")
        self.backend = IPTables(family, self.settings, self.commands, self.clock)
        self.services: dict[str, dict[str, object]] = {}
        self.pieces: dict[str, list[dict[str, object]]] = {}
        self.changed: set[str] = set()

    # what the proxy reads

    def keys(self):
        return list(self.services)

    def service(self, key):
        return self.services.get(key)

    def slices(self, key):
        return self.pieces.get(key, [])

    # the commands

    def define(self, key, ip, port="80", type="ClusterIP", **more) -> None:
        namespace, name = key.split("/")
        port_name, number, protocol = port_of(port)
        port = {"name": port_name, "port": number, "protocol": protocol}
        if "node_port" in more:
            port["nodePort"] = int(more["node_port"])
        spec = {"type": type, "clusterIP": ip.split(",")[0], "clusterIPs": ip.split(","), "ports": [port]}
        for option, field in (("external", "externalIPs"), ("ranges", "loadBalancerSourceRanges")):
            if option in more:
                spec[field] = more[option].split(",")
        for option, field in (("internal", "internalTrafficPolicy"), ("outside", "externalTrafficPolicy")):
            if option in more:
                spec[field] = more[option]
        if "affinity" in more:
            seconds = {"clientIP": {"timeoutSeconds": int(more["affinity"])}}
            spec |= {"sessionAffinity": "ClientIP", "sessionAffinityConfig": seconds}
        if "health" in more:
            spec["healthCheckNodePort"] = int(more["health"])
        ingress = [{"ip": ip} for ip in more["balancer"].split(",")] if "balancer" in more else []
        ingress += [{"ip": ip, "ipMode": "Proxy"} for ip in more["proxied"].split(",")] if "proxied" in more else []
        self.services[key] = {
            "metadata": {"namespace": namespace, "name": name},
            "spec": spec,
            "status": {"loadBalancer": {"ingress": ingress}},
        }
        self.changed.add(key)

    def endpoints(self, key, *addresses, port="80") -> None:
        port_name, number, protocol = port_of(port)
        pieces = {"IPv4": [], "IPv6": []}
        for text in addresses:
            text, _, state = text.partition("!")
            address, _, node = text.partition("@")
            conditions = {"ready": not state, "serving": state != "dead", "terminating": bool(state)}
            entry = {"addresses": [address], "conditions": conditions, **({"nodeName": node} if node else {})}
            pieces["IPv6" if ":" in address else "IPv4"].append(entry)
        self.pieces[key] = [
            {
                "addressType": kind,
                "ports": [{"name": port_name, "port": number, "protocol": protocol}],
                "endpoints": found,
            }
            for kind, found in pieces.items()
        ]
        self.changed.add(key)

    def gone(self, key) -> None:
        del self.services[key]
        self.changed.add(key)

    def sync(self, step, *all_) -> None:
        changed, self.changed = self.changed, set()
        asyncio.run(self._sync(None if all_ else changed))
        texts = [stdin.decode() for argv, stdin in self.commands.calls if "restore" in argv[0]]
        self.commands.calls.clear()
        usual = set() if all_ else set(restore_text([], options(self.settings, self.family)).splitlines())
        step.answer(*(line for text in texts for line in text.splitlines() if line not in usual))
        if not texts:
            step.answer("nothing is written")

    async def _sync(self, changed) -> None:
        await self.wanted.refresh(self, changed, "", Turns(self.clock))
        await self.backend.sync(self.wanted, changed)


def port_of(text):
    text, _, protocol = text.partition("/")
    name, _, number = text.rpartition(":")
    return name, int(number), (protocol or "tcp").upper()


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_session_with_the_rules(path, golden):
    session = Session(6 if path.stem == "ipv6" else 4)
    with golden(path) as steps:
        for step in steps:
            for line in step.command:
                name, *words = line.split()
                plain = [w for w in words if "=" not in w]
                named = dict(w.split("=", 1) for w in words if "=" in w)
                if name == "sync":
                    session.sync(step, *plain)
                else:
                    getattr(session, "define" if name == "service" else name)(*plain, **named)
