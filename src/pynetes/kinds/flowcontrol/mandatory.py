"""The flow objects that every server needs and whose specs nobody may change.

Source: apiserver ``pkg/apis/flowcontrol/bootstrap/default.go`` (``Mandatory...``).
"""

from collections.abc import Mapping

from pynetes.meta.objects import Object

EXEMPT, CATCH_ALL = "exempt", "catch-all"
_EVERYTHING: Object = {
    "resourceRules": [
        {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "clusterScope": True, "namespaces": ["*"]}
    ],
    "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
}


def _groups(*names: str) -> Object:
    return {"subjects": [{"kind": "Group", "group": {"name": name}} for name in names]}


SCHEMAS: Mapping[str, Object] = {
    EXEMPT: {
        "priorityLevelConfiguration": {"name": EXEMPT},
        "matchingPrecedence": 1,
        "rules": [_groups("system:masters") | _EVERYTHING],
    },
    CATCH_ALL: {
        "priorityLevelConfiguration": {"name": CATCH_ALL},
        "matchingPrecedence": 10000,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": [_groups("system:unauthenticated", "system:authenticated") | _EVERYTHING],
    },
}
LEVELS: Mapping[str, Object] = {
    EXEMPT: {"type": "Exempt", "exempt": {"nominalConcurrencyShares": 0, "lendablePercent": 0}},
    CATCH_ALL: {
        "type": "Limited",
        "limited": {"nominalConcurrencyShares": 5, "limitResponse": {"type": "Reject"}, "lendablePercent": 0},
    },
}
