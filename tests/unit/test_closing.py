"""Sessions that consoleauth has their workers end: told in calls that a worker answers in time."""

import pytest

from consoles import exception
from consoles.consoleauth import closing
from consoles.context import RequestContext
from consoles.db.sessions import Place
from tests.fixtures.processes import wait_for

COUNT = 2 * closing.BATCH + 1
IDS = [str(n) for n in range(COUNT)]


class Proxies:
    """A worker that is reached so many times."""

    def __init__(self, reached=COUNT):
        self.told = []
        self._reached = reached

    def at(self, worker):
        return self

    def close_sessions(self, context, ids, code, reason):
        if len(self.told) == self._reached:
            raise exception.ProxyUnavailable("gone")
        self.told.append(ids)
        return ids


@pytest.fixture
def close():
    closers = []

    def close(proxies):
        closers.append(closing.Closer(proxies))
        closers[-1].close(RequestContext(), [Place(id, "w") for id in IDS], 4441, "x")
    yield close
    for closer in closers:
        closer.stop()


def test_many_sessions_of_a_worker_are_told_in_several_calls(close):
    proxies = Proxies()
    close(proxies)
    wait_for(lambda: sum(proxies.told, []) == IDS)
    assert [len(ids) for ids in proxies.told] == [closing.BATCH, closing.BATCH, 1]


def test_a_worker_that_goes_away_meanwhile_is_not_asked_on(close, caplog):
    proxies = Proxies(reached=1)
    close(proxies)
    wait_for(lambda: f"{COUNT - closing.BATCH} sessions of w stay open" in caplog.text)
    assert proxies.told == [IDS[:closing.BATCH]]
