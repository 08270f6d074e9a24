"""The history of a Deployment: which ReplicaSet is the new one, how it is made and numbered, which old ones are kept.

Source: pkg/controller/deployment/sync.go and util/deployment_util.go.
"""

from collections.abc import Sequence

from pynetes.client.kinds import DEPLOYMENTS, REPLICA_SETS
from pynetes.controllers import podstate
from pynetes.controllers.deployment import conditions
from pynetes.controllers.deployment.progress import has_deadline
from pynetes.controllers.deployment.rollout import REVISION, CreateReplicaSet, DeleteReplicaSet, Rollout, changed
from pynetes.controllers.deployment.sizes import DESIRED, MAXIMUM, fenceposts, number, replicas
from pynetes.controllers.ownership import oldest_first, reference
from pynetes.controllers.templates import HASH_LABEL, same_template, template_hash
from pynetes.meta.objects import Object, annotations_of, name_of, namespace_of

HISTORY = "deployment.kubernetes.io/revision-history"
NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    HISTORY,
    DESIRED,
    MAXIMUM,
    "deprecated.deployment.rollback.to",
}
HISTORY_CHARACTERS = 2000
NO_LIMIT = 2**31 - 1


def sync_new(rollout: Rollout, create: bool) -> None:
    """Bring the new ReplicaSet's annotations and the Deployment's revision up to date; create it if asked to."""
    revision = max((revision_of(rs) for rs in rollout.old), default=0) + 1
    if rollout.new is None:
        if create:
            _create_new(rollout, revision)
        return
    annotations = _new_annotations(rollout.deployment, rollout.new, revision, exists=True)
    min_ready = rollout.deployment["spec"].get("minReadySeconds", 0)
    if annotations != annotations_of(rollout.new) or rollout.new["spec"].get("minReadySeconds", 0) != min_ready:
        rollout.replace(rollout.new, changed(rollout.new, annotations=annotations, min_ready=min_ready))
    rollout.set_revision(annotations.get(REVISION, ""))
    if has_deadline(rollout.deployment) and conditions.find(rollout.status, "Progressing") is None:
        message = f'Found new replica set "{name_of(rollout.new)}"'
        rollout.note("Progressing", "True", "FoundNewReplicaSet", message)


def _create_new(rollout: Rollout, revision: int) -> None:
    rs = new_replica_set(rollout.deployment, revision, rollout.status.get("collisionCount"))
    rollout.new = rs
    rs["spec"]["replicas"] = rollout.size_of_new()
    rollout.actions.append(CreateReplicaSet(rs))
    if rs["spec"]["replicas"] > 0:
        rollout.report(f"Scaled up replica set {name_of(rs)} from 0 to {rs['spec']['replicas']}")
    rollout.set_revision(str(revision))
    if has_deadline(rollout.deployment):
        message = f'Created new replica set "{name_of(rs)}"'
        rollout.note("Progressing", "True", "NewReplicaSetCreated", message)


def clean_up(rollout: Rollout) -> None:
    """Delete old ReplicaSets without pods beyond ``revisionHistoryLimit``, those of the oldest revisions first."""
    limit = rollout.deployment["spec"].get("revisionHistoryLimit")
    if limit is None or limit == NO_LIMIT:
        return
    candidates = [rs for rs in rollout.old if not podstate.is_deleted(rs)]
    surplus = len(candidates) - int(limit)
    for rs in sorted(candidates, key=lambda rs: (revision_of(rs), podstate.created_at(rs)))[: max(0, surplus)]:
        status = rs.get("status") or {}
        observed = status.get("observedGeneration", 0) >= rs["metadata"].get("generation", 0)
        if status.get("replicas", 0) == 0 and replicas(rs) == 0 and observed:
            rollout.actions.append(DeleteReplicaSet(rs))


def find_new(deployment: Object, replica_sets: Sequence[Object]) -> Object | None:
    """The oldest ReplicaSet with the Deployment's template."""
    template = deployment["spec"]["template"]
    for rs in oldest_first(replica_sets):
        if same_template(rs["spec"]["template"], template):
            return rs
    return None


def new_replica_set(deployment: Object, revision: int, collisions: int | None) -> Object:
    """The ReplicaSet of a template that has none yet; its size is the caller's to set."""
    spec = deployment["spec"]
    digest = template_hash(spec["template"], collisions)
    metadata = spec["template"].get("metadata") or {}
    labels = {**(metadata.get("labels") or {}), HASH_LABEL: digest}
    selector = {**spec["selector"], "matchLabels": {**(spec["selector"].get("matchLabels") or {}), HASH_LABEL: digest}}
    rs: Object = {
        "kind": REPLICA_SETS.kind,
        "apiVersion": REPLICA_SETS.api_version,
        "metadata": {
            "name": f"{name_of(deployment)[: 253 - 1 - len(digest)]}-{digest}",
            "namespace": namespace_of(deployment),
            "labels": labels,
            "ownerReferences": [reference(deployment, DEPLOYMENTS)],
        },
        "spec": {
            "replicas": 0,
            "selector": selector,
            "template": {**spec["template"], "metadata": {**metadata, "labels": labels}},
        },
    }
    if min_ready := spec.get("minReadySeconds"):
        rs["spec"]["minReadySeconds"] = min_ready
    rs["metadata"]["annotations"] = _new_annotations(deployment, rs, revision, exists=False)
    return rs


def revision_of(rs: Object) -> int:
    return number(annotations_of(rs).get(REVISION, "0"), 0)


def _new_annotations(deployment: Object, rs: Object, revision: int, exists: bool) -> dict[str, str]:
    """The new ReplicaSet's annotations: the Deployment's own, its revision and, when it gets a new one, its history."""
    annotations = dict(annotations_of(rs))
    copied = {k: v for k, v in annotations_of(deployment).items() if k not in NOT_COPIED}
    annotations.update(copied)
    before = annotations.get(REVISION)
    present = number(before or "0", -1)
    if present < 0:
        return annotations
    if present < revision:
        annotations[REVISION] = str(revision)
        if before is not None:
            history = [entry for entry in annotations.get(HISTORY, "").split(",") if entry] + [before]
            while len(history) > 1 and len(",".join(history)) > HISTORY_CHARACTERS:
                del history[0]
            annotations[HISTORY] = ",".join(history)
    if not exists:
        wanted = replicas(deployment)
        annotations[DESIRED] = str(wanted)
        annotations[MAXIMUM] = str(wanted + fenceposts(deployment)[0])
    return annotations
