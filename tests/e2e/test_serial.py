"""A user's whole way to a serial line: ask the API, open the page, work on a Linux guest."""

import pytest

from tests.e2e.test_console import PICTURES
from tests.fixtures import ws_client
from tests.fixtures.browser import terminal_text
from tests.fixtures.browser import wait_terminal_text
from tests.fixtures.guest_image import LOGIN
from tests.fixtures.guest_image import PASSWORD
from tests.fixtures.guest_image import PROMPT_SERIAL
from tests.fixtures.guest_image import USER
from tests.fixtures.processes import free_port
from tests.fixtures.processes import wait_for
from tests.fixtures.system import Fault
from tests.fixtures.system import instance_id


@pytest.fixture
def system(make_system, rabbit, guest):
    system = make_system(rabbit.url, hosts=(), serial_console={"enabled": "true"})
    system.serial_port = free_port()
    system.base["serial_console"] |= {
        "serialproxy_host": "127.0.0.1", "serialproxy_port": system.serial_port,
        "base_url": f"ws://127.0.0.1:{system.serial_port}/"}
    system.services.configure(system.base)
    system.write_agent("one", [{"name": "debian", "id": instance_id("one"), "consoles": {
        "serial": {"host": "127.0.0.1", "port": guest.serial_port}}}])
    system.sync()
    system.start_consoleauth()
    system.start_agent()
    system.start_api()
    system.services.start("serial", "consoles-serialproxy", port=system.serial_port)
    wait_for(lambda: url(system))
    return system


def url(system):
    """A serial console's URL; None while there is none."""
    try:
        return system.ask(f"/servers/{instance_id('one')}/console",
                          {"protocol": "serial", "type": "serial"})["url"]
    except (Fault, OSError):
        return None


def connect(system, more="", **kwargs):
    query = url(system).partition("?")[2]
    return ws_client.WebSocket.connect(system.serial_port, f"/?{query}{more}", **kwargs)


def until(ws, wanted):
    said = b""
    while wanted.encode() not in said:
        said += ws.recv_message()


def log_in(ws, opcode=2):
    """Say who one is as the guest asks for it."""
    for typed, wanted in (("", LOGIN), (USER, "Password: "), (PASSWORD, PROMPT_SERIAL)):
        ws.sock.sendall(ws_client.frame(f"{typed}\r".encode(), opcode=opcode))
        until(ws, wanted)


def test_a_command_on_a_linux_guest_in_chromium(system, guest, page, page_errors):
    address = url(system)
    assert address.startswith(f"ws://127.0.0.1:{system.serial_port}/?token=")
    token = address.rpartition("=")[2]
    page.goto(address.replace("ws", "http", 1))
    page.wait_for_selector("html[data-state=connected]")
    assert token not in page.url

    for typed, wanted in (("", LOGIN), (USER, "Password: "), (PASSWORD, PROMPT_SERIAL)):
        page.keyboard.type(f"{typed}\n")
        wait_terminal_text(page, wanted.rstrip())
    page.keyboard.type("expr 6 '*' 7; uname -s; printf 'gr\\303\\274n'\n")
    wait_terminal_text(page, "\n42\nLinux\ngrün")
    assert "expr 6 '*' 7" in guest.serial_text()
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / "serial.png")
    assert page_errors == []

    (session_id,), = wait_for(
        lambda: system.rows("select id from sessions where state='live'"))
    assert system.manage("session", "kill", session_id).returncode == 0
    page.wait_for_selector("html[data-state=closed][data-code='4441']")
    assert "Linux" in terminal_text(page)
    logs = "".join(path.read_text() for path in system.services.directory.glob("*.log"))
    assert token not in logs


def test_a_program_on_a_linux_guest(system, guest):
    """As Horizon and command line clients do it: offers of their own, text, no page."""
    ws = connect(system, subprotocol="binary, base64")
    log_in(ws, opcode=1)
    ws.sock.sendall(ws_client.frame(b"echo $((6*7))\r", opcode=1))
    until(ws, "\n42\r\n")
    ws.close()
    assert ws.until_closed()[0] == 1000


def test_a_line_in_use_is_taken_over(system, guest):
    """QEMU serves one client: without us the second one would wait in silence."""
    origin = f"http://127.0.0.1:{system.serial_port}"

    def works(ws, word):
        ws.send(f"echo ${{HOME}}{word}\r".encode())
        until(ws, f"/{word}\r\n")

    first = connect(system, origin=origin)
    log_in(first)
    works(first, "one")
    code, reason = connect(system, origin=origin).until_closed()
    assert code == 4409
    assert reason.startswith("In use since 20")
    assert reason.endswith("by you.")
    second = connect(system, "&takeover=1", origin=origin)
    assert first.until_closed()[0] == 4440
    works(second, "two")
