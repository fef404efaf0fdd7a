"""What databases differ in, asked of each: order and case of text, large numbers, documents."""

import random

import pytest

from consoles import exception
from consoles.db import engine
from consoles.db import migration
from tests.fixtures.concurrency import DATABASES
from tests.fixtures.consoleauth import instance
from tests.fixtures.consoleauth import started
from tests.fixtures.database import new_url

#: By bytes, by letters and without case their order is another one each time.
NAMES = ["a", "A", "b", "B", "_a", "-b", "a b", "ab", "aB", "é", "e", "Ö", "z", "10", "9", "😀"]
LARGEST = 2**63 - 1


@pytest.fixture(scope="module", params=DATABASES)
def module_plant(request):
    with started(new_url(request, request.param)) as plant:
        yield plant


def listed(plant, limit=1000, marker=None, sort=None, **filters):
    return [row["id"] for row in plant.inventory.list_instances(
        plant.context, filters, limit, marker, sort)]


@pytest.mark.parametrize("direction", ["asc", "desc"])
def test_pages_by_name_have_each_instance_once(plant, direction):
    """Whatever the order is, it is one; equal names are told apart by id."""
    names = NAMES * 2
    random.Random(7).shuffle(names)
    plant.report_host("h", 1, *(instance(f"i{n:02}", name=name) for n, name in enumerate(names)),
                      full=True)
    order = [["name", direction]]
    whole = listed(plant, sort=order)
    assert sorted(whole) == [f"i{n:02}" for n in range(len(names))]
    paged, marker = [], None
    while part := listed(plant, limit=3, marker=marker, sort=order):
        paged += part
        marker = part[-1]
    assert paged == whole


def test_names_are_looked_for_in_any_case_and_to_the_letter(plant):
    names = {"1": "Web_1", "2": "web-1", "3": "50%", "4": "a\\b", "5": "a/b"}
    plant.report_host("h", 1, *(instance(id, name=name) for id, name in names.items()), full=True)
    assert listed(plant, name="WEB") == ["1", "2"]
    assert listed(plant, name="^web_1$") == ["1"]
    assert listed(plant, name="b_") == ["1"]
    assert listed(plant, name="0%$") == ["3"]
    assert listed(plant, name="A/") == ["5"]
    assert listed(plant, name="a\\\\b") == ["4"]


def test_ids_and_owners_are_told_apart_by_case(plant):
    plant.report_host("h", 1, instance("i"), instance("I", project_id="Project"), full=True)
    plant.add("lower", "i")
    plant.add("upper", "I")
    assert listed(plant, project_id="Project") == ["I"]
    assert plant.inventory.get_instance(plant.context, "i")["project_id"] == "project"
    assert plant.get("lower")["instance_id"] == "i"


@pytest.mark.parametrize("text", ["\0", "a\0b", "\ud800"])
def test_nothing_has_a_name_that_a_database_refuses(plant, text):
    """PostgreSQL takes no NUL."""
    plant.report_host("h", 1, instance("i"), full=True)
    with pytest.raises(exception.InstanceNotFound):
        plant.inventory.get_instance(plant.context, text)
    for ask in (plant.auth.get_connection_details_by_instance,
                plant.auth.get_connection_details_by_host):
        with pytest.raises(exception.BadRequest):
            ask(plant.context, text)


def test_text_of_the_greatest_length_is_kept(plant):
    long, owner = "😀" * 255, "é" * 255
    plant.report_host("h", 1, instance("😀" * 64, name=long, project_id=owner), full=True)
    assert plant.inventory.get_instance(plant.context, "😀" * 64)["name"] == long
    assert listed(plant, project_id=owner) == ["😀" * 64]
    plant.add(internal_access_path="/" * 8192, agent_host=None)
    assert plant.get()["internal_access_path"] == "/" * 8192


def test_a_document_comes_back_as_it_was(plant):
    options = {"single_use": True, "view_only": False, "client_cidr": None, "line": LARGEST,
               "other": {"text": "é😀\x00", "list": [1.5, -1, None, True]}}
    plant.add(options=options)
    assert plant.get()["options"] == options


def test_numbers_of_the_greatest_size_are_kept(plant):
    plant.add()
    session = plant.open()
    assert plant.report_sessions(plant.row(session, bytes_in=LARGEST, bytes_out=2**53 + 1)) == []
    row = plant.session_row(session)
    assert (row["bytes_in"], row["bytes_out"]) == (LARGEST, 2**53 + 1)
    assert plant.report_host("h", LARGEST, full=True) == "applied"
    assert plant.report_host("h", LARGEST) == "old"


def test_a_token_lives_no_longer_than_can_be_written(plant):
    plant.add(ttl=LARGEST)
    assert plant.get() is not None


def test_a_url_of_postgresql_means_the_driver_of_the_extra(postgresql, conf):
    """SQLAlchemy's own answer is another one in each of its releases."""
    engine.register_opts(conf)
    url = postgresql.new_database().replace("+psycopg2", "")
    conf.set_override("connection", url, group="database")
    assert migration.sync(conf) == migration.version(conf) == migration.head()
