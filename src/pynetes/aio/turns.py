"""Long work in short pieces: gives the loop a turn whenever the work has held it for long enough."""

from pynetes.aio.clock import Clock


class Turns:
    """``await give()`` between two pieces of work costs next to nothing until ``seconds`` have passed since the last
    turn. Virtual time stands still meanwhile: there the work is one piece."""

    def __init__(self, clock: Clock, seconds: float = 0.005) -> None:
        self._clock = clock
        self._seconds = seconds
        self._begun = clock.monotonic()

    async def give(self) -> None:
        if self._clock.monotonic() - self._begun >= self._seconds:
            await self._clock.sleep(0)
            self._begun = self._clock.monotonic()
