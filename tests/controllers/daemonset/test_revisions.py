"""The revisions of a DaemonSet, by objects."""

from pynetes.controllers import history
from pynetes.controllers.actions import Delete, Patch, Update
from pynetes.controllers.daemonset.revisions import new_revision, sort_revisions, tidy

from .make import daemon_set, pod


def revision(owner, number, name="agent-x", hash=None):
    made = new_revision(owner, number)
    made["metadata"] |= {"name": name, "uid": f"uid-{name}", "creationTimestamp": "2026-01-01T00:00:00Z"}
    made["metadata"]["labels"]["controller-revision-hash"] = hash or name
    return made


def other(image):
    return daemon_set(template={"containers": [{"name": "c", "image": image}]})


def test_a_revision_holds_a_patch_that_sets_the_template_back():
    owner = daemon_set()
    owner["metadata"]["annotations"] = {"kubernetes.io/change-cause": "why"}
    made = new_revision(owner, 3)
    assert made["data"] == {"spec": {"template": {**owner["spec"]["template"], "$patch": "replace"}}}
    assert made["revision"] == 3
    metadata = made["metadata"]
    hash = metadata["labels"]["controller-revision-hash"]
    assert metadata["name"] == f"agent-{hash}"
    assert metadata["labels"]["app"] == "agent"
    assert metadata["annotations"] == {"kubernetes.io/change-cause": "why"}
    assert metadata["ownerReferences"][0]["kind"] == "DaemonSet"


def test_the_hash_changes_with_the_template_and_with_the_count_of_collisions():
    bumped = {**daemon_set(), "status": {"collisionCount": 1}}
    names = {new_revision(owner, 1)["metadata"]["name"] for owner in (daemon_set(), other("j"), bumped)}
    assert len(names) == 3


def test_the_revision_of_the_present_template_is_current():
    owner = daemon_set()
    old, current = revision(other("j"), 1, "a"), revision(owner, 2, "b")
    found = sort_revisions(owner, [old, current])
    assert (found.current, found.old, found.wanted) == (current, [old], 2)
    assert tidy(found, []) == []


def test_without_one_it_is_to_be_made_with_the_next_number():
    found = sort_revisions(daemon_set(), [revision(other("j"), 7, "a")])
    assert (found.current, found.wanted) == (None, 8)


def test_a_revision_that_is_current_again_gets_the_highest_number():
    owner = daemon_set()
    [action] = tidy(sort_revisions(owner, [revision(owner, 1, "a"), revision(other("j"), 2, "b")]), [])
    assert isinstance(action, Update) and action.object["revision"] == 3


def test_doubles_of_the_current_revision_go_and_their_pods_are_labelled_anew():
    owner = daemon_set()
    keep, double = revision(owner, 2, "keep"), revision(owner, 1, "double")
    patch, delete = tidy(sort_revisions(owner, [double, keep]), [pod(owner, "n1", "double"), pod(owner, "n2", "keep")])
    assert isinstance(patch, Patch) and patch.name == "agent-n1-double"
    assert patch.patch == {"metadata": {"labels": {"controller-revision-hash": "keep"}}}
    assert isinstance(delete, Delete) and delete.name == "double"


def test_a_revision_without_a_label_gets_its_name_as_one():
    owner = daemon_set()
    bare = revision(owner, 1, "a")
    del bare["metadata"]["labels"]["controller-revision-hash"]
    [patch] = tidy(sort_revisions(owner, [bare]), [])
    assert patch.patch == {"metadata": {"labels": {"controller-revision-hash": "a"}}}


def test_old_revisions_beyond_the_limit_go_lowest_first_and_never_those_of_living_pods():
    old = [revision(other(str(n)), n, f"r{n}") for n in (3, 1, 2, 4)]
    assert [r["metadata"]["name"] for r in history.expendable(old, {"r1"}, 2)] == ["r2", "r3"]
    assert history.expendable(old, (), 4) == []
