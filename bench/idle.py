#!/usr/bin/env python3
"""What an idle cluster costs, by process: memory (PSS: shared pages divided among their holders) and CPU.

usage: bench/idle.py [--name NAME] [--seconds N] [--settle N]
The cluster must run (`pynetes up`). Shims (conmon, one a container) are listed apart.
"""

import argparse
import os
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "src"))

from pynetes.cluster.config import cluster_dir
from pynetes.cluster.down import shims
from pynetes.cluster.status import cpu, processes, pss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--name", default="default")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--settle", type=float, default=15, help="seconds to wait before measuring")
    options = parser.parse_args()
    folder = cluster_dir(options.name)
    config = folder.load()
    time.sleep(options.settle)
    before = {p.name: p.cpu_seconds for p in processes(config, folder)}
    begun = time.perf_counter()
    time.sleep(options.seconds)
    seconds = time.perf_counter() - begun
    found = processes(config, folder)
    print(
        f"{os.cpu_count()} cores; {config.nodes} nodes, {config.simulated_nodes} simulated; idle for {seconds:.0f} s; "
        "percent of one core"
    )
    print(f"{'process':<14}{'PSS':>12}{'CPU':>10}")
    for p in found:
        print(f"{p.name:<14}{p.pss_bytes / 1e6:>9.1f} MB{(p.cpu_seconds - before[p.name]) / seconds * 100:>9.2f}%")
    memory = sum(p.pss_bytes for p in found)
    used = sum(p.cpu_seconds - before[p.name] for p in found)
    print(f"{'all':<14}{memory / 1e6:>9.1f} MB{used / seconds * 100:>9.2f}%")
    pids = [shim.pid for shim in shims(folder.path)]
    if pids:
        print(
            f"{len(pids)} shims    {sum(map(pss, pids)) / 1e6:>9.1f} MB, {sum(map(cpu, pids)):.2f} s of CPU since their start"
        )


if __name__ == "__main__":
    main()
