#!/usr/bin/env python3
"""API rates, as a table, with ratios to another API server in the same run.

usage: bench/api.py                               our API server alone, started for it
       bench/api.py --kube-apiserver PROGRAM      and upstream's (with etcd on PATH), in turn: A B A B
       bench/api.py --kubeconfig FILE             any running API server
Further: --connections N (32), --scale X (1.0: how much of each), --watchers N (1000), --rounds N (1)
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
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parent))
import load

ROOT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return int(s.getsockname()[1])


@contextlib.contextmanager
def ours() -> Iterator[str]:
    """Our API server over SQLite on disk."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    env = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "pynetes", "apiserver", "--data-dir", str(folder), "--port", str(free_port())]
    with open(folder / "log", "wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=env)
    try:
        wait_for(folder / "kubeconfig", process, folder / "log")
        yield str(folder / "kubeconfig")
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


@contextlib.contextmanager
def upstream(program: str) -> Iterator[str]:
    """kube-apiserver over etcd, both on this disk; authorization and admission as by default."""
    folder = Path(tempfile.mkdtemp(prefix="bench-"))
    client, peer, port = free_port(), free_port(), free_port()
    from pynetes.cluster import certificates, components
    from pynetes.cluster.config import ClusterDir, new_config

    config = new_config("bench", "bench", 0, 1, port, set())
    layout = ClusterDir(folder)
    certificates.ensure(config, layout, time.time())
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
        yield str(folder / "kubeconfig")
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


def measure(kubeconfig: str, options: argparse.Namespace) -> list[load.Result]:
    target = load.Target.from_kubeconfig(kubeconfig)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load.measure(target, options.connections, options.scale, options.watchers))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kubeconfig")
    parser.add_argument("--kube-apiserver", metavar="PROGRAM")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--watchers", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=1)
    options = parser.parse_args()
    import resource

    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Linux {platform.release()}, CPython {sys.version.split()[0]}; "
        f"TLS, {options.connections} connections unless told, load generator on the same machine"
    )
    if options.kubeconfig:
        for result in measure(options.kubeconfig, options):
            latency = f"{result.median * 1000:>10.2f} ms{result.p99 * 1000:>10.2f} ms p99"
            print(f"{result.name:<36}{result.rate:>12,.0f}/s{latency}")
        return
    mine: list[list[load.Result]] = []
    theirs: list[list[load.Result]] = []
    for _ in range(options.rounds):
        with ours() as kubeconfig:
            mine.append(measure(kubeconfig, options))
        if options.kube_apiserver:
            with upstream(options.kube_apiserver) as kubeconfig:
                theirs.append(measure(kubeconfig, options))
    print(
        f"{'':<36}{'pynetes':>14}{'median':>12}{'p99':>12}" + (f"{'kube-apiserver':>18}{'ratio':>9}" if theirs else "")
    )
    for row in range(len(mine[0])):
        a = statistics.median(results[row].rate for results in mine)
        first = mine[0][row]
        latency = f"{first.median * 1000:>9.2f} ms{first.p99 * 1000:>9.2f} ms" if first.median else " " * 24
        line = f"{first.name:<36}{a:>12,.0f}/s{latency}"
        if theirs:
            b = statistics.median(results[row].rate for results in theirs)
            line += f"{b:>16,.0f}/s{a / b:>9.2f}"
        errors = sum(results[row].errors for results in (*mine, *theirs))
        print(line + (f"   {errors} errors" if errors else ""))


if __name__ == "__main__":
    main()
