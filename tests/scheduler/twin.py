"""A deliberately simple scheduler: pod by pod, node by node, no arrays. The real one must agree with it.

Source: the same upstream files as the real one, read again.
"""

from pynetes.kinds.pods.node_terms import may_run
from pynetes.meta.objects import labels_of
from pynetes.scheduler.plugins import affinity, taints
from pynetes.scheduler.pods import amount, read

WEIGHTS = {"fit": 1, "balanced": 1, "taints": 3, "affinity": 2, "images": 1}


class Twin:
    def __init__(self):
        self.nodes = {}
        self.pods = {}  # node name -> [PodInfo]

    def set_node(self, node):
        self.nodes[node["metadata"]["name"]] = node

    def remove_node(self, name):
        self.nodes.pop(name, None)

    def add(self, info, node):
        self.pods.setdefault(node, []).append(info)

    def remove(self, info, node):
        self.pods[node] = [p for p in self.pods[node] if p.uid != info.uid]

    def best(self, pod):
        """The names of the nodes with the highest score; empty when none will do."""
        info = read(pod)
        fine = [name for name, node in self.nodes.items() if self.fits(info, node)]
        scores = self.scores(info, fine)
        top = max(scores.values(), default=None)
        return {name for name, score in scores.items() if score == top}

    def used(self, name, resource):
        return sum(p.requests.get(resource, 0) for p in self.pods.get(name, []))

    def fits(self, info, node):
        name, tolerations = node["metadata"]["name"], info.spec.get("tolerations") or []
        allocatable = node["status"]["allocatable"]
        if node["spec"].get("unschedulable") and not taints.may_run_cordoned(tolerations):
            return False
        if not taints.may_run(node, tolerations) or not may_run(node, info.spec):
            return False
        here = self.pods.get(name, [])
        if {(p.protocol, p.port) for p in info.ports} & {(p.protocol, p.port) for o in here for p in o.ports}:
            return False
        if len(here) + 1 > int(allocatable["pods"]):
            return False
        return all(
            count <= amount(resource, allocatable.get(resource, "0")) - self.used(name, resource)
            for resource, count in info.requests.items()
            if count > 0
        )

    def scores(self, info, names):
        raw = {name: self.raw(info, name) for name in names}
        most_taints = max((r[1] for r in raw.values()), default=0)
        most_affinity = max((r[2] for r in raw.values()), default=0)
        scores = {}
        for name, (fixed, soft, preferred) in raw.items():
            tainted = 100 - 100 * soft // most_taints if most_taints else 100
            liked = 100 * preferred // most_affinity if most_affinity else 0
            scores[name] = fixed + WEIGHTS["taints"] * tainted + WEIGHTS["affinity"] * liked
        return scores

    def raw(self, info, name):
        node = self.nodes[name]
        cpu, memory = (amount(r, node["status"]["allocatable"].get(r, "0")) for r in ("cpu", "memory"))
        here = self.pods.get(name, [])
        wanted = (
            (cpu, sum(p.nonzero_cpu for p in here) + info.nonzero_cpu),
            (memory, sum(p.nonzero_memory for p in here) + info.nonzero_memory),
        )
        parts = [0 if want > have else (have - want) * 100 // have for have, want in wanted if have]
        fixed = WEIGHTS["fit"] * (sum(parts) // len(parts) if parts else 0)
        asked = [info.requests.get(r, 0) for r in ("cpu", "memory")]
        if any(asked):
            used = [self.used(name, r) for r in ("cpu", "memory")]
            after = self.balance((cpu, used[0] + asked[0]), (memory, used[1] + asked[1]))
            before = self.balance((cpu, used[0]), (memory, used[1]))
            fixed += WEIGHTS["balanced"] * (50 + (50 + after - before) // 2)
        preferred = affinity.preference(node, affinity.preferred_terms(info.spec))
        return fixed + self.images(info, node), taints.unwelcome(node, info.spec.get("tolerations") or []), preferred

    def balance(self, *parts):
        shares = [min(used / have, 1.0) for have, used in parts if have]
        deviation = abs((shares[0] - shares[1]) / 2) if len(shares) == 2 else 0.0
        return int((1 - deviation) * 100.0)

    def images(self, info, node):
        total = 0
        for image in info.images:
            sizes = {n: dict(_images(other)).get(image, 0) for n, other in self.nodes.items()}
            holding = sum(1 for size in sizes.values() if size)
            total += int(sizes[node["metadata"]["name"]] * (holding / len(self.nodes)))
        mb = 1024 * 1024
        most = 1000 * mb * max(len(info.images), 1)
        return 100 * (min(max(total, 23 * mb), most) - 23 * mb) // (most - 23 * mb)


def _images(node):
    assert labels_of(node) is not None
    for image in node["status"].get("images", []):
        for name in image["names"]:
            yield (name if name.rfind(":") > name.rfind("/") else name + ":latest"), image["sizeBytes"]
