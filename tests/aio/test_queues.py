"""The mailbox keeps the latest value, and tells of an equal one only once."""

import asyncio

from pynetes.aio.queues import Latest


def test_only_the_latest_value_is_taken():
    async def main():
        box = Latest()
        box.set(1)
        box.set(2)
        assert await box.next() == 2
        box.set(2)
        waiting = asyncio.ensure_future(box.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        box.set(3)
        return await waiting

    assert asyncio.run(main()) == 3
