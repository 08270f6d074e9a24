"""Kept list bodies."""

import gzip

import orjson

from pynetes.apiserver import bodies
from pynetes.apiserver.bodies import Bodies, Body

ITEMS = [b'{"metadata":{"name":"%d"}}' % i for i in range(1000)]


def test_only_the_head_changes_with_the_revision():
    body = Body("PodList", "v1", ITEMS, 7)
    for revision in (7, 99, 1_000_000, 8):
        found = orjson.loads(body.at(revision))
        assert found["metadata"] == {"resourceVersion": str(revision)}
        assert len(found["items"]) == 1000
        assert gzip.decompress(body.gzipped(revision)) == body.at(revision)


def test_a_body_is_given_back_until_its_scope_changed():
    kept = Bodies()
    body = Body("PodList", "v1", ITEMS, 7)
    kept.keep("pods", body)
    assert kept.get("pods", 7) is body
    assert kept.get("pods", 8) is None
    assert kept.get("pods", 7) is None


def test_the_bodies_used_least_recently_go_first(monkeypatch):
    body_bytes = Body("PodList", "v1", ITEMS, 1).size
    monkeypatch.setattr(bodies, "KEPT_BYTES", 3 * body_bytes)
    kept = Bodies()
    for name in "abc":
        kept.keep(name, Body("PodList", "v1", ITEMS, 1))
    kept.get("a", 1)
    kept.keep("d", Body("PodList", "v1", ITEMS, 1))
    assert [name for name in "abcd" if kept.get(name, 1)] == ["a", "c", "d"]
