"""Which rules other rules cover: what one who grants must hold, and what a bootstrap role lacks.

Source: component-helpers ``auth/rbac/validation/policy_comparator.go``.
"""

from collections.abc import Iterable, Iterator

from pynetes.meta.objects import Object


def uncovered(rules: Iterable[Object], held: Iterable[Object]) -> list[Object]:
    """What of the rules none of those that are held allows, as rules that have one of everything."""
    held = list(held)
    return [small for rule in rules for small in broken_down(rule) if not any(covers(h, small) for h in held)]


def broken_down(rule: Object) -> Iterator[Object]:
    """A rule as many that have one of everything."""
    verbs, names = rule.get("verbs") or (), rule.get("resourceNames") or ()
    for group in rule.get("apiGroups") or ():
        for resource in rule.get("resources") or ():
            for verb in verbs:
                small = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
                if names:
                    for name in names:
                        yield {**small, "resourceNames": [name]}
                else:
                    yield small
    for url in rule.get("nonResourceURLs") or ():
        for verb in verbs:
            yield {"nonResourceURLs": [url], "verbs": [verb]}


def covers(held: Object, small: Object) -> bool:
    def has(field: str, everything: str = "*") -> bool:
        mine, wanted = held.get(field) or (), small.get(field) or ()
        return everything in mine or set(wanted) <= set(mine)

    if not (has("verbs") and has("apiGroups") and _covers_resources(held, small) and _covers_urls(held, small)):
        return False
    names = held.get("resourceNames") or ()
    wanted = small.get("resourceNames") or ()
    return not names if not wanted else not names or set(wanted) <= set(names)


def _covers_resources(held: Object, small: Object) -> bool:
    mine = held.get("resources") or ()
    return all(
        "*" in mine or r in mine or ("/" in r and f"*/{r.partition('/')[2]}" in mine)
        for r in small.get("resources") or ()
    )


def _covers_urls(held: Object, small: Object) -> bool:
    mine = held.get("nonResourceURLs") or ()
    return all(
        any(m == url or (m.endswith("*") and url.startswith(m.rstrip("*"))) for m in mine)
        for url in small.get("nonResourceURLs") or ()
    )
