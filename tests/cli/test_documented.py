"""What is undocumented fails: commands, flags, metrics, and modules that the documents name."""

import importlib
import re
from argparse import ArgumentParser, _SubParsersAction
from collections.abc import Iterator
from pathlib import Path

import pytest

from pynetes.cli.main import COMMANDS, main

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"


def sections() -> dict[str, str]:
    parts = re.split(r"^## `pynetes ([a-z-]+)`$", (DOCS / "commands.md").read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def flags(parser: ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if isinstance(action, _SubParsersAction):
            for inner in action.choices.values():
                yield from flags(inner)
        yield from (flag for flag in action.option_strings if flag not in ("-h", "--help"))


def parser_of(command: str) -> ArgumentParser:
    parser = ArgumentParser()
    importlib.import_module(f"pynetes.cli.{command.replace('-', '_')}").add_flags(parser)
    return parser


def test_every_command_is_documented_and_no_other() -> None:
    assert list(sections()) == list(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_a_command_is_documented_and_no_other(command: str) -> None:
    items = "\n".join(line.partition(": ")[0] for line in sections()[command].splitlines() if line.startswith("- `-"))
    assert set(re.findall(r"`(--?[a-z-]+)`", items)) == set(flags(parser_of(command)))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert f"`pynetes {command}" in sections()[command]
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert capsys.readouterr().out.startswith(f"usage: pynetes {command}")


def test_every_metric_is_documented() -> None:
    source = (ROOT / "src/pynetes/apiserver/metrics.py").read_text()
    text = (DOCS / "metrics.md").read_text()
    assert {name for name in re.findall(r"apiserver_[a-z_]+", source) if f"`{name}`" not in text} == set()


@pytest.mark.parametrize("page", sorted(p.name for p in DOCS.glob("*.md")))
def test_every_module_that_a_page_names_exists(page: str) -> None:
    known = {p.relative_to(ROOT).as_posix() for top in ("src", "tests", "bench") for p in (ROOT / top).rglob("*.py")}
    named = re.findall(r"[\w/]+\.py\b", (DOCS / page).read_text())
    assert [n for n in named if not any(f"/{k}".endswith("/" + n) for k in known)] == []


def test_an_unknown_command_is_told_with_the_way_to_the_list(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["upp"]) == 2
    assert capsys.readouterr().err == (
        "pynetes: unknown command 'upp'; did you mean 'up'? `pynetes --help` lists them\n"
    )
    assert main(["xyz"]) == 2
    assert capsys.readouterr().err == "pynetes: unknown command 'xyz'; `pynetes --help` lists them\n"


@pytest.mark.parametrize("words", [["logs", "server"], ["kubeconfig"], ["image", "ls"], ["status"]])
def test_a_cluster_that_is_not_there_is_one_clear_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--name", "no-such-cluster-here"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert "no-such-cluster-here" in lines[0]
