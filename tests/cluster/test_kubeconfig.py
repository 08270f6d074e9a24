"""A kubeconfig keeps everything that is not ours, and loses nothing when it cannot be merged."""

from pathlib import Path

import pytest
import yaml

from pynetes.cluster.config import ConfigError
from pynetes.cluster.kubeconfig import Access, document, remove_context, write_context

ACCESS = Access("https://127.0.0.1:6443", b"ca", b"cert", b"key")
OTHER = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "prod", "cluster": {"server": "https://prod"}}],
    "users": [{"name": "me", "user": {"token": "secret"}}],
    "contexts": [{"name": "prod", "context": {"cluster": "prod", "user": "me"}}],
    "current-context": "prod",
    "x-unknown": {"kept": True},
}


def names(path, section):
    return [entry["name"] for entry in yaml.safe_load(path.read_text())[section]]


def test_a_context_is_merged_beside_the_others_and_made_current(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(OTHER))
    write_context(path, document("pynetes-a", ACCESS, "1"))
    merged = yaml.safe_load(path.read_text())
    assert names(path, "contexts") == ["prod", "pynetes-a"]
    assert merged["current-context"] == "pynetes-a"
    assert merged["users"][0] == OTHER["users"][0]
    assert merged["x-unknown"] == {"kept": True}
    assert path.stat().st_mode & 0o777 == 0o600


def test_our_own_entry_is_replaced_and_then_removed_whole(tmp_path):
    path = tmp_path / "config"
    path.write_text(yaml.safe_dump(OTHER))
    write_context(path, document("pynetes-a", ACCESS, "1"))
    write_context(path, document("pynetes-a", ACCESS, "2"))
    assert names(path, "clusters") == ["prod", "pynetes-a"]
    assert not remove_context(path, "pynetes-a", "1")
    assert remove_context(path, "pynetes-a", "2")
    left = yaml.safe_load(path.read_text())
    assert left["contexts"] == OTHER["contexts"] and left["users"] == OTHER["users"]
    assert left["current-context"] == ""


def test_the_namespace_that_the_user_chose_stays_while_the_cluster_is_the_same(tmp_path):
    path = tmp_path / "config"

    def namespace():
        return yaml.safe_load(path.read_text())["contexts"][0]["context"].get("namespace")

    write_context(path, document("pynetes-a", ACCESS, "1"))
    chosen = yaml.safe_load(path.read_text())
    chosen["contexts"][0]["context"]["namespace"] = "mine"
    path.write_text(yaml.safe_dump(chosen))
    write_context(path, document("pynetes-a", ACCESS, "1"))
    assert namespace() == "mine"
    write_context(path, document("pynetes-a", ACCESS, "2"))
    assert namespace() is None


def test_an_entry_that_is_not_ours_is_never_clobbered(tmp_path):
    path = tmp_path / "config"
    foreign = {**OTHER, "clusters": [{"name": "pynetes-a", "cluster": {"server": "https://else"}}]}
    text = yaml.safe_dump(foreign)
    path.write_text(text)
    with pytest.raises(ConfigError, match="did not write"):
        write_context(path, document("pynetes-a", ACCESS, "1"))
    assert path.read_text() == text


@pytest.mark.parametrize("text", ["a: [", "- just\n- a list\n"])
def test_a_file_that_is_no_kubeconfig_is_left_as_it_is(text, tmp_path):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match="not a kubeconfig"):
        write_context(path, document("pynetes-a", ACCESS, "1"))
    assert path.read_text() == text


def test_a_lock_of_another_writer_is_respected(tmp_path):
    path = tmp_path / "config"
    (tmp_path / "config.lock").touch()
    with pytest.raises(ConfigError, match="another program"):
        write_context(path, document("pynetes-a", ACCESS, "1"))
    assert not path.exists()


@pytest.mark.parametrize("text", ["clusters: {}", "contexts: [1]", "- a", "a: [", "\x00", "just words"])
def test_what_is_no_kubeconfig_is_never_written_over(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ConfigError, match="is not a kubeconfig"):
        write_context(path, document("pynetes-a", ACCESS, "1"))
    assert path.read_text() == text
    assert [entry.name for entry in tmp_path.iterdir()] == ["config"]


def test_a_check_writes_nothing_and_a_path_that_cannot_be_written_is_told(tmp_path):
    path = tmp_path / "config"
    write_context(path, document("pynetes-a", ACCESS, "1"), check=True)
    assert list(tmp_path.iterdir()) == []
    for bad in ("/", "/proc/none/config"):
        with pytest.raises(ConfigError, match=r"cannot write .*pass --kubeconfig"):
            write_context(Path(bad), document("pynetes-a", ACCESS, "1"))


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").write_text(yaml.safe_dump(OTHER))
    (tmp_path / "config").symlink_to(tmp_path / "real")
    write_context(tmp_path / "config", document("pynetes-a", ACCESS, "1"))
    assert (tmp_path / "config").is_symlink()
    assert names(tmp_path / "real", "contexts") == ["prod", "pynetes-a"]
    assert (tmp_path / "real").stat().st_mode & 0o777 == 0o600


def test_a_context_whose_cluster_nobody_knows_any_more_is_found_by_its_name(tmp_path):
    path = tmp_path / "config"
    write_context(path, document("pynetes-a", ACCESS, "1"))
    assert remove_context(path, "pynetes-a", None)
    path.write_text(yaml.safe_dump({**OTHER, "contexts": [{"name": "pynetes-a", "context": {"cluster": "prod"}}]}))
    assert not remove_context(path, "pynetes-a", None)  # somebody else's


def test_another_programs_lock_is_waited_for_and_then_told(tmp_path, monkeypatch):
    path = tmp_path / "config"
    lock = tmp_path / "config.lock"
    lock.touch()
    pauses = []

    def release(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            lock.unlink()

    monkeypatch.setattr("pynetes.cluster.kubeconfig.pause", release)
    write_context(path, document("pynetes-a", ACCESS, "1"))
    assert len(pauses) == 3
    lock.touch()
    with pytest.raises(ConfigError, match="remove it if none is"):
        write_context(path, document("pynetes-a", ACCESS, "1"))
