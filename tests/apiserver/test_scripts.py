"""The watch cache as sessions in ``testdata/``: each line is a command. Time is virtual.

``put PLURAL NAME [FIELD=VALUE] [label.KEY=VALUE]`` and ``remove PLURAL NAME`` write to the store; ``list PATH`` and
``get PATH`` ask; ``watch NAME PATH`` begins a watch, ``read NAME`` tells what it brought since it was last read;
``sleep SECONDS``. Revisions are told from the first write of the script on: ``+1`` is its own. In a path ``{+1}`` stands
for one.
"""

import re
from pathlib import Path

import orjson
import pytest

from pynetes.apiserver.settings import Settings
from tests.apiserver.reading import run_api, settle

SCRIPTS = sorted((Path(__file__).parent / "testdata").glob("*.txt"))


class Session:
    def __init__(self, api) -> None:
        self.api = api
        self.start = api.store.revision
        self.watches: dict[str, list[object]] = {}

    async def play(self, step) -> None:
        for line in step.command:
            name, *words = line.split()
            await getattr(self, name)(step, *words)

    async def put(self, step, plural, name, *fields) -> None:
        namespace, _, name = name.rpartition("/")
        more: dict[str, dict[str, object]] = {"spec": {}, "metadata": {"labels": {}}}
        for field in fields:
            path, _, value = field.partition("=")
            top, _, key = path.partition(".")
            (more["metadata"]["labels"] if top == "label" else more.setdefault(top, {}))[key] = value
        more = {field: value for field, value in more.items() if value}
        step.answer(self.shown(await self.api.put(plural, name, namespace or "default", **more)))

    async def remove(self, step, plural, name) -> None:
        step.answer(self.shown(await self.api.remove(plural, name)))

    async def list(self, step, path) -> None:
        body = await self.api.json(self.filled(path))
        if body["kind"] == "Status":
            self.refused(step, body)
            return
        metadata = body["metadata"]
        step.answer(*map(self.told, body["items"]))
        left = f", {metadata['remainingItemCount']} more" if "remainingItemCount" in metadata else ""
        step.answer(f"at {self.shown(metadata['resourceVersion'])}{left}")

    async def watch(self, step, name, path) -> None:
        self.watches[name] = [self.api.watch(self.filled(path)), 0]

    async def read(self, step, name) -> None:
        await settle()
        lines, seen = self.watches[name]
        events = lines.events
        self.watches[name][1] = len(events)
        for event in events[seen:]:
            if event["type"] == "ERROR":
                self.refused(step, event["object"])
            else:
                step.answer(f"{event['type']} {self.told(event['object'])}")
        if lines.closed:
            step.answer("the watch has ended")
        elif not events[seen:]:
            step.answer("nothing")

    async def sleep(self, step, seconds) -> None:
        await self.api.clock.sleep(float(seconds))

    def refused(self, step, status) -> None:
        message = re.sub(r"\d+", lambda found: self.shown(found.group()), status["message"])
        step.answer(f"{status['code']} {status['reason']}: {message}")

    def told(self, obj) -> str:
        metadata = obj["metadata"]
        words = [f"{metadata['namespace']}/{metadata['name']}"] if "name" in metadata else []
        words += [f"{key}={value}" for key, value in sorted((metadata.get("labels") or {}).items())]
        words += [orjson.dumps(obj["data"]).decode()] if "data" in obj else []
        words += [f"on {node}"] if (node := obj.get("spec", {}).get("nodeName")) else []
        words += sorted(metadata.get("annotations") or {}) if not words else []
        return " ".join([*words, f"at {self.shown(metadata['resourceVersion'])}"])

    def shown(self, revision) -> str:
        return f"+{int(revision) - self.start}"

    def filled(self, path) -> str:
        return re.sub(r"\{\+(\d+)\}", lambda found: str(self.start + int(found.group(1))), path)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_a_session_with_the_watch_cache(path, golden):
    async def main(api):
        session = Session(api)
        with golden(path) as steps:
            for step in steps:
                await session.play(step)

    run_api(main, Settings(watch_events_kept=8))
