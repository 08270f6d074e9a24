"""Golden scripts: commands with the results that they must have, in text files that read like a session.

A script is steps apart from one another by blank lines. A step is a command (one line or more), ``----``, and its
result. Lines that begin with ``#`` before a step say what it shows. ``pytest --rewrite`` writes the results that came
instead of comparing them: look at the difference before you keep it.

The form is that of etcd-io/raft's ``testdata``.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SEPARATOR = "----"


@dataclass(slots=True)
class Step:
    """``name`` and ``words`` are the command's first line, ``more`` the lines below it; ``got`` is the test's to set."""

    said: list[str]
    command: list[str]
    result: list[str]
    line: int
    got: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.command[0].split()[0]

    @property
    def words(self) -> list[str]:
        """What stands alone behind the name."""
        return [word for word in self.command[0].split()[1:] if "=" not in word]

    @property
    def options(self) -> dict[str, str]:
        """What stands as ``name=value``."""
        return dict(word.split("=", 1) for word in self.command[0].split()[1:] if "=" in word)

    @property
    def more(self) -> list[str]:
        return self.command[1:]

    def answer(self, *lines: str) -> None:
        """Add to what came of it; a text of several lines is several."""
        self.got += [part for line in lines for part in line.splitlines()]


class Script:
    """``with Script(path) as script``: answer each step; behind the block all results are compared, or written anew."""

    def __init__(self, path: Path, rewrite: bool = False) -> None:
        self._path = path
        self._rewrite = rewrite
        self._steps = list(_parse(path.read_text()))

    def __enter__(self) -> list[Step]:
        return self._steps

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        if self._rewrite:
            self._path.write_text("\n".join(_text(step) for step in self._steps))
            return
        for step in self._steps:
            assert step.got == step.result, f"{self._path.name}:{step.line}: {' / '.join(step.command)}"


def _parse(text: str) -> Iterator[Step]:
    said: list[str] = []
    command: list[str] = []
    lines = iter(enumerate([*text.splitlines(), ""], 1))
    for number, line in lines:
        if line == SEPARATOR:
            result = []
            for _, line in lines:
                if not line:
                    break
                result.append(line)
            yield Step(said, command, result, number - len(command))
            said, command = [], []
        elif line.startswith("#") or (not line and not command):
            said.append(line)
        elif line:
            command.append(line)
        else:
            raise ValueError(f"line {number}: {command[0]!r} has no {SEPARATOR}")


def _text(step: Step) -> str:
    return "".join(f"{line}\n" for line in (*step.said, *step.command, SEPARATOR, *step.got))
