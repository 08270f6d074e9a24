"""Let the host pass on what the nodes of its clusters send and are sent; the last cluster takes that back.

The host's own switch for IPv4, ``ip_forward``, stays as it is: it is the host's wish, and other programs'. Instead the
interfaces that have routes forward, each by its own flag; a bridge of ours takes its flag with it when it goes. IPv6
has no such flag that counts, only the switch. What was off before is kept in a file until the last cluster goes; then
it is turned off again, unless somebody has changed the switch meanwhile: that is a newer wish.

The file is below ``/run``: like the flags, it does not outlive the host's boot. Callers hold the host's lock.

Source: kernel Documentation/networking/ip-sysctl.rst, ``ip_forward`` and ``conf/*/forwarding``.
"""

import json
from collections.abc import Collection, Iterator
from pathlib import Path

ROOT = Path("/")
KEPT = "run/pynetes/forwarding"
SWITCH = "proc/sys/net/ipv4/ip_forward"
SWITCH_IPV6 = "proc/sys/net/ipv6/conf/all/forwarding"


def forward_all(root: Path = ROOT) -> None:
    """Let a node's network namespace pass packets on, of both families: it is ours alone."""
    for switch in (SWITCH, SWITCH_IPV6):
        _turn_on(root / switch)


def let_through(families: Collection[int], bridge: str, root: Path = ROOT) -> None:
    """On the host: forward by the bridge and by whatever interface has a route now. Raises: OSError."""
    kept = root / KEPT
    was_off = _read(kept)
    for flag in _flags(families, root):
        if _turn_on(root / flag) and f"/{bridge}/" not in flag:
            was_off.setdefault(flag, _value(root / SWITCH))
    if was_off:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(was_off))


def take_back(root: Path = ROOT) -> None:
    """No cluster is left on this host: turn off again what was off before the first."""
    for flag, switch in _read(root / KEPT).items():
        if (root / flag).exists() and (flag == SWITCH_IPV6 or _value(root / SWITCH) == switch):
            (root / flag).write_text("0")
    (root / KEPT).unlink(missing_ok=True)


def _flags(families: Collection[int], root: Path) -> Iterator[str]:
    if 4 in families:
        routes = (root / "proc/net/route").read_text().splitlines()[1:]
        for interface in sorted({line.split()[0] for line in routes}):
            yield f"proc/sys/net/ipv4/conf/{interface}/forwarding"
    if 6 in families:
        yield SWITCH_IPV6


def _turn_on(flag: Path) -> bool:
    """Whether it was off."""
    if not flag.exists() or _value(flag) == "1":
        return False
    flag.write_text("1")
    return True


def _value(flag: Path) -> str:
    return flag.read_text().strip()


def _read(kept: Path) -> dict[str, str]:
    """What was off, each with the switch's value then."""
    try:
        found = json.loads(kept.read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
