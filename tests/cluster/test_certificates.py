"""The files of a cluster's ``pki`` folder."""

from pathlib import Path

import pytest

from pynetes.cluster import certificates
from pynetes.cluster.config import ClusterDir, ConfigError, new_config

NOW = 1_767_225_600.0


def test_what_a_start_needs_does_not_wait_for_the_key_of_the_service_accounts(tmp_path: Path) -> None:
    folder = ClusterDir(tmp_path)
    certificates.ensure(new_config(folder, "id", 0, 1, 6443, set()), folder, NOW)
    assert certificates.signing_key(folder) == b""
    token = certificates.node_token(folder, "node-1")
    made = certificates.new_signing_key(folder)
    assert certificates.signing_key(folder) == made
    assert certificates.node_token(folder, "node-1") == token != certificates.node_token(folder, "node-2")


def test_a_second_start_keeps_every_file(tmp_path: Path) -> None:
    folder = ClusterDir(tmp_path)
    config = new_config(folder, "id", 1, 1, 6443, set())
    certificates.ensure(config, folder, NOW)
    before = {path.name: path.read_bytes() for path in folder.pki.iterdir()}
    certificates.ensure(config, folder, NOW + 60)
    assert {path.name: path.read_bytes() for path in folder.pki.iterdir()} == before


def test_a_new_authority_signs_everything_anew(tmp_path: Path) -> None:
    folder = ClusterDir(tmp_path)
    config = new_config(folder, "id", 0, 1, 6443, set())
    certificates.ensure(config, folder, NOW)
    before = certificates.read(folder, "scheduler")
    (folder.pki / "ca.key").unlink()
    certificates.ensure(config, folder, NOW)
    assert certificates.read(folder, "scheduler") != before


def test_a_damaged_authority_is_told_with_its_mend(tmp_path: Path) -> None:
    folder = ClusterDir(tmp_path)
    config = new_config(folder, "id", 0, 1, 6443, set())
    certificates.ensure(config, folder, NOW)
    (folder.pki / "ca.crt").write_text("x")
    with pytest.raises(ConfigError, match="remove both for new certificates"):
        certificates.ensure(config, folder, NOW)
