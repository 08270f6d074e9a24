"""Files of variables: what ``fileKeyRef`` reads out of them (KEP-3721, "Env file format")."""

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.kubelet.envfile import EnvFileError, value_of


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A='1'\n", "1"),
        ("# A='0'\n\n  \tA='1' # it is\n", "1"),
        ("B='x'\nA='two\nlines'\n", "two\nlines"),
        ("A='#no comment' \n", "#no comment"),
        ("A= 'empty, as in a shell'\n", ""),
        ("B='x'\n", ""),
        ("A='first'\nA='second'\n", "first"),
        ("", ""),
    ],
)
def test_the_value_of_a_variable(text: str, value: str) -> None:
    assert value_of(text, "A") == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("B\n", "invalid environment variable format at line 1: missing '='"),
        ("\n='1'\n", "invalid environment variable format at line 2: empty variable name"),
        ("A ='1'\n", "invalid environment variable format at line 1: whitespace before '=' is not allowed"),
        ("A=1\n", "invalid environment variable format at line 1: value must be enclosed in single quotes"),
        ("A='1'2\n", "invalid environment variable format at line 1: unexpected content after closing quote"),
        ("A='1\n2\n", "invalid environment variable format starting at line 1: unclosed single quote"),
    ],
)
def test_what_is_no_such_file_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(EnvFileError) as caught:
        value_of(text, "A")
    assert str(caught.value) == message


@given(st.text(st.characters(codec="ascii", exclude_characters="'\r\0"), max_size=30))
def test_a_quoted_value_is_what_a_shell_makes_of_it(value: str) -> None:
    assert value_of(f"A='{value}'\n", "A") == value


def test_the_shell_agrees() -> None:
    text = "A='one\ntwo' # three\n"
    said = subprocess.run(["sh", "-c", f'{text}\nprintf %s "$A"'], capture_output=True, text=True, check=True)
    assert said.stdout == value_of(text, "A")
