"""The objects that every cluster begins with, as data."""

from functools import cache
from importlib.resources import files

import orjson

from pynetes.meta.objects import Object


@cache
def data() -> dict[str, list[Object]]:
    """The objects of ``data/bootstrap.json``, by plural. Shared: read-only."""
    text = files("pynetes.apiserver").joinpath("data/bootstrap.json").read_bytes()
    loaded: dict[str, list[Object]] = orjson.loads(text)
    return loaded
