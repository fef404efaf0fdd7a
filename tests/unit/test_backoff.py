"""Addresses that send wrong tokens wait longer and longer, and are forgiven."""

import asyncio
import logging

import pytest

from consoles import exception
from consoles.proxies.backoff import Backoff
from consoles.proxies.backoff import TOGETHER

ADDRESS = "192.0.2.1"


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def backoff(clock):
    return Backoff(5, clock)


def fail(backoff, times, address=ADDRESS):
    for _ in range(times):
        backoff.failed(address)


def waits(backoff, address=ADDRESS):
    """→ the seconds that an address is told to wait, 0 when it may go on."""
    try:
        backoff.check(address)
    except exception.OverLimit as exc:
        return exc.retry_after
    return 0


def test_the_first_wrong_tokens_are_free(backoff):
    fail(backoff, 4)
    assert waits(backoff) == 0
    fail(backoff, 1)
    assert waits(backoff) == 1


def test_each_further_one_doubles_the_wait_up_to_thirty_seconds(backoff, clock):
    fail(backoff, 4)
    seen = []
    for _ in range(8):
        fail(backoff, 1)
        seen.append(waits(backoff))
        clock.now += seen[-1]
        assert waits(backoff) == 0
    assert seen == [1, 2, 4, 8, 16, 30, 30, 30]


def test_the_seconds_that_are_left_are_told(backoff, clock):
    fail(backoff, 9)
    assert waits(backoff) == 16
    clock.now += 13.5
    assert waits(backoff) == 3
    clock.now += 2.4
    assert waits(backoff) == 1
    clock.now += 0.1
    assert waits(backoff) == 0


def test_asking_while_it_waits_does_not_make_it_longer(backoff):
    fail(backoff, 5)
    assert [waits(backoff) for _ in range(100)] == [1] * 100


def test_a_minute_without_a_wrong_token_forgives(backoff, clock):
    fail(backoff, 4)
    clock.now += 59
    fail(backoff, 1)
    assert waits(backoff) == 1
    clock.now += 60
    fail(backoff, 4)
    assert waits(backoff) == 0


def test_a_good_token_forgives(backoff):
    fail(backoff, 4)
    backoff.succeeded(ADDRESS)
    fail(backoff, 4)
    assert waits(backoff) == 0


@pytest.mark.parametrize(("other", "same"), [
    ("192.0.2.2", False), ("::ffff:192.0.2.1", True), ("2001:db8::1", False), ("", False)])
def test_who_waits_with_an_ipv4_address(backoff, other, same):
    fail(backoff, 5)
    assert bool(waits(backoff, other)) is same


@pytest.mark.parametrize(("other", "same"), [
    ("2001:db8::ffff:1", True), ("2001:db8:0:0:ffff::", True), ("2001:db8:0:1::1", False)])
def test_a_subscribers_ipv6_addresses_wait_together(backoff, other, same):
    fail(backoff, 5, "2001:db8::1")
    assert bool(waits(backoff, other)) is same


def test_memory_is_bounded_and_forgets_who_failed_longest_ago(clock):
    backoff = Backoff(1, clock, addresses=3)
    for last in (1, 2, 3, 1, 4):
        backoff.failed(f"192.0.2.{last}")
    assert [bool(waits(backoff, f"192.0.2.{last}")) for last in (1, 2, 3, 4)] == [
        True, False, True, True]


def test_it_can_be_switched_off(clock):
    backoff = Backoff(0, clock)
    fail(backoff, 100)
    assert waits(backoff) == 0
    assert asyncio.run(crowd(backoff, 100)) == (100, 100, 0)


def test_a_crowd_of_failures_at_once_waits_no_longer_than_the_bound(backoff):
    fail(backoff, 100_000)
    assert waits(backoff) == 30


async def crowd(backoff, size, good=False):
    """So many ask at once, about tokens that are all good or all wrong.

    → how many were asked about, how many at most at once, and how many were refused.
    """
    asked, most = 0, 0

    async def ask():
        nonlocal asked, most
        await backoff.enter(ADDRESS)
        asked += 1
        most = max(most, backoff._under_way[ADDRESS])
        await asyncio.sleep(0.001)
        (backoff.succeeded if good else backoff.failed)(ADDRESS)
        backoff.leave(ADDRESS)
    async with asyncio.timeout(10):
        ends = await asyncio.gather(*(ask() for _ in range(size)), return_exceptions=True)
    assert {type(end) for end in ends} <= {type(None), exception.OverLimit}
    assert not backoff._under_way
    assert not backoff._waiting
    return asked, most, sum(end is not None for end in ends)


def test_guessing_in_parallel_asks_no_more_than_a_class_does(backoff):
    asked, _, refused = asyncio.run(crowd(backoff, 500))
    assert asked == TOGETHER
    assert refused == 500 - TOGETHER


@pytest.mark.parametrize(("failures", "free"), [(1, 4), (4, 1)])
def test_who_has_failed_asks_about_as_many_at_once_as_may_still_fail(backoff, failures, free):
    fail(backoff, failures)
    assert asyncio.run(crowd(backoff, 100)) == (free, free, 100 - free)


def test_after_its_wait_an_address_asks_once(backoff, clock):
    fail(backoff, 5)
    clock.now += 1
    assert asyncio.run(crowd(backoff, 100)) == (1, 1, 99)


@pytest.mark.parametrize("failures", [0, 4])
def test_a_crowd_with_good_tokens_is_not_refused(backoff, failures):
    fail(backoff, failures)
    assert asyncio.run(crowd(backoff, 500, good=True)) == (500, TOGETHER, 0)


def test_who_gives_up_waiting_keeps_nobodys_turn(backoff):
    async def run():
        for _ in range(TOGETHER):
            await backoff.enter(ADDRESS)
        impatient, patient = (asyncio.create_task(backoff.enter(ADDRESS)) for _ in range(2))
        await asyncio.sleep(0)
        backoff.leave(ADDRESS)  # the turn is the first one's, who goes
        impatient.cancel()
        async with asyncio.timeout(5):
            await patient
    asyncio.run(run())
    assert backoff._under_way[ADDRESS] == TOGETHER


def test_it_is_told_once(backoff, caplog):
    with caplog.at_level(logging.INFO):
        fail(backoff, 50)
        waits(backoff)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert ADDRESS in record.getMessage()
