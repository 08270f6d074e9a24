"""What is wrong with a projected volume.

Source: kubernetes ``pkg/apis/core/validation/validation.go`` ``validateProjectionSources``.
"""

from pynetes.kinds.core.field_paths import downward_file, mode, not_reserved
from pynetes.kinds.core.signers import is_kubernetes_signer, signer_name
from pynetes.kinds.core.volume_sources import key_to_path, needs
from pynetes.meta.fielderrors import Path, forbidden, invalid, not_supported, required
from pynetes.meta.names import dns1123_subdomain
from pynetes.meta.objects import Object
from pynetes.meta.status import Cause
from pynetes.meta.validation import domain_prefixed_key, label_selector

_CONFLICT = "conflicting duplicate paths"
_KEY_TYPES = ("RSA3072", "RSA4096", "ECDSAP256", "ECDSAP384", "ECDSAP521", "ED25519")
_DAY = 86400
_PATHS = ("credentialBundlePath", "keyPath", "certificateChainPath")


def projected(path: Path, source: Object) -> list[Cause]:
    causes = mode(f"{path}.defaultMode", source.get("defaultMode"))
    return causes + _Sources(path).check(source)


class _Sources:
    """One walk over the sources; ``taken`` holds the paths that were written to so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.taken: set[str] = set()

    def check(self, volume: Object) -> list[Cause]:
        causes: list[Cause] = []
        for i, source in enumerate(volume.get("sources") or ()):
            at = f"{self.path}.sources[{i}]"
            count = 0
            for member, rule in (
                ("secret", self.keys),
                ("configMap", self.keys),
                ("downwardAPI", self.downward),
                ("serviceAccountToken", self.token),
                ("clusterTrustBundle", self.trust_bundle),
                ("podCertificate", self.certificate),
            ):
                if source.get(member) is not None:
                    count += 1
                    causes += rule(f"{at}.{member}", source[member])
            if count > 1:
                causes.append(forbidden(at, "may not specify more than 1 volume type per source"))
        return causes

    def take(self, place: str, shown: str) -> list[Cause]:
        if place in self.taken:
            return [invalid(self.path, shown, _CONFLICT)]
        self.taken.add(place)
        return []

    def keys(self, path: Path, source: Object) -> list[Cause]:
        causes = needs(path, source, "name")
        for i, item in enumerate(source.get("items") or ()):
            causes += key_to_path(f"{path}.items[{i}]", item)
            if place := item.get("path"):
                causes += self.take(place, source.get("name") or "")
        return causes

    def downward(self, path: Path, source: Object) -> list[Cause]:
        causes: list[Cause] = []
        for file in source.get("items") or ():
            causes += downward_file(path, file)
            if place := file.get("path"):
                causes += self.take(place, place)
        return causes

    def token(self, path: Path, source: Object) -> list[Cause]:
        causes: list[Cause] = []
        seconds = source.get("expirationSeconds", 0)
        if seconds < 600:
            detail = "may not specify a duration less than 10 minutes"
            causes.append(invalid(f"{path}.expirationSeconds", seconds, detail))
        if seconds > 1 << 32:
            detail = "may not specify a duration larger than 2^32 seconds"
            causes.append(invalid(f"{path}.expirationSeconds", seconds, detail))
        place = source.get("path") or ""
        if not place:
            causes.append(required(f"{self.path}.path"))
        return causes + not_reserved(f"{self.path}.path", place)

    def trust_bundle(self, path: Path, source: Object) -> list[Cause]:
        causes: list[Cause] = []
        name, signer = source.get("name"), source.get("signerName")
        if name is not None and signer is not None:
            causes.append(invalid(path, source, "only one of name and signerName may be used"))
        elif name is not None:
            if not name:
                causes.append(required(f"{path}.name", "must be a valid object name"))
            for problem in dns1123_subdomain(name):
                causes.append(invalid(f"{path}.name", name, f"not a valid clustertrustbundlename: {problem}"))
            if (selector := source.get("labelSelector")) is not None:
                detail = "labelSelector must be unset if name is specified"
                causes.append(invalid(f"{path}.labelSelector", selector, detail))
        elif signer is not None:
            if not signer:
                causes.append(required(f"{path}.signerName", "must be a valid signer name"))
            causes += signer_name(f"{path}.signerName", signer)
            causes += label_selector(f"{path}.labelSelector", source.get("labelSelector"))
        else:
            causes.append(required(path, "either name or signerName must be specified"))
        place = source.get("path") or ""
        causes += needs(path, source, "path")
        return causes + not_reserved(f"{path}.path", place) + self.take(place, place)

    def certificate(self, path: Path, source: Object) -> list[Cause]:
        signer, key_type = source.get("signerName") or "", source.get("keyType") or ""
        causes = signer_name(f"{path}.signerName", signer)
        for key in source.get("userAnnotations") or ():
            causes += domain_prefixed_key(f"{path}.userAnnotations", key.lower())
        if key_type not in _KEY_TYPES:
            causes.append(not_supported(f"{path}.keyType", key_type, _KEY_TYPES))
        seconds = source.get("maxExpirationSeconds")
        if seconds is not None:
            longest = _DAY if is_kubernetes_signer(signer) else 91 * _DAY
            at = f"{path}.maxExpirationSeconds"
            if seconds < 3600:
                causes.append(invalid(at, seconds, "if provided, maxExpirationSeconds must be >= 3600"))
            if seconds > longest:
                causes.append(invalid(at, seconds, f"if provided, maxExpirationSeconds must be <= {longest}"))
        places = [(name, source[name]) for name in _PATHS if source.get(name)]
        for name, place in places:
            causes += not_reserved(f"{path}.{name}", place) + self.take(place, place)
        if not places:
            detail = "specify at least one of credentialBundlePath, keyPath, and certificateChainPath"
            causes.append(required(path, detail))
        return causes
