"""Who may use a pulled image: every pod, or those that have the credentials with which it came.

An image that was pulled has a record, a small file written whole; where that is missing, the registry is asked again.
One that was loaded by hand has none and is everybody's. Kubelets that share images share the records.

Source: kubernetes ``pkg/kubelet/images/pullmanager/image_pull_manager.go``.
"""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from pynetes.kubelet.credentials import Candidate
from pynetes.runtime.types import Image

MAX_NOTED = 100
"""Credentials of a repository in a record: more are asked for again. Source: ``writeRecordWhileMatchingLimit``."""


class PullRecords:
    """In ``folder``, or without one in memory."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._memory: dict[str, dict[str, Any]] = {}

    def may_use(self, image: Image, repository: str, secrets: Sequence[Candidate]) -> bool:
        """Whether a pod with these secrets may use an image that is here under a name of ``repository``."""
        record = self._read(image.id)
        if record is None:
            return not image.pulled
        known = record.get(repository)
        if known is None:
            return False
        if known.get("everybody"):
            return True
        noted = known.get("secrets") or ()
        for secret in secrets:
            same_words = any(n["hash"] == secret.hash for n in noted)
            same_secret = any(_is_from(n, secret) for n in noted)
            if same_words or (same_secret and len(noted) < MAX_NOTED):
                if not (same_words and same_secret) and len(noted) < MAX_NOTED:
                    self.note(image.id, repository, secret)
                return True
        return False

    def note(self, image_id: str, repository: str, secret: Candidate | None) -> None:
        """An image was pulled, or may be used, with these credentials; with none by everybody."""
        record = dict(self._read(image_id) or {})
        known = record.get(repository) or {}
        if secret is None or known.get("everybody"):
            record[repository] = {"everybody": True}
        else:
            entry = {"uid": secret.uid, "namespace": secret.namespace, "name": secret.name, "hash": secret.hash}
            others = [n for n in known.get("secrets") or () if not _is_from(n, secret)]
            record[repository] = {"secrets": [*others, entry]}
        self._write(image_id, record)

    def keep_only(self, image_ids: Sequence[str]) -> None:
        """Forget images that are gone."""
        kept = {_name(i) for i in image_ids}
        self._memory = {i: r for i, r in self._memory.items() if _name(i) in kept}
        for file in self._folder.glob("*.json") if self._folder else ():
            if file.name not in kept:
                file.unlink(missing_ok=True)

    def _read(self, image_id: str) -> Mapping[str, Any] | None:
        if self._folder is None:
            return self._memory.get(image_id)
        try:
            record = orjson.loads((self._folder / _name(image_id)).read_bytes())
        except FileNotFoundError:
            return None
        except ValueError:
            return {}  # a record there was: who may use the image is found out again
        return record if isinstance(record, dict) else {}

    def _write(self, image_id: str, record: dict[str, Any]) -> None:
        if self._folder is None:
            self._memory[image_id] = record
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        temporary = self._folder / f".{_name(image_id)}.{os.getpid()}"
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(orjson.dumps(record))
        os.replace(temporary, self._folder / _name(image_id))


def _is_from(noted: Mapping[str, str], secret: Candidate) -> bool:
    return (noted["uid"], noted["namespace"], noted["name"]) == (secret.uid, secret.namespace, secret.name)


def _name(image_id: str) -> str:
    return f"{image_id.replace(':', '-')}.json"
