"""Pull: what this machine needs of an image becomes an OCI layout on disk, and that is loaded like any other.

Layers that the store has are not fetched. Several come at once.

Source: containerd ``core/transfer/local/pull.go``, ``internal/cri/server/images/image_pull.go``.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import orjson

from pynetes.aio.clock import Clock
from pynetes.runtime import references
from pynetes.runtime.oci import load
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.registry.endpoints import endpoints
from pynetes.runtime.oci.registry.repository import INDEXES, MANIFESTS, Descriptor, Repository
from pynetes.runtime.oci.registry.web import Web
from pynetes.runtime.oci.types import ImageRecord
from pynetes.runtime.types import Credentials, NotFound, RuntimeFailure

CONCURRENT_DOWNLOADS = 3
PIECE = 1024 * 1024


async def pull(
    clock: Clock, store: ImageStore, reference: str, credentials: Credentials | None, folder: Path | None
) -> ImageRecord:
    """Raises: RuntimeFailure, NotFound, in containerd's words."""
    name = references.parse(reference)
    name = replace(name, tag="") if name.digest else name
    try:
        async with Web(clock) as web, _workplace(clock, store) as workplace:
            at = endpoints(name.name.partition("/")[0], folder)
            repository = Repository(clock, web, name, at, credentials)
            try:
                top = await repository.resolve()
            except RuntimeFailure as error:
                raise type(error)(f"failed to resolve image: {error}") from error
            await _Download(clock, store, repository, workplace).layout(top, str(name))
            return (await clock.in_thread(partial(load.load, store, workplace, by_hand=False)))[0]
    except _NoMatch as error:
        raise NotFound(f"get image config descriptor: {error}", "ErrImagePull") from error
    except TimeoutError as error:
        raise _failed(RuntimeFailure, name, "context canceled") from error
    except RuntimeFailure as error:
        raise _failed(type(error), name, error) from error
    except OSError as error:
        raise _failed(RuntimeFailure, name, error) from error


class _NoMatch(Exception):
    """No manifest of an index is for this machine."""


class _Download:
    def __init__(self, clock: Clock, store: ImageStore, repository: Repository, workplace: Path) -> None:
        self._clock = clock
        self._store = store
        self._repository = repository
        self._workplace = workplace
        self._turns = asyncio.Semaphore(CONCURRENT_DOWNLOADS)

    async def layout(self, top: Descriptor, name: str) -> None:
        """All that loading the image will read."""
        manifest = await self._document(top)
        digest = top.digest
        while "manifests" in manifest:
            chosen = load.fitting(manifest["manifests"])
            if chosen is None:
                raise _NoMatch(f"no match for platform in manifest {top.digest}: not found")
            digest = chosen["digest"]
            manifest = await self._document(_descriptor(chosen))
        if "config" not in manifest or "layers" not in manifest:
            raise NotFound(f"unexpected media type {top.media_type} for {digest}: not found")
        config = await self._document(_descriptor(manifest["config"]))
        diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
        if len(diff_ids) != len(manifest["layers"]):
            raise RuntimeFailure(
                f"number of layers and diffIDs don't match: {len(manifest['layers'])} != {len(diff_ids)}"
            )
        wanted = {
            layer["digest"]: _descriptor(layer)
            for layer, diff_id in zip(manifest["layers"], diff_ids, strict=True)
            if not self._store.layer_path(diff_id).exists()
        }
        try:
            async with asyncio.TaskGroup() as group:
                for descriptor in wanted.values():
                    group.create_task(self._blob(descriptor), name=f"download {descriptor.digest}")
        except BaseExceptionGroup as failures:
            raise failures.exceptions[0] from failures
        index = {"schemaVersion": 2, "manifests": [_entry(top, name)]}
        (self._workplace / "index.json").write_bytes(orjson.dumps(index))

    async def _document(self, descriptor: Descriptor) -> Mapping[str, Any]:
        async with self._repository.fetch(descriptor) as answer:
            body = await answer.body()
        if f"sha256:{hashlib.sha256(body).hexdigest()}" != descriptor.digest:
            found = f"sha256:{hashlib.sha256(body).hexdigest()}"
            raise RuntimeFailure(f"unexpected commit digest {found}, expected {descriptor.digest}: failed precondition")
        self._path(descriptor.digest).write_bytes(body)
        try:
            document = orjson.loads(body)
        except ValueError as error:
            raise RuntimeFailure(f"{descriptor.digest} is no JSON: {error}") from error
        if not isinstance(document, dict):
            raise RuntimeFailure(f"{descriptor.digest} is no JSON object")
        return document

    async def _blob(self, descriptor: Descriptor) -> None:
        """A layer. Its contents are checked when it is unpacked: the configuration says what they are."""
        path = self._path(descriptor.digest)
        async with self._turns, self._repository.fetch(descriptor) as answer:
            gathered, size = [], 0
            async for piece in answer.pieces:
                gathered.append(piece)
                size += len(piece)
                if size >= PIECE:
                    await self._clock.in_thread(_append, path, gathered)
                    gathered, size = [], 0
            await self._clock.in_thread(_append, path, gathered)

    def _path(self, digest: str) -> Path:
        path = self._workplace / load.blob_name(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path


def _append(path: Path, pieces: Sequence[bytes]) -> None:
    with open(path, "ab") as file:
        file.writelines(pieces)


def _descriptor(entry: Mapping[str, Any]) -> Descriptor:
    """Raises: RuntimeFailure for what is none."""
    digest = entry.get("digest")
    if not isinstance(digest, str) or not references.image_id(digest):
        raise RuntimeFailure(f"invalid digest {digest}: invalid argument")
    return Descriptor(digest, str(entry.get("mediaType") or ""), int(entry.get("size") or 0))


def _entry(top: Descriptor, name: str) -> dict[str, Any]:
    known = top.media_type if top.media_type in (*INDEXES, *MANIFESTS) else MANIFESTS[1]
    entry = {"mediaType": known, "digest": top.digest, "size": top.size}
    return {**entry, "annotations": {load.NAME_ANNOTATION: name}}


@asynccontextmanager
async def _workplace(clock: Clock, store: ImageStore) -> AsyncIterator[Path]:
    """Made and removed on a thread: the store's lock may be held by another process."""
    manager = store.workplace()
    path = await clock.in_thread(manager.__enter__)
    try:
        yield path
    finally:
        await clock.in_thread(manager.__exit__, None, None, None)


def _failed(kind: type[RuntimeFailure], name: references.Reference, why: object) -> RuntimeFailure:
    return kind(f'failed to pull and unpack image "{name}": {why}', "ErrImagePull")
