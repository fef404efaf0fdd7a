"""A token that is claimed after the proxy gave up asking: it is free again, its session over."""

import asyncio

from consoles import exception
from consoles import model
from consoles.db import models
from consoles.proxies import ledger as ledgers
from consoles.proxies.ledger import Ledger


class Late:
    """consoleauth as a proxy's ledger knows it; the claim is made after the first tally."""

    def __init__(self, plant):
        self._plant = plant
        self.taken = 0
        self.claimed = ""

    async def close(self, context, tallies):
        await asyncio.to_thread(self._plant.sessions.close, context, tallies)
        self.taken += 1
        if self.taken == 1:
            await asyncio.to_thread(self._plant.open, "t", "s1")
            self.claimed = self._plant.column(models.Session.state, "s1")


def test_what_is_claimed_late_is_released(plant, monkeypatch):
    monkeypatch.setattr(ledgers, "AGAIN", 0.0)
    plant.add(options={"single_use": True})
    late = Late(plant)

    async def main():
        ledger = Ledger(late, "w", "b", list, lambda *_: [])
        question = asyncio.get_running_loop().create_future()
        question.set_exception(exception.ConsoleauthUnavailable("no answer in 5 s"))
        ledger.close(model.Tally(
            session_id="s1", bytes_in=0, bytes_out=0, code=4503, opened=False,
            reason="consoleauth_unavailable"), after=question)
        sending = asyncio.create_task(ledger.close_forever())
        async with asyncio.timeout(30):
            while late.taken < 2:
                await asyncio.sleep(0.01)
        sending.cancel()

    asyncio.run(main())
    assert late.claimed == "opening"
    row = plant.session_row("s1")
    assert (row["state"], row["reason"]) == ("ended", "consoleauth_unavailable")
    assert plant.open("t", "s2") == "s2"
