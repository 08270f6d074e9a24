"""Profiles of seccomp and AppArmor that stand in annotations, as they did before there were fields.

Source: kubernetes ``pkg/apis/core/validation/validation.go``, ``pkg/registry/core/pod/strategy.go``,
``pkg/api/pod/util.go``.
"""

from collections.abc import Mapping

from pynetes.kinds.core.field_paths import descending
from pynetes.kinds.core.security import all_containers, app_armor
from pynetes.meta.fielderrors import Path, forbidden, invalid
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause

SECCOMP_POD = "seccomp.security.alpha.kubernetes.io/pod"
SECCOMP_CONTAINER = "container.seccomp.security.alpha.kubernetes.io/"
APP_ARMOR = "container.apparmor.security.beta.kubernetes.io/"
APP_ARMOR_TEXT = 'deprecated since v1.30; use the "appArmorProfile" field instead'


def app_armor_of(annotation: str) -> Object | None:
    """The field's value that the annotation means; None for one that means nothing."""
    if annotation == "unconfined":
        return {"type": "Unconfined"}
    if annotation == "runtime/default":
        return {"type": "RuntimeDefault"}
    name = annotation.removeprefix("localhost/")
    if name and name != annotation:
        return {"type": "Localhost", "localhostProfile": name}
    return None


def sync_app_armor(pod: Object) -> list[str]:
    """Annotations become the fields of the containers that have none, in place; the warnings about them."""
    annotations = pod["metadata"].get("annotations") or {}
    spec = pod["spec"]
    if not any(key.startswith(APP_ARMOR) for key in annotations) or (spec.get("os") or {}).get("name") == "windows":
        return []
    warnings = []
    whole = (spec.get("securityContext") or {}).get("appArmorProfile")
    for _, container in all_containers("", spec):
        key = APP_ARMOR + container.get("name", "")
        annotation = annotations.get(key)
        if annotation is None or (container.get("securityContext") or {}).get("appArmorProfile") is not None:
            continue
        profile = app_armor_of(annotation)
        if profile is not None and app_armor("", profile):
            profile = None
        if profile is not None and profile != whole:
            container["securityContext"] = {**(container.get("securityContext") or {}), "appArmorProfile": profile}
        elif profile is not None:
            continue  # the pod's own says it
        warnings.append(f"metadata.annotations[{key}]: {APP_ARMOR_TEXT}")
    return warnings


def profile_annotations(path: Path, annotations: Mapping[str, str], spec: Object) -> list[Cause]:
    """Against the annotations that were before the fields."""
    causes: list[Cause] = []
    if SECCOMP_POD in annotations:
        causes += _seccomp_annotation(f"{path}.{SECCOMP_POD}", annotations[SECCOMP_POD])
    names = {container.get("name") for _, container in all_containers("", spec)}
    for key, value in annotations.items():
        if key.startswith(SECCOMP_CONTAINER):
            causes += _seccomp_annotation(f"{path}.{key}", value)
        elif key.startswith(APP_ARMOR):
            name = key.removeprefix(APP_ARMOR)
            if name not in names:
                causes.append(invalid(f"{path}[{key}]", name, "container not found"))
            if value not in ("", "runtime/default", "unconfined") and not value.startswith("localhost/"):
                causes.append(invalid(f"{path}[{key}]", value, f'invalid AppArmor profile name: "{value}"'))
    return causes


def _seccomp_annotation(path: Path, value: str) -> list[Cause]:
    if value in ("runtime/default", "docker/default", "unconfined"):
        return []
    if value.startswith("localhost/"):
        return descending(path, value.removeprefix("localhost/"))
    return [invalid(path, value, "must be a valid seccomp profile")]


def profiles_agree(path: Path, annotations: Mapping[str, str], spec: Object) -> list[Cause]:
    """Where an annotation and a field say a profile, they must say the same."""
    causes: list[Cause] = []
    context = spec.get("securityContext") or {}
    where = "securityContext.seccompProfile"
    if context.get("seccompProfile") and SECCOMP_POD in annotations:
        causes += _agree(f"{path}.{where}", "seccomp", annotations[SECCOMP_POD], context["seccompProfile"])
    for at, container in all_containers(path, spec):
        own, name = container.get("securityContext") or {}, container.get("name", "")
        key = SECCOMP_CONTAINER + name
        if own.get("seccompProfile") and key in annotations:
            causes += _agree(f"{at}.{where}", "seccomp", annotations[key], own["seccompProfile"])
    if (spec.get("os") or {}).get("name") == "windows":
        return causes
    for at, container in all_containers(path, spec):
        own, name = container.get("securityContext") or {}, container.get("name", "")
        profile = own.get("appArmorProfile") or context.get("appArmorProfile")
        key = APP_ARMOR + name
        if profile and key in annotations:
            causes += _agree(f"{at}.securityContext.appArmorProfile", "apparmor", annotations[key], profile)
    return causes


def _agree(path: Path, what: str, annotation: str, profile: Object) -> list[Cause]:
    kind = profile.get("type")
    defaults = ("runtime/default", "docker/default") if what == "seccomp" else ("runtime/default",)
    fits = {
        "Unconfined": annotation == "unconfined",
        "RuntimeDefault": annotation in defaults,
        "Localhost": annotation.startswith("localhost/"),
    }.get(kind or "", True)
    if not fits:
        return [forbidden(f"{path}.type", f"{what} type in annotation and field must match")]
    if kind == "Localhost" and annotation.removeprefix("localhost/") != profile.get("localhostProfile"):
        return [forbidden(f"{path}.localhostProfile", f"{what} profile in annotation and field must match")]
    return []
