"""The supervisor restarts what ends, adopts what outlived a predecessor, and leaves nothing when it is told to stop."""

import errno
import os
import select
import signal
import time
from pathlib import Path

import pytest

from pynetes.aio.clock import RealClock
from pynetes.cluster.supervisor import (
    Child,
    Ends,
    ProcessRecord,
    Supervisor,
    detach,
    read_ends,
    read_record,
    recorded,
    write_record,
)


def forever() -> None:
    signal.pause()


@pytest.fixture
def start(tmp_path):
    """Starts supervisors of two eternal children in processes of their own; kills whatever is left."""

    def begin() -> ProcessRecord:
        children = [Child("one", forever), Child("two", forever)]
        supervisor = Supervisor(children, tmp_path / "run", tmp_path / "logs", RealClock())
        detach(supervisor.run, tmp_path / "logs" / "supervisor.log")
        for name in ("supervisor", "one", "two"):
            until(lambda name=name: read_record(tmp_path / "run" / f"{name}.json"))
        return read_record(tmp_path / "run" / "supervisor.json")

    yield begin
    for _, record in recorded(tmp_path / "run"):
        os.kill(record.pid, signal.SIGKILL)


def until(holds):
    deadline = time.monotonic() + 20
    while not (result := holds()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return result


def kill(record: ProcessRecord, number: int = signal.SIGKILL) -> None:
    pidfd = os.pidfd_open(record.pid)
    os.kill(record.pid, number)
    select.select([pidfd], [], [], 20)
    os.close(pidfd)
    until(lambda: not record.alive)


def test_a_child_that_was_killed_is_started_again(start, tmp_path):
    start()
    first = read_record(tmp_path / "run" / "one.json")
    other = read_record(tmp_path / "run" / "two.json")
    kill(first)
    second = until(lambda: read_record(tmp_path / "run" / "one.json"))
    assert second != first
    assert read_record(tmp_path / "run" / "two.json") == other


def test_children_outlive_a_killed_supervisor_and_the_next_adopts_them(start, tmp_path):
    kill(start())
    before = dict(recorded(tmp_path / "run"))
    assert set(before) == {"one", "two"}
    start()
    after = dict(recorded(tmp_path / "run"))
    assert {name: after[name] for name in before} == before
    kill(before["one"])  # an adopted child is watched like a child of its own
    assert until(lambda: read_record(tmp_path / "run" / "one.json")) != before["one"]


def test_a_supervisor_that_is_told_to_stop_leaves_no_process_and_no_record(start, tmp_path):
    supervisor = start()
    children = [record for name, record in recorded(tmp_path / "run") if name != "supervisor"]
    kill(supervisor, signal.SIGTERM)
    assert not any(child.alive for child in children)
    assert list((tmp_path / "run").glob("*.json")) == []


def test_ends_are_counted_with_how_they_came(start, tmp_path):
    start()
    assert read_ends(tmp_path / "run") == {}
    kill(read_record(tmp_path / "run" / "one.json"))
    until(lambda: read_ends(tmp_path / "run"))
    assert read_ends(tmp_path / "run") == {"one": Ends(1, "ended with -9")}
    (tmp_path / "run" / "ends").write_text("[")
    assert read_ends(tmp_path / "run") == {}


def test_a_full_disk_stops_neither_a_child_nor_its_record(start, tmp_path, monkeypatch):
    def full(old, new):
        raise OSError(errno.ENOSPC, "no space left on device")

    monkeypatch.setattr(os, "replace", full)  # room is left only where an older file lies
    start()
    kill(read_record(tmp_path / "run" / "one.json"))
    assert until(lambda: read_record(tmp_path / "run" / "one.json"))


def test_a_log_that_grew_too_long_begins_anew_and_its_writer_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr("pynetes.cluster.supervisor.LOG_BYTES", 10)
    supervisor = Supervisor([], tmp_path / "run", tmp_path, RealClock())
    with (tmp_path / "a.log").open("a") as writer:
        writer.write("long enough\n")
        writer.flush()
        supervisor._trim_logs()
        writer.write("goes on\n")
    assert (tmp_path / "a.log").read_text() == "goes on\n"
    assert (tmp_path / "a.log.1").read_text() == "long enough\n"


def test_a_child_has_its_own_name_and_its_supervisor_one_too(start, tmp_path):
    supervisor = start()
    one = read_record(tmp_path / "run" / "one.json")
    until(lambda: Path(f"/proc/{one.pid}/comm").read_text() == "pynetes-one\n")
    assert Path(f"/proc/{supervisor.pid}/comm").read_text() == "pynetes-supervi\n"


def test_a_record_of_an_ended_process_is_no_process(tmp_path):
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    path = tmp_path / "x.json"
    write_record(path, pid)
    assert read_record(path) is None
    path.write_text("{")
    assert read_record(path) is None


def test_a_later_process_of_the_same_pid_is_told_apart():
    own = ProcessRecord.of(os.getpid())
    assert own is not None and own.alive
    assert not ProcessRecord(own.pid, own.started + 1).alive
