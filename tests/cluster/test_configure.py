"""What a new cluster gets, and what is refused, before anything is started."""

import fcntl
import os
import socket

import pytest

from pynetes.aio.clock import RealClock
from pynetes.cluster import lock
from pynetes.cluster.config import ConfigError, cluster_dir
from pynetes.cluster.configure import Wanted, configure, free_port, in_use
from pynetes.cluster.up import require_programs, undone_on_failure


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("PYNETES_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(lock, "ROOTS_LOCK", tmp_path / "lock")
    return tmp_path / "home"


def new(name, **wanted):
    return configure(cluster_dir(name), Wanted(simulated_nodes=1, **wanted), RealClock())


def test_an_older_cluster_goes_on_as_it_was_made_and_is_not_made_otherwise():
    first, fresh = new("a")
    assert fresh
    assert configure(cluster_dir("a"), Wanted(), RealClock()) == (first, False)
    with pytest.raises(ConfigError, match="exists with simulated nodes 1, not 2"):
        configure(cluster_dir("a"), Wanted(simulated_nodes=2), RealClock())


def test_a_damaged_neighbour_is_no_obstacle():
    new("a")
    cluster_dir("a").config_file.write_text("{")
    assert new("b")[1]


def test_a_port_that_another_cluster_or_program_has_is_not_given_out():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert in_use(port)
    assert not in_use(port)  # connections that linger do not count
    first = free_port(set())
    assert free_port({first}) > first


def test_a_start_that_fails_leaves_nothing_of_a_new_cluster(home):
    with pytest.raises(ConfigError, match="later"), undone_on_failure(cluster_dir("a"), new("a")[1], RealClock()):
        raise ConfigError("later")
    assert not (home / "a").exists()
    with pytest.raises(KeyboardInterrupt), undone_on_failure(cluster_dir("b"), not new("b")[1], RealClock()):
        raise KeyboardInterrupt
    assert (home / "b").exists()


def test_what_real_nodes_lack_is_named_with_its_packages(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(
        ConfigError, match=r"runc, conmon, iptables, ip, .*apt-get install runc conmon iptables iproute2"
    ):
        require_programs()


def test_one_acts_at_a_time_and_the_lock_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    place = tmp_path / "lock"
    said = []
    with lock.locked(lambda: said.append("waits")):
        assert said == []
        other = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
        with pytest.raises(BlockingIOError):
            fcntl.flock(other, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.close(other)
    assert not place.exists()

    place.mkdir()
    held = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(held, fcntl.LOCK_EX)

    def gone() -> None:
        """The holder ends, and takes the directory away, while we wait."""
        said.append("waits")
        place.rmdir()
        os.close(held)

    with lock.locked(gone):
        assert said == ["waits"]
        assert place.exists()


def test_a_home_that_cannot_be_made_is_told(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("PYNETES_HOME", str(tmp_path / "file" / "below"))
    with pytest.raises(ConfigError, match="set PYNETES_HOME"), lock.locked():
        pass
