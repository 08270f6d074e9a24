"""Names of certificate signers. Source: kubernetes ``pkg/apis/core/validation/names.go``."""

from pynetes.meta.fielderrors import Path, invalid, required, too_long
from pynetes.meta.gotext import quoted
from pynetes.meta.names import NameRule, dns1123_label, dns1123_subdomain, size
from pynetes.meta.status import Cause


def is_kubernetes_signer(name: str) -> bool:
    host = name.partition("/")[0]
    return host == "kubernetes.io" or host.endswith(".kubernetes.io")


def signer_name(path: Path, name: str) -> list[Cause]:
    if not name:
        return [required(path)]
    segments = name.split("/")
    if len(segments) != 2:
        detail = "must be a fully qualified domain and path of the form 'example.com/signer-name'"
        return [invalid(path, name, detail)]
    domain, rest = segments
    causes = [too_long(path, 253)] if size(domain) > 253 else []
    causes += _first_bad(path, domain, dns1123_label)
    if "." not in domain:
        causes.append(invalid(path, domain, "should be a domain with at least two segments separated by dots"))
    causes += _first_bad(path, rest, dns1123_subdomain)
    if size(name) > 571:
        causes.append(too_long(path, 571))
    return causes


def _first_bad(path: Path, text: str, rule: NameRule) -> list[Cause]:

    for label in text.split("."):
        if problems := rule(label):
            return [invalid(path, text, f"validating label {quoted(label)}: {p}") for p in problems]
    return []
