"""Ends of sessions: none is told before its session's beginning, none is forgotten."""

import asyncio

import pytest

from consoles import exception
from consoles import model
from consoles.proxies import ledger as ledgers
from consoles.proxies.ledger import Ledger


class Consoleauth:
    """Takes tallies, and answers reports with `over`."""

    def __init__(self):
        self.taken = []
        self.over = []
        self.reported = []
        self.error = None
        self.seconds = 0.0

    async def close(self, context, tallies):
        await asyncio.sleep(self.seconds)
        if self.error:
            raise self.error
        self.taken += [tally["session_id"] for tally in tallies]

    async def report(self, context, worker, boot_id, rows):
        self.reported.append([row["id"] for row in rows])
        return {"end": self.over}


def tally(id):
    return model.Tally(session_id=id, bytes_in=0, bytes_out=0, code=1000, reason="client_closed")


def run(scenario, sessions=1):
    """Run `scenario(consoleauth, ledger, ended)` in a loop; what was ended is appended there."""
    async def main():
        ended = []

        async def end(ids, reason, code):
            ended.append((ids, reason, code))
            return ids

        consoleauth = Consoleauth()
        rows = [{"id": f"s{number}"} for number in range(1, sessions + 1)]
        await scenario(consoleauth, Ledger(consoleauth, "w", "b", lambda: rows, end), ended)
    asyncio.run(main())


def test_an_end_waits_for_what_may_still_begin_its_session():
    async def scenario(consoleauth, ledger, ended):
        question = asyncio.get_running_loop().create_future()
        ledger.close(tally("s1"), after=question)
        ledger.close(tally("s2"))
        flushing = asyncio.create_task(ledger.flush(5))
        await asyncio.sleep(0)
        assert consoleauth.taken == []
        question.set_exception(exception.InvalidToken())
        await flushing
        assert consoleauth.taken == ["s2", "s1"]
    run(scenario)


def test_an_end_after_the_answer_is_told_at_once():
    async def scenario(consoleauth, ledger, ended):
        question = asyncio.get_running_loop().create_future()
        question.set_result(None)
        ledger.close(tally("s1"), after=question)
        await ledger.flush(5)
        assert consoleauth.taken == ["s1"]
    run(scenario)


@pytest.mark.parametrize("answered, told", [
    (exception.ConsoleauthUnavailable(), ["s1", "s1"]), (asyncio.CancelledError(), ["s1", "s1"]),
    (exception.AgentUnavailable(), ["s1"]), (None, ["s1"])])
def test_an_end_whose_question_had_no_answer_is_told_twice(monkeypatch, answered, told):
    """The claim may be made after the first end was told."""
    monkeypatch.setattr(ledgers, "AGAIN", 0.0)

    async def scenario(consoleauth, ledger, ended):
        question = asyncio.get_running_loop().create_future()
        ledger.close(tally("s1"), after=question)
        if isinstance(answered, asyncio.CancelledError):
            question.cancel()
        elif answered:
            question.set_exception(answered)
        else:
            question.set_result(None)
        await ledger.flush(5)
        for _ in range(3):
            await asyncio.sleep(0.01)
            await ledger.flush(5)
        assert consoleauth.taken == told
    run(scenario)


def test_questions_that_nobody_waits_for_are_bounded():
    async def scenario(consoleauth, ledger, ended):
        loop = asyncio.get_running_loop()
        questions = [loop.create_future() for _ in range(ledgers.MAX_ABANDONED + 2)]
        for number, question in enumerate(questions):
            ledger.close(tally(str(number)), after=question)
        assert [question.cancelled() for question in questions[-3:]] == [False, True, True]
        for question in questions:
            question.cancel()
        await ledger.flush(5)
        assert len(consoleauth.taken) == len(questions)
    run(scenario)


def test_an_answer_that_does_not_come_holds_a_workers_end_up_only_so_long(caplog):
    async def scenario(consoleauth, ledger, ended):
        ledger.close(tally("s1"), after=asyncio.get_running_loop().create_future())
        await ledger.flush(0.05)
        assert consoleauth.taken == []
    run(scenario)
    assert "1 tallies were not taken" in caplog.text


def test_many_tallies_have_longer_at_a_workers_end():
    async def scenario(consoleauth, ledger, ended):
        consoleauth.seconds = 0.05
        for number in range(4 * ledgers.BATCH):
            ledger.close(tally(str(number)))
        await ledger.flush(0)
        assert len(consoleauth.taken) == 4 * ledgers.BATCH
    run(scenario)


def test_a_report_ends_each_session_for_its_own_reason():
    async def scenario(consoleauth, ledger, ended):
        consoleauth.over = [{"id": "s1", "code": 4404, "reason": "instance_deleted"},
                            {"id": "s2", "code": 4441, "reason": "ended_by_admin"}]
        reporting = asyncio.create_task(ledger.report_forever(0.001))
        async with asyncio.timeout(5):
            while len(ended) < 2:
                await asyncio.sleep(0.001)
        reporting.cancel()
        assert ended[:2] == [(["s1"], "instance_deleted", 4404),
                             (["s2"], "ended_by_admin", 4441)]
    run(scenario)


def test_a_failure_of_any_kind_does_not_end_the_sending_of_tallies(caplog):
    async def scenario(consoleauth, ledger, ended):
        consoleauth.error = ValueError("a bug")
        sending = asyncio.create_task(ledger.close_forever())
        ledger.close(tally("s1"))
        async with asyncio.timeout(5):
            while "Sending tallies failed" not in caplog.text:
                await asyncio.sleep(0.01)
            consoleauth.error = None
            while not consoleauth.taken:
                await asyncio.sleep(0.01)
        sending.cancel()
        assert consoleauth.taken == ["s1"]
    run(scenario)


def test_tallies_are_kept_until_they_are_taken():
    async def scenario(consoleauth, ledger, ended):
        consoleauth.error = exception.ConsoleauthUnavailable("away")
        ledger.close(tally("s1"))
        await ledger.flush(5)
        assert consoleauth.taken == []
        consoleauth.error = None
        await ledger.flush(5)
        assert consoleauth.taken == ["s1"]
    run(scenario)


def test_many_sessions_are_reported_in_several_calls():
    async def scenario(consoleauth, ledger, ended):
        reporting = asyncio.create_task(ledger.report_forever(0))
        while len(consoleauth.reported) < 3:
            await asyncio.sleep(0)
        reporting.cancel()
        assert [len(ids) for ids in consoleauth.reported[:3]] == [ledgers.BATCH, ledgers.BATCH, 1]
        assert len(set(sum(consoleauth.reported[:3], []))) == 2 * ledgers.BATCH + 1
    run(scenario, sessions=2 * ledgers.BATCH + 1)
