"""Room for request bodies: what all connections of a server may hold of them at once.

Whoever needs much says how much before the first byte of it is kept, and waits in line while there is no room. Nobody
holds a part and waits for the rest, so that those who have room always finish.
"""

from collections.abc import Callable


class Budget:
    """``size`` bytes, given in the order in which they were asked for; who asks for more than that gets all of it."""

    def __init__(self, size: int) -> None:
        self.free = size
        self._size = size
        self._line: dict[Callable[[], None], int] = {}

    def take(self, amount: int, given: Callable[[], None]) -> bool:
        """True: taken. False: ``given`` is called once it is."""
        amount = min(amount, self._size)
        if self._line or amount > self.free:
            self._line[given] = amount
            return False
        self.free -= amount
        return True

    def give_back(self, amount: int) -> None:
        self.free += min(amount, self._size)
        while self._line:
            given, amount = next(iter(self._line.items()))
            if amount > self.free:
                return
            del self._line[given]
            self.free -= amount
            given()

    def withdraw(self, given: Callable[[], None]) -> None:
        """Whoever stood in line waits no longer."""
        self._line.pop(given, None)
        self.give_back(0)
