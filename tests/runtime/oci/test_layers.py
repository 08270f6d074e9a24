"""Layers: what an archive may do to a directory, and what it may not."""

import io
import os
import stat
import tarfile
from pathlib import Path

import pytest

from pynetes.runtime.oci.layers import clean, unpack, within

root_only = pytest.mark.skipif(os.geteuid() != 0, reason="owners and device nodes need root")


def archive(*entries: tuple[str, str, str]) -> io.BytesIO:
    """Entries of (name, kind, content or target); kinds: f, d, l (symbolic), h (hard)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, text in entries:
            info = tarfile.TarInfo(name)
            info.uid, info.gid = os.geteuid(), os.getegid()
            info.mode = 0o755 if kind == "d" else 0o640
            if kind == "f":
                info.size = len(text)
                tar.addfile(info, io.BytesIO(text.encode()))
                continue
            info.type = {"d": tarfile.DIRTYPE, "l": tarfile.SYMTYPE, "h": tarfile.LNKTYPE}[kind]
            info.linkname = text
            tar.addfile(info)
    out.seek(0)
    return out


def test_files_links_and_directories_come_out_as_they_went_in(tmp_path: Path) -> None:
    size = unpack(archive(("a", "d", ""), ("a/f", "f", "hello"), ("a/h", "h", "a/f"), ("s", "l", "a/f")), tmp_path)
    assert size == 5
    assert (tmp_path / "s").read_text() == "hello"
    assert os.stat(tmp_path / "a/f").st_ino == os.stat(tmp_path / "a/h").st_ino
    assert stat.S_IMODE(os.stat(tmp_path / "a/f").st_mode) == 0o640


@root_only
def test_whiteouts_become_overlays_own(tmp_path: Path) -> None:
    unpack(archive(("d/.wh.gone", "f", ""), ("o/.wh..wh..opq", "f", ""), ("o/new", "f", "x")), tmp_path)
    gone = os.lstat(tmp_path / "d/gone")
    assert stat.S_ISCHR(gone.st_mode)
    assert gone.st_rdev == 0
    assert os.getxattr(tmp_path / "o", "trusted.overlay.opaque") == b"y"
    assert (tmp_path / "o/new").read_text() == "x"


@root_only
def test_a_directory_deleted_and_made_anew_shows_nothing_of_the_old(tmp_path: Path) -> None:
    unpack(archive((".wh.d", "f", ""), ("d", "d", "")), tmp_path)
    assert os.getxattr(tmp_path / "d", "trusted.overlay.opaque") == b"y"


@pytest.mark.parametrize("name", ["../evil", "a/../../evil", "/../evil"])
def test_a_name_that_leads_out_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="leads out"):
        unpack(archive((name, "f", "x")), tmp_path / "root")
    assert not (tmp_path / "evil").exists()


def test_a_link_that_leads_out_is_followed_inside_only(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    outside = tmp_path / "outside"
    outside.mkdir()
    unpack(archive(("way", "l", str(outside)), ("way/f", "f", "x"), ("up", "l", "../../.."), ("up/g", "f", "y")), root)
    assert list(outside.iterdir()) == []
    assert (root / str(outside).lstrip("/") / "f").read_text() == "x"
    assert (root / "g").read_text() == "y"


def test_a_hard_link_cannot_reach_outside(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    (tmp_path / "secret").write_text("s")
    with pytest.raises(ValueError, match="not in the layer"):
        unpack(archive(("way", "l", str(tmp_path)), ("h", "h", "way/secret")), root)


def test_a_loop_of_links_ends(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="symbolic links"):
        unpack(archive(("a", "l", "b"), ("b", "l", "a"), ("a/f", "f", "x")), tmp_path)


@root_only
def test_an_unnamed_directory_looks_as_in_the_layer_below(tmp_path: Path) -> None:
    below, above = tmp_path / "below", tmp_path / "above"
    (below / "tmp").mkdir(parents=True)
    (below / "tmp").chmod(0o1777)
    above.mkdir()
    unpack(archive(("tmp/f", "f", "x")), above, [below])
    assert stat.S_IMODE(os.stat(above / "tmp").st_mode) == 0o1777


def test_names_are_cleaned() -> None:
    assert clean("./a//b/./c") == ["a", "b", "c"]
    assert within(Path("/r"), ["..", "x"]) == "/r/x"
