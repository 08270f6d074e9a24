#!/usr/bin/env python3
"""API rates, as a table, with ratios to another API server in the same run.

usage: bench/api.py                               our API server alone, started for it
       bench/api.py --kube-apiserver PROGRAM      and upstream's (with etcd on PATH), in turn: A B A B
       bench/api.py --kubeconfig FILE             any running API server
Further: --connections N (32), --scale X (1.0: how much of each), --watchers N (1000), --event-bytes N (3000),
         --rounds N (1), --only REGEX
or:    bench/api.py --idle N ... [--kube-apiserver PROGRAM]   memory and processor time of idle watches

The columns "cpu" are processor time for each answer or event, in microseconds: the server's (with its store), then the
load generator's. They say what a rate cannot when something else runs on the machine.
"""

import argparse
import asyncio
import contextlib
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent))
import load
from crowd import EVENT_BYTES, Idle, idle_watches
from rows import Bench, prepare

ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Subject:
    """A running API server. ``processes``: it and its store, where they are known."""

    kubeconfig: Path
    processes: tuple[int, ...] = ()

    def cpu_seconds(self) -> float:
        return sum(map(_cpu_seconds, self.processes))

    def memory(self) -> int:
        return sum(map(_memory, self.processes))


def _cpu_seconds(process: int) -> float:
    return time.clock_gettime((~process << 3) | 2)  # what clock_getcpuclockid(3) makes of a process


def _memory(process: int) -> int:
    """Bytes held by this process, its share of what it shares (PSS)."""
    rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
    return next(int(line.split()[1]) * 1024 for line in rollup.splitlines() if line.startswith("Pss:"))


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def ours() -> Iterator[Subject]:
    """Our API server over SQLite on disk."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pynetes", "apiserver", "--data-dir", str(folder), "--port", str(free_port())]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        wait_for(folder / "kubeconfig", process, folder / "log")
        yield Subject(folder / "kubeconfig", (process.pid,))
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def upstream(program: str) -> Iterator[Subject]:
    """kube-apiserver over etcd, both on this disk; authorization and admission as by default."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    client, peer, port = free_port(), free_port(), free_port()
    from pynetes.cluster import certificates, components
    from pynetes.cluster.config import ClusterDir, new_config

    layout = ClusterDir(folder)
    config = new_config(layout, "bench", 0, 1, port, set())
    certificates.ensure(config, layout, time.time())
    certificates.new_signing_key(layout)
    pki = layout.pki
    public = subprocess.run(
        ["openssl", "pkey", "-in", pki / "sa.key", "-pubout"], capture_output=True, check=True
    ).stdout
    (pki / "sa.pub").write_bytes(public)
    url = f"http://127.0.0.1:{client}"
    etcd = [
        "etcd", "--data-dir", folder / "etcd", "--listen-client-urls", url, "--advertise-client-urls", url,
        "--listen-peer-urls", f"http://127.0.0.1:{peer}", "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
        "--initial-cluster", f"default=http://127.0.0.1:{peer}",
    ]  # fmt: skip
    apiserver = [
        program, f"--etcd-servers={url}", f"--secure-port={port}", "--bind-address=127.0.0.1",
        f"--tls-cert-file={pki / 'apiserver.crt'}", f"--tls-private-key-file={pki / 'apiserver.key'}",
        f"--client-ca-file={pki / 'ca.crt'}", f"--service-account-key-file={pki / 'sa.pub'}",
        f"--service-account-signing-key-file={pki / 'sa.key'}", "--service-account-issuer=https://kubernetes.default.svc",
        "--authorization-mode=Node,RBAC", "--service-cluster-ip-range=10.96.0.0/16",
        "--max-requests-inflight=3000", "--max-mutating-requests-inflight=1000",
    ]  # fmt: skip
    with open(folder / "log", "wb") as log:
        processes = [subprocess.Popen(list(map(str, etcd)), stdout=log, stderr=log)]
        processes.append(subprocess.Popen(list(map(str, apiserver)), stdout=log, stderr=log))
    try:
        import json

        (folder / "kubeconfig").write_text(json.dumps(components.access(config, layout, "admin")))
        wait_for(folder / "kubeconfig", processes[1], folder / "log")
        yield Subject(folder / "kubeconfig", tuple(process.pid for process in processes))
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
        shutil.rmtree(folder)


def wait_for(kubeconfig: Path, process: "subprocess.Popen[bytes]", log: Path) -> None:
    for _ in range(600):
        if process.poll() is not None:
            sys.exit(f"the server ended:\n{log.read_text()[-3000:]}")
        if kubeconfig.exists():
            with contextlib.suppress(OSError):
                target = load.Target.from_kubeconfig(str(kubeconfig))
                status, _ = asyncio.run(load.ask(target, "GET", "/api/v1/namespaces/kube-system"))
                if status == 200:
                    return
        time.sleep(0.1)
    sys.exit("the server did not become ready")


def idle(subject: Subject, watchers: int) -> Idle:
    target = replace(load.Target.from_kubeconfig(str(subject.kubeconfig)), server_cpu=subject.cpu_seconds)

    async def measured() -> Idle:
        await prepare(target)
        return await idle_watches(target, watchers, subject.memory)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(measured())


def measure_idle(numbers: list[int], program: str | None) -> None:
    """What open watches cost on which nothing happens, each number of them on a server of its own."""
    for number in numbers:
        line = ""
        for name, start in (("pynetes", ours), ("kube-apiserver", lambda: upstream(program or ""))):
            if name == "pynetes" or program:
                with start() as subject:
                    found = idle(subject, number)
                line += f"   {name}: {found.memory / 1024:.1f} KiB each, {found.cpu * 100:.2f} % of a core for all"
        print(f"{number} idle watches{line}")


def measure(subject: Subject, options: argparse.Namespace) -> list[load.Result]:
    target = replace(load.Target.from_kubeconfig(str(subject.kubeconfig)), server_cpu=subject.cpu_seconds)
    bench = Bench(target, options.connections, options.scale, options.watchers, options.only, options.event_bytes)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(bench.measure())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig")
    parser.add_argument("--kube-apiserver", metavar="PROGRAM")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--event-bytes", type=int, default=EVENT_BYTES, metavar="N")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", default="", metavar="REGEX", help="only the rows whose names match")
    parser.add_argument("--idle", type=int, nargs="+", metavar="N", help="instead: what so many idle watches cost")
    options = parser.parse_args()
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, CPython {sys.version.split()[0]}; "
        f"TLS, {options.connections} connections unless told, load generator on the same machine; "
        f"load {os.getloadavg()[0]:.1f} at the start"
    )
    if options.idle:
        measure_idle(options.idle, options.kube_apiserver)
        return
    mine: list[list[load.Result]] = []
    theirs: list[list[load.Result]] = []
    if options.kubeconfig:
        mine.append(measure(Subject(Path(options.kubeconfig)), options))
    else:
        for _ in range(options.rounds):
            with ours() as subject:
                mine.append(measure(subject, options))
            if options.kube_apiserver:
                with upstream(options.kube_apiserver) as subject:
                    theirs.append(measure(subject, options))
    columns = f"{'rate':>13}{'median':>11}{'p99':>11}{'cpu':>8}{'load':>7}"
    print(f"{'':<34}{columns}" + (f"  |{columns}{'ratio':>8}" if theirs else ""))
    for row, first in enumerate(mine[0]):
        ours_ = Row.of([results[row] for results in mine])
        line = f"{first.name:<34}{ours_}"
        if theirs:
            upstreams = Row.of([results[row] for results in theirs])
            line += f"  |{upstreams}{ours_.rate / upstreams.rate:>8.2f}"
        errors = sum(results[row].errors for results in (*mine, *theirs))
        print(line + (f"   {errors} errors" if errors else ""))


@dataclass(frozen=True)
class Row:
    """The medians of what several rounds gave."""

    rate: float
    median: float
    p99: float
    cpu: float
    load: float

    @classmethod
    def of(cls, results: list[load.Result]) -> "Row":
        names = ("rate", "median", "p99", "server_cpu", "own_cpu")
        return cls(*(statistics.median(getattr(result, name) for result in results) for name in names))

    def __str__(self) -> str:
        latency = f"{self.median * 1000:>8.2f} ms{self.p99 * 1000:>8.2f} ms" if self.median else " " * 22
        cpu = f"{self.cpu * 1e6:>8.1f}{self.load * 1e6:>7.1f}" if self.cpu else " " * 15
        return f"{self.rate:>11,.0f}/s{latency}{cpu}"


if __name__ == "__main__":
    main()
