"""The pure half of the runtime: config.json, users, profiles, limits."""

from dataclasses import replace

import pytest

from pynetes.runtime.oci.exec import process_spec
from pynetes.runtime.oci.sandboxes import resolv_conf, sysctls
from pynetes.runtime.oci.seccomp import default_profile
from pynetes.runtime.oci.spec import Surroundings, capabilities, command, environment, resources, spec
from pynetes.runtime.oci.stop import stop_signal
from pynetes.runtime.oci.types import DEFAULT_CAPABILITIES, ContainerRecord, Settings, revive
from pynetes.runtime.oci.users import Identity, identify
from pynetes.runtime.types import (
    ContainerConfig,
    DNSConfig,
    IDRange,
    LinuxSandbox,
    Mount,
    Resources,
    RuntimeFailure,
    SandboxConfig,
    Security,
)

AROUND = Surroundings(
    rootfs="/r",
    hostname="pod",
    namespaces={"pid": "", "network": "/ns/net", "ipc": "/ns/ipc", "uts": "/ns/uts"},
    cgroup="/kubepods/c",
    identity=Identity(1000, 1000, (1000, 2000)),
    files=(Mount("/etc/hostname", "/s/hostname"), Mount("/dev/shm", "/s/shm")),
    image={"Entrypoint": ["/run"], "Cmd": ["arg"], "Env": ["A=image", "B=image"], "WorkingDir": "/w"},
)


def container(**fields: object) -> ContainerConfig:
    return ContainerConfig("c", 0, "i", **fields)  # type: ignore[arg-type]


def test_a_plain_container_comes_to_this_document() -> None:
    document = spec(container(mounts=(Mount("/data/x", "/h/x", True), Mount("/data", "/h"))), AROUND, Settings())
    caps = [f"CAP_{c}" for c in ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "SETGID", "SETUID", "SETPCAP",
            "NET_BIND_SERVICE", "NET_RAW", "SYS_CHROOT", "MKNOD", "AUDIT_WRITE", "SETFCAP")]  # fmt: skip
    assert document["process"] == {
        "terminal": False,
        "user": {"uid": 1000, "gid": 1000, "additionalGids": [1000, 2000]},
        "args": ["/run", "arg"],
        "env": [
            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOSTNAME=pod",
            "A=image",
            "B=image",
        ],
        "cwd": "/w",
        "capabilities": {"bounding": caps, "effective": caps, "permitted": caps},
        "noNewPrivileges": False,
        "oomScoreAdj": 0,
    }
    assert document["root"] == {"path": "/r", "readonly": False}
    assert [m["destination"] for m in document["mounts"]] == [
        "/proc", "/dev", "/dev/pts", "/dev/mqueue", "/sys", "/sys/fs/cgroup", "/data", "/data/x", "/etc/hostname",
        "/dev/shm",
    ]  # fmt: skip
    assert document["mounts"][7] == {
        "destination": "/data/x",
        "type": "bind",
        "source": "/h/x",
        "options": ["rbind", "rprivate", "ro"],
    }
    assert document["linux"]["namespaces"] == [
        {"type": "pid"},
        {"type": "network", "path": "/ns/net"},
        {"type": "ipc", "path": "/ns/ipc"},
        {"type": "uts", "path": "/ns/uts"},
        {"type": "mount"},
    ]
    assert document["linux"]["resources"] == {"devices": [{"allow": False, "access": "rwm"}]}
    assert "/proc/kcore" in document["linux"]["maskedPaths"]
    assert document["linux"]["readonlyPaths"] == [
        "/proc/bus",
        "/proc/fs",
        "/proc/irq",
        "/proc/sys",
        "/proc/sysrq-trigger",
    ]
    assert "seccomp" not in document["linux"]
    assert "hostname" not in document, "it is set in the sandbox's namespace"


def test_a_privileged_container_is_confined_by_nothing() -> None:
    document = spec(container(security=Security(privileged=True, seccomp="runtime/default")), AROUND, Settings())
    assert len(document["process"]["capabilities"]["effective"]) == 41
    linux = document["linux"]
    assert linux["resources"]["devices"] == [{"allow": True, "access": "rwm"}]
    assert "maskedPaths" not in linux
    assert "seccomp" not in linux
    assert "rw" in next(m for m in document["mounts"] if m["destination"] == "/sys")["options"]


def test_a_user_namespace_is_joined_first_and_its_ids_are_named() -> None:
    around = replace(AROUND, namespaces={"user": "/ns/user", **AROUND.namespaces}, users=IDRange(65536, 65536))
    linux = spec(container(), around, Settings())["linux"]
    assert linux["namespaces"][0] == {"type": "user", "path": "/ns/user"}
    assert linux["uidMappings"] == linux["gidMappings"] == [{"containerID": 0, "hostID": 65536, "size": 65536}]
    assert "uidMappings" not in spec(container(), AROUND, Settings())["linux"]


def test_a_mount_may_be_read_only_with_all_below() -> None:
    mounts = (Mount("/a", "/h", True, recursive_readonly=True), Mount("/b", "/h", True))
    document = spec(container(mounts=mounts), AROUND, Settings())
    assert [m["options"][-1] for m in document["mounts"] if m["source"] == "/h"] == ["rro", "ro"]


def test_a_mount_of_the_pods_takes_the_place_of_ours() -> None:
    document = spec(container(mounts=(Mount("/dev/shm/", "/big"),)), AROUND, Settings())
    assert [m["source"] for m in document["mounts"] if m["destination"] == "/dev/shm"] == ["/big"]


@pytest.mark.parametrize(
    ("command_", "args", "result"),
    [
        ((), (), ["/run", "arg"]),
        ((), ("x",), ["/run", "x"]),
        (("/b",), (), ["/b"]),
        (("/b",), ("x",), ["/b", "x"]),
    ],
)
def test_command_and_args_over_the_images(command_: tuple[str, ...], args: tuple[str, ...], result: list[str]) -> None:
    """The table of "Define a Command and Arguments for a Container"."""
    assert command(container(command=command_, args=args), AROUND.image) == result


def test_no_command_at_all_is_refused() -> None:
    around = Surroundings("/r", "h", {}, "/c", Identity(0, 0, (0,)))
    with pytest.raises(RuntimeFailure, match="no command specified"):
        spec(container(), around, Settings())


def test_the_pods_environment_wins_and_a_terminal_has_a_type() -> None:
    env = environment(container(envs=(("A", "pod"), ("C", "pod")), tty=True), AROUND)
    assert env[1:] == ["HOSTNAME=pod", "A=pod", "B=image", "TERM=xterm", "C=pod"]


def test_capabilities_are_added_then_dropped() -> None:
    def held(**fields: tuple[str, ...]) -> set[str]:
        security = Security(**fields)  # type: ignore[arg-type]
        return set(capabilities(security, DEFAULT_CAPABILITIES, (*DEFAULT_CAPABILITIES, "NET_ADMIN")))

    assert held(drop_capabilities=("ALL",)) == set()
    assert held(drop_capabilities=("ALL",), add_capabilities=("NET_ADMIN",)) == {"CAP_NET_ADMIN"}
    assert "CAP_NET_RAW" not in held(add_capabilities=("ALL",), drop_capabilities=("NET_RAW",))
    assert held(add_capabilities=("SYS_TIME",)) == {f"CAP_{c}" for c in DEFAULT_CAPABILITIES}, "not ours to give"
    assert held(add_capabilities=("NOPE",)) == held(), "runc lets names pass that it does not know"


def test_limits_are_left_out_where_there_are_none() -> None:
    assert resources(Resources(), False) == {}
    wanted = Resources(cpu_shares=2, cpu_quota=50_000, memory_limit=10, pids_limit=5, unified={"memory.min": "1"})
    assert resources(wanted, False) == {
        "cpu": {"shares": 2, "quota": 50_000, "period": 100_000},
        "memory": {"limit": 10},
        "pids": {"limit": 5},
    }
    assert resources(wanted, True)["memory"] == {"limit": 10, "swap": 10}
    assert resources(wanted, True)["unified"] == {"memory.min": "1"}


FILES = {
    "/etc/passwd": "root:x:0:0:r:/root:/bin/sh\napp:x:1000:100:a:/:/bin/sh\n",
    "/etc/group": "root:x:0:\nusers:x:100:\nextra:x:2000:app,other\n",
}


@pytest.mark.parametrize(
    ("security", "image_user", "identity"),
    [
        (Security(), "", Identity(0, 0, (0,))),
        (Security(), "app", Identity(1000, 100, (100, 2000))),
        (Security(), "app:extra", Identity(1000, 2000, (2000,))),
        (Security(), "77", Identity(77, 0, (0,))),
        (Security(run_as_user=1000), "root", Identity(1000, 100, (100, 2000))),
        (Security(run_as_user=1000, run_as_group=5, supplemental_groups=(9,)), "", Identity(1000, 5, (5, 9, 2000))),
        (
            Security(run_as_user=1000, supplemental_groups=(9,), supplemental_groups_policy="Strict"),
            "",
            Identity(1000, 100, (9, 100)),
        ),
    ],
)
def test_who_a_container_runs_as(security: Security, image_user: str, identity: Identity) -> None:
    assert identify(security, image_user, lambda path: FILES.get(path, "")) == identity


def test_a_user_that_is_nowhere_is_an_error() -> None:
    with pytest.raises(RuntimeFailure, match="unable to find user nobody"):
        identify(Security(), "nobody", lambda _: "")


def test_the_default_profile_lets_through_what_a_capability_is_meant_for() -> None:
    def refused(*held: str) -> set[str]:
        return {n for rule in default_profile(held)["syscalls"] if "args" not in rule for n in rule["names"]}

    assert {"mount", "reboot", "keyctl", "clone3", "unshare"} <= refused()
    assert {"mount", "unshare", "clone3"} & refused("CAP_SYS_ADMIN") == set()
    assert "keyctl" in refused("CAP_SYS_ADMIN")
    assert "bpf" not in refused("CAP_BPF")


def test_resolv_conf_has_upstreams_lines() -> None:
    assert resolv_conf(DNSConfig(("10.0.0.10", "::1"), ("a.b", "b"), ("ndots:5", "x"))) == (
        "search a.b b\nnameserver 10.0.0.10\nnameserver ::1\noptions ndots:5 x\n"
    )


def test_a_pods_own_sysctls_win() -> None:
    config = SandboxConfig("p", "n", "u", linux=LinuxSandbox(sysctls={"net.ipv4.ip_unprivileged_port_start": "5"}))
    assert sysctls(config, Settings()) == {
        "net.ipv4.ip_unprivileged_port_start": "5",
        "net.ipv4.ping_group_range": "0 2147483647",
    }
    assert sysctls(SandboxConfig("p", "n", "u", linux=LinuxSandbox(host_network=True)), Settings()) == {}
    namespaced = SandboxConfig("p", "n", "u", linux=LinuxSandbox(users=IDRange(65536, 65536)))
    assert "net.ipv4.ping_group_range" not in sysctls(namespaced, Settings()), "its groups are not the namespace's"


@pytest.mark.parametrize(
    ("name", "number"), [("", 15), ("SIGUSR1", 10), ("usr1", 10), ("9", 9), ("SIGRTMIN+3", 37), ("SIGRTMAX-1", 63)]
)
def test_stop_signals(name: str, number: int) -> None:
    assert stop_signal(name) == number


def test_a_further_process_is_like_the_first_but_for_command_and_terminal() -> None:
    document = spec(container(security=Security(no_new_privileges=True)), AROUND, Settings())
    process = process_spec(document, ["sh"], tty=True)
    assert (process["args"], process["terminal"], process["cwd"]) == (["sh"], True, "/w")
    assert process["env"][-1] == "TERM=xterm"
    assert process["noNewPrivileges"]


def test_a_record_comes_back_from_disk_as_it_was() -> None:
    import dataclasses

    import orjson

    record = ContainerRecord(
        "id", "s", container(mounts=(Mount("/a", "/b"),), envs=(("A", "b"),), security=Security(run_as_user=5)), 1, "i"
    )
    assert revive(ContainerRecord, orjson.loads(orjson.dumps(dataclasses.asdict(record)))) == record
