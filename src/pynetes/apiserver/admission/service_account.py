"""ServiceAccount: a pod has an account that exists, its pull secrets, and the volume with its token.

The account of a new namespace is made by a controller, a moment later: a pod that asks for it waits a little.

Source: kubernetes ``plugin/pkg/admission/serviceaccount/admission.go``.
"""

from collections.abc import Awaitable, Callable

from pynetes.apiserver.admission import CREATE, UPDATE, Attributes, Plugin
from pynetes.meta.encoding import Entry
from pynetes.meta.objects import Object
from pynetes.meta.status import StatusError

DEFAULT_ACCOUNT = "default"
TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_VOLUME_PREFIX = "kube-api-access-"
_TOKEN_SECONDS = 3607
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_MIRROR = "kubernetes.io/config.mirror"
_ENFORCE = "kubernetes.io/enforce-mountable-secrets"
_PODS = frozenset({("", "pods", "")})
_ATTEMPTS = 10
_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.1, 0.2

Continue = Callable[[Attributes, Object, Object], None]
"""What is done to the pod's spec once its account is there: ``(asked, account, spec)``."""


def mutate(asked: Attributes) -> Awaitable[None] | None:
    pod = asked.obj
    if pod is None or asked.operation != CREATE:
        return None
    if _MIRROR in (pod["metadata"].get("annotations") or {}):
        return None  # its node made it; see validate
    spec = pod.setdefault("spec", {})
    if not spec.get("serviceAccountName"):
        spec["serviceAccountName"] = DEFAULT_ACCOUNT
    spec["serviceAccount"] = spec["serviceAccountName"]
    return _with_account(asked, spec["serviceAccountName"], spec, _lend)


def validate(asked: Attributes) -> Awaitable[None] | None:
    pod = asked.obj
    if pod is None or asked.operation != CREATE:
        return None
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
        return None
    return _with_account(asked, spec.get("serviceAccountName") or DEFAULT_ACCOUNT, spec, _check)


def _with_account(asked: Attributes, name: str, spec: Object, then: Continue) -> Awaitable[None] | None:
    """Go on at once with an account that is there. Raises: StatusError 403."""
    if (account := _account(asked, name)) is not None:
        then(asked, account, spec)
        return None
    if name == DEFAULT_ACCOUNT:
        return _await_account(asked, name, spec, then)
    raise _absent(asked, name)


async def _await_account(asked: Attributes, name: str, spec: Object, then: Continue) -> None:
    clock = asked.server.clock
    pause_seconds = clock.random.uniform(_SHORTEST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS)
    for _ in range(_ATTEMPTS - 1):
        await clock.sleep(pause_seconds)
        if (account := _account(asked, name)) is not None:
            return then(asked, account, spec)
    raise _absent(asked, name)


def _account(asked: Attributes, name: str) -> Object | None:
    resource = asked.server.resources.get("", "serviceaccounts")
    assert resource is not None
    entry: Entry | None = asked.server.cache.of(resource).get(resource.storage_key(asked.namespace, name))
    return None if entry is None else entry.object


def _absent(asked: Attributes, name: str) -> StatusError:
    why = f'error looking up service account {asked.namespace}/{name}: serviceaccount "{name}" not found'
    return asked.forbidden(why)


def _lend(asked: Attributes, account: Object, spec: Object) -> None:
    """Give the pod what its account has."""
    if _mounts_token(account, spec):
        _mount_token(asked, spec)
    if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
        spec["imagePullSecrets"] = [dict(secret) for secret in account["imagePullSecrets"]]


def _check(asked: Attributes, account: Object, spec: Object) -> None:
    if (account["metadata"].get("annotations") or {}).get(_ENFORCE) == "true":
        _check_secrets(asked, account, spec)


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
