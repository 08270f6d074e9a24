"""A kubeconfig keeps everything that is not ours, and loses nothing when it cannot be merged."""

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
