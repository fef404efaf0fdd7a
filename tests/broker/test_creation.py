"""Consoles created by many at once over RabbitMQ: nobody is refused, each gets a token."""

from tests.fixtures.concurrency import at_once
from tests.fixtures.processes import wait_for

USERS = 50


def test_fifty_at_once_all_get_a_console(make_system, rabbit):
    system = make_system(rabbit.new_vhost())
    system.sync()
    system.start_consoleauth()
    system.start_agent()
    system.start_api()
    wait_for(lambda: system.can_open("one"), what="a console can be had")
    [[before]] = system.rows("select count(*) from connections")
    urls = at_once(lambda _: system.url(), USERS)
    assert len(set(urls)) == USERS
    assert all("token%3D" in url for url in urls)
    assert system.rows("select count(*) from connections") == [(before + USERS,)]
