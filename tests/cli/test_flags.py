"""Wrong words are told in one line, with the exit status 2, before anything is begun."""

import pytest

from pynetes.cli.main import main, told


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("up --api-port 65536", "argument --api-port: 65536 is no port: 1 to 65535"),
        ("up --api-port x", "argument --api-port: invalid port value: 'x'"),
        ("logs server --tail -1", "argument --tail: -1 is less than 0"),
        ("kubelet --kubeconfig /dev/null/x --node-ip 10.0.0.1", "argument --kubeconfig: there is no file /dev/null/x"),
        ("kubelet --kubeconfig KUBECONFIG --node-ip here", "argument --node-ip: 'here' is no IP address"),
        ("proxy --kubeconfig KUBECONFIG --cluster-cidr 10.0.0.1/8", "a network is written like 10.244.0.0/16"),
        ("scheduler --kubeconfig /none", "argument --kubeconfig: there is no file /none"),
    ],
)
def test_a_value_that_cannot_be_is_refused(words, complaint, tmp_path, capsys):
    (tmp_path / "kubeconfig").write_text("{}")
    with pytest.raises(SystemExit) as ended:
        main(words.replace("KUBECONFIG", str(tmp_path / "kubeconfig")).split())
    assert ended.value.code == 2
    assert complaint in capsys.readouterr().err


@pytest.mark.parametrize("text", ["no kubeconfig", "{", "a: [", '{"current-context": "x"}', "[1]"])
def test_a_kubeconfig_that_is_none_is_told_in_one_line(text, tmp_path, capsys):
    (tmp_path / "kubeconfig").write_text(text)
    assert main(["scheduler", "--kubeconfig", str(tmp_path / "kubeconfig")]) == 1
    assert capsys.readouterr().err.startswith(f"pynetes scheduler: {tmp_path}/kubeconfig: ")


def test_a_controller_that_there_is_not_is_told_with_those_that_there_are(tmp_path, capsys):
    (tmp_path / "kubeconfig").write_text("{}")
    assert main(["controller-manager", "--kubeconfig", str(tmp_path / "kubeconfig"), "--controllers", "*,-nope"]) == 1
    assert "there is no controller '-nope'; there are: " in capsys.readouterr().err


def test_an_error_of_the_system_is_told_in_words(tmp_path):
    with pytest.raises(OSError) as error:
        (tmp_path / "none").read_text()
    assert told(error.value) == f"{tmp_path}/none: No such file or directory"
    assert told(OSError(28, "No space left on device")) == "No space left on device"
    assert told(TimeoutError("late")) == "late"


def test_help_of_a_command_is_found_both_ways(capsys):
    for words in (["help", "up"], ["up", "--help"]):
        with pytest.raises(SystemExit) as ended:
            main(words)
        assert ended.value.code == 0
        assert "goes on with the cluster" in capsys.readouterr().out


def test_the_last_lines_of_a_log_are_those_asked_for(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PYNETES_HOME", str(tmp_path))
    from pynetes.cluster.config import cluster_dir, new_config

    folder = cluster_dir("a")
    folder.save(new_config(folder, "1", 0, 1, 6443, ()))
    folder.logs.mkdir()
    (folder.logs / "server.log").write_text("one\ntwo\nthree\n")
    for asked, shown in (([], "one\ntwo\nthree\n"), (["--tail", "2"], "two\nthree\n"), (["--tail", "0"], "")):
        assert main(["logs", "server", "--name", "a", *asked]) == 0
        assert capsys.readouterr().out == shown
