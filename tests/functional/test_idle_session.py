"""What a session that stands still keeps in memory: there are thousands of them."""

import gc

from consoles.stream.connection import Connection
from tests.fixtures import targets
from tests.fixtures.novnc import greeted
from tests.fixtures.processes import wait_for


def connections():
    gc.collect()
    return sum(isinstance(thing, Connection) for thing in gc.get_objects())


def test_an_open_session_keeps_nothing_that_only_its_opening_needed(proxy, consoleauth):
    target = targets.Target(targets.xen_server(b"HTTP/1.1 200 OK\r\n\r\n", []))
    consoleauth.add("good", target.port, internal_access_path="/console?ticket=secret")
    before = connections()
    first, second = (greeted(proxy.connect(path="/?token=good")) for _ in range(2))
    wait_for(lambda: connections() == before)
    here = list(proxy.worker._sessions.all.values())
    assert [session.details.internal_access_path for session in here] == [None, None]
    assert len({id(session.request.client_address) for session in here}) == 1
    assert {session.request_id for session in here} == {"req-of-the-url"}
    first.sock.close()
    second.sock.close()
    proxy.tally()
    proxy.tally()
    target.close()
