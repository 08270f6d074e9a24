"""Secrets with tokens of accounts: filled, deleted with their account, cleaned away when nobody uses them.

Quotes: https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/.
"""

import base64
import copy

import pytest

from pynetes.client.kinds import CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS, TOKEN_REVIEWS
from pynetes.controllers import legacytokens
from pynetes.controllers.actions import Delete, Patch
from pynetes.controllers.legacytokens import TRACKING, is_tracked
from pynetes.controllers.serviceaccounttokens import CONTROLLER, claims, plan, plan_without
from pynetes.controllers.settings import Settings
from pynetes.kinds.core.account_secrets import ACCOUNT, ACCOUNT_UID, INVALID_SINCE, LAST_USED, TYPE
from pynetes.meta.times import parse_time
from pynetes.pki.tokens import TokenVerifier, make_signing_key
from pynetes.testing import Cluster

from .mini_api import play

DAY = 86400.0
YEAR = 365 * DAY
NOW = parse_time("2026-06-15T12:00:00Z")
ROBOT = {"metadata": {"name": "robot", "namespace": "default", "uid": "u1", "resourceVersion": "1"}}


def make_secret(name="s", uid="", data=None, labels=None, created="2020-01-01T00:00:00Z"):
    annotations = {ACCOUNT: "robot"} | ({ACCOUNT_UID: uid} if uid else {})
    metadata = {"name": name, "namespace": "default", "uid": f"uid-of-{name}", "resourceVersion": "5"}
    metadata |= {"annotations": annotations, "labels": labels or {}, "creationTimestamp": created}
    return {"metadata": metadata, "type": TYPE, "data": data or {}}


def decoded(secret):
    return {name: base64.b64decode(value).decode() for name, value in secret["data"].items()}


def sign(said):
    return "token of " + said["sub"]


# --- filling


def test_a_secret_is_filled_with_token_namespace_and_root_certificate():
    (action,) = plan(make_secret(), ROBOT, "PEM", sign)
    assert decoded(action.object) == {
        "ca.crt": "PEM",
        "namespace": "default",
        "token": "token of system:serviceaccount:default:robot",
    }
    assert action.object["metadata"]["annotations"] == {ACCOUNT: "robot", ACCOUNT_UID: "u1"}
    assert plan(action.object, ROBOT, "PEM", sign) == []


def test_what_somebody_else_put_there_stays_but_for_the_root_certificate():
    (action,) = plan(make_secret(data={"token": "eA==", "ca.crt": "eA==", "other": "eA=="}), ROBOT, "PEM", sign)
    assert decoded(action.object) == {"ca.crt": "PEM", "namespace": "default", "token": "x", "other": "x"}


def test_a_secret_goes_with_its_account():
    assert plan(make_secret(), None, "PEM", sign) == [Delete(SECRETS, "default", "s", uid="uid-of-s")]


def test_an_account_forgets_a_secret_that_is_gone():
    account = {**ROBOT, "secrets": [{"name": "s"}, {"name": "t"}]}
    (action,) = plan_without("s", account)
    assert action.object["secrets"] == [{"name": "t"}]
    assert plan_without("x", account) == []


def test_a_token_says_who_and_in_which_secret():
    assert claims(make_secret(), ROBOT) == {
        "iss": "kubernetes/serviceaccount",
        "kubernetes.io/serviceaccount/namespace": "default",
        "kubernetes.io/serviceaccount/secret.name": "s",
        "kubernetes.io/serviceaccount/service-account.name": "robot",
        "kubernetes.io/serviceaccount/service-account.uid": "u1",
        "sub": "system:serviceaccount:default:robot",
    }


def test_a_secret_lives_from_its_key_to_the_end_of_its_account():
    key = []

    async def script(world):
        account = world.api.put(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}})
        world.api.put(SECRETS, make_secret())
        world.api.put(SECRETS, make_secret("nobodys", uid="of another"))
        await world.clock.sleep(1)
        assert world.api.get(SECRETS, "nobodys") is None
        assert world.api.get(SECRETS, "s")["data"] == {}
        key.append(make_signing_key())
        await world.clock.sleep(10)
        verifier = TokenVerifier(key, "kubernetes/serviceaccount")
        data = decoded(world.api.get(SECRETS, "s"))
        told = verifier.verify(data["token"], world.clock.now())
        assert told["kubernetes.io/serviceaccount/service-account.uid"] == account["metadata"]["uid"]
        world.api.remove(SERVICE_ACCOUNTS, "robot")
        world.api.put(SERVICE_ACCOUNTS, {"metadata": {"name": "robot"}})
        await world.clock.sleep(1)
        assert world.api.get(SECRETS, "s") is None

    play(script, CONTROLLER, settings=Settings(ca_pem="PEM", service_account_key=lambda: b"".join(key)))


def test_a_secret_for_a_name_that_no_account_can_have_stays_as_it_is():
    async def script(world):
        secret = make_secret()
        secret["metadata"]["annotations"][ACCOUNT] = "a/b"
        world.api.put(SECRETS, secret)
        await world.clock.sleep(1)
        assert world.api.get(SECRETS, "s")["data"] == {}
        assert world.manager.counts[CONTROLLER.name].failed == 0

    play(script, CONTROLLER)


def test_a_token_in_a_secret_opens_the_api():
    with Cluster(nodes=0) as cluster:
        cluster.create(SERVICE_ACCOUNTS, {"metadata": {"name": "robot", "namespace": "default"}}, "default")
        secret = {"metadata": {"name": "s", "namespace": "default", "annotations": {ACCOUNT: "robot"}}, "type": TYPE}
        cluster.create(SECRETS, secret, "default")
        cluster.wait(lambda: "token" in (cluster.get(SECRETS, "s", "default").get("data") or {}))
        token = decoded(cluster.get(SECRETS, "s", "default"))["token"]
        review = cluster.create(TOKEN_REVIEWS, {"metadata": {}, "spec": {"token": token}})
        assert review["status"]["user"]["username"] == "system:serviceaccount:default:robot"
        cluster.delete(SERVICE_ACCOUNTS, "robot", "default")
        cluster.wait(lambda: not cluster.list(SECRETS, "default"))


# --- cleaning


def planned(secret, account=None, mounted=()):
    account = {**ROBOT, "secrets": [{"name": "s"}]} if account is None else account
    return legacytokens.plan([secret], {"default/robot": account}, set(mounted), NOW, YEAR)


def test_a_token_that_nobody_used_for_a_year_is_marked():
    mark = {"metadata": {"uid": "uid-of-s", "labels": {INVALID_SINCE: "2026-06-15"}}}
    marked = [Patch(SECRETS, "default", "s", mark, patch_type="application/merge-patch+json")]
    assert planned(make_secret()) == marked
    assert planned(make_secret(labels={LAST_USED: "2025-06-14"})) == marked
    assert planned(make_secret(labels={INVALID_SINCE: "some day"})) == marked


def test_a_token_that_was_marked_a_year_ago_is_deleted():
    assert planned(make_secret(labels={INVALID_SINCE: "2025-06-14"})) == [Delete(SECRETS, "default", "s", revision="5")]
    assert planned(make_secret(labels={INVALID_SINCE: "2025-06-15"})) == []


@pytest.mark.parametrize(
    "kept",
    [
        {"secret": make_secret(created="2025-06-15T12:00:00Z")},
        {"secret": make_secret(labels={LAST_USED: "2025-06-15"})},
        {"secret": make_secret(labels={LAST_USED: "some day"})},
        {"secret": make_secret(uid="of another")},
        {"secret": make_secret(), "account": ROBOT},
        {"secret": make_secret(), "mounted": ["default/s"]},
    ],
    ids=["young", "used", "used some day", "of another account", "made by hand", "mounted"],
)
def test_a_token_stays(kept):
    assert planned(**kept) == []


def test_nothing_is_known_about_use_before_it_was_noted_for_a_year():
    tracking = {"data": {"since": "2026-01-01"}}
    begun = parse_time("2026-01-02T00:00:00Z")
    assert not is_tracked(tracking, begun + YEAR - 1, YEAR)
    assert is_tracked(tracking, begun + YEAR, YEAR)
    assert not is_tracked({}, NOW, YEAR)


def test_the_cleaner_looks_once_a_day_and_leaves_what_pods_mount():
    async def script(world):
        names = ("mounted", "s")
        robot = {"metadata": {"name": "robot"}, "secrets": [{"name": name} for name in names]}
        world.api.put(SERVICE_ACCOUNTS, robot)
        for name in names:
            world.api.put(SECRETS, copy.deepcopy(make_secret(name)))
        volumes = [{"name": "v", "secret": {"secretName": "mounted"}}]
        world.api.put(PODS, {"metadata": {"name": "p"}, "spec": {"containers": [], "volumes": volumes}})
        tracking = {"metadata": {"name": TRACKING, "namespace": "kube-system"}, "data": {"since": "2020-01-01"}}
        world.api.put(CONFIG_MAPS, tracking)
        await world.clock.sleep(DAY + 1)
        assert INVALID_SINCE in world.api.get(SECRETS, "s")["metadata"]["labels"]
        await world.clock.sleep(2 * DAY)
        assert world.api.get(SECRETS, "s") is None
        assert world.api.get(SECRETS, "mounted")["metadata"]["labels"] == {}

    play(script, legacytokens.CONTROLLER, settings=Settings(legacy_token_unused_seconds=DAY))
