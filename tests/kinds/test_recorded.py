"""Defaults, validation, warnings and update rules of kinds, held by what a kube-apiserver v1.36.3 answered."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.apiserver.writing import Writing, run_writing
from tests.kinds.recording import play

FILES = sorted((Path(__file__).parent / "recorded").glob("*.yaml"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_objects_are_defaulted_refused_and_warned_of_as_recorded(file: Path) -> None:
    recorded = yaml.load(file.read_text(), yaml.CSafeLoader)

    async def main(api: Writing) -> None:
        async def ask(method: str, path: str, body: Any, kind: str) -> tuple[int, Any, list[str]]:
            code, answer = await api.ask(method, path, body, type=kind)
            texts = [text.removeprefix('299 - "').removesuffix('"').replace('\\"', '"') for text in api.warnings]
            return code, answer, texts

        answered = await play(recorded, ask)
        for field in ("creates", "updates", "patches"):
            for said, wanted in zip(answered.get(field, ()), recorded.get(field, ()), strict=True):
                assert said == wanted
        assert answered == recorded

    run_writing(main)
