"""The form that objects have in the store."""

from functools import lru_cache

from pynetes.meta import encoding, schema
from pynetes.meta.decoder import Decoder, decoder
from pynetes.meta.objects import Object
from pynetes.meta.resource import Resource


@lru_cache(512)
def storage_decoder(resource: Resource) -> Decoder | None:
    """The decoder of the type that is stored; None for custom resources."""
    group = resource.group if resource.storage_group is None else resource.storage_group
    name = schema.type_name_of(group, resource.storage_version, resource.kind)
    return None if name is None else decoder(name)


def encode(resource: Resource, obj: Object) -> bytes:
    """The bytes that are stored; the object is brought into the form that a round trip through its type leaves."""
    return encoding.stored(canonical(resource, obj))


def canonical(resource: Resource, obj: Object) -> Object:
    """The object as its type is written. Changed in place."""
    found = storage_decoder(resource)
    return obj if found is None else found.canonical(obj)
