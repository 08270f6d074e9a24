"""Bring images in from a file or directory: an OCI layout, or what ``docker save`` wrote.

Every digest that the archive states is checked. Several images in one archive come in one after the other.

Source: OCI image specification, ``image-layout.md``; Docker image specification 1.2, "Combined Image JSON".
"""

import gzip
import hashlib
import os
import platform
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

import orjson

from pynetes.runtime import references
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.layers import within
from pynetes.runtime.oci.types import ImageRecord
from pynetes.runtime.types import RuntimeFailure

Open = Callable[[str], IO[bytes]]

NAME_ANNOTATION = "io.containerd.image.name"
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "riscv64": "riscv64"}


def load(store: ImageStore, source: Path, tags: Sequence[str] = (), *, by_hand: bool = True) -> list[ImageRecord]:
    """The images that came in. ``tags``: names for an archive of one image, instead of its own.

    Raises: RuntimeFailure for an archive that is none or lies about its contents; OSError.
    """
    with store.workplace() as workplace, _opened(source, workplace) as (names, open_):
        if "manifest.json" in names:
            found = list(_docker(orjson.loads(_all(open_("manifest.json")))))
        elif "index.json" in names:
            found = list(_layout(open_))
        else:
            raise RuntimeFailure(f"{source} is neither an OCI layout nor an archive of docker save")
        if tags and len(found) != 1:
            raise RuntimeFailure(f"{source} holds {len(found)} images: none can be named {', '.join(tags)}")
        return [_bring_in(store, workplace, open_, image, tags, by_hand) for image in found]


@dataclass(frozen=True, slots=True)
class _Found:
    """One image of an archive: names of blobs inside of it."""

    config: str
    config_digest: str
    layers: tuple[str, ...]
    tags: tuple[str, ...]
    digest: str = ""


def _bring_in(
    store: ImageStore, workplace: Path, open_: Open, image: _Found, tags: Sequence[str], by_hand: bool
) -> ImageRecord:
    raw = _all(open_(image.config))
    digest = f"sha256:{hashlib.sha256(raw).hexdigest()}"
    if image.config_digest and digest != image.config_digest:
        raise RuntimeFailure(f"image configuration {image.config} has the digest {digest}, not {image.config_digest}")
    config = orjson.loads(raw)
    diff_ids: list[str] = config.get("rootfs", {}).get("diff_ids") or []
    if len(diff_ids) != len(image.layers):
        raise RuntimeFailure(f"image {digest} has {len(image.layers)} layers and {len(diff_ids)} diff ids")
    made: dict[str, Path | None] = {}
    for position, (diff_id, blob) in enumerate(zip(diff_ids, image.layers, strict=True)):
        if store.layer_path(diff_id).exists():
            made[diff_id] = None
            continue
        if diff_id in made:
            continue
        with open_(blob) as compressed, _plain(compressed, workplace) as plain:
            counted = _Hashing(plain)
            path = store.unpack_layer(cast(BinaryIO, counted), workplace, diff_ids[:position])
            counted.drain()
        if counted.digest() != diff_id:
            raise RuntimeFailure(f'wrong diff id calculated on extraction "{counted.digest()}"')
        made[diff_id] = path
    names = [references.parse(t) for t in tags or image.tags]
    repositories = {name.name for name in names}
    digests = [f"{r}@{image.digest}" for r in sorted(repositories)] if image.digest else []
    own = [str(name) for name in names if not name.digest]
    return store.add(config, digest, made, tags=own, digests=digests, by_hand=by_hand)


def _docker(manifest: Sequence[Mapping[str, Any]]) -> Iterator[_Found]:
    for entry in manifest:
        yield _Found(entry["Config"], "", tuple(entry.get("Layers") or ()), tuple(entry.get("RepoTags") or ()))


def _layout(open_: Open) -> Iterator[_Found]:
    for descriptor in orjson.loads(_all(open_("index.json"))).get("manifests") or ():
        annotations = descriptor.get("annotations") or {}
        name = annotations.get(NAME_ANNOTATION) or annotations.get("org.opencontainers.image.ref.name") or ""
        tags = (name,) if name and _is_name(name) else ()
        chosen = _for_this_machine(open_, descriptor)
        manifest = orjson.loads(_blob(open_, chosen))
        yield _Found(
            blob_name(manifest["config"]["digest"]),
            manifest["config"]["digest"],
            tuple(blob_name(layer["digest"]) for layer in manifest.get("layers") or ()),
            tags,
            descriptor["digest"],
        )


def _is_name(text: str) -> bool:
    """Whether an annotation names an image; ``org.opencontainers.image.ref.name`` is often a bare tag."""
    if "/" not in text and ":" not in text:
        return False
    try:
        references.parse(text)
    except ValueError:
        return False
    return True


def _for_this_machine(open_: Open, descriptor: Mapping[str, Any]) -> Mapping[str, Any]:
    """Down from an index of platforms to this machine's manifest."""
    document = orjson.loads(_blob(open_, descriptor))
    if "manifests" not in document:
        return descriptor
    chosen = fitting(document["manifests"])
    if chosen is None:
        raise RuntimeFailure(f"no image for linux/{_architecture()} in {descriptor['digest']}")
    return _for_this_machine(open_, chosen)


def fitting(manifests: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """The first of an index's manifests that is for this machine."""
    wanted = _architecture()
    for entry in manifests:
        at = entry.get("platform") or {}
        if at.get("architecture", wanted) == wanted and at.get("os", "linux") == "linux":
            return entry
    return None


def _architecture() -> str:
    return ARCHITECTURES.get(platform.machine(), platform.machine())


def blob_name(digest: str) -> str:
    algorithm, _, value = digest.partition(":")
    return f"blobs/{algorithm}/{value}"


def _blob(open_: Open, descriptor: Mapping[str, Any]) -> bytes:
    data = _all(open_(blob_name(descriptor["digest"])))
    if f"sha256:{hashlib.sha256(data).hexdigest()}" != descriptor["digest"]:
        raise RuntimeFailure(f"blob {descriptor['digest']} has other contents")
    return data


def _all(stream: IO[bytes]) -> bytes:
    with stream:
        return stream.read()


@contextmanager
def _opened(source: Path, workplace: Path) -> Iterator[tuple[set[str], Open]]:
    """The names of an archive's or directory's top, and a function that opens a file of it."""
    if source.is_dir():
        yield set(os.listdir(source)), lambda name: open(within(source, name.split("/")), "rb")  # noqa: SIM115  # its reader closes it
        return
    with open(source, "rb") as raw, _plain(raw, workplace) as plain, _seekable(plain, workplace) as file:
        try:
            tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115  # entered below; only this line's error is ours
        except tarfile.TarError as error:
            raise RuntimeFailure(f"{source} is no image archive: {error}") from error
        with tar:
            members = {m.name.removeprefix("./"): m for m in tar}

            def open_(name: str) -> IO[bytes]:
                member = members.get(name)
                stream = tar.extractfile(member) if member else None
                if stream is None:
                    raise RuntimeFailure(f"{source}: {name} is missing")
                return stream

            yield {name.split("/")[0] for name in members}, open_


@contextmanager
def _plain(stream: IO[bytes], workplace: Path) -> Iterator[IO[bytes]]:
    """The stream, decompressed where it is compressed."""
    magic = stream.read(4)
    stream.seek(0)
    if magic[:2] == b"\x1f\x8b":
        with gzip.GzipFile(fileobj=stream) as unzipped:
            yield cast(IO[bytes], unzipped)
    elif magic == b"\x28\xb5\x2f\xfd":
        with tempfile.TemporaryFile(dir=workplace) as packed, tempfile.TemporaryFile(dir=workplace) as out:
            shutil.copyfileobj(stream, packed, 1024 * 1024)
            packed.seek(0)
            try:
                subprocess.run(["zstd", "-dcq"], stdin=packed, stdout=out, check=True)
            except FileNotFoundError as error:
                raise RuntimeFailure("the archive is compressed with zstd, and there is no program zstd") from error
            except subprocess.CalledProcessError as error:
                raise RuntimeFailure("the archive is broken: zstd cannot read it") from error
            out.seek(0)
            yield out
    else:
        yield stream


@contextmanager
def _seekable(stream: IO[bytes], workplace: Path) -> Iterator[IO[bytes]]:
    if not isinstance(stream, gzip.GzipFile):
        yield stream
        return
    with tempfile.TemporaryFile(dir=workplace) as file:
        shutil.copyfileobj(stream, file, 1024 * 1024)
        file.seek(0)
        yield file


class _Hashing(RawIOBase):
    """Passes a stream on and knows its digest at the end."""

    def __init__(self, stream: IO[bytes]) -> None:
        super().__init__()
        self._stream = stream
        self._hash = hashlib.sha256()

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        self._hash.update(data)
        return data

    def drain(self) -> None:
        """Read what the archive's reader left: padding behind its end mark."""
        while self.read(1024 * 1024):
            pass

    def digest(self) -> str:
        return f"sha256:{self._hash.hexdigest()}"
