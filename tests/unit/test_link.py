"""The end of a link when one of its sides fails to say good-bye."""

import pytest

from consoles.relay.link import Limits
from consoles.relay.link import Link


class Transport:
    aborted = False

    def abort(self):
        self.aborted = True


class Side:
    carried = 0

    def __init__(self, error=None):
        self.transport = Transport()
        self.error = error

    def close(self):
        if self.error:
            raise self.error

    def finish(self, code, reason):
        self.close()


class Home:
    links = {}
    limits = Limits()


@pytest.mark.parametrize("failing", ["client", "target"])
def test_a_side_that_fails_to_end_leaves_no_client_behind(failing):
    tallies = []
    home = Home()
    link = home.links["s"] = Link("s", home, tallies.append)
    link.client, link.target = Side(), Side()
    getattr(link, failing).error = ValueError("a bug")
    with pytest.raises(ValueError, match="a bug"):
        link.end("restart")
    assert link.client.transport.aborted
    assert [tally.reason for tally in tallies] == ["restart"]
    assert home.links == {}
