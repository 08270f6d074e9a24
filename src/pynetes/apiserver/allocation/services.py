"""What a Service is given: IP families by policy, cluster addresses, node ports; and what changes of its type give
back.

Source: kubernetes ``pkg/registry/core/service/storage/{storage,alloc}.go``.
"""

from collections.abc import Collection
from dataclasses import dataclass, field

from pynetes.apiserver import faults
from pynetes.apiserver.allocation import addresses, ports
from pynetes.apiserver.parts import Parts
from pynetes.kinds.core.service import needs_health_check, needs_node_port
from pynetes.kinds.core.service_validation import cluster_ips as cluster_ip_causes
from pynetes.meta import fielderrors, status
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause, StatusError

_SINGLE, _REQUIRE, _PREFER = "SingleStack", "RequireDualStack", "PreferDualStack"
_WITH_PORTS = ("NodePort", "LoadBalancer")


@dataclass(slots=True)
class Taken:
    """What one write of a Service took and, once it has succeeded, gives back."""

    server: Parts
    dry_run: bool
    addresses: list[str] = field(default_factory=list)
    ports: list[int] = field(default_factory=list)
    freed: list[str] = field(default_factory=list)

    async def commit(self) -> None:
        ports.table_of(self.server).settle(self.ports)
        await self._release(self.freed)

    async def revert(self) -> None:
        ports.table_of(self.server).settle(self.ports)
        await self._release(self.addresses)

    async def _release(self, given_back: list[str]) -> None:
        if not self.dry_run:
            for address in given_back:
                await addresses.release(self.server, address)


async def allocate_new(server: Parts, service: Object, dry_run: bool) -> Taken:
    """Raises: StatusError 422, 500."""
    spec = service.setdefault("spec", {})
    if spec.get("clusterIP") and not spec.get("clusterIPs"):
        spec["clusterIPs"] = [spec["clusterIP"]]
    _set_families(server, service, None)
    taken = Taken(server, dry_run)
    try:
        await _take_addresses(taken, service)
        if spec.get("type") in _WITH_PORTS:
            _take_new_ports(taken, service)
        if needs_health_check(spec):
            _take_health_port(taken, service)
    except BaseException:
        await taken.revert()
        raise
    if dry_run:
        ports.table_of(server).settle(taken.ports)
    return taken


async def allocate_changed(server: Parts, service: Object, old: Object, dry_run: bool) -> Taken:
    """Raises: StatusError 422, 500."""
    spec, before = service.setdefault("spec", {}), old.get("spec") or {}
    _keep_given(spec, before)
    _normalize_addresses(spec, before)
    _set_families(server, service, old)
    taken = Taken(server, dry_run)
    try:
        await _change_addresses(taken, service, spec, before)
        if spec.get("type") in _WITH_PORTS:
            _take_changed_ports(taken, service, ports.ports_of(before))
        if needs_health_check(spec) and not needs_health_check(before):
            _take_health_port(taken, service)
    except BaseException:
        await taken.revert()
        raise
    if dry_run:
        ports.table_of(server).settle(taken.ports)
    return taken


async def release(server: Parts, service: Object) -> None:
    """After a delete: its addresses are free, and its Endpoints go."""
    spec, meta = service.get("spec") or {}, service["metadata"]
    if spec.get("type") != "ExternalName":
        for address in spec.get("clusterIPs") or ():
            if address != "None":
                await addresses.release(server, address)
    resource = server.resources.get("", "endpoints")
    assert resource is not None
    key = resource.storage_key(meta["namespace"], meta["name"])
    if server.cache.of(resource).get(key) is not None:
        await server.store.delete(key)


def _invalid(service: Object, causes: list[Cause]) -> StatusError:
    return status.invalid("", "Service", service["metadata"].get("name", ""), causes)


# Families


def _set_families(server: Parts, service: Object, old: Object | None) -> None:
    """ipFamilyPolicy and ipFamilies, in place. Raises: StatusError 422."""
    spec = service["spec"]
    before = (old.get("spec") or {}) if old is not None else None
    if spec.get("type") == "ExternalName" or (before is not None and _same_preferred(spec, before)):
        return
    headless = (spec.get("clusterIPs") or [""])[0] == "None" or spec.get("clusterIP") == "None"
    unselective = headless and not spec.get("selector")
    if spec.get("ipFamilyPolicy") is None:
        if before is not None and before.get("ipFamilyPolicy") is not None:
            spec["ipFamilyPolicy"] = before["ipFamilyPolicy"]
        else:
            spec["ipFamilyPolicy"] = _REQUIRE if unselective else _SINGLE
    if causes := list(cluster_ip_causes(spec, old)):
        raise _invalid(service, causes)
    has = addresses.families(server)
    if causes := _policy_causes(spec, before) + _infer_families(spec, has):
        raise _invalid(service, causes)
    families: list[str] = list(spec.get("ipFamilies") or ())
    policy = spec["ipFamilyPolicy"]
    if unselective:
        families = families or has[:1]
        if len(families) < 2 and policy != _SINGLE:
            families.append(_other(families[0]))
        spec["ipFamilies"] = families
        return
    causes = []
    if policy == _REQUIRE and len(has) < 2:
        detail = "this cluster is not configured for dual-stack services"
        causes.append(fielderrors.invalid("spec.ipFamilyPolicy", policy, detail))
    for i, family in enumerate(families):
        if family not in has:
            causes.append(fielderrors.invalid(f"spec.ipFamilies[{i}]", family, "not configured on this cluster"))
    if causes:
        raise _invalid(service, causes)
    families = families or has[:1]
    if policy != _SINGLE and len(families) == 1 and len(has) == 2:
        families.append(_other(families[0]))
    spec["ipFamilies"] = families


def _other(family: str) -> str:
    return "IPv6" if family == "IPv4" else "IPv4"


def _same_preferred(spec: Object, before: Object) -> bool:
    """A PreferDualStack service that was not touched stays as it is, whatever the cluster has become."""
    if spec.get("ipFamilyPolicy") != _PREFER or before.get("ipFamilyPolicy") != _PREFER:
        return False
    if before.get("type") == "ExternalName" or spec.get("type") == "ExternalName":
        return False
    same = [spec.get(f) or [] for f in ("clusterIPs", "ipFamilies")] == [
        before.get(f) or [] for f in ("clusterIPs", "ipFamilies")
    ]
    return same and bool(spec.get("ipFamilies"))


def _policy_causes(spec: Object, before: Object | None) -> list[Cause]:
    """Policy against addresses and families; a change to one family drops the second, in place."""
    path, policy = "spec.ipFamilyPolicy", spec["ipFamilyPolicy"]
    ips, families = spec.get("clusterIPs") or [], spec.get("ipFamilies") or []
    causes = []
    if before is not None:
        old_ips, old_families = before.get("clusterIPs") or [], before.get("ipFamilies") or []
        if policy == _SINGLE:
            if ips == old_ips and len(ips) > 1:
                ips = spec["clusterIPs"] = ips[:1]
            if families == old_families and len(families) > 1:
                families = spec["ipFamilies"] = families[:1]
        else:
            if _reduced(ips, old_ips):
                causes.append(
                    fielderrors.invalid(path, policy, "must be 'SingleStack' to release the secondary cluster IP")
                )
            if _reduced(families, old_families):
                causes.append(
                    fielderrors.invalid(path, policy, "must be 'SingleStack' to release the secondary IP family")
                )
    if policy == _SINGLE:
        must = "must be 'RequireDualStack' or 'PreferDualStack' when multiple"
        if len(ips) == 2:
            causes.append(fielderrors.invalid(path, policy, f"{must} cluster IPs are specified"))
        if len(families) == 2:
            causes.append(fielderrors.invalid(path, policy, f"{must} IP families are specified"))
    return causes


def _reduced(new: list[str], old: list[str]) -> bool:
    return bool(new) and len(new) == 1 and len(old) == 2 and new[0] == old[0]


def _infer_families(spec: Object, has: list[str]) -> list[Cause]:
    """Families that the given addresses tell, in place."""
    causes = []
    families = list(spec.get("ipFamilies") or ())
    for i, ip in enumerate(spec.get("clusterIPs") or ()):
        if ip == "None":
            break
        if i >= len(families):
            family = addresses.family_of(ip)
            if family not in has:
                detail = f"{family} is not configured on this cluster"
                causes.append(fielderrors.invalid(f"spec.clusterIPs[{i}]", spec["clusterIPs"], detail))
            else:
                families.append(family)
    if families:
        spec["ipFamilies"] = families
    return causes


# Addresses


def _keep_given(spec: Object, before: Object) -> None:
    """What the server gave and the client left out stays given."""
    if before.get("type") != "ExternalName" and spec.get("type") != "ExternalName":
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        if not spec.get("clusterIPs") and before.get("clusterIPs"):
            spec["clusterIPs"] = list(before["clusterIPs"])
    if needs_node_port(before) and needs_node_port(spec):
        _keep_node_ports(spec, before)
    if needs_health_check(before) and needs_health_check(spec) and not spec.get("healthCheckNodePort"):
        if before.get("healthCheckNodePort"):
            spec["healthCheckNodePort"] = before["healthCheckNodePort"]


def _keep_node_ports(spec: Object, before: Object) -> None:
    def used(of: Object) -> set[int]:
        return {p["nodePort"] for p in of.get("ports") or () if p.get("nodePort")}

    both = used(spec) & used(before)
    by_name = {p.get("name", ""): p.get("nodePort", 0) for p in before.get("ports") or ()}
    for port in spec.get("ports") or ():
        known = by_name.get(port.get("name", ""), 0)
        if not port.get("nodePort") and known and known not in both:
            port["nodePort"] = known


def _normalize_addresses(spec: Object, before: Object) -> None:
    """clusterIP and clusterIPs tell the same, whichever of them an older client knows."""
    one, many = spec.get("clusterIP") or "", spec.get("clusterIPs") or []
    old_one, old_many = before.get("clusterIP") or "", before.get("clusterIPs") or []
    if old_many and not many and one == old_one:
        spec["clusterIPs"] = list(old_many)
    elif one != old_one and many == old_many:
        if old_one and not one:
            spec.pop("clusterIPs", None)
        else:
            spec["clusterIPs"] = [one]


async def _take_addresses(taken: Taken, service: Object) -> None:
    spec = service["spec"]
    ips: list[str] = list(spec.get("clusterIPs") or ())
    if spec.get("type") == "ExternalName" or ips[:1] == ["None"]:
        return
    for i, family in enumerate(spec["ipFamilies"]):
        wanted = ips[i] if i < len(ips) else ""
        ip = await _take_address(taken, service, family, wanted)
        ips[i : i + 1] = [ip]
    spec["clusterIPs"], spec["clusterIP"] = ips, ips[0]


async def _take_address(taken: Taken, service: Object, family: str, wanted: str) -> str:
    if not wanted:
        try:
            address = await addresses.allocate_any(taken.server, service, family, taken.dry_run)
        except addresses.Full as error:
            name = service["metadata"].get("name", "")
            raise status.internal_error(f'failed to allocate a serviceIP for Service "{name}": {error}') from None
    else:
        try:
            address = await addresses.allocate(taken.server, service, wanted, taken.dry_run)
        except addresses.NotAvailable as error:
            shown = list(service["spec"].get("clusterIPs") or ())
            cause = fielderrors.invalid("spec.clusterIPs", shown, f"failed to allocate IP {wanted}: {error}")
            raise _invalid(service, [cause]) from None
    taken.addresses.append(address)
    return address


async def _change_addresses(taken: Taken, service: Object, spec: Object, before: Object) -> None:
    if _same_preferred(spec, before):
        return
    was_external, is_external = before.get("type") == "ExternalName", spec.get("type") == "ExternalName"
    old_ips = list(before.get("clusterIPs") or ())
    if was_external:
        if not is_external:
            await _take_addresses(taken, service)
        return
    if old_ips[:1] == ["None"]:
        return
    if is_external:
        taken.freed += old_ips
        return
    families, old_families = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
    if len(old_families) == 1 and len(families) == 2:
        ips = list(spec.get("clusterIPs") or ())
        wanted = ips[1] if len(ips) > 1 else ""
        spec["clusterIPs"] = [*ips[:1], await _take_address(taken, service, families[1], wanted)]
    elif len(old_families) == 2 and len(families) == 1:
        taken.freed += old_ips[1:]


# Node ports


def _take_new_ports(taken: Taken, service: Object) -> None:
    """Node ports for a new service: one port number in two protocols shares its node port."""
    spec = service["spec"]
    by_number: dict[int, int] = {}
    for i, port in enumerate(spec.get("ports") or ()):
        wanted = port.get("nodePort") or 0
        if not wanted and not needs_node_port(spec):
            continue
        shared = by_number.get(port["port"])
        if shared is None:
            port["nodePort"] = by_number[port["port"]] = _take_port(taken, service, i, _requested(spec, port["port"]))
        elif not wanted:
            port["nodePort"] = shared
        elif wanted != shared:
            _take_port(taken, service, i, wanted)


def _take_changed_ports(taken: Taken, service: Object, old: Collection[int]) -> None:
    """Node ports for a changed service; those in ``old`` are its own already."""
    spec = service["spec"]
    mine = set(old)
    seen = set()
    for i, port in enumerate(spec.get("ports") or ()):
        wanted = port.get("nodePort") or 0
        if not wanted and not needs_node_port(spec):
            continue
        if wanted not in mine:
            port["nodePort"] = wanted = _take_port(taken, service, i, wanted)
            mine.add(wanted)
        pair = (port.get("protocol"), wanted)
        if pair in seen:
            raise faults.unclassified(f"duplicate nodePort: {{{port.get('protocol')} {wanted}}}")
        seen.add(pair)


def _take_port(taken: Taken, service: Object, i: int, wanted: int) -> int:
    """The node port of one port: the one that is wanted, or any. Raises: StatusError 422, 500."""
    table = ports.table_of(taken.server)
    try:
        if wanted:
            table.take(taken.server, wanted, taken.dry_run)
        else:
            wanted = table.take_any(taken.server)
    except ports.NotAvailable as error:
        raise _invalid(service, [fielderrors.invalid(f"spec.ports[{i}].nodePort", wanted, str(error))]) from None
    except ports.Full as error:
        raise status.internal_error(f"failed to allocate a nodePort: {error}") from None
    taken.ports.append(wanted)
    return wanted


def _requested(spec: Object, number: int) -> int:
    return next((p["nodePort"] for p in spec["ports"] if p["port"] == number and p.get("nodePort")), 0)


def _take_health_port(taken: Taken, service: Object) -> None:
    spec = service["spec"]
    table = ports.table_of(taken.server)
    wanted = spec.get("healthCheckNodePort") or 0
    try:
        if wanted:
            table.take(taken.server, wanted, taken.dry_run)
        else:
            wanted = spec["healthCheckNodePort"] = table.take_any(taken.server)
    except ports.NotAvailable as error:
        text = f"failed to allocate requested HealthCheck NodePort {wanted}: {error}"
        raise status.internal_error(text) from None
    except ports.Full as error:
        raise status.internal_error(f"failed to allocate a HealthCheck NodePort {wanted}: {error}") from None
    taken.ports.append(wanted)
