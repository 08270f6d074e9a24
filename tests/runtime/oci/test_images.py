"""The image store: import, names, removal, and what a killed import leaves."""

import gzip
import hashlib
import io
import os
import tarfile
from pathlib import Path

import orjson
import pytest

from pynetes.runtime.oci.build import build, from_directory, parse
from pynetes.runtime.oci.images import ImageStore
from pynetes.runtime.oci.load import load
from pynetes.runtime.types import RuntimeFailure

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="layers keep their owners, which needs root")


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    made = ImageStore(tmp_path / "images")
    made.open()
    return made


def tar(**files: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def docker_archive(tags: list[str], layer: bytes) -> bytes:
    config = orjson.dumps({"os": "linux", "config": {"Cmd": ["x"]}, "rootfs": {"diff_ids": [digest(layer)]}})
    manifest = [{"Config": "c.json", "RepoTags": tags, "Layers": ["l.tar"]}]
    return tar(**{"manifest.json": orjson.dumps(manifest), "c.json": config, "l.tar": layer})


def layout(path: Path, layer: bytes, *, lie: bool = False) -> None:
    """An OCI layout with one gzipped layer under an index of platforms."""
    blobs = path / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(data: bytes) -> dict[str, object]:
        (blobs / digest(data)[7:]).write_bytes(data)
        return {"digest": digest(data), "size": len(data)}

    diff_id = digest(b"other" if lie else layer)
    config = put(orjson.dumps({"config": {"User": "1000"}, "rootfs": {"diff_ids": [diff_id]}}))
    manifest = put(orjson.dumps({"config": config, "layers": [put(gzip.compress(layer, mtime=0))]}))
    index = put(orjson.dumps({"manifests": [{**manifest, "platform": {"os": "linux"}}]}))
    index["annotations"] = {"io.containerd.image.name": "example.test/app:2"}
    (path / "index.json").write_bytes(orjson.dumps({"manifests": [index]}))


@pytest.mark.parametrize("compress", [lambda data: data, gzip.compress])
def test_an_archive_of_docker_save_comes_in(store: ImageStore, tmp_path: Path, compress) -> None:
    (tmp_path / "a.tar").write_bytes(compress(docker_archive(["busybox:1"], tar(f=b"hello"))))
    (record,) = load(store, tmp_path / "a.tar")
    assert record.tags == ("docker.io/library/busybox:1",)
    assert record.config["Cmd"] == ["x"]
    assert record.size == 5
    assert store.get("busybox:1") == store.get(record.id) == record
    assert (store.layer_paths(record.layers)[0] / "f").read_bytes() == b"hello"


def test_an_oci_layout_comes_in_with_its_digest(store: ImageStore, tmp_path: Path) -> None:
    layout(tmp_path / "layout", tar(f=b"x"))
    (record,) = load(store, tmp_path / "layout")
    assert record.tags == ("example.test/app:2",)
    assert store.get(record.digests[0]) == record
    assert record.digests[0].startswith("example.test/app@sha256:")


def test_a_layer_that_is_not_what_it_says_is_refused_and_leaves_nothing(store: ImageStore, tmp_path: Path) -> None:
    layout(tmp_path / "layout", tar(f=b"x"), lie=True)
    with pytest.raises(RuntimeFailure, match="diff id"):
        load(store, tmp_path / "layout")
    assert store.all() == []
    assert list((store.root / "layers").iterdir()) == []
    assert list((store.root / "tmp").iterdir()) == []


def test_a_file_that_is_no_archive_says_so(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"nothing of the kind" * 100)
    with pytest.raises(RuntimeFailure, match="no image archive"):
        load(store, tmp_path / "f")
    (tmp_path / "t").write_bytes(tar(x=b"y"))
    with pytest.raises(RuntimeFailure, match="neither an OCI layout nor"):
        load(store, tmp_path / "t")


def test_a_tag_moves_and_an_image_without_names_goes_with_its_layers(store: ImageStore, tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        (tmp_path / "a.tar").write_bytes(docker_archive(["app:1"], tar(f=text)))
        load(store, tmp_path / "a.tar")
    old, new = store.all()
    assert (old.tags, new.tags) == ((), ("docker.io/library/app:1",))
    store.remove(old.id)
    store.remove("app:1")
    store.remove("app:1")
    assert store.all() == []
    assert list((store.root / "layers").iterdir()) == []


def test_a_layer_stays_while_a_container_stands_on_it(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_bytes(docker_archive(["app:1"], tar(f=b"x")))
    (record,) = load(store, tmp_path / "a.tar")
    owner = tmp_path / "bundle"
    owner.mkdir()
    store.pin("c", record, owner)
    store.remove("app:1")
    assert store.layer_paths(record.layers)[0].is_dir()
    owner.rmdir()
    store.collect()
    assert not store.layer_paths(record.layers)[0].exists()


def test_what_a_killed_import_left_is_collected_but_not_what_another_is_making(store: ImageStore) -> None:
    (store.root / "tmp" / "left" / "layer").mkdir(parents=True)
    with store.workplace() as busy:
        store.collect()
        assert [p.name for p in (store.root / "tmp").iterdir()] == [busy.name]


def test_two_stores_over_one_directory_see_each_others_images(store: ImageStore, tmp_path: Path) -> None:
    other = ImageStore(store.root)
    assert other.get("app:1") is None
    (tmp_path / "a.tar").write_bytes(docker_archive(["app:1"], tar(f=b"x")))
    load(store, tmp_path / "a.tar")
    assert other.get("app:1") is not None


def test_a_dockerfile_without_processes_is_built_and_is_the_same_each_time(store: ImageStore, tmp_path: Path) -> None:
    context = tmp_path / "context"
    (context / "sub").mkdir(parents=True)
    (context / "sub" / "f").write_text("x")
    (context / "run.sh").write_text("#!/bin/sh\n")
    text = """
    # a comment
    FROM scratch
    WORKDIR /app
    COPY sub ./data/
    COPY run.sh /bin/
    ENV A=1 B="two words"
    USER 1000
    EXPOSE 80 53/udp
    ENTRYPOINT ["/bin/run.sh", \\
        "go"]
    """
    first = build(store, context, text, "app")
    assert first.id == build(store, context, text, "app").id
    assert first.config["Entrypoint"] == ["/bin/run.sh", "go"]
    assert first.config["Env"] == ["A=1", "B=two words"]
    assert first.config["ExposedPorts"] == {"80/tcp": {}, "53/udp": {}}
    root = store.layer_paths(first.layers)[0]
    assert (root / "app/data/f").read_text() == "x"
    assert (root / "bin/run.sh").exists()

    child = build(store, context, 'FROM app\nENV A=2\nCMD ["x"]\n', "child")
    assert child.config["Env"] == ["A=2", "B=two words"]
    assert child.config["Entrypoint"] == ["/bin/run.sh", "go"]
    assert child.layers[:1] == first.layers


def test_an_instruction_that_needs_a_process_is_refused_by_name() -> None:
    with pytest.raises(RuntimeFailure, match="line 2: RUN is not supported"):
        parse("FROM scratch\nRUN make\n")


def test_a_directory_becomes_an_image_as_it_stands(store: ImageStore, tmp_path: Path) -> None:
    (tmp_path / "rootfs" / "etc").mkdir(parents=True)
    (tmp_path / "rootfs" / "etc" / "f").write_text("x")
    record = from_directory(store, tmp_path / "rootfs", "r:1", {"Cmd": ["sh"]})
    assert (store.layer_paths(record.layers)[0] / "etc/f").read_text() == "x"
