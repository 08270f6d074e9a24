"""What of an API server every part of it may reach: state and settings, and nothing that knows of requests.

Authentication, authorization, allocation and admission are made from this; ``context.Server`` adds what steps of the
pipeline may reach.
"""

from typing import Protocol

from pynetes.aio.clock import Clock
from pynetes.aio.tasks import Tasks
from pynetes.apiserver.cache import Cache
from pynetes.apiserver.registry import Registry
from pynetes.apiserver.settings import Settings
from pynetes.store.types import Store


class Parts(Protocol):
    """``tasks`` end with the server; the store does not."""

    @property
    def store(self) -> Store: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def settings(self) -> Settings: ...

    @property
    def tasks(self) -> Tasks: ...

    @property
    def resources(self) -> Registry: ...

    @property
    def cache(self) -> Cache: ...
