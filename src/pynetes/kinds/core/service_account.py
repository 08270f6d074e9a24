"""Service accounts. Source: kubernetes ``pkg/registry/core/serviceaccount/strategy.go``."""

from collections.abc import Sequence

from pynetes.kinds import rows
from pynetes.kinds.metadata import Validation
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks, WriteContext

_ENFORCED = "kubernetes.io/enforce-mountable-secrets"
_VALIDATION = Validation()


def clean_references(account: Object) -> None:
    """Of a secret only the name counts."""
    for i, secret in enumerate(account.get("secrets") or ()):
        account["secrets"][i] = {"name": secret["name"]} if secret.get("name") else {}


def warnings(account: Object, old: Object | None) -> Sequence[str]:
    if _ENFORCED not in (account["metadata"].get("annotations") or {}):
        return []
    return [
        f"metadata.annotations[{_ENFORCED}]: deprecated in v1.32+; prefer separate namespaces to isolate access to"
        " mounted secrets"
    ]


def _prepare_create(account: Object, context: WriteContext) -> None:
    clean_references(account)


def _prepare_update(account: Object, old: Object, context: WriteContext) -> None:
    clean_references(account)


HOOKS = Hooks(
    prepare_create=_prepare_create,
    prepare_update=_prepare_update,
    validate=_VALIDATION.create,
    validate_update=lambda obj, old, context: [
        *_VALIDATION.update(obj, old, context),
        *_VALIDATION.create(obj, context),
    ],
    warnings=warnings,
    table_row=rows.name_and_age,
)
