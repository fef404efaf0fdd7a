"""Reporter, reaper and their threads, with an inventory and a consoleauth made of lists."""

import contextlib
import logging
import threading
import time

import pytest

from consoles import exception
from consoles.compute.periodic import Periodic
from consoles.compute.reaper import Reaper
from consoles.compute.reporter import FULL_EVERY
from consoles.compute.reporter import Reporter
from consoles.model import Instance
from tests.fixtures.processes import wait_for


class Hypervisor:
    def __init__(self, *names):
        self.instances = {name: Instance(id=name, name=name) for name in names}
        self.released = []
        self.known = None  # what the inventory is known to have of what was listed

    def list_instances(self):
        self.listed = set(self.instances)
        return list(self.instances.values())

    def reported(self):
        self.known = self.listed

    def release(self, details):
        if details["id"] == "bad":
            raise OSError("ticket=secret")
        self.released.append(details["id"])


class Inventory:
    """Keeps reports; answers what stands in `answers`, else "applied". None: it is missing."""

    def __init__(self, *answers):
        self.reports = []
        self.answers = list(answers)
        self.told = threading.Semaphore(0)

    def report(self, context, **report):
        self.reports.append(report)
        self.told.release()
        answer = self.answers.pop(0) if self.answers else "applied"
        if isinstance(answer, Exception):
            raise answer
        return answer

    def said(self):
        """(sequence, full, {id: status}) of each report."""
        return [(r["sequence"], r["full"], {i["id"]: i["status"] for i in r["instances"]})
                for r in self.reports]


def reporter(hypervisor, inventory, interval=60):
    return Reporter(hypervisor, inventory, "h", {"novnc": "http://x/"}, interval)


def test_the_first_report_is_full_and_then_changes_are_told():
    hypervisor, inventory = Hypervisor("a", "b"), Inventory()
    one = reporter(hypervisor, inventory)
    one.report()
    one.report()
    hypervisor.instances["a"] = Instance(id="a", name="a", status="SHUTOFF")
    del hypervisor.instances["b"]
    hypervisor.instances["c"] = Instance(id="c", name="c")
    one.report()
    one.report()
    assert inventory.said() == [
        (1, True, {"a": "ACTIVE", "b": "ACTIVE"}), (2, False, {}),
        (3, False, {"a": "SHUTOFF", "c": "ACTIVE", "b": "DELETED"}), (4, False, {})]
    first = inventory.reports[0]
    assert first["host"] == "h" and first["endpoints"] == {"novnc": "http://x/"}
    assert first["version"] and first["instances"][0]["host"] == "h"
    assert len({r["boot_id"] for r in inventory.reports}) == 1


def test_each_start_has_its_own_boot_id():
    inventory = Inventory()
    for _ in range(2):
        reporter(Hypervisor(), inventory).report()
    assert len({r["boot_id"] for r in inventory.reports}) == 2


def test_resync_is_followed_by_all_at_once():
    inventory = Inventory("applied", "resync")
    one = reporter(Hypervisor("a"), inventory)
    one.report()
    one.report()
    assert inventory.said()[1:] == [(2, False, {}), (3, True, {"a": "ACTIVE"})]


@pytest.mark.parametrize("answer", ["old", exception.ConsoleauthUnavailable()])
def test_after_a_report_that_may_be_lost_all_is_told_again(answer):
    inventory = Inventory("applied", answer)
    one = reporter(Hypervisor("a"), inventory)
    one.report()
    with contextlib.suppress(exception.ConsoleauthUnavailable):
        one.report()
    one.report()
    assert inventory.said()[2] == (3, True, {"a": "ACTIVE"})


def test_the_driver_hears_of_what_has_arrived_and_of_nothing_else():
    hypervisor, inventory = Hypervisor("a"), Inventory(exception.ConsoleauthUnavailable(), "old")
    one = reporter(hypervisor, inventory)
    with contextlib.suppress(exception.ConsoleauthUnavailable):
        one.report()
    one.report()
    assert hypervisor.known is None
    one.report()
    assert hypervisor.known == {"a"}


def test_now_and_then_all_is_told_although_nothing_changed():
    inventory = Inventory()
    one = reporter(Hypervisor("a"), inventory)
    for _ in range(FULL_EVERY * 2):
        one.report()
    assert [n for n, full, _ in inventory.said() if full] == [1, FULL_EVERY, FULL_EVERY * 2]


def test_a_missing_inventory_is_said_once_and_tried_until_it_answers(caplog):
    missing = [exception.ConsoleauthUnavailable() for _ in range(3)]
    inventory = Inventory(*missing, ValueError("odd"))
    one = reporter(Hypervisor("a"), inventory)
    with caplog.at_level(logging.INFO):
        one.thread.start()
        for _ in range(5):
            assert inventory.told.acquire(timeout=30)
        deadline = time.monotonic() + 5
        while "reach the inventory again" not in caplog.text:
            assert time.monotonic() < deadline
            threading.Event().wait(0.01)
        one.thread.stop()
    assert one.thread.join(30)
    assert caplog.text.count("do not reach the inventory") == 1
    assert inventory.said()[-1] == (5, True, {"a": "ACTIVE"})


def test_a_change_is_reported_at_once_and_else_at_each_interval():
    hypervisor, inventory = Hypervisor(), Inventory()
    one = reporter(hypervisor, inventory, interval=3600)
    one.thread.start()
    assert inventory.told.acquire(timeout=30)
    hypervisor.instances["a"] = Instance(id="a", name="a")
    one.thread.poke()
    assert inventory.told.acquire(timeout=30)
    assert inventory.said()[-1] == (2, False, {"a": "ACTIVE"})
    one.thread.stop()
    assert one.thread.join(30)
    often = reporter(hypervisor, inventory, interval=0.05)
    often.thread.start()
    for _ in range(3):
        assert inventory.told.acquire(timeout=30)
    often.thread.stop()
    assert often.thread.join(30)


def test_it_stops_while_the_inventory_is_missing():
    inventory = Inventory(*[exception.ConsoleauthUnavailable() for _ in range(1000)])
    one = reporter(Hypervisor(), inventory, interval=3600)
    one.thread.start()
    assert inventory.told.acquire(timeout=30)
    begin = time.monotonic()
    one.thread.stop()
    assert one.thread.join(30) and time.monotonic() - begin < 20


def test_a_poke_ends_the_wait_between_two_tries():
    """A hypervisor that is back is reported, however long it was away."""
    inventory = Inventory(*[exception.ConsoleauthUnavailable() for _ in range(40)])
    one = reporter(Hypervisor("a"), inventory, interval=3600)
    one.thread.start()
    for _ in range(41):  # waits twice as long as the one before, if nobody pokes
        wait_for(lambda: one.thread.poke() or inventory.told.acquire(blocking=False))
    one.thread.stop()
    assert one.thread.join(30)
    assert inventory.said()[-1][2] == {"a": "ACTIVE"}


class ConsoleAuth:
    def __init__(self, *idle):
        self.idle = list(idle)
        self.asked, self.deleted = [], []
        self.error = None

    def get_connection_details_by_host(self, context, host, only_idle):
        self.asked.append((host, only_idle))
        if self.error:
            raise self.error
        return [{"id": one, "instance_id": "i"} for one in self.idle]

    def delete_connection_details(self, context, tokens, reason, ids):
        self.deleted.append((tokens, reason, ids))


def test_what_is_idle_is_released_and_then_deleted(caplog):
    hypervisor, consoleauth = Hypervisor(), ConsoleAuth("one", "bad", "two")
    assert Reaper(hypervisor, consoleauth, "h", 60).reap() == 2
    assert consoleauth.asked == [("h", True)]
    assert hypervisor.released == ["one", "two"]
    assert consoleauth.deleted == [([], "idle", ["one", "two"])]
    assert "bad" in caplog.text and "secret" not in caplog.text


def test_nothing_idle_deletes_nothing():
    consoleauth = ConsoleAuth()
    assert Reaper(Hypervisor(), consoleauth, "h", 60).reap() == 0
    assert consoleauth.deleted == []


def test_a_missing_consoleauth_is_said_once_until_it_answers(caplog):
    consoleauth = ConsoleAuth()
    consoleauth.error = exception.ConsoleauthUnavailable()
    reaper = Reaper(Hypervisor(), consoleauth, "h", 60)
    reaper._round()
    reaper._round()
    assert caplog.text.count("cannot be asked for") == 1
    consoleauth.error = None
    reaper._round()
    consoleauth.error = exception.ConsoleauthUnavailable()
    reaper._round()
    assert caplog.text.count("cannot be asked for") == 2


def test_a_thread_outlives_its_work(caplog):
    calls = threading.Semaphore(0)

    def work():
        calls.release()
        raise KeyError("x")

    thread = Periodic("t", 0.01, work)
    thread.start()
    for _ in range(3):
        assert calls.acquire(timeout=30)
    thread.stop()
    assert thread.join(30)
    assert "t failed and is tried again" in caplog.text
