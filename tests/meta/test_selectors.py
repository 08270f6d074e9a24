"""Label and field selectors: the grammar and its faults as upstream words them, matching against a simple twin."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pynetes.meta import selectors
from pynetes.meta.selectors import Requirement, SelectorError, parse_fields, parse_labels

KEYS = st.sampled_from(["a", "b", "c.d/e"])
VALUES = st.sampled_from(["", "x", "y", "1", "10"])
LABELS = st.dictionaries(KEYS, VALUES)
NUMBERS = st.sampled_from(["0", "5", "10"])


@st.composite
def requirements(draw: st.DrawFn) -> Requirement:
    operator = draw(st.sampled_from(["=", "==", "!=", "in", "notin", "exists", "!", "gt", "lt"]))
    if operator in ("exists", "!"):
        return Requirement(draw(KEYS), operator)
    if operator in ("gt", "lt"):
        return Requirement(draw(KEYS), operator, (draw(NUMBERS),))
    many = operator in ("in", "notin")
    values = draw(st.lists(VALUES, min_size=1, max_size=3 if many else 1, unique=True))
    return Requirement(draw(KEYS), operator, tuple(values))


def holds(requirement: Requirement, labels: Mapping[str, str]) -> bool:
    """The twin: "Labels and Selectors" of the Kubernetes documentation, word for word."""
    value, wanted = labels.get(requirement.key), requirement.values
    match requirement.operator:
        case "=" | "==" | "in":
            return value is not None and value in wanted
        case "!=" | "notin":
            return value is None or value not in wanted
        case "exists":
            return value is not None
        case "!":
            return value is None
    if value is None or not value.lstrip("-").isdigit():
        return False
    return int(value) > int(wanted[0]) if requirement.operator == "gt" else int(value) < int(wanted[0])


@given(st.lists(requirements(), max_size=4), LABELS)
def test_a_selector_matches_when_all_of_its_requirements_hold(some: list[Requirement], labels: dict[str, str]) -> None:
    selector = parse_labels(",".join(map(str, some)))
    assert selector.matches(labels) == all(holds(requirement, labels) for requirement in some)


@given(st.lists(requirements(), max_size=4))
def test_what_a_selector_is_written_as_is_read_as_the_same_selector(some: list[Requirement]) -> None:
    selector = parse_labels(",".join(map(str, some)))
    assert str(parse_labels(str(selector))) == str(selector)


@given(LABELS, st.dictionaries(KEYS, VALUES, max_size=2))
def test_a_selector_object_and_its_text_match_the_same(labels: dict[str, str], wanted: dict[str, str]) -> None:
    selector = selectors.from_object({"matchLabels": wanted})
    assert selector.matches(labels) == (wanted.items() <= labels.items())
    assert parse_labels(str(selector)).matches(labels) == selector.matches(labels)


def test_an_absent_selector_object_matches_nothing_and_an_empty_one_everything() -> None:
    """API conventions: "a null label selector matches no objects, an empty one matches all"."""
    assert not selectors.from_object(None).matches({})
    assert selectors.from_object({}).matches({"a": "b"})


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("a,", "found '', expected: identifier after ','"),
        ("=b", "found '=', expected: !, identifier, or 'end of string'"),
        (",a", "found ',', expected: !, identifier, or 'end of string'"),
        ("a,,b", "found ',', expected: identifier after ','"),
        ("(a)", "found '(', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a!", "unable to parse requirement: found '!', expected: in, notin, =, ==, !=, gt, lt"),
        ("a exists", "unable to parse requirement: found 'exists', expected: in, notin, =, ==, !=, gt, lt"),
        ("a!==b", "unable to parse requirement: found '=', expected: identifier"),
        (
            "a<x",
            'unable to parse requirement: values[0]: Invalid value: "x": '
            "for 'Gt', 'Lt' operators, the value must be an integer",
        ),
    ],
)
def test_a_faulty_label_selector_is_refused_in_upstreams_words(text: str, fault: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_labels(text)
    assert str(caught.value) == fault


@pytest.mark.parametrize("text", ["", "a", "!a", "a in ()", "a in (a,)", "a in(b)", "a = b", "a in (b, c),!d"])
def test_odd_but_good_label_selectors_are_read(text: str) -> None:
    parse_labels(text)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
        ("metadata.name in (a)", "invalid selector: 'metadata.name in (a)'; can't understand 'metadata.name in (a)'"),
        ("metadata.name=\\x", "invalid field selector: invalid escape sequence: \\x"),
        ("metadata.name=a=b", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_a_faulty_field_selector_is_refused_in_upstreams_words(text: str, fault: str) -> None:
    with pytest.raises(SelectorError) as caught:
        parse_fields(text)
    assert str(caught.value) == fault


@given(st.text(alphabet="ab,=\\! ", max_size=6))
def test_a_field_value_may_hold_what_is_escaped(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace(",", "\\,").replace("=", "\\=")
    selector = parse_fields(f"metadata.name={escaped}")
    assert selector.matches({"metadata.name": value})
    assert not selector.matches({"metadata.name": value + "x"})


def test_a_selector_is_printed_as_go_does():
    selector = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x", "y"]}]}
    requirement = "LabelSelectorRequirement{Key:a,Operator:In,Values:[x y],}"
    expressions = f"MatchExpressions:[]{requirement.partition('{')[0]}{{{requirement},}},"
    assert selectors.printed(selector) == f"&LabelSelector{{MatchLabels:map[string]string{{}},{expressions}}}"
    assert selectors.printed(None) == "nil"
