"""Writing a projected volume so that a reader sees either all of the old files or all of the new ones.

The files live in a folder with a time for a name; ``..data`` links to it and each visible name links through
``..data``. Only ``..data`` is ever replaced, by rename.

Source: kubernetes ``pkg/volume/util/atomic_writer.go``.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from pynetes.kubelet.host import File

DATA = "..data"


def write(folder: Path, files: Mapping[str, File], stamp: str, *, group: int | None = None) -> bool:
    """Make the folder show exactly these files (names are relative paths); ``stamp`` names the new data folder.

    False: it already did. Nothing is left behind by a crash but an unused data folder, which the next write removes.
    """
    current = _current(folder)
    if current is not None and _same(folder / DATA, files):
        return False
    fresh = folder / stamp
    fresh.mkdir(mode=0o755)
    fresh.chmod(0o755)
    for name, file in files.items():
        _place(fresh, name, file, group)
    if group is not None:
        os.chown(fresh, -1, group)
    _link(folder, files, group)
    temporary = folder / "..data_tmp"
    temporary.unlink(missing_ok=True)
    temporary.symlink_to(stamp)
    temporary.rename(folder / DATA)
    _unlink_stale(folder, files)
    for entry in folder.iterdir():
        if entry.name.startswith("..") and entry.is_dir() and not entry.is_symlink() and entry.name != stamp:
            shutil.rmtree(entry, ignore_errors=True)
    return True


def _current(folder: Path) -> str | None:
    try:
        return os.readlink(folder / DATA)
    except OSError:
        return None


def _same(data: Path, files: Mapping[str, File]) -> bool:
    found = {str(p.relative_to(data)) for p in data.rglob("*") if not p.is_dir()}
    if found != set(files):
        return False
    return all((data / name).read_bytes() == file.data for name, file in files.items())


def _place(folder: Path, name: str, file: File, group: int | None) -> None:
    path = folder / name
    for parent in reversed(path.relative_to(folder).parents):
        directory = folder / parent
        if not directory.exists():
            directory.mkdir(mode=0o755)
            directory.chmod(0o755)
            if group is not None:
                os.chown(directory, -1, group)
    path.write_bytes(file.data)
    mode = file.mode
    if group is not None:
        os.chown(path, -1, group)
        mode |= 0o440
    if file.owner is not None:
        os.chown(path, file.owner, -1)
    path.chmod(mode)


def _link(folder: Path, files: Mapping[str, File], group: int | None) -> None:
    for top in {name.partition("/")[0] for name in files}:
        link = folder / top
        if not link.is_symlink():
            link.symlink_to(f"{DATA}/{top}")
            owner = files[top].owner if top in files else None
            if owner is not None or group is not None:
                os.lchown(link, -1 if owner is None else owner, -1 if group is None else group)


def _unlink_stale(folder: Path, files: Mapping[str, File]) -> None:
    wanted = {name.partition("/")[0] for name in files}
    for entry in folder.iterdir():
        if entry.is_symlink() and not entry.name.startswith("..") and entry.name not in wanted:
            entry.unlink()
