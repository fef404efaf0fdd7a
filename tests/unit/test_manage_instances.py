"""consoles-manage instance: pages, filters, names, and what is shown of a host that is down."""

import json
from types import SimpleNamespace

import pytest

from consoles import exception
from consoles.command import instances
from consoles.context import RequestContext
from consoles.rpc.inventory import Inventory

HOSTS = [{"name": "one", "up": True, "consoles": ["novnc", "serial"], "age": 2_400,
          "endpoints": {"novnc": "http://one.example/"}},
         {"name": "two", "up": False, "consoles": ["novnc"], "age": 99_000, "endpoints": {}}]


def row(id, name, host="one"):
    return {"id": id, "name": name, "host": host, "project_id": "p", "user_id": None,
            "status": "ACTIVE", "created_at": 1_700_000_000_000, "updated_at": None}


class Bus:
    """consoleauth with the instances of a test, in their order."""

    def __init__(self, *rows):
        self.rows = list(rows)
        self.asked = []

    def __call__(self, interface, server, context, method, arguments):
        return getattr(self, method)(**arguments)

    def get_instance(self, instance_id):
        for found in self.rows:
            if found["id"] == instance_id:
                return found
        raise exception.InstanceNotFound(instance_id)

    def list_instances(self, filters, limit, marker, sort):
        self.asked.append(filters)
        name = filters.get("name", "")
        rows = [found for found in self.rows
                if not name.startswith("^") or name == f"^{found['name']}$"]
        start = [found["id"] for found in rows].index(marker) + 1 if marker else 0
        return rows[start:start + limit]

    def list_hosts(self):
        return HOSTS

    def list(self, filters, limit, marker):
        return [{"id": "s1"}] if filters == {"instance_id": "a", "state": "live"} else []


def asked(**values):
    return SimpleNamespace(**{"of_host": None, "of_project": None, "of_status": None,
                              "of_name": None, "json": False} | values)


def test_all_pages_are_listed(capsys):
    rows = [row(f"i{number:05}", "vm") for number in range(instances.PAGE + 1)]
    assert instances.list_(Bus(*rows), RequestContext(), asked(json=True)) == 0
    assert json.loads(capsys.readouterr().out) == rows


def test_a_list_shows_what_hosts_offer_and_asks_for_what_was_asked(capsys):
    bus = Bus(row("a", "web"), row("b", "db", host="two"), row("c", "new", host=None))
    instances.list_(bus, RequestContext(), asked(of_host="one", of_name="w"))
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[1:] == [["a", "web", "ACTIVE", "one", "p", "up", "novnc,serial"],
                         ["b", "db", "ACTIVE", "two", "p", "DOWN"],
                         ["c", "new", "ACTIVE", "p", "DOWN"]]
    assert bus.asked == [{"host": "one", "name": "w"}]


def test_one_is_shown_with_its_host_its_urls_and_its_sessions(capsys):
    instances.show(Bus(row("a", "web")), RequestContext(), asked(server="web"))
    shown = dict(line.split(None, 1) for line in capsys.readouterr().out.splitlines()
                 if len(line.split(None, 1)) == 2)
    assert shown["age"] == "2 s"
    assert shown["sessions"] == "1"
    assert shown["created_at"] == "2023-11-14 22:13:20"
    assert shown["url"].split() == ["of", "novnc", "http://one.example/"]


def test_an_id_a_name_and_names_that_are_not_enough():
    inventory = Inventory(Bus(row("a", "web"), row("b", "vm"), row("c", "vm")))
    assert instances.find(inventory, RequestContext(), "b")["name"] == "vm"
    assert instances.find(inventory, RequestContext(), "web")["id"] == "a"
    with pytest.raises(exception.BadRequest, match="2 servers have the name vm: b, c"):
        instances.find(inventory, RequestContext(), "vm")
    with pytest.raises(exception.InstanceNotFound, match="no host reports a server x"):
        instances.find(inventory, RequestContext(), "x")
