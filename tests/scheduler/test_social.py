"""Pod affinity, anti-affinity and topology spread: by example, and the filters at random against plain loops."""

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pynetes.meta import selectors
from pynetes.scheduler.decide import _ALL, Decider, _Terms
from pynetes.scheduler.nodes import NodeTable
from pynetes.scheduler.pods import read
from pynetes.scheduler.settings import WEIGHTS

from .make import make_node, make_pod

ZONE = "topology.kubernetes.io/zone"
HOST = "kubernetes.io/hostname"


def term(app="web", key=ZONE, **more):
    return {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}, **more}


def hard(kind, *terms):
    return {kind: {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}


def soft(kind, *terms, weight=10):
    preferred = [{"weight": weight, "podAffinityTerm": t} for t in terms]
    return {kind: {"preferredDuringSchedulingIgnoredDuringExecution": preferred}}


def spread(app="web", key=ZONE, skew=1, hard=True, **more):
    when = "DoNotSchedule" if hard else "ScheduleAnyway"
    return {
        "topologyKey": key,
        "maxSkew": skew,
        "whenUnsatisfiable": when,
        "labelSelector": {"matchLabels": {"app": app}},
        **more,
    }


def table_of(**zones):
    table = NodeTable(2)
    for name, zone in zones.items():
        table.set_node(make_node(name, labels={ZONE: zone} if zone else {}))
    return table


def put(table, node, app="web", **spec):
    info = read(make_pod(labels={"app": app}, **spec))
    table.add_pod(info, node)
    return info


def decide(table, app="web", **spec):
    return Decider(table, random.Random(0)).decide(read(make_pod(labels={"app": app}, **spec)))


def test_terms_mean_the_pods_own_namespace_unless_they_name_or_select_others():
    table = table_of(a="1", b="2")
    friend = make_pod(labels={"app": "db"})
    friend["metadata"]["namespace"] = "other"
    table.add_pod(read(friend), "a")
    assert decide(table, affinity=hard("podAffinity", term("db"))).node == ""
    assert decide(table, affinity=hard("podAffinity", term("db", namespaces=["other"]))).node == "a"
    chosen = hard("podAffinity", term("db", namespaceSelector={"matchLabels": {"team": "x"}}))
    assert decide(table, affinity=chosen).node == ""
    table.set_namespace("other", {"team": "x"})
    assert decide(table, affinity=chosen).node == "a"


def test_preferences_draw_and_repel():
    table = table_of(a="1", b="2")
    put(table, "a", app="db")
    assert {decide(table, affinity=soft("podAffinity", term("db"))).node for _ in range(9)} == {"a"}
    assert {decide(table, affinity=soft("podAntiAffinity", term("db"))).node for _ in range(9)} == {"b"}


def test_what_placed_pods_like_counts_too():
    table = table_of(a="1", b="2")
    put(table, "a", app="db", affinity=soft("podAffinity", term("web"), weight=100))
    assert decide(table).node == "a"


def test_with_fewer_domains_than_wanted_the_least_counts_as_none():
    table = table_of(a="1")
    put(table, "a")
    assert decide(table, topologySpreadConstraints=[spread(minDomains=2)]).node == ""
    assert decide(table, topologySpreadConstraints=[spread()]).node == "a"


def test_soft_spread_prefers_the_emptier_zone():
    table = table_of(a="1", b="2")
    for _ in range(3):
        put(table, "a")
    pod = make_node("b", labels={ZONE: "2"}, cpu="2")
    table.set_node(pod)
    assert decide(table, topologySpreadConstraints=[spread(hard=False)]).node == "b"


def test_pods_that_terminate_no_longer_count_for_spread():
    table = table_of(a="1", b="2")
    leaving = make_pod(labels={"app": "web"})
    leaving["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    table.add_pod(read(leaving), "a")
    put(table, "b")
    assert decide(table, topologySpreadConstraints=[spread()]).node == "a"


# the plain loops


class Loops:
    """Who may run where, straight from the documentation."""

    def __init__(self):
        self.nodes, self.placed = {}, []

    def label(self, node, key):
        return self.nodes[node]["metadata"]["labels"].get(key)

    def means(self, owner, t, other):
        same = owner["metadata"]["namespace"] == other["metadata"]["namespace"]
        return same and selectors.from_object(t["labelSelector"]).matches(other["metadata"]["labels"])

    def terms(self, pod, kind):
        affinity = pod["spec"].get("affinity", {})
        return affinity.get(kind, {}).get("requiredDuringSchedulingIgnoredDuringExecution", [])

    def fits(self, pod, node):
        here = [(other, n) for other, n in self.placed if n in self.nodes]
        return self.near(pod, node, here) and self.apart(pod, node, here) and self.spreads(pod, node, here)

    def near(self, pod, node, here):
        terms = self.terms(pod, "podAffinity")
        if any(self.label(node, t["topologyKey"]) is None for t in terms):
            return False
        friends = [(o, n) for o, n in here if all(self.means(pod, t, o) for t in terms)]
        known = any(self.label(n, t["topologyKey"]) is not None for _, n in friends for t in terms)
        if terms and not known and all(self.means(pod, t, pod) for t in terms):
            return True
        return all(
            any(self.label(n, t["topologyKey"]) == self.label(node, t["topologyKey"]) for _, n in friends)
            for t in terms
        )

    def apart(self, pod, node, here):
        for other, n in here:
            pairs = [(t, pod, other) for t in self.terms(pod, "podAntiAffinity")]
            pairs += [(t, other, pod) for t in self.terms(other, "podAntiAffinity")]
            for t, owner, meant in pairs:
                domain = self.label(node, t["topologyKey"])
                if domain is not None and self.means(owner, t, meant) and self.label(n, t["topologyKey"]) == domain:
                    return False
        return True

    def spreads(self, pod, node, here):
        constraints = pod["spec"].get("topologySpreadConstraints", [])
        keys = [c["topologyKey"] for c in constraints]
        counted = [n for n in self.nodes if all(self.label(n, k) is not None for k in keys)]
        for c in constraints:
            key = c["topologyKey"]
            if self.label(node, key) is None:
                return False
            totals = {self.label(n, key): 0 for n in counted}
            for other, n in here:
                if n in counted and self.means(pod, c, other):
                    totals[self.label(n, key)] += 1
            least = min(totals.values(), default=0) if len(totals) >= c.get("minDomains", 1) else 0
            itself = int(self.means(pod, c, pod))
            if totals.get(self.label(node, key), 0) + itself - least > c["maxSkew"]:
                return False
        return True


def pods():
    apps, keys = st.sampled_from(["web", "db"]), st.sampled_from([ZONE, HOST])
    affinities = st.one_of(
        st.just({}),
        st.builds(lambda a, k: hard("podAffinity", term(a, k)), apps, keys),
        st.builds(lambda a, k: hard("podAntiAffinity", term(a, k)), apps, keys),
        st.builds(lambda a, b: hard("podAffinity", term(a, ZONE), term(b, HOST)), apps, apps),
    )
    constraints = st.lists(
        st.builds(spread, apps, keys, st.integers(1, 2), minDomains=st.integers(1, 3)),
        max_size=2,
        unique_by=lambda c: c["topologyKey"],
    )
    labels = st.builds(lambda app: {"app": app}, apps)
    return st.builds(
        make_pod, labels=labels, affinity=affinities, topologySpreadConstraints=st.one_of(st.just([]), constraints)
    )


def nodes():
    zones = st.sampled_from([{}, {ZONE: "1"}, {ZONE: "2"}])
    return st.builds(make_node, st.sampled_from([f"n{i}" for i in range(5)]), labels=zones)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(nodes(), pods(), pods(), st.integers(0, 20), st.sampled_from(["n0", "n1"])), max_size=30))
def test_the_columns_agree_with_plain_loops(script):
    table, loops, placed = NodeTable(2), Loops(), []
    decider = Decider(table, random.Random(0))
    for number, step in enumerate(script):
        if isinstance(step, int):
            if placed:
                index = step % len(placed)
                info, node = placed.pop(index)
                loops.placed.pop(index)
                table.remove_pod(info, node)
        elif isinstance(step, str):
            table.remove_node(step)
            loops.nodes.pop(step, None)
        elif "containers" not in step["spec"]:
            table.set_node(step)
            loops.nodes[step["metadata"]["name"]] = step
        else:
            pod = {**step, "metadata": {**step["metadata"], "uid": f"u{number}"}}
            info = read(pod)
            expected = {name for name in loops.nodes if loops.fits(pod, name)}
            feasible = _Terms(table, info, WEIGHTS).feasible(_ALL)
            assert {table.names[row] for row in feasible.nonzero()[0]} == expected
            decision = decider.decide(info)
            assert decision.node in expected if expected else decision.node == ""
            if decision.node:
                table.add_pod(info, decision.node)
                placed.append((info, decision.node))
                loops.placed.append((pod, decision.node))
