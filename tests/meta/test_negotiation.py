import pytest

from pynetes.meta.negotiation import (
    DISCOVERY,
    PLAIN,
    PROTOBUF,
    Media,
    allowed_for,
    negotiate,
    patch_media_type,
    request_media_type,
)
from pynetes.meta.status import StatusError

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("", Media()),
        ("*/*", Media()),
        ("application/yaml", Media("application/yaml")),
        ("text/plain;q=0.9, application/json;q=0.5", Media()),
        ("application/json;q=0.5, application/yaml", Media("application/yaml")),
        (f"{TABLE},application/json", Media(as_="Table", group="meta.k8s.io", version="v1")),
        (f"{TABLE.replace('v1', 'v9')},application/json", Media()),
        ("application/vnd.kubernetes.protobuf,application/json", Media(PROTOBUF)),
        (f"{PROTOBUF};as=Table;v=v1;g=meta.k8s.io,application/json", Media()),
        ("application/json;pretty=1", Media(pretty=True)),
    ],
)
def test_the_best_clause_that_is_offered_wins(accept: str, media: Media) -> None:
    assert negotiate(accept, allowed_for("get")) == media


def refusal(accept: str, verb: str) -> str:
    with pytest.raises(StatusError) as error:
        negotiate(accept, allowed_for(verb))
    assert error.value.code == 406
    return str(error.value)


def test_types_that_no_route_has_are_refused_with_the_routes_list() -> None:
    listed = "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    assert refusal("application/*", "get") == f"406: Not Acceptable\n\nAvailable representations: {listed}"
    streams = "application/json;stream=watch, application/vnd.kubernetes.protobuf;stream=watch"
    assert refusal("text/plain", "list") == f"406: Not Acceptable\n\nAvailable representations: {listed}, {streams}"


def test_parameters_that_are_not_offered_are_refused_with_the_types() -> None:
    assert refusal("application/json;as=Nope;v=v1;g=meta.k8s.io", "get") == (
        "only the following media types are accepted: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf"
    )


def test_a_watch_is_a_stream() -> None:
    media = negotiate("application/json, */*", allowed_for("watch"))
    assert media.stream == "watch"
    assert negotiate("application/json;stream=watch", allowed_for("watch")) == media


def test_discovery_has_a_form_of_its_own() -> None:
    form = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    assert negotiate(f"{form},application/json", DISCOVERY).as_ == "APIGroupDiscoveryList"
    assert negotiate(f"{form},application/json", PLAIN).as_ == ""


def test_bodies_are_json_unless_they_say_otherwise() -> None:
    assert request_media_type("") == "application/json"
    assert request_media_type("application/yaml; charset=utf-8") == "application/yaml"
    assert request_media_type("application/vnd.kubernetes.protobuf") == "application/vnd.kubernetes.protobuf"
    with pytest.raises(StatusError) as error:
        request_media_type("text/plain")
    assert error.value.status == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
        "reason": "UnsupportedMediaType",
        "code": 415,
    }


def test_patches_have_types_of_their_own() -> None:
    assert patch_media_type("application/merge-patch+json") == "application/merge-patch+json"
    with pytest.raises(StatusError, match="415: Unsupported Media Type"):
        patch_media_type("application/json")
    with pytest.raises(StatusError, match="415: Unsupported Media Type"):
        patch_media_type("Application/Merge-Patch+JSON")
