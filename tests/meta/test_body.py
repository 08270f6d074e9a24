import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta import body as bodies
from pynetes.meta import gojson, goyaml
from pynetes.meta.body import BodyError, parse, strict_error, unrecognized
from pynetes.meta.negotiation import YAML

NO_KIND = "couldn't get version/kind; json parse error: "


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "unexpected end of JSON input"),
        ('{"a":', "unexpected end of JSON input"),
        ("{b:1}", "invalid character 'b' looking for beginning of object key string"),
        ("nulx", "invalid character 'x' in literal null (expecting 'l')"),
        ('{"a":1}x', "invalid character 'x' after top-level value"),
        ('{"a" 1}', "invalid character '1' after object key"),
        ('{"a":1 "b"}', "invalid character '\"' after object key:value pair"),
        ("[1 2]", "invalid character '2' after array element"),
        ("[1,]", "invalid character ']' looking for beginning of value"),
        ('{"a":1,}', "invalid character '}' looking for beginning of object key string"),
        ("-x", "invalid character 'x' in numeric literal"),
        ("1.x", "invalid character 'x' after decimal point in numeric literal"),
        ("1e+", "unexpected end of JSON input"),
        ('"\\q"', "invalid character 'q' in string escape code"),
        ('"\\u12g4"', "invalid character 'g' in \\u hexadecimal character escape"),
        ('"\n"', "invalid character '\\n' in string literal"),
        ('{"a":NaN}', "invalid character 'N' looking for beginning of value"),
        ("01", "invalid character '1' after top-level value"),
    ],
)
def test_what_is_no_json_is_told_as_gos_scanner_tells_it(text: str, why: str) -> None:
    with pytest.raises(BodyError) as error:
        parse(text.encode())
    assert error.value.message == NO_KIND + why


def test_a_body_that_is_no_object_has_no_kind() -> None:
    with pytest.raises(BodyError) as error:
        parse(b"[]")
    assert unrecognized("ConfigMap", error.value.message, b"[]") == (
        "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: "
        'json: cannot unmarshal array into Go value of type struct { APIVersion string "json:\\"apiVersion,omitempty\\""; '
        'Kind string "json:\\"kind,omitempty\\"" } (5b5d)'
    )


def test_the_summary_shows_the_beginning_of_json_and_the_bytes_of_anything_else() -> None:
    assert bodies.summary(b"") == "<empty>"
    assert bodies.summary(b'{"apiVersion":"v1","kind":"ConfigMap",') == '{"apiVersion":"v1","kind":"Con ...'
    assert bodies.summary(b"a: [\n") == "613a205b0a"


def test_null_is_an_empty_body() -> None:
    assert parse(b"null") == (None, [])


def test_bytes_that_are_no_utf8_and_lone_surrogates_become_replacement_characters() -> None:
    assert parse(b'{"a":"\\ud800","b":"\xff"}')[0] == {"a": "\ufffd", "b": "\ufffd"}


def test_keys_given_twice_are_told_with_their_paths_and_the_last_counts() -> None:
    value, duplicates = parse(b'{"metadata":{"name":"a","name":"b"},"l":[{"k":1},{"k": 1, "k" : 2}]}')
    assert value == {"metadata": {"name": "b"}, "l": [{"k": 1}, {"k": 2}]}
    assert duplicates == ['duplicate field "metadata.name"', 'duplicate field "l[1].k"']
    assert parse(b'{"a":1,"a":2}', strict=False)[1] == []


keys = st.sampled_from(["a", "b", 'q"', "back\\", "ü", "c:d"])
trees = st.recursive(
    st.none() | st.integers(-5, 5) | st.text(alphabet='ab":\\ {},<', max_size=4),
    lambda inner: st.lists(inner, max_size=3) | st.lists(st.tuples(keys, inner), max_size=4).map(tuple),
    max_leaves=12,
)


def written(tree: object, space: str) -> str:
    """JSON text of a tree whose objects are tuples of pairs, so that they may hold a key twice."""
    if isinstance(tree, tuple):
        return "{" + f",{space}".join(f"{json.dumps(k)}{space}:{space}{written(v, space)}" for k, v in tree) + "}"
    if isinstance(tree, list):
        return f"[{space}" + ",".join(written(item, space) for item in tree) + "]"
    return json.dumps(tree)


def has_twice(tree: object) -> bool:
    """Is a key given twice, where the text is not itself replaced by a later one of the same key?"""
    if isinstance(tree, tuple):
        last = dict(tree)
        return len(last) != len(tree) or any(map(has_twice, last.values()))
    return isinstance(tree, list) and any(map(has_twice, tree))


@given(trees, st.sampled_from(["", " ", "\n  "]))
def test_the_cheap_check_misses_no_key_given_twice(tree: object, space: str) -> None:
    text = written(tree, space).encode()
    assert bool(bodies.duplicate_fields(text, orjson.loads(text))) == has_twice(tree)


@given(st.text(alphabet='{}[]",:\\ a1e-+.tfnrul', max_size=12))
def test_the_scanner_accepts_what_python_accepts(text: str) -> None:
    try:
        json.loads(text, parse_constant=lambda _: 1 / 0)
        accepted = True
    except (ValueError, ZeroDivisionError):
        accepted = False
    try:
        gojson.check(text.encode())
        assert accepted
    except gojson.JSONError:
        assert not accepted


def test_yaml_scalars_are_resolved_as_go_resolves_them() -> None:
    text = b'a: 1\nb: yes\nc: "1"\nd: 0x10\ne: 010\nf: 1.50\ng: 2020-01-01\nh: ~\ni: [a, {b: c}]\n1: x\nj: 1_000\nk: !!str 5\nl: 0o17\nm: +3\nn: 190:20\n'
    assert parse(text, YAML)[0] == {
        "1": "x", "a": 1, "b": True, "c": "1", "d": 16, "e": 8, "f": 1.5, "g": "2020-01-01", "h": None,
        "i": ["a", {"b": "c"}], "j": 1000, "k": "5", "l": 15, "m": 3, "false": "190:20",
    }  # fmt: skip


def test_yaml_errors_are_gos() -> None:
    with pytest.raises(BodyError) as error:
        parse(b"a: [\n", YAML)
    assert error.value.message == "yaml: line 1: did not find expected node content"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            b"{null: [x]}",
            "error converting YAML to JSON: unsupported map key of type: %!s(<nil>), key: <nil>, "
            'value: []interface {}{"x"}',
        ),
        (b"{[a]: x}", 'yaml: invalid map key: []interface {}{"a"}'),
        (b"{{b: 1}: x}", 'yaml: invalid map key: map[interface {}]interface {}{"b":1}'),
    ],
)
def test_yaml_keys_are_scalars(text: bytes, why: str) -> None:
    with pytest.raises(goyaml.YAMLError) as error:
        goyaml.loads(text)
    assert str(error.value) == why


def test_yaml_keys_given_twice_are_told_by_their_line() -> None:
    value, duplicates = parse(b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: x\n  k: z\n", YAML)
    assert value["data"] == {"k": "z"}
    assert duplicates == ['line 7: key "k" already set in map']
    assert strict_error(duplicates, []) == (
        'strict decoding error: yaml: unmarshal errors:\n  line 7: key "k" already set in map'
    )


def test_yaml_aliases_and_merges_are_followed_but_not_without_end() -> None:
    assert parse(b"x: &a {b: 1}\nz:\n  <<: *a\n  c: 2\n", YAML)[0] == {"x": {"b": 1}, "z": {"b": 1, "c": 2}}
    bomb = b"a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + b"".join(
        b"a%d: &a%d [%s]\n" % (n, n, b",".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 9)
    )
    with pytest.raises(BodyError, match="excessive aliasing"):
        parse(bomb, YAML)


def test_a_strict_error_lists_what_is_wrong() -> None:
    assert strict_error(['duplicate field "a"'], ['unknown field "b"']) == (
        'strict decoding error: duplicate field "a", unknown field "b"'
    )
