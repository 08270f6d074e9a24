"""What of the kernel's rules is ours. The rules of services: test_scripts."""

from pynetes.proxy.iptables.rules import (
    JUMPS,
    cleanup_text,
    missing_jumps,
    options,
    restore_text,
    stale_chains,
)
from pynetes.proxy.settings import Settings

SETTINGS = Settings("here", ("10.0.0.0/8",), ("192.168.0.2",))


def test_jumps_are_added_where_they_are_missing() -> None:
    assert missing_jumps({}) == list(JUMPS)
    saved = {
        table: [f"-A {chain} {match} -j {target}" for t, chain, target, match in JUMPS if t == table]
        for table in ("filter", "nat")
    }
    assert missing_jumps(saved) == []
    saved["nat"].pop()
    (missing,) = missing_jumps(saved)
    assert missing[:3] == ("nat", "POSTROUTING", "KUBE-POSTROUTING")
    assert "-I POSTROUTING -m comment" in restore_text([], options(SETTINGS, 4), jumps=[missing])


def test_clean_up_takes_ours_and_leaves_others() -> None:
    saved = {
        "nat": [":PREROUTING ACCEPT [0:0]", ":KUBE-SERVICES - [0:0]", ":KUBE-SEP-X - [0:0]", ":OTHER - [0:0]",
                "-A PREROUTING -m x -j KUBE-SERVICES", "-A PREROUTING -j OTHER", "-A KUBE-SERVICES -j KUBE-SEP-X"],
        "filter": [":INPUT ACCEPT [0:0]"],
    }  # fmt: skip
    assert cleanup_text(saved) == (
        "*nat\n:KUBE-SEP-X - [0:0]\n:KUBE-SERVICES - [0:0]\n-D PREROUTING -m x -j KUBE-SERVICES\n"
        "-X KUBE-SEP-X\n-X KUBE-SERVICES\nCOMMIT\n"
    )
    assert cleanup_text({"filter": saved["filter"]}) == ""


def test_stale_chains_are_those_of_services_only() -> None:
    saved = {"nat": [":KUBE-SEP-X - [0:0]", ":KUBE-SERVICES - [0:0]", ":OTHER - [0:0]"]}
    assert stale_chains(saved, []) == ["KUBE-SEP-X"]
