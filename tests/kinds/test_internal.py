"""Values as upstream's messages print them."""

from pynetes.kinds.internal import internal_json


def test_the_metadata_of_a_template_stands_in_the_template_itself() -> None:
    spec = {"metadata": {"labels": {"b": "c", "a": "b"}}, "spec": {"devices": {"requests": []}}}
    assert internal_json("ResourceClaimTemplateSpec", spec) == (
        '{"labels":{"a":"b","b":"c"},"Spec":{"Devices":{"Requests":[],"Constraints":null,"Config":null}}}'
    )
