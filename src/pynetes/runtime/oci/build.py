"""Make images without a daemon: from a root directory, or by the few Dockerfile lines that need no process.

Known: FROM (``scratch`` or an image of the store), COPY, ADD of plain files, ENTRYPOINT, CMD, ENV, USER, WORKDIR,
EXPOSE, LABEL, STOPSIGNAL, VOLUME. Anything else (RUN above all) is refused by name. The same input gives the same
image id: times and owners are fixed.

Source: Dockerfile reference.
"""

import hashlib
import io
import os
import platform
import shlex
import stat
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import orjson

from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.layers import clean
from pynetes.runtime.oci.load import ARCHITECTURES
from pynetes.runtime.oci.types import ImageRecord
from pynetes.runtime.types import RuntimeFailure


@dataclass(slots=True)
class Plan:
    """What a Dockerfile comes to: the image it begins with, one layer of (sources, destination), a configuration."""

    base: str = "scratch"
    copies: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)


def parse(text: str) -> Plan:
    """Raises: RuntimeFailure with the line that cannot be followed."""
    plan = Plan()
    for number, line in _lines(text):
        instruction, _, rest = line.partition(" ")
        instruction, rest = instruction.upper(), rest.strip()
        if instruction == "FROM":
            plan.base = rest.split()[0]
        elif instruction in ("COPY", "ADD"):
            words = list(_words(rest))
            if len(words) < 2 or words[0].startswith("--"):
                raise RuntimeFailure(f"line {number}: {line}: sources and a destination are expected")
            plan.copies.append((tuple(words[:-1]), _absolute(plan.config.get("WorkingDir", "/"), words[-1])))
        elif instruction in ("ENTRYPOINT", "CMD"):
            plan.config["Entrypoint" if instruction == "ENTRYPOINT" else "Cmd"] = _command(rest)
        elif instruction == "ENV":
            plan.config.setdefault("Env", []).extend(f"{k}={v}" for k, v in _pairs(rest))
        elif instruction == "LABEL":
            plan.config.setdefault("Labels", {}).update(_pairs(rest))
        elif instruction == "WORKDIR":
            plan.config["WorkingDir"] = _absolute(plan.config.get("WorkingDir", "/"), rest)
        elif instruction in ("USER", "STOPSIGNAL"):
            plan.config["User" if instruction == "USER" else "StopSignal"] = rest
        elif instruction in ("EXPOSE", "VOLUME"):
            key = "ExposedPorts" if instruction == "EXPOSE" else "Volumes"
            names = orjson.loads(rest) if rest.startswith("[") else rest.split()
            ports = [n if "/" in n or key == "Volumes" else f"{n}/tcp" for n in names]
            plan.config.setdefault(key, {}).update({n: {} for n in ports})
        else:
            raise RuntimeFailure(f"line {number}: {instruction} is not supported: {line}")
    return plan


def build(store: ImageStore, context: Path, dockerfile: str, tag: str) -> ImageRecord:
    """The image that the Dockerfile's text makes of the files in ``context``. Raises: RuntimeFailure; OSError."""
    plan = parse(dockerfile)
    base = None
    if plan.base != "scratch":
        base = store.get(plan.base)
        if base is None:
            raise RuntimeFailure(f"image {plan.base} is not in the store: load it first")
    with store.workplace() as workplace:
        archive = workplace / "layer.tar"
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            made: set[str] = set()
            for sources, destination in plan.copies:
                for source in sources:
                    _copy(tar, made, context, source, destination, len(sources) > 1)
        return _finish(store, workplace, archive, base, plan.config, tag)


def from_directory(store: ImageStore, rootfs: Path, tag: str, config: Mapping[str, Any]) -> ImageRecord:
    """An image of one layer: the directory as it stands, with its owners. ``config``: as in an image configuration."""
    with store.workplace() as workplace:
        archive = workplace / "layer.tar"
        with tarfile.open(archive, "w", format=tarfile.PAX_FORMAT) as tar:
            tar.add(rootfs, arcname=".", recursive=True, filter=_timeless)
        return _finish(store, workplace, archive, None, config, tag)


def _finish(
    store: ImageStore, workplace: Path, archive: Path, base: ImageRecord | None, config: Mapping[str, Any], tag: str
) -> ImageRecord:
    with open(archive, "rb") as file:
        diff_id = f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"
    below = base.layers if base else ()
    layers: dict[str, Path | None] = dict.fromkeys(below)
    if not store.layer_path(diff_id).exists():
        with open(archive, "rb") as file:
            layers[diff_id] = store.unpack_layer(file, workplace, below)
    else:
        layers[diff_id] = None
    document = {
        "architecture": ARCHITECTURES.get(platform.machine(), platform.machine()),
        "os": "linux",
        "config": _merged(base.config if base else {}, config),
        "rootfs": {"type": "layers", "diff_ids": list(layers)},
    }
    raw = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
    return store.add(document, f"sha256:{hashlib.sha256(raw).hexdigest()}", layers, tags=[tag])


def _merged(base: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, Any]:
    merged = {k: v for k, v in base.items() if k not in ("os", "architecture")}
    if "Entrypoint" in config and "Cmd" not in config:
        merged.pop("Cmd", None)  # the base's command were arguments for the base's entry point
    merged.update(config)
    if base.get("Env"):
        env = dict(e.split("=", 1) for e in [*base["Env"], *config.get("Env", [])])
        merged["Env"] = [f"{k}={v}" for k, v in env.items()]
    return merged


def _copy(tar: tarfile.TarFile, made: set[str], context: Path, source: str, destination: str, many: bool) -> None:
    parts = clean(source)
    origin = context.joinpath(*parts)
    if not origin.exists() and not origin.is_symlink():
        raise RuntimeFailure(f"COPY {source}: no such file in {context}")
    target = PurePosixPath(destination)
    if origin.is_dir():
        for directory, names, files in os.walk(origin):
            names.sort()
            here = target / os.path.relpath(directory, origin)
            _directories(tar, made, here)
            for name in sorted([*files, *(n for n in names if os.path.islink(os.path.join(directory, n)))]):
                _put(tar, Path(directory) / name, here / name)
    else:
        if destination.endswith("/") or many:
            target = target / origin.name
        _directories(tar, made, target.parent)
        _put(tar, origin, target)


def _directories(tar: tarfile.TarFile, made: set[str], path: PurePosixPath) -> None:
    for step in [*reversed(path.parents), path]:
        name = str(step).strip("/")
        if name and name != "." and name not in made:
            made.add(name)
            info = tarfile.TarInfo(name)
            info.type, info.mode = tarfile.DIRTYPE, 0o755
            tar.addfile(info)


def _put(tar: tarfile.TarFile, origin: Path, target: PurePosixPath) -> None:
    status = origin.lstat()
    info = tarfile.TarInfo(str(target).strip("/"))
    info.mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        info.type, info.linkname = tarfile.SYMTYPE, os.readlink(origin)
        tar.addfile(info)
    elif stat.S_ISREG(status.st_mode):
        info.size = status.st_size
        with open(origin, "rb") as file:
            tar.addfile(info, file)
    else:
        raise RuntimeFailure(f"COPY {origin}: neither a file, a directory nor a link")


def _timeless(info: tarfile.TarInfo) -> tarfile.TarInfo:
    info.mtime = 0
    info.uname = info.gname = ""
    return info


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Instructions with the number of their first line; continued lines joined, comments left out."""
    pending, begun = "", 0
    for number, raw in enumerate(io.StringIO(text), 1):
        line = raw.strip()
        if line.startswith("#") or (not line and not pending):
            continue
        begun = begun or number
        if line.endswith("\\"):
            pending += line[:-1] + " "
            continue
        yield begun, (pending + line).strip()
        pending, begun = "", 0
    if pending.strip():
        yield begun, pending.strip()


def _words(text: str) -> Sequence[str]:
    return [str(w) for w in orjson.loads(text)] if text.startswith("[") else shlex.split(text)


def _command(text: str) -> list[str]:
    if text.startswith("["):
        try:
            return [str(w) for w in orjson.loads(text)]
        except ValueError:
            pass
    return ["/bin/sh", "-c", text]


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = shlex.split(text)
    if words and "=" not in words[0]:
        yield words[0], " ".join(words[1:])
        return
    for word in words:
        key, _, value = word.partition("=")
        yield key, value


def _absolute(base: str, path: str) -> str:
    absolute = str(PurePosixPath(base or "/") / path)
    return absolute + ("/" if path.endswith("/") or path in (".", "./") else "")
