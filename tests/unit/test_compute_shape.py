"""Options that shape a console: built-in guests obey them, other live consoles are compared."""

import contextlib
import random
import socket

import pytest

from consoles import exception
from consoles.compute import shape
from consoles.compute.drivers.stub import StubDriver
from consoles.compute.guests.house import Guest
from consoles.compute.guests.house import House
from consoles.compute.guests.house import SCREEN
from consoles.compute.manager import ComputeManager
from consoles.context import RequestContext
from tests.fixtures.rfb_viewer import Viewer
from tests.fixtures.stub import INSTANCES
from tests.fixtures.stub import ONE
from tests.fixtures.stub import TWO

LISTENING = "127.0.0.1"
SWITCHED_ON = INSTANCES.replace("status: SHUTOFF", "status: ACTIVE").replace(
    "{host: 192.0.2.7, port: 5900}", "{guest: builtin}")


def free_range(size):
    """The first of so many ports that are free, one behind the other, and given to nobody else."""
    while True:
        first = random.randrange(20000, 32000)
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            for n in range(size):
                stack.enter_context(socket.create_server((LISTENING, first + n)))
            return first


def ports(driver):
    return [driver.get_console(instance_id, "novnc").port for instance_id in (ONE, TWO)]


def test_screens_listen_where_vnc_server_listen_says(conf, start):
    conf.set_override("server_listen", "127.0.0.3", "vnc")
    port = start().driver.get_console(ONE, "novnc").port
    socket.create_connection(("127.0.0.3", port), 30).close()
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), 30)


def test_screens_take_the_first_free_ports_of_the_range(conf, start):
    first = free_range(3)
    conf.set_override("vnc_port", first, "vnc")
    conf.set_override("vnc_port_total", 3, "vnc")
    with socket.create_server((LISTENING, first)):
        assert ports(start(SWITCHED_ON).driver) == [first + 1, first + 2]


def test_a_range_without_a_free_port_is_the_operators_mistake(conf):
    first = free_range(1)
    conf.set_override("vnc_port", first, "vnc")
    conf.set_override("vnc_port_total", 1, "vnc")
    driver = StubDriver(conf, "h")      # with two guests that run
    with pytest.raises(exception.ConfigError, match=rf"vnc_port = {first}: no port is free"):
        driver.start(lambda: None)
    driver.stop()


@pytest.mark.parametrize(("first", "total", "wanted"), [
    (5900, 10000, range(5900, 15900)), (65000, 10000, range(65000, 65536)),
    (0, 10000, shape.ANY_PORT), (5900, 1, range(5900, 5901))])
def test_a_range_ends_where_ports_do(conf, first, total, wanted):
    conf.set_override("vnc_port", first, "vnc")
    conf.set_override("vnc_port_total", total, "vnc")
    assert shape.ports(conf) == wanted


def picture(keymap):
    house = House(LISTENING, keymap=keymap)
    house.start()
    house.run({"i": Guest("i", "n", "h", frozenset({SCREEN}))})
    with socket.create_connection((LISTENING, house.port("i", SCREEN)), 30) as sock:
        viewer = Viewer(sock).connect()
        viewer.refresh()
        shown = viewer.picture[80:100].tobytes()
    house.stop()
    return shown


def test_screens_tell_their_keyboard():
    assert picture("de") == picture("de")
    assert len({picture("de"), picture("en-us"), picture(None)}) == 3


def live(group="vnc", **more):
    return shape.LiveConsole(**{"instance_id": ONE, "group": group, "listen": "127.0.0.1", **more})


@pytest.mark.parametrize(("console", "said"), [
    (live(), None), (live(port=5900), None), (live(port=15899), None), (live(keymap=""), None),
    (live(listen="localhost"), None), (live("spice", port=1), None),
    (live("spice", agent=True), None),
    (live(listen="0.0.0.0"), "listens on 0.0.0.0, [vnc] server_listen = 127.0.0.1"),
    (live("spice", listen="::"), "listens on ::, [spice] server_listen = 127.0.0.1"),
    (live(port=5899), "port 5899, [vnc] vnc_port = 5900 and vnc_port_total = 10000"),
    (live(port=15900), "port 15900"),
    (live(keymap="de"), "has keymap de, [vnc] keymap = (unset)"),
    (live("spice", agent=False), "no agent's channel, [spice] agent_enabled = True")])
def test_a_live_console_that_contradicts_the_configuration(conf, console, said):
    conf.set_override("vnc_port", 5900, "vnc")
    found = shape.contradictions(conf, [console])
    assert [one["instance_id"] for one in found] == [ONE] * (said is not None)
    assert all(said in one["text"] for one in found)


def test_a_keymap_that_is_configured_and_not_there(conf):
    conf.set_override("keymap", "de", "vnc")
    assert shape.contradictions(conf, [live(keymap=None), live(keymap="de")]) == []
    [found] = shape.contradictions(conf, [live(keymap="")])
    assert found["text"] == "has keymap none, [vnc] keymap = de"


def test_the_agent_names_its_instances_that_contradict(conf, start):
    driver = start(f"""
instances:
- {{name: one, id: {ONE}, consoles: {{
    novnc: {{host: 192.0.2.7, port: 5900, listen: 0.0.0.0, keymap: de}},
    spice-html5: {{host: 192.0.2.7, port: 5901, listen: 127.0.0.1, agent: true}}}}}}
- {{name: two, id: {TWO}, status: SHUTOFF, consoles: {{
    novnc: {{host: 192.0.2.7, port: 5900, listen: 0.0.0.0}}}}}}""").driver
    answer = ComputeManager(conf, driver, {}, {}).status(RequestContext().to_dict())
    assert [one["instance_id"] for one in answer["contradictions"]] == [ONE, ONE]
    assert [one["text"].split(",")[0] for one in answer["contradictions"]] == [
        "listens on 0.0.0.0", "has keymap de"]


def test_built_in_guests_contradict_nothing(conf, start):
    answer = ComputeManager(conf, start().driver, {}, {}).status(RequestContext().to_dict())
    assert answer == {"contradictions": []}
