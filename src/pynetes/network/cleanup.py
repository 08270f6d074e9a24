"""Take a cluster's network off the host, found by its name alone: namespaces, links, rules. Nothing there is fine.

With the last cluster goes what the host was made to forward.
"""

from collections.abc import Sequence

from pynetes.aio.commands import Commands
from pynetes.network import forwarding, names, namespaces
from pynetes.network.nodes import host_links, packet_filter


async def remove(cluster: str, commands: Commands) -> None:
    """The nodes' processes have ended. Raises: CommandFailed, OSError."""
    for name in namespaces.names(names.namespace_prefix(cluster)):
        namespaces.delete(name)
    # a namespace dies a moment after its last hold: its links are taken here, with their other ends
    links = await host_links(commands)
    doomed = sorted(link for link in links if link.startswith(f"{names.tag(cluster)}-"))
    if doomed:
        text = "".join(f"link del {link}\n" for link in doomed)
        # -force: a link may go by itself between the look and the deletion
        await commands.run(["ip", "-force", "-batch", "-"], stdin=text.encode(), check=False)
    for family in (4, 6):
        try:
            program = await packet_filter(commands, family)
            saved = (await commands.run([f"{program}-save"])).stdout.decode(errors="replace").splitlines()
        except FileNotFoundError:
            continue
        text = removal_text(cluster, saved)
        if text:
            await commands.run([f"{program}-restore", "-w", "5", "--noflush"], stdin=text.encode())
    if not any(names.is_bridge(link) for link in links.difference(doomed)):
        forwarding.take_back()


def removal_text(cluster: str, saved: Sequence[str]) -> str:
    """For ``iptables-restore --noflush``: our chain and what leads to it. ``saved``: what ``iptables-save`` wrote."""
    chain = names.chain(cluster)
    out: list[str] = []
    table: list[str] = []
    name = ""
    for line in saved:
        if line.startswith("*"):
            name, table = line, []
        elif line.startswith(f":{chain} "):
            table.append(f":{chain} - [0:0]")
        elif line.startswith("-A ") and line.endswith(f" -j {chain}"):
            table.append(f"-D {line[3:]}")
        elif line == "COMMIT" and table:
            out += [name, *table, f"-X {chain}", "COMMIT"]
    return "".join(f"{line}\n" for line in out)
