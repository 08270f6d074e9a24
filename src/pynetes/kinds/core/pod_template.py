"""Pod templates. Source: kubernetes ``pkg/registry/core/podtemplate/strategy.go``."""

from collections.abc import Sequence
from typing import Any

from pynetes.kinds import rows
from pynetes.kinds.core import pod_spec
from pynetes.kinds.core.pod_defaults import default_template
from pynetes.kinds.metadata import Validation
from pynetes.kinds.strategy import Strategy
from pynetes.meta.objects import Object
from pynetes.meta.resource import Hooks

_STRATEGY = Strategy(generation=True, spec=("template",), template=("template",))
_VALIDATION = Validation(rules=lambda obj: pod_spec.template("template", obj["template"]))


def default(obj: Object) -> None:
    default_template(obj.setdefault("template", {}))


def warnings(obj: Object, old: Object | None) -> Sequence[str]:
    if old is not None and obj["metadata"].get("generation") == old["metadata"].get("generation"):
        return []
    return pod_spec.template_warnings("template", obj["template"])


def table_row(obj: Object, now: float) -> list[Any]:
    template = obj.get("template") or {}
    labels = rows.labels((template.get("metadata") or {}).get("labels"))
    return [obj["metadata"]["name"], *rows.containers(template.get("spec") or {}), labels]


HOOKS = Hooks(
    default=default,
    prepare_create=_STRATEGY.create,
    prepare_update=_STRATEGY.update,
    validate=_VALIDATION.create,
    validate_update=_VALIDATION.update,
    warnings=warnings,
    table_row=table_row,
)
