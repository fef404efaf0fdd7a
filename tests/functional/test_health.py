"""What a balancer asks on the users' port, and that it is all that monitoring gets there."""

import asyncio
import http.client
import threading
import time

import pytest

from consoles.proxies.health import Health
from consoles.proxies.health import Times
from tests.fixtures import targets
from tests.fixtures.processes import wait_for


def ask(proxy, path="/healthcheck", method="GET"):
    client = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=30)
    try:
        client.request(method, path)
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def becomes(proxy, status, body):
    wait_for(lambda: ask(proxy) == (status, body), 10, f"{status} {body!r}")


def test_a_worker_that_can_serve_says_ok(proxy):
    becomes(proxy, 200, b"OK\n")
    assert ask(proxy, "/healthcheck?from=haproxy") == (200, b"OK\n")
    assert ask(proxy, method="HEAD") == (200, b"")
    assert ask(proxy, method="POST")[0] == 405


def test_a_draining_worker_sends_a_balancer_elsewhere(proxy, consoleauth):
    consoleauth.add("t", targets.Target(targets.rfb_server(targets.echo)).port)
    ws = proxy.connect("t")
    ws.send(b"RFB 003.008\n\x01")
    ws.recv_exactly(18)
    becomes(proxy, 200, b"OK\n")
    proxy.worker.drain(30)
    becomes(proxy, 503, b"draining\n")
    ws.close()


async def becoming(condition):
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def test_a_loop_that_is_late_is_overloaded_and_recovers():
    async def story():
        lags = []
        watched = Health(lambda: True, lags.append, Times(look=0.02, max_lag=0.3))
        tasks = [asyncio.create_task(watched.ask_forever()),
                 asyncio.create_task(watched.look_forever())]
        await becoming(lambda: lags and watched.problem() is None)
        until = time.monotonic() + 0.5
        while time.monotonic() < until:  # the loop is kept busy
            pass
        await becoming(lambda: max(lags) > 0.3)
        assert watched.problem() == "overloaded"
        await becoming(lambda: watched.problem() is None)
        for task in tasks:
            task.cancel()

    asyncio.run(story())


def test_a_question_after_the_bus_that_fails_is_a_no_and_not_the_last_one():
    answers = [lambda: True, lambda: 1 / 0, lambda: True]

    async def story():
        watched = Health(lambda: answers[0](), lambda lag: None, Times(look=0.01, bus=0.01))
        task = asyncio.create_task(watched.ask_forever())
        for problem in (None, "bus", None):
            await becoming(lambda problem=problem: watched.problem() == problem)
            answers.pop(0) if len(answers) > 1 else None
        task.cancel()

    asyncio.run(story())


def test_a_bus_that_is_away_is_told_and_so_is_its_return():
    """The worker itself asks, never a request."""
    works = threading.Event()
    asked = []

    def bus_works():
        asked.append(1)
        return works.is_set()

    async def story():
        watched = Health(bus_works, lambda lag: None, Times(look=0.01, bus=0.01))
        assert watched.problem() == "bus"
        task = asyncio.create_task(watched.ask_forever())
        for state, problem in ((False, "bus"), (True, None), (False, "bus")):
            (works.set if state else works.clear)()
            before = len(asked)
            await becoming(lambda before=before: len(asked) >= before + 3)
            assert watched.problem() == problem
        task.cancel()

    asyncio.run(story())


def test_a_look_that_fails_does_not_end_the_watch():
    looks = []

    def look(lag):
        looks.append(lag)
        raise RuntimeError

    async def story():
        task = asyncio.create_task(
            Health(lambda: True, look, Times(look=0.01)).look_forever())
        await becoming(lambda: len(looks) >= 3)
        task.cancel()

    asyncio.run(story())


@pytest.mark.parametrize("path", [
    "/metrics", "/healthcheck/", "/healthcheck/detail", "/health", "/status", "/sessions",
    "/sessions/1/kill", "/admin", "/debug", "/server-status", "/config", "/v1/sessions"])
def test_nothing_for_admins_is_on_the_users_port(proxy, path):
    for method, expected in (("GET", 404), ("HEAD", 404), ("POST", 405), ("DELETE", 405)):
        assert ask(proxy, path, method) == (expected, b"")


def test_health_on_the_users_port_has_no_detail(proxy):
    becomes(proxy, 200, b"OK\n")
    assert ask(proxy, "/healthcheck?verbose=1&format=json") == (200, b"OK\n")
