"""A mailbox for one: only the latest value counts."""

import asyncio
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Holds at most one value that nobody has taken yet; a newer one takes its place. Setting an equal value to the one
    taken last wakes nobody."""

    def __init__(self) -> None:
        self._event = asyncio.Event()
        self._values: list[T] = []
        self._taken: list[T] = []

    def set(self, value: T) -> None:
        if [value] != (self._values or self._taken):
            self._values = [value]
            self._event.set()

    async def next(self) -> T:
        """The latest value, as soon as there is a new one."""
        await self._event.wait()
        self._event.clear()
        self._taken, self._values = self._values, []
        return self._taken[0]
