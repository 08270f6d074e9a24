"""Labels of nodes that have successors, and what their users should hear.

Source: kubernetes ``pkg/api/node/util.go``; ``pkg/apis/core/validation/validation.go`` ``betaToGALabel``.
"""

from collections.abc import Mapping

from pynetes.meta.fielderrors import Path
from pynetes.meta.names import label_value
from pynetes.meta.objects import Object

DEPRECATED: Mapping[str, str] = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": 'deprecated since v1.17; use "topology.kubernetes.io/region" instead',
    "failure-domain.beta.kubernetes.io/zone": 'deprecated since v1.17; use "topology.kubernetes.io/zone" instead',
    "beta.kubernetes.io/instance-type": 'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead',
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": "deprecated since v1.22; use Taints and Tolerations instead",
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}

SUCCESSORS: Mapping[str, str] = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def node_term_warnings(path: Path, term: Object, check_values: bool = False) -> list[str]:
    found = []
    for i, expression in enumerate(term.get("matchExpressions") or ()):
        key = expression.get("key", "")
        if text := DEPRECATED.get(key):
            found.append(f"{path}.matchExpressions[{i}].key: {key} is {text}")
        for j, value in enumerate((expression.get("values") or ()) if check_values else ()):
            at = f"{path}.matchExpressions[{i}].values[{j}]"
            found += [f"{at}: {value} is invalid, {problem}" for problem in label_value(value)]
    return found


def selector_warnings(path: Path, selector: Object | None) -> list[str]:
    """For a label selector of nodes."""
    found = []
    for i, expression in enumerate((selector or {}).get("matchExpressions") or ()):
        key = expression.get("key", "")
        if text := DEPRECATED.get(key):
            found.append(f"{path}.matchExpressions[{i}].key: {key} is {text}")
    for label in (selector or {}).get("matchLabels") or ():
        if text := DEPRECATED.get(label):
            found.append(f"{path}.matchLabels.{label}: {text}")
    return found
