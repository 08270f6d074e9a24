"""List the clusters of this host, or with --name show one: its processes, what they cost, its addresses."""

import sys
from argparse import ArgumentParser, Namespace

from pynetes.cli.terminal import table
from pynetes.cluster.config import DEFAULT_NAME, ConfigError, all_clusters, cluster_dir
from pynetes.cluster.status import processes, verdict


def add_flags(parser: ArgumentParser) -> None:
    parser.add_argument("--name", help="the cluster to show (default: list all)")
    parser.add_argument(
        "--netns", metavar="NODE", help="print only the network namespace of a node, for `ip netns exec`; needs --name"
    )


def run(options: Namespace) -> int:
    if options.netns:
        return netns(options.name or DEFAULT_NAME, options.netns)
    if options.name:
        return show(options.name)
    rows = []
    for folder in all_clusters():
        try:
            config = folder.load()
        except ConfigError as error:
            rows.append((folder.path.name, "damaged", "", "", ""))
            print(f"pynetes status: {error}", file=sys.stderr)
            continue
        nodes = f"{config.nodes} + {config.simulated_nodes} simulated" if config.simulated_nodes else str(config.nodes)
        rows.append(
            (config.name, verdict(config, folder), nodes, f"https://127.0.0.1:{config.api_port}", config.context)
        )
    if not rows:
        print("There is no cluster. `pynetes up` starts one.")
        return 0
    print(table(("NAME", "STATUS", "NODES", "API", "CONTEXT"), rows))
    return 0


def netns(name: str, node: str) -> int:
    from pynetes.cluster.network import namespace_name

    config = cluster_dir(name).load()
    if node not in config.node_names:
        raise ConfigError(
            f"cluster {name!r} has no real node {node!r}; it has: {', '.join(config.node_names) or 'none'}"
        )
    print(namespace_name(config, node))
    return 0


def show(name: str) -> int:
    from pynetes.cluster.network import namespace_name

    folder = cluster_dir(name)
    config = folder.load()
    state = verdict(config, folder)
    pairs = [
        ("Name", config.name),
        ("Status", state),
        ("API", f"https://127.0.0.1:{config.api_port}"),
        ("Context", config.context),
        ("Node network", config.node_network if config.nodes else "none (simulated nodes)"),
        ("Pod network", ", ".join(config.pod_cidrs)),
        ("Service network", ", ".join(config.service_cidrs)),
        ("Folder", str(folder.path)),
    ]
    for label, value in pairs:
        print(f"{label + ':':<17}{value}")
    print()
    rows = [
        (
            p.name,
            p.state,
            str(p.pid or ""),
            str(p.restarts) if p.name != "supervisor" else "",
            f"{p.pss_bytes / 1e6:.1f} MB" if p.pid else "",
            f"{p.cpu_seconds:.1f} s" if p.pid else "",
        )
        for p in processes(config, folder)
    ]
    print(table(("PROCESS", "STATE", "PID", "RESTARTS", "MEMORY (PSS)", "CPU"), rows))
    if config.nodes:
        nodes = [
            (node, config.node_address(number), namespace_name(config, node))
            for number, node in enumerate(config.node_names, 1)
        ]
        print(f"\n{table(('NODE', 'ADDRESS', 'NETWORK NAMESPACE'), nodes)}")
    return 0 if state == "running" else 1
