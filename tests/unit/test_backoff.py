"""Addresses that send wrong tokens wait longer and longer, and are forgiven."""

import logging

import pytest

from consoles import exception
from consoles.proxies.backoff import Backoff

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


def test_a_crowd_of_failures_at_once_waits_no_longer_than_the_bound(backoff):
    fail(backoff, 100_000)
    assert waits(backoff) == 30


def test_it_is_told_once(backoff, caplog):
    with caplog.at_level(logging.INFO):
        fail(backoff, 50)
        waits(backoff)
    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert ADDRESS in record.getMessage()
