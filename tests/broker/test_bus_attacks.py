"""What somebody with a login of the broker may send: consoleauth answers with an error and lives.

Who has that login is trusted; these tests say what a broken or hostile service cannot do.
"""

import dataclasses
import json
import pickle
import secrets

import kombu
import pytest
from oslo_config import cfg
from oslo_messaging import conffixture

from consoles import conf as consoles_conf
from consoles import exception
from consoles.context import RequestContext
from consoles.rpc import transport
from consoles.rpc.consoleauth import ConsoleAuth
from consoles.rpc.inventory import Inventory
from consoles.rpc.sessions import Sessions
from tests.fixtures.processes import Services
from tests.fixtures.processes import wait_for
from tests.fixtures.system import System

TOKEN = "0" * 64
QUEUE = ConsoleAuth.interface.topic
JSON = "application/json"
CONTEXT = RequestContext(user_id="mallory", project_id="red", roles=["admin"])


@pytest.fixture(scope="module")
def url(rabbit):
    return rabbit.new_vhost()


@pytest.fixture(scope="module")
def consoleauth(url, tmp_path_factory):
    """The service's process."""
    services = Services(tmp_path_factory.mktemp("bus"))
    system = System(services, url)
    try:
        system.sync()
        yield system.start_consoleauth()
    finally:
        services.end()


@pytest.fixture(scope="module")
def bus_conf(url):
    conf = cfg.ConfigOpts()
    consoles_conf.register_opts(conf)
    conf([], project="consoles", default_config_files=[], default_config_dirs=[])
    fixture = conffixture.ConfFixture(conf, transport_url=url)
    fixture.setUp()
    yield conf
    fixture.cleanUp()


@pytest.fixture(scope="module")
def bus(bus_conf):
    running = transport.Bus(bus_conf)
    yield running
    running.close()


@pytest.fixture(autouse=True)
def lives(bus, consoleauth):
    """After each attack the same process answers an honest question."""
    pid = consoleauth.pid
    yield
    assert call(bus, "get_connection_details", token=TOKEN) is None
    assert consoleauth.alive()
    assert consoleauth.pid == pid


def call(bus, method, interface=ConsoleAuth.interface, **arguments):
    return bus.call(interface, None, CONTEXT, method, arguments, 5)


def publish(url, body, content_type=JSON, queue=QUEUE, encoding="utf-8"):
    with kombu.Connection(url.replace("rabbit://", "amqp://"), connect_timeout=30) as connection:
        connection.Producer().publish(body, routing_key=queue, content_type=content_type,
                                      content_encoding=encoding, retry=False)


def message(**changes):
    """A call as oslo.messaging sends it, around which an attacker changes what he likes."""
    call = {"method": "get_connection_details", "args": {"token": TOKEN}, "version": "1.0",
            "namespace": None, "_unique_id": secrets.token_hex(16), **changes}
    return json.dumps({"oslo.version": "2.0", "oslo.message": json.dumps(call)})


@pytest.mark.parametrize("method", ["drop_tables", "", "get_connection_details.__func__", "\x00"])
def test_an_unknown_method_is_an_error(bus, method):
    with pytest.raises(exception.ConsolesError):
        call(bus, method, token=TOKEN)


@pytest.mark.parametrize("method", [
    "__init__", "__class__", "__getattribute__", "_locate", "_database", "target", "__dict__"])
def test_what_is_not_exposed_cannot_be_called(bus, method):
    with pytest.raises(exception.ConsolesError):
        call(bus, method)


@pytest.mark.parametrize("version", ["2.0", "1.99", "0.9"])
def test_another_version_is_an_error(bus_conf, version):
    other = transport.Bus(bus_conf)
    try:
        with pytest.raises(exception.ConsolesError, match="[Vv]ersion"):
            call(other, "get_connection_details", token=TOKEN,
                 interface=dataclasses.replace(ConsoleAuth.interface, version=version))
    finally:
        other.close()


@pytest.mark.parametrize(("method", "arguments"), [
    ("get_connection_details", {}),
    ("get_connection_details", {"token": TOKEN, "more": 1}),
    ("get_connection_details", {"token": TOKEN, "session": {"id": {}, "kind": []}}),
    ("get_connection_details", {"token": TOKEN, "session": "novnc"}),
    ("delete_connection_details", {"tokens": [[TOKEN]]}),
    ("delete_connection_details", {"tokens": [TOKEN], "reason": "nonsense"}),
    ("touch_connection_details", {"tokens": {"a": 1}}),
    ("get_connection_details_by_host", {"host": ["one"]}),
    ("add_connection_details", {"instance_id": "i", "console_type": "ssh", "token": TOKEN,
                                "host": "h", "port": 22, "access_url_base": "http://p"}),
    ("add_connection_details", {"instance_id": "i", "console_type": "novnc", "token": "short",
                                "host": "h", "port": "5900", "access_url_base": "http://p"}),
], ids=str)
def test_wrong_arguments_are_an_error(bus, method, arguments):
    with pytest.raises(exception.ConsolesError):
        call(bus, method, **arguments)


@pytest.mark.parametrize("token", [
    123, None, True, ["a"], {"$ne": ""}, "x", TOKEN + "0", "' or 1=1 --", "\x00" * 64, "G" * 64],
    ids=str)
def test_what_is_no_tokens_hash_finds_nothing(bus, token):
    with pytest.raises(exception.ConsolesError):
        call(bus, "get_connection_details", token=token)


@pytest.mark.parametrize(("interface", "method", "arguments"), [
    (Inventory.interface, "report", {"host": "one", "boot_id": "b", "sequence": "1", "full": True,
                                     "instances": [], "endpoints": {}}),
    (Inventory.interface, "report", {"host": "one", "boot_id": "b", "sequence": 1, "full": True,
                                     "instances": [1, None, {}], "endpoints": {}}),
    (Inventory.interface, "list_instances", {"limit": -1}),
    (Inventory.interface, "list_instances", {"filters": ["project_id"]}),
    (Sessions.interface, "report", {"worker": None, "boot_id": 1, "sessions": "all"}),
    (Sessions.interface, "close", {"tallies": "all"}),
    (Sessions.interface, "end", {"id": {}, "code": "x", "reason": 1}),
], ids=str)
def test_the_other_interfaces_do_the_same(bus, interface, method, arguments):
    with pytest.raises(exception.ConsolesError):
        call(bus, method, interface, **arguments)


def test_a_huge_message_is_an_error(bus):
    with pytest.raises(exception.ConsolesError):
        call(bus, "get_connection_details", token="0" * (16 * 1024 * 1024))


def test_an_error_carries_no_traceback(bus):
    with pytest.raises(exception.ConsolesError) as caught:
        call(bus, "get_connection_details", wrong=1)
    assert "Traceback" not in str(caught.value)
    assert "File " not in str(caught.value)


class Pickled:
    """Unpickled by whoever would, it makes the file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("content_type", ["application/x-python-serialize", JSON, "text/plain"])
def test_pickles_are_not_opened(url, tmp_path, content_type):
    path = tmp_path / "executed"
    publish(url, pickle.dumps(Pickled(path)), content_type, encoding="binary")
    assert_taken(url)
    assert not path.exists()


@pytest.mark.parametrize(("body", "content_type"), [
    ("", JSON), ("{", JSON), ("[]", JSON), ("null", JSON), ("{}", JSON), ("[" * 100000, JSON),
    ('{"oslo.version": "9.9", "oslo.message": "{}"}', JSON),
    ('{"oslo.version": "2.0", "oslo.message": "{"}', JSON),
    ('{"oslo.version": "2.0", "oslo.message": "[]"}', JSON),
    ('{"oslo.version": "2.0"}', JSON),
    ("a: !!python/object/new:os.system [id]", "application/x-yaml"),
    (message(_msg_id="1", _reply_q="amq.direct"), JSON), (message(args=[]), JSON),
    (message(args="token"), JSON), (message(method=None), JSON), (message(method=["x"]), JSON),
    (message(version=1), JSON), (message(namespace={}), JSON), (message(_context_user_id={}), JSON),
    (message(_context_roles="admin"), JSON), (message(_msg_id={"a": 1}, _reply_q=[1]), JSON),
    (message(_timeout="soon"), JSON), (message(_unique_id=None), JSON),
], ids=lambda value: str(value)[:70])
def test_messages_of_another_shape_do_not_stop_the_service(url, body, content_type):
    publish(url, body, content_type)
    assert_taken(url)


def test_replies_that_nobody_waits_for_are_dropped(bus, url, rabbit):
    assert call(bus, "get_connection_details", token=TOKEN) is None
    queues = rabbit.control("list_queues", "-p", url.rpartition("/")[2], "name").split()
    replies = [name for name in queues if name.startswith("reply_")]
    assert replies
    for name in replies:
        for body in (json.dumps({"_msg_id": "f" * 32, "result": {"host": "203.0.113.6"},
                                 "failure": None, "ending": True}), "{", "[]", "null"):
            publish(url, body, queue=name)
            publish(url, json.dumps({"oslo.version": "2.0", "oslo.message": body}), queue=name)
    assert call(bus, "get_connection_details", token=TOKEN) is None


def assert_taken(url):
    """The message has left the queue; it does not come back for ever."""
    with kombu.Connection(url.replace("rabbit://", "amqp://"), connect_timeout=30) as connection:
        channel = connection.channel()
        wait_for(lambda: channel.queue_declare(QUEUE, passive=True).message_count == 0)
