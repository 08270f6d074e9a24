"""The image store: content-addressed, shared by the runtimes of one host, whole at any instant.

::

    lock                 held while the index or the layers are changed (flock)
    index.json           every image: see ``ImageRecord``
    layers/DIFFID        an unpacked layer, read-only for all
    pins/CONTAINER.json  layers that a container stands on, and the directory without which the pin means nothing
    tmp/                 what is being made; collected when its maker is gone

An import unpacks layers into ``tmp``, moves each into place by one rename, and at last writes the index by another: a
killed import leaves nothing but garbage that the next one collects. A layer goes when no image names it and no
container stands on it.

Caveats: compressed blobs are not kept, so what an image's manifest said of them is gone; loading it again is how to get
it back.
"""

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

import orjson

from pynetes.runtime import references
from pynetes.runtime.oci.layers import unpack
from pynetes.runtime.oci.types import ImageRecord, revive, write_atomically
from pynetes.runtime.types import Image, NotFound, RuntimeFailure


class ImageStore:
    """Synchronous: the reading half costs one ``stat`` and is called on the loop, the writing half on a thread."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._signature: tuple[int, int, int] | None = None
        self._images: dict[str, ImageRecord] = {}

    def open(self) -> None:
        """Make the directories; collect what killed imports and containers left."""
        for name in ("layers", "pins", "tmp"):
            (self.root / name).mkdir(parents=True, exist_ok=True)
        self.collect()

    def all(self) -> list[ImageRecord]:
        return list(self._read().values())

    def get(self, reference: str) -> ImageRecord | None:
        """By tag, by digest, or by id. Raises: ValueError for what is no reference at all."""
        images = self._read()
        if (wanted := references.image_id(reference)) and wanted in images:
            return images[wanted]
        name = references.parse(reference)
        exact = str(replace(name, tag="") if name.digest else name)
        for record in images.values():
            if exact in (record.digests if name.digest else record.tags):
                return record
        return None

    def of(self, image_id: str) -> ImageRecord | None:
        return self._read().get(image_id)

    def layer_paths(self, layers: Sequence[str]) -> list[Path]:
        """The unpacked layers' directories, lowest first."""
        return [self.layer_path(layer) for layer in layers]

    def layer_path(self, diff_id: str) -> Path:
        # half of the digest is enough to tell layers apart, and overlayfs takes one page of options for all of them
        return self.root / "layers" / diff_id.partition(":")[2][:32]

    def pin(self, container_id: str, record: ImageRecord, owner: Path) -> None:
        """Keep the image's layers while ``owner`` exists. Raises: NotFound when the image went away meanwhile."""
        with self.locked():
            if record.id not in self._read():
                raise NotFound(f"image {record.id} is gone")
            write_atomically(self._pin(container_id), orjson.dumps({"layers": record.layers, "owner": str(owner)}))

    def unpin(self, container_id: str) -> None:
        self._pin(container_id).unlink(missing_ok=True)

    def remove(self, reference: str) -> None:
        """Take the tag or digest away, or with an id the image; an image without a name goes, with its layers.

        What is not there is removed already.
        """
        with self.locked():
            record = self.get(reference)
            if record is None:
                return
            images = dict(self._read())
            if references.image_id(reference):
                del images[record.id]
            else:
                name = references.parse(reference)
                exact = str(replace(name, tag="") if name.digest else name)
                record = replace(
                    record,
                    tags=tuple(t for t in record.tags if t != exact),
                    digests=tuple(d for d in record.digests if d != exact),
                )
                images[record.id] = record
                if not record.tags:
                    del images[record.id]
            self._write(images)
            self._collect()

    def collect(self) -> None:
        """Delete layers nobody needs, pins without an owner, and what killed imports left in ``tmp``."""
        with self.locked():
            self._collect()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Alone among all processes that share the store. Not to be nested."""
        fd = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)

    @contextmanager
    def workplace(self) -> Iterator[Path]:
        """A directory in ``tmp`` that is left alone while this process holds it, and collected afterwards."""
        (self.root / "tmp").mkdir(parents=True, exist_ok=True)
        with self.locked():  # between making and locking it nobody may collect
            path = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
            fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            fcntl.flock(fd, fcntl.LOCK_EX)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            os.close(fd)

    def unpack_layer(self, archive: BinaryIO, workplace: Path, below: Sequence[str]) -> Path:
        """Unpack a plain tar stream into the workplace; ``add`` puts it into its place."""
        path = Path(tempfile.mkdtemp(dir=workplace, prefix="layer-"))
        os.chmod(path, 0o755)
        unpack(archive, path, list(reversed(self.layer_paths(below))))
        return path

    def add(
        self,
        config: Mapping[str, Any],
        image_id: str,
        layers: Mapping[str, Path | None],
        *,
        tags: Iterable[str] = (),
        digests: Iterable[str] = (),
        by_hand: bool = True,
    ) -> ImageRecord:
        """Bring an image in: its configuration document, and each diff id with its unpacked directory or ``None`` for
        one that is there already. A tag that another image had moves to this one."""
        new_tags = [str(references.parse(t)) for t in tags]
        with self.locked():
            for diff_id, made in layers.items():
                place = self.layer_path(diff_id)
                if made is not None and not place.exists():
                    os.rename(made, place)
                if not place.exists():
                    raise RuntimeFailure(f"image {image_id}: layer {diff_id} is missing")
            images = {
                key: replace(r, tags=tuple(t for t in r.tags if t not in new_tags)) for key, r in self._read().items()
            }
            known = images.get(image_id)
            record = ImageRecord(
                id=image_id,
                tags=tuple(dict.fromkeys([*(known.tags if known else ()), *new_tags])),
                digests=tuple(dict.fromkeys([*(known.digests if known else ()), *digests])),
                size=sum(_size(self.layer_path(d)) for d in layers),
                layers=tuple(layers),
                config={
                    "os": config.get("os", ""),
                    "architecture": config.get("architecture", ""),
                    **(config.get("config") or {}),
                },
                by_hand=by_hand or (known is not None and known.by_hand),
            )
            images[image_id] = record
            self._write(images)
            return record

    def _read(self) -> dict[str, ImageRecord]:
        try:
            status = os.stat(self.root / "index.json")
        except FileNotFoundError:
            return {}
        signature = (status.st_ino, status.st_mtime_ns, status.st_size)
        if signature != self._signature:
            document = orjson.loads((self.root / "index.json").read_bytes())
            self._images = {r["id"]: cast(ImageRecord, revive(ImageRecord, r)) for r in document["images"]}
            self._signature = signature
        return self._images

    def _write(self, images: Mapping[str, ImageRecord]) -> None:
        write_atomically(self.root / "index.json", orjson.dumps({"images": [asdict(r) for r in images.values()]}))

    def _pin(self, container_id: str) -> Path:
        return self.root / "pins" / f"{container_id}.json"

    def _collect(self) -> None:
        needed = {self.layer_path(layer).name for record in self._read().values() for layer in record.layers}
        for pin in (self.root / "pins").glob("*.json"):
            document = orjson.loads(pin.read_bytes())
            if os.path.exists(document["owner"]):
                needed |= {self.layer_path(layer).name for layer in document["layers"]}
            else:
                pin.unlink(missing_ok=True)
        for layer in (self.root / "layers").iterdir():
            if layer.name not in needed:
                # renamed first: a killed deletion must not leave half a layer under its name
                doomed = Path(tempfile.mkdtemp(dir=self.root / "tmp"))
                os.rename(layer, doomed / "layer")
        for garbage in (self.root / "tmp").iterdir():
            fd = os.open(garbage, os.O_RDONLY | os.O_CLOEXEC)
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(garbage, ignore_errors=True)
            except BlockingIOError:
                pass  # its maker is at work
            finally:
                os.close(fd)


def as_image(record: ImageRecord) -> Image:
    """As the kubelet sees it."""
    user = str(record.config.get("User") or "")
    return Image(record.id, record.tags, record.digests, record.size, user, not record.by_hand)


def _size(path: Path) -> int:
    """Bytes of all files below; hard links count once."""
    seen: set[int] = set()
    total = 0
    for directory, _, files in os.walk(path):
        for name in files:
            status = os.lstat(os.path.join(directory, name))
            if status.st_ino not in seen:
                seen.add(status.st_ino)
                total += status.st_size
    return total
