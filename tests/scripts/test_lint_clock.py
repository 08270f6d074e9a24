"""The lint rule sees every way past the clock that it names, and nothing else."""

import importlib.machinery
import importlib.util
from pathlib import Path

import pytest

PATH = Path(__file__).parents[2] / "scripts" / "lint-clock"
loader = importlib.machinery.SourceFileLoader("lint_clock", str(PATH))
spec = importlib.util.spec_from_loader("lint_clock", loader)
lint_clock = importlib.util.module_from_spec(spec)
loader.exec_module(lint_clock)


@pytest.mark.parametrize(
    "line",
    [
        "import time",
        "from time import monotonic",
        "import random",
        "import secrets",
        "import asyncio\nasyncio.sleep(1)",
        "import asyncio\nasyncio.wait_for(x, 1)",
        "import asyncio\nasyncio.timeout(1)",
        "from asyncio import sleep",
        "import datetime\ndatetime.datetime.now()",
        "import uuid\nuuid.uuid4()",
        "import os\nos.urandom(4)",
        "loop.call_later(1, f)",
        "self._loop.time()",
        "import asyncio\nasyncio.get_running_loop().call_at(1, f)",
        "event.wait(timeout=3)",
    ],
)
def test_a_way_past_the_clock_is_found(line, tmp_path, capsys):
    file = tmp_path / "x.py"
    file.write_text(line + "\n")
    assert lint_clock.main([str(file)]) == 1
    assert "use the injected" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line", ["clock.call_later(1, f)", "await clock.sleep(1)", "self.clock.random.random()", "process.wait()"]
)
def test_the_clock_itself_is_allowed(line, tmp_path):
    file = tmp_path / "x.py"
    file.write_text(f"async def f():\n    {line}\n")
    assert lint_clock.main([str(file)]) == 0
