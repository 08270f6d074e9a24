#!/usr/bin/env python3
"""Start-up of a whole cluster, as a table: from the command to really ready, and down again.

usage: bench/startup.py [--nodes N] [--simulated-nodes N] [--runs N]      (default: 1 real node as root, else 1 simulated)
Really ready: the API answers, every node is Ready, a pod could be created in namespace default. The first run is cold.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent


def pynetes(*words: str, home: str) -> tuple[float, str]:
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "KUBECONFIG": f"{home}/kubeconfig",
        "PYNETES_HOME": f"{home}/clusters",
    }
    begun = time.perf_counter()
    done = subprocess.run([sys.executable, "-m", "pynetes", *words], env=env, capture_output=True, text=True)
    seconds = time.perf_counter() - begun
    if done.returncode != 0:
        sys.exit(f"pynetes {' '.join(words)} failed:\n{done.stdout}{done.stderr}")
    return seconds, done.stderr


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nodes", type=int)
    parser.add_argument("--simulated-nodes", type=int)
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    flags = []
    if options.nodes is not None:
        flags += ["--nodes", str(options.nodes)]
    if options.simulated_nodes is not None:
        flags += ["--simulated-nodes", str(options.simulated_nodes)]
    if not flags:
        flags = ["--nodes", "1"] if os.geteuid() == 0 else ["--simulated-nodes", "1"]
    print(
        f"{os.cpu_count()} cores, CPython {sys.version.split()[0]}; pynetes up {' '.join(flags)}; whole command, interpreter included"
    )
    print(f"{'run':<6}{'up, new':>12}{'said ready':>12}{'up, again':>12}{'down':>12}")
    rows = []
    with tempfile.TemporaryDirectory() as home:
        for run in range(options.runs):
            up, said = pynetes("up", "--name", "bench", *flags, home=home)
            ready = float(re.findall(r"Ready after ([\d.]+) s", said)[0])
            again, _ = pynetes("up", "--name", "bench", home=home)
            down, _ = pynetes("down", "--name", "bench", home=home)
            rows.append((up, ready, again, down))
            print(f"{run + 1:<6}" + "".join(f"{seconds:>10.2f} s" for seconds in rows[-1]))
    print(f"{'median':<6}" + "".join(f"{statistics.median(column):>10.2f} s" for column in zip(*rows, strict=True)))


if __name__ == "__main__":
    main()
