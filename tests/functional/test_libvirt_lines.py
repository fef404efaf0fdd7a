"""Lines of type pty and unix: the agent serves them on ports that it leases."""

import contextlib
import os
import pathlib
import re
import signal
import socket

import libvirt
import pytest

from consoles import exception
from tests.fixtures import libvirt as lv
from tests.fixtures.guest_image import LOGIN
from tests.fixtures.guest_image import PASSWORD
from tests.fixtures.guest_image import PROMPT_SERIAL
from tests.fixtures.guest_image import USER
from tests.fixtures.processes import listening
from tests.fixtures.processes import wait_for

UNIX = "<serial type='unix'><source mode='bind' path='{}/line'/></serial>"
#: Seconds in which a small Linux boots, on a busy machine.
BOOT = 90


class Client:
    def __init__(self, place):
        self.sock = socket.create_connection(place, timeout=BOOT)
        self.said = b""

    def until(self, wanted):
        while wanted.encode() not in self.said:
            data = self.sock.recv(4096)
            assert data, self.said
            self.said += data
        return self

    def type(self, text, wanted):
        self.said = b""
        self.sock.sendall(text.encode())
        return self.until(wanted)

    def ended(self):
        """Whether the line ends the connection, after what it has still to say."""
        try:
            while self.sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
        return True


def paused(libvirtd, *devices, **kwargs):
    domain = libvirtd.connection.defineXML(lv.domain_xml("paused", *devices, **kwargs))
    domain.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    return domain


def test_a_linux_guest_is_worked_with_through_a_pty_and_a_unix_socket(agent, libvirtd):
    domain = paused(libvirtd, lv.PTY, UNIX.format(libvirtd.directory), boot=libvirtd.kernel())
    place = agent.place(domain, "serial")
    line, second = Client(place), Client(agent.place(domain, "serial", line=1))
    domain.resume()
    second.until("Linux version")
    line.until(LOGIN)
    line.type(f"{USER}\r", "Password: ")
    line.type(f"{PASSWORD}\r", PROMPT_SERIAL)
    line.type("echo $((6*7))\r", "\n42\r\n")
    # Much at once: nothing is lost where somebody has to wait.
    numbers = re.findall(rb"(?m)^(\d+)\r$", line.type("seq 20000; echo en''d\r", "end\r\n").said)
    assert numbers == [b"%d" % number for number in range(1, 20001)]
    assert "20000" in agent.driver.get_console_output(domain.UUIDString(), 10)

    waiting = Client(place)
    agent.driver.release({"instance_id": domain.UUIDString(), "console_type": "serial"})
    assert listening(place[1])  # it is in use
    line.sock.close()
    waiting.type("\x03\x04\r", LOGIN)

    domain.destroy()
    assert waiting.ended() and second.ended()
    wait_for(lambda: not listening(place[1]))
    with pytest.raises(exception.InstanceNotReady):
        agent.validate(domain, "serial", place)


def test_a_port_is_given_back_and_had_again(agent, libvirtd):
    domain = libvirtd.boot(lv.PTY)
    place = agent.place(domain, "serial")
    assert agent.place(domain, "serial") == place
    for _ in range(2):  # a release may be repeated
        agent.driver.release({"instance_id": domain.UUIDString(), "console_type": "serial"})
    assert not listening(place[1])
    info = agent.validate(domain, "serial", place)  # a URL that was not used for long, but is good
    assert (info.host, info.port) == place
    assert listening(place[1])
    agent.driver.release({"instance_id": domain.UUIDString(), "console_type": "novnc"})
    assert listening(place[1])


def test_another_guests_line_at_a_port_is_not_mistaken(agent, libvirtd):
    domain, other = libvirtd.boot(lv.PTY), libvirtd.boot(lv.PTY)
    place = agent.place(domain, "serial")
    domain.destroy()
    wait_for(lambda: not listening(place[1]))
    assert agent.place(other, "serial") == place
    domain.create()
    agent.status(domain)
    with pytest.raises(exception.PortChanged):
        agent.validate(domain, "serial", place)
    assert agent.place(domain, "serial") != place


def test_the_range_has_an_end(agent, libvirtd):
    """Ports that others hold are passed over."""
    first, end = map(int, agent.driver.conf.serial_console.port_range.split(":"))
    domain = libvirtd.boot(*[lv.PTY] * 4)
    held = [socket.create_server(("127.0.0.1", port)) for port in range(first, end - 2)]
    try:
        places = {agent.place(domain, "serial", line=number) for number in range(2)}
        assert {port for _, port in places} == {end - 2, end - 1}
        with pytest.raises(exception.OverLimit):
            agent.place(domain, "serial", line=2)
    finally:
        for sock in held:
            sock.close()
    assert agent.place(domain, "serial", line=2)[1] in range(first, end - 2)


def test_a_line_that_its_guest_ended_is_known_while_libvirt_is_busy(agent, libvirtd):
    path = libvirtd.directory / "line"
    domain = libvirtd.boot(UNIX.format(libvirtd.directory))
    pid, place = libvirtd.pid(domain), agent.place(domain, "serial")
    client = Client(place)
    wait_for(lambda: pathlib.Path("/proc/net/unix").read_text().count(f"{path}\n") > 1)
    libvirtd.signal(signal.SIGSTOP)
    try:
        os.kill(pid, signal.SIGKILL)
        assert client.ended()
        with pytest.raises(exception.InstanceNotReady):
            agent.validate(domain, "serial", place)
    finally:
        libvirtd.signal(signal.SIGCONT)


def test_a_line_ends_with_libvirts_daemon_and_its_guest_does_not(agent, libvirtd):
    domain = libvirtd.boot(lv.PTY)
    client = served(agent, libvirtd, domain)
    place, id = client.sock.getpeername(), domain.UUIDString()
    libvirtd.stop()
    assert client.ended()
    with pytest.raises(exception.AgentUnavailable):
        agent.driver.validate_console(id, "serial", *place)
    libvirtd.start()
    again = libvirtd.connection.lookupByUUIDString(id)

    def offered():
        with contextlib.suppress(exception.AgentUnavailable):
            return agent.place(again, "serial")
    wait_for(offered)
    served(agent, libvirtd, again)


def served(agent, libvirtd, domain):
    """A client whose line has been opened: of an administrator who forgot it, it is taken over."""
    stream = libvirtd.connection.newStream()
    domain.openConsole(None, stream)
    client = Client(agent.place(domain, "serial"))
    try:
        while stream.recv(1024):
            pass
    except libvirt.libvirtError:
        pass  # it ends in one of two ways
    return client


def test_a_forgotten_console_of_an_administrator_is_taken_over(agent, libvirtd):
    client = served(agent, libvirtd, libvirtd.boot(lv.PTY))
    client.sock.settimeout(0.2)
    with pytest.raises(TimeoutError):  # ours goes on
        client.sock.recv(1)


def test_all_ends_with_the_agent(conf, libvirtd):
    one = lv.Agent(conf, libvirtd.uri)
    wait_for(lambda: one.changes.acquire(blocking=False))
    client = served(one, libvirtd, libvirtd.boot(lv.PTY))
    port = client.sock.getpeername()[1]
    one.driver.stop()
    assert client.ended()
    assert not listening(port)


def test_a_client_that_has_gone_leaves_no_connection_to_libvirt(agent, libvirtd):
    domain = libvirtd.boot(lv.PTY)

    def connections():
        return pathlib.Path("/proc/net/unix").read_text().count(f"{libvirtd.socket}\n")
    agent.place(domain, "serial")  # what is asked leaves one, for the next question
    before = connections()
    client = served(agent, libvirtd, domain)
    assert connections() > before
    client.sock.close()
    wait_for(lambda: connections() <= before)
