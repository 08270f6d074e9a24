"""The CNI driver, with plug-ins that answer from a script. Quotes are from the CNI specification 1.0.0."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import orjson
import pytest

from pynetes.aio.commands import Completed, RecordingCommands
from pynetes.network.cni import CNI, Attachment, CNIError, load_conflist
from pynetes.network.pods import conflist

RESULT = {
    "cniVersion": "1.0.0",
    "interfaces": [{"name": "cni0"}, {"name": "veth"}, {"name": "eth0", "sandbox": "/ns"}],
    "ips": [{"address": "10.1.0.5/24", "interface": 2}, {"address": "fd00::5/64", "interface": 2}],
}


@pytest.fixture
def plugins(tmp_path: Path) -> Path:
    for name in ("bridge", "portmap", "host-local"):
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.touch()
    return tmp_path / "bin"


def driver(tmp_path: Path, plugins: Path, answer: Callable[..., Completed | None]) -> tuple[CNI, RecordingCommands]:
    commands = RecordingCommands((answer,))
    network = conflist(["10.1.0.0/24"], tmp_path / "networks")
    return CNI(commands, tmp_path / "cni", conflist=network, plugins=(plugins,)), commands


def good(argv: tuple[str, ...], stdin: bytes) -> Completed:
    return Completed(argv, 0, orjson.dumps(RESULT))


def acts(commands: RecordingCommands) -> list[str]:
    return [
        f"{(env or {})['CNI_COMMAND']} {Path(argv[0]).name}"
        for (argv, _), env in zip(commands.calls, commands.environments, strict=True)
    ]


def test_add_gives_the_containers_own_addresses_and_one_execution(tmp_path: Path, plugins: Path) -> None:
    cni, commands = driver(tmp_path, plugins, good)
    result = asyncio.run(cni.add(Attachment("c", tmp_path, arguments={"K8S_POD_NAME": "p"})))
    assert result.ips == ("10.1.0.5", "fd00::5")
    assert acts(commands) == ["ADD bridge"]
    env = commands.environments[0]
    assert env is not None
    assert (env["CNI_IFNAME"], env["CNI_NETNS"], env["CNI_ARGS"]) == ("eth0", str(tmp_path), "K8S_POD_NAME=p")


def test_ports_bring_portmap_in_with_the_result_before_it(tmp_path: Path, plugins: Path) -> None:
    """ "prevResult: ... the result of the previous plugin" and "runtimeConfig" (section 3)"""
    cni, commands = driver(tmp_path, plugins, good)
    ports = [{"hostPort": 80, "containerPort": 8080, "protocol": "tcp"}]
    attachment = Attachment("c", tmp_path, capabilities={"portMappings": ports})
    asyncio.run(cni.add(attachment))
    asyncio.run(cni.delete(Attachment("c", tmp_path)))
    assert acts(commands) == ["ADD bridge", "ADD portmap", "DEL portmap", "DEL bridge"]
    config = orjson.loads(commands.calls[1][1])
    assert config["prevResult"] == RESULT
    assert config["runtimeConfig"] == {"portMappings": ports}
    assert "capabilities" not in config
    assert orjson.loads(commands.calls[2][1])["runtimeConfig"] == {"portMappings": ports}


def test_a_refusal_is_told_in_libcnis_words_and_undone(tmp_path: Path, plugins: Path) -> None:
    def bad(argv: tuple[str, ...], stdin: bytes) -> Completed | None:
        if len(commands.calls) == 1:
            return Completed(argv, 1, b'{"code": 11, "msg": "no address", "details": "range is full"}')
        return None

    cni, commands = driver(tmp_path, plugins, bad)
    with pytest.raises(CNIError, match=r'plugin type="bridge" failed \(add\): no address; range is full') as error:
        asyncio.run(cni.add(Attachment("c", tmp_path)))
    assert error.value.code == 11
    assert acts(commands) == ["ADD bridge", "DEL bridge"]
    assert cni.attachments() == []


def test_a_delete_that_fails_can_be_tried_again(tmp_path: Path, plugins: Path) -> None:
    fail = [False]

    def answer(argv: tuple[str, ...], stdin: bytes) -> Completed:
        return Completed(argv, 1, b'{"msg": "busy"}') if fail[0] else good(argv, stdin)

    cni, _ = driver(tmp_path, plugins, answer)
    asyncio.run(cni.add(Attachment("c", tmp_path)))
    fail[0] = True
    with pytest.raises(CNIError, match="busy"):
        asyncio.run(cni.delete(Attachment("c", None)))
    assert cni.attachments() == [("c", "eth0")]
    fail[0] = False
    asyncio.run(cni.delete(Attachment("c", None)))
    asyncio.run(cni.delete(Attachment("c", None)))
    assert cni.attachments() == []


def test_an_add_that_was_killed_is_found_for_deletion(tmp_path: Path, plugins: Path) -> None:
    def killed(argv: tuple[str, ...], stdin: bytes) -> Completed:
        assert cni.attachments() == [("c", "eth0")], "written before the first plug-in acts"
        return good(argv, stdin)

    cni, _ = driver(tmp_path, plugins, killed)
    asyncio.run(cni.add(Attachment("c", tmp_path)))


def test_without_a_configuration_the_network_is_not_ready(tmp_path: Path, plugins: Path) -> None:
    cni = CNI(RecordingCommands(), tmp_path, directory=tmp_path / "net.d", plugins=(plugins,))
    assert not cni.ready
    with pytest.raises(CNIError, match="cni plugin not initialized"):
        asyncio.run(cni.add(Attachment("c", tmp_path)))
    (tmp_path / "net.d").mkdir()
    (tmp_path / "net.d" / "10-x.conf").write_text('{"cniVersion": "0.3.1", "name": "x", "type": "bridge"}')
    assert cni.ready


def test_a_plug_in_that_is_nowhere_is_named(tmp_path: Path) -> None:
    cni, _ = driver(tmp_path, tmp_path / "none", good)
    with pytest.raises(CNIError, match='failed to find plugin "bridge" in path'):
        asyncio.run(cni.add(Attachment("c", tmp_path)))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (b"{", "error parsing"),
        (b"{}", "no name"),
        (b'{"name":"x"}', "no plugins"),
        (b'{"name":"x","plugins":[{}],"cniVersion":"9"}', "version 9"),
    ],
)
def test_a_list_that_cannot_be_run_says_why(text: bytes, complaint: str) -> None:
    with pytest.raises(CNIError, match=complaint):
        load_conflist(text)


def test_a_dual_stack_node_gets_a_range_and_a_route_for_each_family(tmp_path: Path) -> None:
    ipam = conflist(["10.1.0.0/24", "fd00:1::/64"], tmp_path)["plugins"][0]["ipam"]
    assert ipam["ranges"] == [[{"subnet": "10.1.0.0/24"}], [{"subnet": "fd00:1::/64"}]]
    assert ipam["routes"] == [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
