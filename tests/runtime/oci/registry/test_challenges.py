import pytest

from pynetes.runtime.oci.registry.challenges import Challenge, challenges


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("", []),
        ('Basic realm="r"', [Challenge("basic", {"realm": "r"})]),
        ("Basic", [Challenge("basic", {})]),
        (
            'Bearer realm="https://a/t?x=1,2",service="s p",scope="repository:a/b:pull,push"',
            [
                Challenge(
                    "bearer", {"realm": "https://a/t?x=1,2", "service": "s p", "scope": "repository:a/b:pull,push"}
                )
            ],
        ),
        (
            'BEARER Realm = "a\\"b" , Error=insufficient_scope',
            [Challenge("bearer", {"realm": 'a"b', "error": "insufficient_scope"})],
        ),
        (
            'Basic realm="r", Digest realm="d", Bearer realm="b"',
            [Challenge("bearer", {"realm": "b"}), Challenge("basic", {"realm": "r"})],
        ),
        ("Negotiate", []),
        ('=,"', []),
    ],
)
def test_what_can_be_answered_comes_out_the_better_first(header: str, found: list[Challenge]) -> None:
    assert challenges(header) == found
