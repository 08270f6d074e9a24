"""Pod templates: hashes, held by those that upstream's v1.36.3 computes of the same templates."""

import json
from pathlib import Path

import pytest

from pynetes.controllers.templates import template_hash
from pynetes.meta.godump import dump

RECORDED = (Path(__file__).parent / "recorded" / "template-hashes.jsonl").read_text().splitlines()


@pytest.mark.parametrize("line", RECORDED, ids=lambda line: json.loads(line)["hash"])
def test_a_template_has_the_hash_that_upstream_gives_it(line):
    recorded = json.loads(line)
    assert template_hash(recorded["template"], None) == recorded["hash"]


def test_collisions_change_the_hash():
    template = json.loads(RECORDED[0])["template"]
    assert len({template_hash(template, collisions) for collisions in (None, 0, 1)}) == 3


def test_a_dump_names_every_field_and_its_type():
    text = dump("io.k8s.api.core.v1.SecretKeySelector", {"name": "n", "key": "k", "optional": True})
    reference = "LocalObjectReference:(v1.LocalObjectReference){Name:(string)n}"
    assert text == f"(v1.SecretKeySelector){{{reference} Key:(string)k Optional:(*bool)true}}"
    assert dump("io.k8s.api.core.v1.SecretKeySelector", {}).endswith("Key:(string) Optional:(*bool)<nil>}")
