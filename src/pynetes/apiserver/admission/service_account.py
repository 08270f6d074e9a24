"""ServiceAccount: a pod has an account that exists, its pull secrets, and the volume with its token.

Source: kubernetes ``plugin/pkg/admission/serviceaccount/admission.go``.
"""

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object

DEFAULT_ACCOUNT = "default"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME_PREFIX = "kube-api-access-"
_TOKEN_SECONDS = 3607
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MIRROR = "kubernetes.io/config.mirror"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_PODS = frozenset({("", "pods", "")})


def mutate(asked: Attributes) -> None:
    pod = asked.obj
    if pod is None or asked.operation != CREATE:
        return
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return  # its node made it; see validate
    spec = pod.setdefault("spec", {})
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = DEFAULT_ACCOUNT
    spec["serviceAccount"] = spec["serviceAccountName"]
    account = _account(asked, spec["serviceAccountName"])
    if _mounts_token(account, spec):
        _mount_token(asked, spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(secret) for secret in account["imagePullSecrets"]]


def validate(asked: Attributes) -> None:
    pod = asked.obj
    if pod is None or asked.operation != CREATE:
        return
    spec = pod.get("spec") or {}
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        if spec.get("serviceAccountName"):
            raise asked.forbidden("a mirror pod may not reference service accounts")
        for i, volume in enumerate(spec.get("volumes") or ()):
            for part in (volume.get("projected") or {}).get("sources") or ():
                if part.get("serviceAccountToken") is not None:
                    raise asked.forbidden("a mirror pod may not use ServiceAccountToken volume projections")
            if "secret" in volume:
                raise asked.forbidden(f'a mirror pod may not reference secrets: volume "{volume.get("name", i)}"')
        return
    account = _account(asked, spec.get("serviceAccountName") or DEFAULT_ACCOUNT)
    if (account["metadata"].get("annotations") or {}).get(_ENFORCE) == "true":
        _check_secrets(asked, account, spec)


def _account(asked: Attributes, name: str) -> Object:
    resource = asked.server.resources.get("", "serviceaccounts")
    assert resource is not None
    entry: Entry | None = asked.server.cache.of(resource).get(resource.storage_key(asked.namespace, name))
    if entry is None:
        raise asked.forbidden(
            f'error looking up service account {asked.namespace}/{name}: serviceaccount "{name}" not found'
        )
    return entry.object


def _mounts_token(account: Object, spec: Object) -> bool:
    for owner in (spec, account):
        if owner.get("automountServiceAccountToken") is not None:
            return bool(owner["automountServiceAccountToken"])
    return True


def _mount_token(asked: Attributes, spec: Object) -> None:
    volumes: list[Object] = spec.setdefault("volumes", [])
    name = next((v["name"] for v in volumes if v.get("name", "").startswith(_VOLUME_PREFIX) and "projected" in v), "")
    made = not name
    if made:
        name = _VOLUME_PREFIX + "".join(asked.server.clock.random.choices(_ALPHABET, k=5))
    mounted = False
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            mounts = container.setdefault("volumeMounts", [])
            if not any(m.get("mountPath") == TOKEN_PATH for m in mounts):
                mounts.append({"name": name, "readOnly": True, "mountPath": TOKEN_PATH})
                mounted = True
    if made and mounted:
        volumes.append({"name": name, "projected": _token_projection()})


def _token_projection() -> Object:
    field = {"apiVersion": "v1", "fieldPath": "metadata.namespace"}
    return {
        "sources": [
            {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
            {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
            {"downwardAPI": {"items": [{"path": "namespace", "fieldRef": field}]}},
        ],
        "defaultMode": 0o644,
    }


def _check_secrets(asked: Attributes, account: Object, spec: Object) -> None:
    """An account with the annotation lends its own secrets only."""
    allowed = {s.get("name", "") for s in account.get("secrets") or ()}
    pulls = {s.get("name", "") for s in account.get("imagePullSecrets") or ()}
    who = account["metadata"]["name"]
    for volume in spec.get("volumes") or ():
        name = (volume.get("secret") or {}).get("secretName", "")
        if name and name not in allowed:
            raise asked.forbidden(
                f'volume with secret.secretName="{name}" is not allowed because service account {who} does not '
                "reference that secret"
            )
    for field in ("initContainers", "containers"):
        for container in spec.get(field) or ():
            for env in container.get("env") or ():
                name = ((env.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name", "")
                if name and name not in allowed:
                    kind = "init container" if field == "initContainers" else "container"
                    raise asked.forbidden(
                        f'{kind} {container["name"]} with envVar {env["name"]} referencing secret.secretName="{name}" '
                        f"is not allowed because service account {who} does not reference that secret"
                    )
    for secret in spec.get("imagePullSecrets") or ():
        if (name := secret.get("name", "")) not in pulls:
            raise asked.forbidden(
                f'imagePullSecrets.Name="{name}" is not allowed because service account {who} does not '
                "reference that imagePullSecret"
            )


PLUGIN = Plugin("ServiceAccount", frozenset({CREATE, UPDATE}), _PODS, mutate, validate)
