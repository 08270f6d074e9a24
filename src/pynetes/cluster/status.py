"""What of a cluster runs, and what it costs: read from /proc, with no word to the cluster itself."""

import os
from dataclasses import dataclass
from pathlib import Path

from pynetes.cluster.config import ClusterConfig, ClusterDir
from pynetes.cluster.supervisor import read_ends, read_record


@dataclass(frozen=True, slots=True)
class ProcessStatus:
    """One process. ``pss_bytes``: its memory, shared pages divided among their holders; 0 when it is not running.

    ``restarts``: how often it has ended under the supervisor that there is.
    """

    name: str
    state: str
    pid: int = 0
    pss_bytes: int = 0
    cpu_seconds: float = 0.0
    restarts: int = 0


def process_names(config: ClusterConfig) -> list[str]:
    names = ["supervisor", "server", "brain", *config.node_names]
    return [*names, "simulated"] if config.simulated_nodes else names


def processes(config: ClusterConfig, folder: ClusterDir) -> list[ProcessStatus]:
    return [process(name, folder) for name in process_names(config)]


def process(name: str, folder: ClusterDir) -> ProcessStatus:
    record = read_record(folder.run / f"{name}.json")
    ends = read_ends(folder.run).get(name)
    restarts = ends.count if ends else 0
    if record is None:
        return ProcessStatus(name, "not running", restarts=restarts)
    return ProcessStatus(name, "running", record.pid, pss(record.pid), cpu(record.pid), restarts)


def pss(pid: int) -> int:
    """Proportional set size in bytes; 0 for a process that is gone."""
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def cpu(pid: int) -> float:
    """Seconds of CPU, user and system, that a process has used.

    The kernel's own sum is taken at ticks and misses short wake-ups; the scheduler's is exact, but forgets threads that
    have ended: the greater of both is nearer to the truth.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        threads = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/schedstat")]
    except OSError:
        return 0.0
    ticks = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return max(ticks, sum(int(thread.split()[0]) for thread in threads) / 1e9)


def verdict(config: ClusterConfig, folder: ClusterDir) -> str:
    """``running``, ``stopped``, or which of its processes are missing."""
    missing = [p.name for p in processes(config, folder) if not p.pid]
    if not missing:
        return "running"
    if len(missing) == len(process_names(config)):
        return "stopped"
    return "without " + ", ".join(missing)
