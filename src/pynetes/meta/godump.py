"""A built-in object as Go's spew prints it: names and types of all fields, set or not. Hashes are taken of that text.

Source: k8s.io/utils ``dump.ForHash``; github.com/davecgh/go-spew ``format.go``.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from pynetes.meta.schema import go_types

# JSON names whose Go name is not the same with a capital first letter
_NAMES = {
    "apiGroup": "APIGroup",
    "apiVersion": "APIVersion",
    "awsElasticBlockStore": "AWSElasticBlockStore",
    "cephfs": "CephFS",
    "chapAuthDiscovery": "DiscoveryCHAPAuth",
    "chapAuthSession": "SessionCHAPAuth",
    "csi": "CSI",
    "diskURI": "DataDiskURI",
    "dnsConfig": "DNSConfig",
    "dnsPolicy": "DNSPolicy",
    "endpoints": "EndpointsName",
    "fc": "FC",
    "fsGroup": "FSGroup",
    "fsGroupChangePolicy": "FSGroupChangePolicy",
    "fsType": "FSType",
    "gcePersistentDisk": "GCEPersistentDisk",
    "gmsaCredentialSpec": "GMSACredentialSpec",
    "gmsaCredentialSpecName": "GMSACredentialSpecName",
    "grpc": "GRPC",
    "httpGet": "HTTPGet",
    "httpHeaders": "HTTPHeaders",
    "ip": "IP",
    "iqn": "IQN",
    "iscsi": "ISCSI",
    "iscsiInterface": "ISCSIInterface",
    "metadata": "ObjectMeta",
    "monitors": "CephMonitors",
    "nfs": "NFS",
    "os": "OS",
    "pdName": "PDName",
    "rbd": "RBD",
    "seLinuxChangePolicy": "SELinuxChangePolicy",
    "seLinuxOptions": "SELinuxOptions",
    "serviceAccount": "DeprecatedServiceAccount",
    "sslEnabled": "SSLEnabled",
    "storageos": "StorageOS",
    "tcpSocket": "TCPSocket",
    "tty": "TTY",
    "uid": "UID",
    "wwids": "WWIDs",
}
_NAMES_IN = {
    "v1.RBDVolumeSource": {"image": "RBDImage", "monitors": "CephMonitors", "pool": "RBDPool", "user": "RadosUser"},
    "v1.CephFSVolumeSource": {"monitors": "Monitors"},
}
_NO_TIME = "{Time:(time.Time){wall:(uint64)0 ext:(int64)0 loc:(*time.Location)<nil>}}"


def dump(type_name: str, obj: Mapping[str, Any]) -> str:
    """The text for an object in canonical form. Times that are set are printed as if they were not."""
    return _print(go_types().names[type_name], obj, typed=True)


def _print(row: int, value: Any, *, typed: bool) -> str:
    """``typed`` is false for what stands in a list or map or behind a pointer: its type was told already."""
    kind, go, *rest = go_types().table[row]
    head = f"({go})" if typed else ""
    match kind:
        case "ptr":
            if value is None:
                return f"{head}<nil>"
            return (head or "<*>") + _print(rest[0], value, typed=False)
        case "struct":
            return f"{head}{{{_fields(go, rest[1], value or {})}}}"
        case "slice":
            return head + ("<nil>" if value is None else f"[{_list(rest[0], value)}]")
        case "map":
            return head + ("<nil>" if value is None else f"map[{_map(rest[0], value)}]")
        case "string":
            return head + (value or "")
        case "bool":
            return head + ("true" if value else "false")
        case "custom":
            return head + _custom(go, value)
    return f"{head}{value or 0}"


def _fields(go: str, fields: Iterable[Sequence[Any]], value: Mapping[str, Any]) -> str:
    """Fields of an embedded struct stand together, in braces of their own."""
    parts = []
    for embedded, group in groupby(fields, lambda field: field[3].split(".")[0] if len(field) > 3 else ""):
        texts = [f"{_name(go, name)}:{_print(row, value.get(name), typed=True)}" for name, _, row, *_ in group]
        text = " ".join(texts)
        parts.append(f"{embedded}:(v1.{embedded}){{{text}}}" if embedded else text)
    return " ".join(parts)


def _name(go: str, name: str) -> str:
    return _NAMES_IN.get(go, {}).get(name) or _NAMES.get(name) or name[0].upper() + name[1:]


def _list(row: int, value: Iterable[Any]) -> str:
    return " ".join(_print(row, item, typed=False) for item in value)


def _map(row: int, value: Mapping[str, Any]) -> str:
    keys = sorted(value, key=str.encode)
    return " ".join(f"{key}:{_print(row, value[key], typed=False)}" for key in keys)


def _custom(go: str, value: Any) -> str:
    if go == "intstr.IntOrString":
        if isinstance(value, str):
            return f"{{Type:(intstr.Type)1 IntVal:(int32)0 StrVal:(string){value}}}"
        return f"{{Type:(intstr.Type)0 IntVal:(int32){value or 0} StrVal:(string)}}"
    if go == "resource.Quantity":
        return _quantity(str(value or "0"))
    if go == "v1.Time":
        return _NO_TIME
    raise ValueError(f"no hash is taken of a {go}")


_QUANTITY = re.compile(r"([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?([a-zA-Z]*)")
_SCALES = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_SHIFTS = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DIGITS = 18
"""So many fit into an int64."""


def _quantity(text: str) -> str:
    """What Go's parser makes of a canonical quantity: an int64 with a scale, or a number of any size; and the text."""
    if text == "0":
        return _as_int64(0, 0, text, "DecimalSI")
    found = _QUANTITY.fullmatch(text)
    if found is None:
        raise ValueError(f"no quantity: {text}")
    sign, digits, fraction, exponent, suffix = (group or "" for group in found.groups())
    value = int(f"{sign}{digits}{fraction}")
    if suffix in _SHIFTS:
        shift = _SHIFTS[suffix]
        if not fraction and 15 - len(digits) - shift * 3 // 10 - 1 >= 0:
            return _as_int64(value << shift, 0, text if shift % 10 == 0 and value & 7 else "", "BinarySI")
        return _as_decimal(value << shift, len(fraction), "BinarySI")
    form = "DecimalExponent" if exponent else "DecimalSI"
    scale = (int(exponent) if exponent else _SCALES[suffix]) - len(fraction)
    plain = digits + fraction
    if len(plain) <= _DIGITS and scale >= -9:
        is_canonical = scale % 3 == 0 and not plain.endswith("000") and not plain.startswith("0")
        return _as_int64(value, scale, text if is_canonical else "", form)
    return _as_decimal(value, -scale, form)


def _as_int64(value: int, scale: int, text: str, form: str) -> str:
    amount = f"i:(resource.int64Amount){{value:(int64){value} scale:(resource.Scale){scale}}}"
    return (
        f"{{{amount} d:(resource.infDecAmount){{Dec:(*inf.Dec)<nil>}} s:(string){text} Format:(resource.Format){form}}}"
    )


def _as_decimal(value: int, scale: int, form: str) -> str:
    """``value * 10**-scale`` with nine digits behind the point, rounded away from zero."""
    size = abs(value) * 10 ** max(0, 9 - scale)
    unscaled = -(-size // 10 ** max(0, scale - 9))
    words = []
    while unscaled:
        words.append(str(unscaled & (1 << 64) - 1))
        unscaled >>= 64
    integer = f"(big.Int){{neg:(bool){'true' if value < 0 else 'false'} abs:(big.nat)[{' '.join(words)}]}}"
    number = f"(*inf.Dec){{unscaled:{integer} scale:(inf.Scale)9}}"
    nothing = "i:(resource.int64Amount){value:(int64)0 scale:(resource.Scale)0}"
    return f"{{{nothing} d:(resource.infDecAmount){{Dec:{number}}} s:(string) Format:(resource.Format){form}}}"
