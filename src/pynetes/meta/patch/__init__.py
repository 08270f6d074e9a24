"""The three patch formats of the API, each a pure function of a document and a patch; and their error."""

from pynetes.meta.patch.errors import PatchError

__all__ = ["PatchError"]
