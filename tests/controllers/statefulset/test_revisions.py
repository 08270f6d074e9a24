"""The revisions of a StatefulSet, by objects."""

import copy

from pynetes.controllers.history import hash_of
from pynetes.controllers.statefulset.revisions import expendable, find_current, find_update, new_revision, template_of
from pynetes.kinds.core.pod_defaults import default_template

from .make import pod, revision, stateful_set


def test_the_hash_is_the_one_by_which_upstream_names_the_same_revision():
    """Recorded from kube-controller-manager v1.36.3: the characters <, >, & and é, and what the API server adds."""
    container = {
        "command": ["sh", "-c", 'echo "<x> & é"'],
        "image": "nginx",
        "imagePullPolicy": "Always",
        "name": "c",
        "resources": {},
        "terminationMessagePath": "/dev/termination-log",
        "terminationMessagePolicy": "File",
    }
    spec = {
        "containers": [container],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "securityContext": {},
        "terminationGracePeriodSeconds": 0,
    }
    template = {"metadata": {"labels": {"app": "db"}}, "spec": spec, "$patch": "replace"}
    assert hash_of({"spec": {"template": template}}, 0) == "78fbbd4d5c"
    assert hash_of({"spec": {"template": template}}, 1) != "78fbbd4d5c"


def test_a_revision_is_labelled_with_the_templates_labels_and_its_hash():
    made = new_revision(stateful_set(), 4, 0)
    hash = made["metadata"]["labels"]["controller.kubernetes.io/hash"]
    assert made["metadata"]["name"] == f"db-{hash}" and made["metadata"]["labels"]["app"] == "db"
    assert made["revision"] == 4
    assert template_of(made) == stateful_set()["spec"]["template"]


def test_the_first_revision_is_to_be_made():
    found = find_update(stateful_set(), [])
    assert (found.revision, found.number) == (None, 1)


def test_the_latest_revision_of_the_same_template_is_used():
    latest = revision(stateful_set(), 3)
    found = find_update(stateful_set(), [revision(stateful_set(image="j"), 2), latest])
    assert (found.revision, found.number) == (latest, 3)


def test_an_older_revision_of_the_same_template_is_renumbered():
    old = revision(stateful_set(), 1)
    found = find_update(stateful_set(), [old, revision(stateful_set(image="j"), 2)])
    assert (found.revision, found.number) == (old, 3)


def test_a_revision_that_differs_only_in_defaults_is_the_same():
    owner = stateful_set()
    old = revision(copy.deepcopy(owner), 1)
    default_template(owner["spec"]["template"])
    found = find_update(owner, [old])
    assert (found.revision, found.number) == (old, 1)


def test_another_template_gets_the_next_number():
    found = find_update(stateful_set(image="k"), [revision(stateful_set(), 1), revision(stateful_set(image="j"), 7)])
    assert (found.revision, found.number) == (None, 8)


def test_the_current_revision_is_the_one_of_the_status_or_the_updates():
    old, update = revision(stateful_set(), 1), revision(stateful_set(image="j"), 2)
    named = {**stateful_set(), "status": {"currentRevision": old["metadata"]["name"]}}
    assert find_current(named, [old, update], update) == old
    assert find_current(stateful_set(), [old], update) == update


def test_revisions_that_nobody_uses_go_beyond_the_limit_lowest_first():
    all_of_them = [revision(stateful_set(image=str(number)), number) for number in range(1, 6)]
    owner = stateful_set()
    used, current = pod(owner, 0, all_of_them[0]), all_of_them[4]
    gone = expendable(all_of_them, [used], [current], 1)
    assert [found["revision"] for found in gone] == [2, 3]
