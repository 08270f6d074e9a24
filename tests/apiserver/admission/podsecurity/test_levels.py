"""Quotes: https://kubernetes.io/docs/concepts/security/pod-security-admission/."""

from pynetes.apiserver.admission.podsecurity.levels import BASELINE, PRIVILEGED, RESTRICTED, Level, Policy, policy_of


def policy(defaults: Policy | None = None, **labels: str) -> Policy:
    named = {f"pod-security.kubernetes.io/{k.replace('_', '-')}": v for k, v in labels.items()}
    found, causes = policy_of(named, defaults or Policy())
    assert not causes
    return found


def test_without_labels_the_defaults_hold() -> None:
    assert policy() == Policy() == Policy(Level(PRIVILEGED), Level(PRIVILEGED), Level(PRIVILEGED))
    defaults = Policy(enforce=Level(BASELINE, 30))
    assert policy_of({"app": "x"}, defaults) == (defaults, [])


def test_each_mode_has_its_level_and_version() -> None:
    found = policy(enforce="baseline", enforce_version="v1.24", audit="restricted", warn="restricted")
    assert found == Policy(Level(BASELINE, 24), Level(RESTRICTED), Level(RESTRICTED))
    assert str(found.enforce) == "baseline:v1.24"
    assert str(found.audit) == "restricted:latest"


def test_what_is_enforced_is_warned_of_unless_the_labels_say_otherwise() -> None:
    assert policy(enforce="restricted", enforce_version="v1.30").warn == Level(RESTRICTED, 30)
    assert policy(enforce="restricted", enforce_version="v1.30", warn_version="v1.31").warn == Level(RESTRICTED, 31)
    assert policy(enforce="restricted", warn="baseline").warn == Level(BASELINE)
    assert policy(Policy(warn=Level(RESTRICTED)), enforce="baseline").warn == Level(RESTRICTED)


def test_wrong_labels_enforce_the_strictest_and_neither_audit_nor_warn() -> None:
    prefix = "pod-security.kubernetes.io/"
    labels = {f"{prefix}{mode}": "soft" for mode in ("enforce", "audit", "warn")}
    labels[f"{prefix}enforce-version"] = "1.24"
    found, causes = policy_of(labels, Policy())
    assert found == Policy(Level(RESTRICTED), Level(PRIVILEGED), Level(PRIVILEGED))
    assert [(c.field, c.message) for c in causes] == [
        (
            "metadata.labels[pod-security.kubernetes.io/enforce]",
            'Invalid value: "soft": must be one of privileged, baseline, restricted',
        ),
        (
            "metadata.labels[pod-security.kubernetes.io/enforce-version]",
            'Invalid value: "1.24": must be "latest" or "v1.x"',
        ),
        (
            "metadata.labels[pod-security.kubernetes.io/audit]",
            'Invalid value: "soft": must be one of privileged, baseline, restricted',
        ),
        (
            "metadata.labels[pod-security.kubernetes.io/warn]",
            'Invalid value: "soft": must be one of privileged, baseline, restricted',
        ),
    ]


def test_a_version_is_v1_and_a_number() -> None:
    for version in ("v1.01", "v2.1", "v1.", "v1.1.1", "v1.99999999999999999999", ""):
        _, causes = policy_of({"pod-security.kubernetes.io/warn-version": version}, Policy())
        assert len(causes) == 1, version
    assert policy(warn_version="v1.0").warn == Level(PRIVILEGED, 0)
